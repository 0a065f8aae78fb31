// i8042 with PS/2 keyboard and mouse.
#include "tests/diff/input_script.h"

namespace diff {
namespace {

TEST(Keyboard, ControllerCommands) {
  Pair pair("i8042");
  DIFF_START(pair);
  drain(pair);
  for (u32 command = 0x20; command < 0x100; ++command) {
    // Writes of what comes next are below; fe resets the guest, as do f0 to ff with bit 0 clear.
    if (command >= 0xf0 || (command >= 0x60 && command < 0x80) || (command & 0xf8) == 0xd0)
      continue;
    pair.at("command " + std::to_string(command));
    to_controller(pair, command);
  }
  pair.at("command byte");
  for (const u32 value : {0x47U, 0x74U, 0x00U, 0x43U, 0xffU, 0x61U}) {
    pair.out(0x64, 0x60);
    pair.out(0x60, value);
    to_controller(pair, 0x20);
  }
  pair.at("output port");
  to_controller(pair, 0xd0);
  pair.out(0x64, 0xd1);
  pair.out(0x60, 0xdd);
  to_controller(pair, 0xd0);
  pair.out(0x64, 0xd1);
  pair.out(0x60, 0xdf);
  to_controller(pair, 0xd0);
  to_controller(pair, 0xdd);
  to_controller(pair, 0xd0);
  to_controller(pair, 0xdf);
  to_controller(pair, 0xd0);
  pair.at("loops");
  pair.out(0x64, 0xd2);
  pair.out(0x60, 0x77);
  drain(pair);
  pair.out(0x64, 0xd3);
  pair.out(0x60, 0x78);
  drain(pair);
  pair.interrupts();
}

TEST(Keyboard, Interrupts) {
  Pair pair("i8042-interrupts");
  DIFF_START(pair);
  drain(pair);
  pair.out(0x64, 0x60);
  pair.out(0x60, 0x47);
  pair.interrupts();
  pair.out(0x60, 0xf2);
  for (int i = 0; i < 5; ++i) {
    pair.interrupts();
    pair.in(0x64);
    pair.in(0x60);
  }
  pair.interrupts();
  pair.out(0x64, 0xd4);
  pair.out(0x60, 0xf2);
  for (int i = 0; i < 4; ++i) {
    pair.interrupts();
    pair.in(0x64);
    pair.in(0x60);
  }
  pair.interrupts();
}

TEST(Keyboard, AnswersOfTheController) {
  Pair pair("i8042-answers");
  DIFF_START(pair);
  drain(pair);
  pair.at("an answer, and a byte to the keyboard");
  pair.out(0x64, 0xaa);
  pair.out(0x60, 0xee);
  drain(pair);
  pair.at("a disabled interface");
  pair.out(0x64, 0x60);
  pair.out(0x60, 0x51);
  pair.interrupts();
  pair.out(0x60, 0xee);
  pair.interrupts();
  drain(pair);
}

TEST(Keyboard, DeviceCommands) {
  Pair pair("ps2-keyboard");
  DIFF_START(pair);
  drain(pair);
  for (const u32 mode : {0x03U, 0x43U}) {
    pair.at(fmt::format("mode {:x}", mode));
    pair.out(0x64, 0x60);
    pair.out(0x60, mode);
    drain(pair);
    for (const u32 command : {0x00U, 0x05U, 0xf2U, 0xeeU, 0xf4U, 0xf5U, 0xf6U, 0xf7U, 0xf8U, 0xf9U,
                              0xfaU, 0xfeU, 0xeeU, 0xefU, 0xffU, 0xf4U}) {
      pair.at(fmt::format("mode {:x}, command {:#x}", mode, command));
      to_keyboard(pair, {command});
    }
    to_keyboard(pair, {0xed, 0x07});
    to_keyboard(pair, {0xf3, 0x20});
    for (const u32 set : {1U, 2U, 3U, 0U, 7U, 2U, 0U}) to_keyboard(pair, {0xf0, set});
    pair.at(fmt::format("mode {:x}, a key of set 3", mode));
    for (const u32 command : {0xfbU, 0xfcU, 0xfdU}) to_keyboard(pair, {command, 0x1c, 0xf4});
    pair.at(fmt::format("mode {:x}, lamps", mode));
    to_keyboard(pair, {0xed, 0xed, 0x00});
  }
  pair.interrupts();
}

xensim::Json key(const char* name, bool down) {
  return {{"events",
           {{{"type", "key"},
             {"data", {{"down", down}, {"key", {{"type", "qcode"}, {"data", name}}}}}}}}};
}

TEST(Keyboard, Keys) {
  Pair pair("ps2-keys");
  DIFF_START(pair);
  drain(pair);
  for (const u32 mode : {0x43U, 0x03U}) {
    pair.out(0x64, 0x60);
    pair.out(0x60, mode);
    for (const u32 set : {2U, 1U, 3U}) {
      to_keyboard(pair, {0xf0, set, 0xf4});
      for (const char* name :
           {"a",         "shift",    "f1",    "f12",    "ctrl_r", "alt_r",    "up",
            "kp_divide", "kp_enter", "kp_5",  "print",  "pause",  "sysrq",    "caps_lock",
            "num_lock",  "meta_l",   "menu",  "less",   "ro",     "henkan",   "yen",
            "hiragana",  "volumeup", "power", "insert", "delete", "backslash"}) {
        pair.at(fmt::format("mode {:x} set {} {}", mode, set, name));
        for (const bool down : {true, false}) {
          pair.monitor("input-send-event", key(name, down));
          drain(pair);
        }
      }
    }
  }
}

TEST(Mouse, DeviceCommands) {
  Pair pair("ps2-mouse");
  DIFF_START(pair);
  drain(pair);
  pair.out(0x64, 0x60);
  pair.out(0x60, 0x00);
  for (const u32 command : {0xffU, 0xf2U, 0xe6U, 0xe7U, 0xe9U, 0xeaU, 0xebU, 0xecU, 0xeeU, 0x12U,
                            0xecU, 0xf0U, 0xf4U, 0xf5U, 0xf6U, 0xfeU, 0x00U, 0xe1U}) {
    pair.at("command " + std::to_string(command));
    to_mouse(pair, {command});
  }
  pair.at("rates");
  for (const u32 rate : {200U, 100U, 80U}) to_mouse(pair, {0xf3, rate});
  to_mouse(pair, {0xf2});
  for (const u32 rate : {200U, 200U, 80U}) to_mouse(pair, {0xf3, rate});
  to_mouse(pair, {0xf2, 0xe9});
  for (const u32 resolution : {0U, 1U, 2U, 3U, 4U}) to_mouse(pair, {0xe8, resolution, 0xe9});
}

TEST(Mouse, Movement) {
  Pair pair("ps2-movement");
  DIFF_START(pair);
  drain(pair);
  pair.out(0x64, 0x60);
  pair.out(0x60, 0x03);
  const auto move = [&](int x, int y) {
    xensim::Json events = xensim::Json::array();
    events.push_back({{"type", "rel"}, {"data", {{"axis", "x"}, {"value", x}}}});
    events.push_back({{"type", "rel"}, {"data", {{"axis", "y"}, {"value", y}}}});
    pair.monitor("input-send-event", {{"events", events}});
  };
  const auto button = [&](const char* name, bool down) {
    pair.monitor("input-send-event",
                 {{"events", {{{"type", "btn"}, {"data", {{"down", down}, {"button", name}}}}}}});
  };
  for (const bool wheel : {false, true}) {
    if (wheel) {
      for (const u32 rate : {200U, 100U, 80U}) to_mouse(pair, {0xf3, rate});
    }
    to_mouse(pair, {0xf4});
    const std::string kind = wheel ? "wheel" : "three buttons";
    for (const auto& [x, y] : {std::pair{1, 1}, {-5, 7}, {127, -127}, {300, -300}, {0, 1000}}) {
      pair.at(fmt::format("{}: {}", kind, y == 1000 ? "far" : "near"));
      move(x, y);
      drain(pair);
    }
    pair.at(kind + ": after it");
    move(0, 1);
    drain(pair);
    for (const char* name :
         {"left", "right", "middle", "wheel-up", "wheel-down", "side", "extra"}) {
      button(name, true);
      drain(pair);
      button(name, false);
      drain(pair);
    }
    pair.at(kind + ": scaled");
    to_mouse(pair, {0xe7});
    move(3, 5);
    drain(pair);
    pair.at(kind + ": remote");
    to_mouse(pair, {0xe6, 0xf0});
    move(2, 2);
    drain(pair);
    to_mouse(pair, {0xeb, 0xea});
  }
}

}  // namespace
}  // namespace diff
