// Whole sequences of drivers: the keyboard controller and mouse as Linux probes them, a floppy
// controller without a drive, a VBE mode as the VGA BIOS and Linux set it, ACPI.
#include "tests/diff/input_script.h"
#include "tests/diff/screen_script.h"

namespace diff {
namespace {

void controller(Pair& pair, std::initializer_list<u32> command) {
  u16 port = 0x64;
  for (const u32 byte : command) {
    pair.out(port, byte);
    port = 0x60;
  }
  drain(pair);
}
void move(Pair& pair) {
  xensim::Json events = xensim::Json::array();
  events.push_back({{"type", "rel"}, {"data", {{"axis", "x"}, {"value", 3}}}});
  events.push_back({{"type", "rel"}, {"data", {{"axis", "y"}, {"value", -2}}}});
  pair.monitor("input-send-event", {{"events", events}});
  drain(pair);
}

TEST(InputDrivers, Linux) {
  Pair pair("linux-input");
  DIFF_START(pair);
  pair.at("controller");
  drain(pair);
  controller(pair, {0x20});
  controller(pair, {0x60, 0x74});
  controller(pair, {0xd3, 0x5a});
  controller(pair, {0xd3, 0xa5});
  controller(pair, {0xa7});
  controller(pair, {0x20});
  controller(pair, {0xa8});
  controller(pair, {0x20});
  controller(pair, {0x60, 0x47});
  pair.interrupts();
  pair.at("keyboard");
  to_keyboard(pair, {0xf2, 0xed, 0x00, 0xf3, 0x00, 0xf4});
  pair.at("keyboard reset");
  to_keyboard(pair, {0xf5, 0xff, 0xf2, 0xf0, 0x02, 0xed, 0x02, 0xf4});
  pair.interrupts();
  pair.at("mouse");
  to_mouse(pair, {0xf2, 0xf6, 0xf5, 0xe8, 0x00, 0xe8, 0x00, 0xe8, 0x00, 0xe8, 0x00, 0xe9});
  to_mouse(pair, {0xff, 0xf2});
  pair.at("IntelliMouse");
  to_mouse(pair, {0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf2});
  pair.at("Explorer");
  to_mouse(pair, {0xf3, 200, 0xf3, 200, 0xf3, 80, 0xf2});
  to_mouse(pair, {0xf3, 100, 0xe8, 3, 0xe6, 0xf4});
  move(pair);
  pair.interrupts();
}

/// A knock that is not finished opens nothing, and a reset forgets it.
TEST(InputDrivers, HalfAKnock) {
  Pair pair("half-a-knock");
  DIFF_START(pair);
  drain(pair);
  controller(pair, {0x60, 0x47});
  for (const std::initializer_list<u32>& between :
       {std::initializer_list<u32>{0xff}, {0xf6}, {0xf3, 60}, {0xe8, 1}, {0xf4}, {0xe9}, {0xf2}}) {
    pair.at(fmt::format("{:#x} between", *between.begin()));
    to_mouse(pair, {0xff, 0xf3, 200, 0xf3, 100});
    to_mouse(pair, between);
    to_mouse(pair, {0xf3, 80, 0xf2, 0xf4});
    move(pair);
    to_mouse(pair, {0xf5});
    pair.interrupts();
  }
  pair.at("half a command");
  to_mouse(pair, {0xff, 0xf3, 200, 0xf3, 100, 0xf3, 0xff});
  to_mouse(pair, {0xf2, 0xf3, 80, 0xf2});
  pair.at("reset of a wheel mouse");
  to_mouse(pair, {0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf2, 0xf4});
  move(pair);
  to_mouse(pair, {0xff, 0xf2, 0xf4});
  move(pair);
  pair.interrupts();
}

void floppy_command(Pair& pair, std::initializer_list<u32> bytes) {
  for (const u32 byte : bytes) {
    pair.wait(0x3f4, 0xc0, 0x80);
    pair.out(0x3f5, byte);
  }
  for (int i = 0; i < 16; ++i) {
    if ((pair.wait(0x3f4, 0x80, 0x80) & 0x40) == 0) break;
    pair.in(0x3f5);
  }
  pair.interrupts();
}

TEST(FloppyDrivers, BiosAndLinuxWithoutADrive) {
  Pair pair("floppy-drivers");
  DIFF_START(pair);
  pair.at("BIOS");
  pair.out(0x70, 0x10);
  pair.in(0x71);
  pair.out(0x3f2, 0x00);
  pair.out(0x3f2, 0x0c);
  pair.wait_interrupt("isa 6 1");
  for (int i = 0; i < 4; ++i) floppy_command(pair, {0x08});
  floppy_command(pair, {0x03, 0xaf, 0x02});
  pair.out(0x3f2, 0x1c);
  floppy_command(pair, {0x07, 0x00});
  floppy_command(pair, {0x08});
  floppy_command(pair, {0x04, 0x00});
  pair.in(0x3f7);
  pair.at("Linux");
  pair.out(0x3f2, 0x08);
  pair.out(0x3f2, 0x0c);
  pair.wait_interrupt("isa 6 1");
  for (int i = 0; i < 4; ++i) floppy_command(pair, {0x08});
  floppy_command(pair, {0x0e});
  floppy_command(pair, {0x13, 0x00, 0x1a, 0x00});
  floppy_command(pair, {0x94});
  floppy_command(pair, {0x14});
  floppy_command(pair, {0x18});
  floppy_command(pair, {0x12, 0x80});
  floppy_command(pair, {0x03, 0xdf, 0x02});
  pair.out(0x3f7, 0x00);
  for (const u32 drive : {0U, 1U}) {
    pair.at(fmt::format("Linux, drive {}", drive));
    pair.out(0x3f2, 0x0c | drive | 0x10U << drive);
    pair.in(0x3f7);
    floppy_command(pair, {0x07, drive});
    floppy_command(pair, {0x08});
    floppy_command(pair, {0x0f, drive, 0x05});
    floppy_command(pair, {0x08});
    floppy_command(pair, {0xe6, drive, 0, 0, 1, 2, 18, 0x1b, 0xff});
  }
  pair.out(0x3f2, 0x0c);
  pair.in(0x3f2);
  pair.interrupts();
}

TEST(DisplayDrivers, VbeModes) {
  Pair pair("vbe-drivers");
  DIFF_START(pair);
  pair.set_up_pci();
  const u64 video = pair.bar(0x1234, 0x1111, 0);
  const u64 mmio = pair.bar(0x1234, 0x1111, 2);
  ASSERT_NE(mmio, 0U);
  const auto get = [&](u32 index) {
    pair.out(0x1ce, index, 2);
    return pair.in(0x1cf, 2);
  };
  const auto put = [&](u32 index, u32 value) {
    pair.out(0x1ce, index, 2);
    pair.out(0x1cf, value, 2);
  };
  set_mode(pair, kTextMode);
  pair.at("VGA BIOS");
  put(0, 0xb0c0);
  get(0);
  put(0, 0xb0c5);
  get(0);
  get(0x0a);
  put(4, 0);
  put(3, 32);
  put(1, 800);
  put(2, 600);
  put(5, 0);
  put(4, 0x41);
  for (u32 index = 0; index < 11; ++index) get(index);
  // What the BIOS sets besides: no text, chained, no odd and even.
  for (const auto& [port, index, value] :
       std::initializer_list<std::array<u32, 3>>{{0x3d4, 0x11, 0},
                                                 {0x3d4, 0x17, 3},
                                                 {0x3c4, 2, 15},
                                                 {0x3c4, 4, 14},
                                                 {0x3ce, 5, 0x40},
                                                 {0x3ce, 6, 5}}) {
    pair.out(static_cast<u16>(port), index);
    pair.out(static_cast<u16>(port + 1), value);
  }
  std::vector<u8> pattern(800 * 600 * 4);
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<u8>(i * 7 + i / 803);
  pair.set_ram(video, pattern);
  attributes(pair, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 15, 0});
  screen(pair, 8);
  pair.at("VGA BIOS, back to text");
  put(4, 0);
  set_mode(pair, kTextMode);
  get(4);
  pair.at("Linux");
  const auto reg = [&](u32 index, u32 value) {
    pair.write(mmio + 0x500 + index * 2, value, 2);
    pair.read(mmio + 0x500 + index * 2, 2);
  };
  pair.read(mmio + 0x500, 2);
  pair.read(mmio + 0x514, 2);
  pair.read(mmio + 0x600, 4);
  pair.read(mmio, 4);
  pair.write(mmio + 0x400, 0x20, 1);  // unblanked: 3C0h
  for (const auto& [index, value] : std::initializer_list<std::pair<u32, u32>>{{4, 0},
                                                                               {3, 32},
                                                                               {1, 1024},
                                                                               {2, 768},
                                                                               {5, 0},
                                                                               {6, 1024},
                                                                               {7, 768 * 2},
                                                                               {8, 0},
                                                                               {9, 0},
                                                                               {4, 0x41}}) {
    reg(index, value);
  }
  pair.write(mmio + 0x604, 0x1e1e1e1e, 4);
  pair.set_ram(video, pattern);
  screen(pair, 8);
  pair.at("Linux, next page");
  pair.set_ram(video + 1024 * 768 * 4, pattern);
  reg(9, 768);
  screen(pair, 8);
  pair.interrupts();
}

TEST(BoardDrivers, AcpiOfWindows) {
  Pair pair("windows-acpi");
  DIFF_START(pair);
  pair.set_up_pci();
  pair.in(0xb004, 2);
  pair.out(0xb2, 0xf1);
  pair.in(0xb004, 2);
  pair.in(0xb2);
  pair.in(0xb3);
  for (const u16 port : {u16{0xafe0}, u16{0xafe1}}) pair.out(port, 0xff);
  for (const u16 port : {u16{0xafe2}, u16{0xafe3}}) pair.out(port, 0x00);
  pair.out(0xb000, 0x8701, 2);
  pair.out(0xb002, 0x0120, 2);
  pair.interrupts();
  pair.at("button");
  pair.monitor("system_powerdown");
  pair.interrupts();
  pair.out(0xb000, 0x0100, 2);
  pair.in(0xafe0);
  pair.in(0xafe1);
  pair.out(0xafe2, 0x06);
  pair.in(0xafe2);
  pair.interrupts();
  pair.at("control");
  for (const u32 value : {0x0001U, 0x0003U, 0x1401U, 0x0001U}) {
    pair.out(0xb004, value, 2);
    pair.in(0xb004, 2);
  }
  pair.at("legacy again");
  pair.out(0xb2, 0xf0);
  pair.in(0xb004, 2);
  pair.interrupts();
}

}  // namespace
}  // namespace diff
