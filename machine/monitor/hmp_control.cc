// Commands of the human monitor that change something.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/monitor/hmp_command.h"
#include "machine/monitor/keys.h"

namespace monitor {

namespace {

using Kind = HmpArgument::Kind;

void run_plain(HmpCall& call, std::string_view command) {
  (void)call.qmp(command, Json::object());
}

void stop(HmpCall& call) {
  run_plain(call, "stop");
}
void cont(HmpCall& call) {
  run_plain(call, "cont");
}
void quit(HmpCall& call) {
  run_plain(call, "quit");
}
void system_reset(HmpCall& call) {
  run_plain(call, "system_reset");
}
void system_powerdown(HmpCall& call) {
  run_plain(call, "system_powerdown");
}
void system_wakeup(HmpCall& call) {
  run_plain(call, "system_wakeup");
}
void nmi(HmpCall& call) {
  run_plain(call, "inject-nmi");
}

void eject(HmpCall& call) {
  (void)call.qmp("eject", Json{{"device", call.text("device")}, {"force", call.has("f")}});
}

void change_vnc(HmpCall& call) {
  const std::string target = call.text("target");
  if (target != "passwd" && target != "password") {
    return call.print("Expected 'password' after 'vnc'\n");
  }
  if (!call.has("arg")) return call.print("terminal does not support password prompting\n");
  (void)call.qmp("change-vnc-password", Json{{"password", call.text("arg")}});
}

void change(HmpCall& call) {
  if (call.text("device") == "vnc") return change_vnc(call);
  Json arguments = {
      {"device", call.text("device")}, {"filename", call.text("target")}, {"force", call.has("f")}};
  if (call.has("arg")) arguments["format"] = call.text("arg");
  if (call.has("mode")) arguments["read-only-mode"] = call.text("mode");
  (void)call.qmp("blockdev-change-medium", arguments);
}

/// "ctrl-alt-f1"; a lone "-" is not a key, "<" and hexadecimal scan codes are.
void sendkey(HmpCall& call) {
  const std::string text = call.text("keys");
  std::vector<core::KeyCode> keys;
  std::string_view rest = text;
  do {
    const std::size_t end = std::min(rest.find('-'), rest.size());
    const std::string name(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    auto code = name == "<" ? key_by_name("less") : key_by_name(name);
    if (!code && name.rfind("0x", 0) == 0 && name.size() <= 6) {
      code = key_by_number(std::strtol(name.c_str(), nullptr, 16));
    }
    if (!code || keys.size() >= 16) return call.print("invalid parameter: " + name + "\n");
    if (*code != 0) keys.push_back(*code);
  } while (!rest.empty());
  const std::int64_t hold_ms = std::clamp<std::int64_t>(call.number("hold-time", 100), 1, 60'000);
  call.context.keys.press(keys, static_cast<unsigned>(hold_ms));
}

core::i32 as_move(const std::string& text) {
  const long value = std::strtol(text.c_str(), nullptr, 0);
  return static_cast<core::i32>(std::clamp(value, -32768L, 32767L));
}

void mouse_move(HmpCall& call) {
  InputControl& input = call.context.ports.input;
  input.move_by(as_move(call.text("dx")), as_move(call.text("dy")));
  const core::i32 dz = as_move(call.text("dz"));
  if (dz != 0) {
    const auto wheel = dz > 0 ? core::PointerButton::kWheelUp : core::PointerButton::kWheelDown;
    input.button(wheel, true);
    input.sync();
    input.button(wheel, false);
  }
  input.sync();
}

void mouse_button(HmpCall& call) {
  struct Bit {
    unsigned mask;
    core::PointerButton button;
  };
  constexpr Bit kBits[] = {{1, core::PointerButton::kLeft},
                           {2, core::PointerButton::kRight},
                           {4, core::PointerButton::kMiddle}};
  const auto state = static_cast<unsigned>(call.number("state")) & 7u;
  unsigned& before = call.hmp.mouse_buttons;
  if (state == before) return;
  for (const Bit& bit : kBits) {
    if (((state ^ before) & bit.mask) == 0) continue;
    call.context.ports.input.button(bit.button, (state & bit.mask) != 0);
  }
  call.context.ports.input.sync();
  before = state;
}

void mouse_set(HmpCall& call) {
  const std::int64_t index = call.number("index");
  if (index >= 0 && index <= INT32_MAX &&
      call.context.ports.input.select_mouse(static_cast<unsigned>(index))) {
    return;
  }
  call.print("Mouse at index '" + std::to_string(index) + "' not found\n");
}

void screendump(HmpCall& call) {
  Json arguments = {{"filename", call.text("filename")}};
  if (call.has("f")) arguments["format"] = call.text("f");
  if (call.has("device")) arguments["device"] = call.text("device");
  if (call.has("head")) arguments["head"] = call.number("head");
  (void)call.qmp("screendump", arguments);
}

/// driver[,name=value]...; a doubled comma stands for one.
std::optional<Json> device_arguments(const std::string& text, const char* implied = "driver") {
  Json arguments = Json::object();
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ',') {
      parts.back() += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == ',') {
      parts.back() += text[i++];
    } else {
      parts.emplace_back();
    }
  }
  if (parts.size() > 64) return std::nullopt;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find('=');
    if (equals != std::string::npos) {
      arguments[parts[i].substr(0, equals)] = parts[i].substr(equals + 1);
    } else {
      arguments[i == 0 ? implied : parts[i]] = i == 0 ? parts[i] : "on";
    }
  }
  return arguments;
}

void device_add(HmpCall& call) {
  const auto arguments =
      call.has("device") ? device_arguments(call.text("device")) : std::optional(Json::object());
  if (!arguments) return call.print("device_add: too many properties\n");
  (void)call.qmp("device_add", *arguments);
}

void device_del(HmpCall& call) {
  (void)call.qmp("device_del", Json{{"id", call.text("id")}});
}

void netdev_add(HmpCall& call) {
  const auto arguments = device_arguments(call.text("netdev"), "type");
  if (!arguments) return call.print("netdev_add: too many properties\n");
  (void)call.qmp("netdev_add", *arguments);
}

void netdev_del(HmpCall& call) {
  (void)call.qmp("netdev_del", Json{{"id", call.text("id")}});
}

void select_cpu(HmpCall& call) {
  const std::int64_t index = call.number("index");
  for (const Cpu& cpu : call.context.ports.cpu.cpus()) {
    if (std::int64_t{cpu.index} != index) continue;
    call.hmp.current_cpu = cpu.index;
    return;
  }
  call.print("invalid CPU index\n");
}

bool known_protocol(HmpCall& call) {
  const std::string protocol = call.text("protocol");
  if (protocol == "vnc" || protocol == "spice") return true;
  call.print("Error: invalid parameter value: " + protocol + "\n");
  return false;
}

void set_password(HmpCall& call) {
  if (!known_protocol(call)) return;
  Json arguments = {{"protocol", call.text("protocol")}, {"password", call.text("password")}};
  if (call.has("connected")) arguments["connected"] = call.text("connected");
  (void)call.qmp("set_password", arguments);
}

void expire_password(HmpCall& call) {
  if (!known_protocol(call)) return;
  (void)call.qmp("expire_password",
                 Json{{"protocol", call.text("protocol")}, {"time", call.text("time")}});
}

void closefd(HmpCall& call) {
  (void)call.qmp("closefd", Json{{"fdname", call.text("name")}});
}
void getfd(HmpCall& call) {
  (void)call.qmp("getfd", Json{{"fdname", call.text("name")}});
}

void qom_list(HmpCall& call) {
  const auto list =
      call.qmp("qom-list", Json{{"path", call.has("path") ? call.text("path") : "/"}});
  if (!list) return;
  for (const Json& item : *list) {
    call.print(required_text(item, "name") + " (" + required_text(item, "type") + ")\n");
  }
}

void gdbserver(HmpCall& call) {
  call.print("gdbserver: the guest's processors are Xen's; use gdbsx on the host\n");
}

constexpr HmpArgument kDrive[] = {{"f", Kind::kFlag}, {"device", Kind::kDrive}};
constexpr HmpArgument kChange[] = {{"device", Kind::kDrive},
                                   {"f", Kind::kFlag},
                                   {"target", Kind::kFilename},
                                   {"arg", Kind::kText, true},
                                   {"mode", Kind::kText, true}};
constexpr HmpArgument kKeys[] = {{"keys"}, {"hold-time", Kind::kExpression32, true}};
constexpr HmpArgument kMove[] = {{"dx"}, {"dy"}, {"dz", Kind::kText, true}};
constexpr HmpArgument kState[] = {{"state", Kind::kExpression32}};
constexpr HmpArgument kIndex[] = {{"index", Kind::kExpression32}};
constexpr HmpArgument kDump[] = {{"filename", Kind::kFilename},
                                 {"f", Kind::kFlagText},
                                 {"device", Kind::kText, true},
                                 {"head", Kind::kExpression32, true}};
constexpr HmpArgument kDevice[] = {{"device", Kind::kText, true}};
constexpr HmpArgument kNetdev[] = {{"netdev", Kind::kText}};
constexpr HmpArgument kId[] = {{"id"}};
constexpr HmpArgument kName[] = {{"name"}};
constexpr HmpArgument kPath[] = {{"path", Kind::kText, true}};
constexpr HmpArgument kGdb[] = {{"device", Kind::kText, true}};
constexpr HmpArgument kPassword[] = {
    {"protocol"}, {"password"}, {"d", Kind::kFlagText}, {"connected", Kind::kText, true}};
constexpr HmpArgument kExpire[] = {{"protocol"}, {"time"}, {"d", Kind::kFlagText}};

constexpr HmpCommand kCommands[] = {
    {"stop|s", {}, "", "stop the guest", stop},
    {"cont|c", {}, "", "let the guest run", cont},
    {"quit|q", {}, "", "end the device model", quit},
    {"system_reset", {}, "", "reset the machine at once", system_reset},
    {"system_powerdown", {}, "", "press the power button", system_powerdown},
    {"system_wakeup", {}, "", "wake the guest from ACPI sleep", system_wakeup},
    {"nmi", {}, "", "send a non-maskable interrupt", nmi},
    {"eject", kDrive, "[-f] device",
     "open the tray and take the medium out; -f: even if it is locked", eject},
    {"change", kChange, "device [-f] filename [format [read-only-mode]]",
     "put another medium into a drive; -f: even if the tray is locked", change},
    {"sendkey", kKeys, "keys [hold_ms]",
     "press keys together, as in ctrl-alt-delete, for 100 ms or as told", sendkey},
    {"mouse_move", kMove, "dx dy [dz]", "move the mouse", mouse_move},
    {"mouse_button", kState, "state", "press mouse buttons: 1 left, 2 right, 4 middle, added up",
     mouse_button},
    {"mouse_set", kIndex, "index", "choose the pointing device that gets movements", mouse_set},
    {"screendump", kDump, "filename [-f format] [device [head]]",
     "write the picture of the screen to a file, as ppm or png", screendump},
    {"device_add", kDevice, "driver[,prop=value][,...]", "plug a device in, written as for -device",
     device_add},
    {"device_del", kId, "device", "ask the guest to let go of a device", device_del},
    {"netdev_add", kNetdev, "[user|tap|socket|...],id=str[,prop=value][,...]",
     "make the other end of a network cable, written as for -netdev", netdev_add},
    {"netdev_del", kId, "id", "take the other end of a network cable away", netdev_del},
    {"cpu", kIndex, "index", "choose the processor that commands are about", select_cpu},
    {"set_password", kPassword, "protocol password [-d display] [action-if-connected]",
     "set the password of VNC", set_password},
    {"expire_password", kExpire, "protocol time [-d display]",
     "set when the password of VNC ceases to be good", expire_password},
    {"getfd", kName, "getfd name", "keep the descriptor that came along under a name", getfd},
    {"closefd", kName, "closefd name", "close a descriptor kept under a name", closefd},
    {"qom-list", kPath, "path", "list what lies below a path of the tree", qom_list},
    {"gdbserver", kGdb, "[device]", "refused: debug the guest through Xen", gdbserver},
};

}  // namespace

std::span<const HmpCommand> hmp_control_commands() {
  return kCommands;
}

}  // namespace monitor
