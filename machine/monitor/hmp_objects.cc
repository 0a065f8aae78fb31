// The human monitor's commands for objects, character devices, cables and dumps. Each runs the QMP
// command of the same purpose.
#include <charconv>
#include <nlohmann/json.hpp>

#include "machine/monitor/hmp_command.h"
#include "machine/monitor/user_network_port.h"

namespace monitor {

namespace {

using Kind = HmpArgument::Kind;

void announce_self(HmpCall& call) {
  const Announcement usual;
  Json arguments{{"initial", usual.initial_ms},
                 {"max", usual.max_ms},
                 {"rounds", usual.rounds},
                 {"step", usual.step_ms}};
  if (call.has("interfaces")) {
    Json names = Json::array();
    std::string rest = call.text("interfaces");
    for (std::size_t end = 0; end != std::string::npos; rest.erase(0, end + 1)) {
      end = rest.find(',');
      names.push_back(rest.substr(0, end));
      if (end == std::string::npos) break;
    }
    arguments["interfaces"] = names;
  }
  if (call.has("id")) arguments["id"] = call.text("id");
  (void)call.qmp("announce-self", arguments);
}

void set_link(HmpCall& call) {
  (void)call.qmp("set_link", Json{{"name", call.text("name")}, {"up", call.number("up") != 0}});
}

/// key=value,... with a first element that may be the value of `implied`; doubled commas are one.
std::map<std::string, std::string> options(const std::string& text, const std::string& implied) {
  std::map<std::string, std::string> result;
  std::string part;
  bool first = true;
  const auto finish = [&] {
    const std::size_t equals = part.find('=');
    if (equals != std::string::npos) {
      result[part.substr(0, equals)] = part.substr(equals + 1);
    } else if (!part.empty()) {
      result[first ? implied : part] = first ? part : "on";
    }
    first = false;
    part.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool doubled = text[i] == ',' && i + 1 < text.size() && text[i + 1] == ',';
    if (text[i] == ',' && !doubled) {
      finish();
      continue;
    }
    part += text[i];
    i += doubled ? 1 : 0;
  }
  finish();
  return result;
}

bool on(const std::map<std::string, std::string>& all, const std::string& key, bool otherwise) {
  const auto it = all.find(key);
  return it == all.end() ? otherwise : it->second == "on" || it->second == "yes";
}

std::int64_t number(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 0);
}

/// From the command line's form to QMP's.
std::optional<Json> backend(const std::map<std::string, std::string>& all) {
  const auto get = [&](const std::string& key) {
    const auto it = all.find(key);
    return it == all.end() ? std::string() : it->second;
  };
  const std::string kind = get("backend");
  Json data = Json::object();
  if (!get("logfile").empty()) data["logfile"] = get("logfile");
  if (kind == "file") {
    data["out"] = get("path");
    if (!get("input-path").empty()) data["in"] = get("input-path");
    if (all.count("append") != 0) data["append"] = on(all, "append", false);
  } else if (kind == "pipe" || kind == "serial" || kind == "tty") {
    data["device"] = get("path");
  } else if (kind == "udp") {
    const auto end = [&](const std::string& host, const std::string& port) {
      return Json{{"type", "inet"}, {"data", Json{{"host", get(host)}, {"port", get(port)}}}};
    };
    data["remote"] = end("host", "port");
    if (!get("localport").empty()) data["local"] = end("localaddr", "localport");
  } else if (kind == "socket") {
    Json address = {{"type", "unix"}, {"data", Json{{"path", get("path")}}}};
    if (get("path").empty()) {
      address =
          Json{{"type", "inet"}, {"data", Json{{"host", get("host")}, {"port", get("port")}}}};
    }
    data["addr"] = std::move(address);
    data["server"] = on(all, "server", false);
    data["wait"] = on(all, "wait", false);
    if (on(all, "telnet", false)) data["telnet"] = true;
    if (!get("reconnect").empty()) data["reconnect"] = number(get("reconnect"));
  } else if ((kind == "ringbuf" || kind == "memory") && !get("size").empty()) {
    data["size"] = number(get("size"));
  } else if (kind == "stdio" && all.count("signal") != 0) {
    data["signal"] = on(all, "signal", true);
  }
  if (kind.empty()) return std::nullopt;
  return Json{{"type", kind == "tty" ? "serial" : kind}, {"data", std::move(data)}};
}

void chardev_command(HmpCall& call, const std::string& command, const std::string& text) {
  auto all = options(text, "backend");
  if (call.has("id")) all["id"] = call.text("id");
  const auto described = backend(all);
  if (!described) return call.print("Parsing chardev args failed\n");
  if (all["id"].empty()) return call.print("Error: chardev: no id specified\n");
  (void)call.qmp(command, Json{{"id", all["id"]}, {"backend", *described}});
}

void chardev_add(HmpCall& call) {
  chardev_command(call, "chardev-add", call.text("args"));
}
void chardev_change(HmpCall& call) {
  chardev_command(call, "chardev-change", call.text("args"));
}
void chardev_remove(HmpCall& call) {
  (void)call.qmp("chardev-remove", Json{{"id", call.text("id")}});
}
void chardev_send_break(HmpCall& call) {
  (void)call.qmp("chardev-send-break", Json{{"id", call.text("id")}});
}

void ringbuf_read(HmpCall& call) {
  const auto text = call.qmp("ringbuf-read",
                             Json{{"device", call.text("device")}, {"size", call.number("size")}});
  if (!text) return;
  call.print(text->get<std::string>() + "\n");
}
void ringbuf_write(HmpCall& call) {
  (void)call.qmp("ringbuf-write",
                 Json{{"device", call.text("device")}, {"data", call.text("data")}});
}

/// Null for what the kind does not have.
const Type* object_member(std::string_view kind, std::string_view name) {
  for (const Branch& branch : object_options().branches) {
    if (branch.value != kind) continue;
    for (const Member& member : branch.type->members) {
      if (member.name == name) return member.type;
    }
  }
  return nullptr;
}

/// What was typed, as QMP has it; what does not look like it stays text, and is refused there.
Json typed(const Type* type, const std::string& value) {
  if (type != nullptr && type->kind == Type::Kind::kInt) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size()) return Json(number);
  }
  if (type != nullptr && type->kind == Type::Kind::kBool) {
    if (value == "on" || value == "yes" || value == "true") return Json(true);
    if (value == "off" || value == "no" || value == "false") return Json(false);
  }
  return Json(value);
}

void object_add(HmpCall& call) {
  Json arguments = Json::object();
  const auto all = options(call.text("object"), "qom-type");
  const auto kind = all.find("qom-type");
  for (const auto& [key, value] : all) {
    arguments[key] = typed(object_member(kind == all.end() ? "" : kind->second, key), value);
  }
  (void)call.qmp("object-add", arguments);
}
void object_del(HmpCall& call) {
  (void)call.qmp("object-del", Json{{"id", call.text("id")}});
}

void qom_get(HmpCall& call) {
  const auto value =
      call.qmp("qom-get", Json{{"path", call.text("path")}, {"property", call.text("property")}});
  if (value) call.print(to_text(*value, /*pretty=*/true) + "\n");
}
void qom_set(HmpCall& call) {
  (void)call.qmp("qom-set", Json{{"path", call.text("path")},
                                 {"property", call.text("property")},
                                 {"value", call.text("value")}});
}

void dump_guest_memory(HmpCall& call) {
  Json arguments = {{"paging", call.has("p")}, {"protocol", "file:" + call.text("filename")}};
  if (call.has("d")) arguments["detach"] = true;
  if (call.has("begin")) arguments["begin"] = call.number("begin");
  if (call.has("length")) arguments["length"] = call.number("length");
  (void)call.qmp("dump-guest-memory", arguments);
}

void memsave(HmpCall& call) {
  (void)call.qmp("memsave", Json{{"val", call.number("val")},
                                 {"size", call.number("size")},
                                 {"filename", call.text("filename")}});
}

constexpr HmpArgument kLink[] = {{"name"}, {"up", Kind::kOnOff}};
constexpr HmpArgument kArgs[] = {{"args", Kind::kRest}};
constexpr HmpArgument kIdArgs[] = {{"id"}, {"args", Kind::kRest}};
constexpr HmpArgument kId[] = {{"id"}};
constexpr HmpArgument kRingRead[] = {{"device"}, {"size", Kind::kExpression32}};
constexpr HmpArgument kRingWrite[] = {{"device"}, {"data"}};
constexpr HmpArgument kObject[] = {{"object", Kind::kRest}};
constexpr HmpArgument kGet[] = {{"path"}, {"property"}};
constexpr HmpArgument kSet[] = {{"path"}, {"property"}, {"value", Kind::kRest}};
constexpr HmpArgument kDump[] = {{"p", Kind::kFlag},
                                 {"d", Kind::kFlag},
                                 {"filename", Kind::kFilename},
                                 {"begin", Kind::kExpression, true},
                                 {"length", Kind::kExpression, true}};
constexpr HmpArgument kSave[] = {
    {"val", Kind::kExpression}, {"size", Kind::kExpression32}, {"filename", Kind::kFilename}};

void forward(HmpCall& call, bool add) {
  // With a network's name ahead, or only the rule.
  const bool named = call.has("rule");
  auto* const networks = dynamic_cast<UserNetworkControl*>(&call.context.ports.device);
  if (networks == nullptr) return call.print("this machine has no network\n");
  const auto done =
      networks->forward(named ? call.text("first") : "", call.text(named ? "rule" : "first"), add);
  if (!done) call.print(done.error().message + "\n");
}
void hostfwd_add(HmpCall& call) {
  forward(call, true);
}
void hostfwd_remove(HmpCall& call) {
  forward(call, false);
}

constexpr HmpArgument kForward[] = {{"first"}, {"rule", Kind::kText, true}};
constexpr HmpArgument kAnnounce[] = {{"interfaces", Kind::kText, true}, {"id", Kind::kText, true}};

constexpr HmpCommand kCommands[] = {
    {"announce_self", kAnnounce, "[interfaces] [id]", "network cards tell the wire where they are",
     announce_self},
    {"chardev-add", kArgs, "args", "make a character device, written as for -chardev", chardev_add},
    {"chardev-change", kIdArgs, "id args", "put another back end behind a character device",
     chardev_change},
    {"chardev-remove", kId, "id", "take away a character device that nobody uses", chardev_remove},
    {"chardev-send-break", kId, "id", "send a break to the guest", chardev_send_break},
    {"dump-guest-memory", kDump, "[-p] [-d] filename [begin length]",
     "write the guest's memory as an ELF core file", dump_guest_memory},
    {"hostfwd_add", kForward, "[netdev] [tcp|udp]:[host]:port-[guest]:port",
     "let a port of the host lead to the guest", hostfwd_add},
    {"hostfwd_remove", kForward, "[netdev] [tcp|udp]:[host]:port", "take such a port back",
     hostfwd_remove},
    {"memsave", kSave, "addr size file", "refused: virtual memory is Xen's to read", memsave},
    {"object_add", kObject, "[qom-type=]type,id=str[,prop=value][,...]", "make an object",
     object_add},
    {"object_del", kId, "id", "take away an object that was made here", object_del},
    {"qom-get", kGet, "path property", "show a property of an object", qom_get},
    {"qom-set", kSet, "path property value", "refused with the reason", qom_set},
    {"ringbuf_read", kRingRead, "device size", "take bytes out of a ring", ringbuf_read},
    {"ringbuf_write", kRingWrite, "device data", "put bytes into a ring", ringbuf_write},
    {"set_link", kLink, "name on|off", "plug or pull a network cable", set_link},
};

}  // namespace

std::span<const HmpCommand> hmp_object_commands() {
  return kCommands;
}

}  // namespace monitor
