// -chardev in its own syntax, and the older one of -serial, -parallel, -monitor, -qmp, -debugcon.
#include <fmt/format.h>

#include <array>

#include "machine/config/parser.h"

namespace config {
namespace {

struct KindName {
  std::string_view name;
  Chardev::Kind kind;
};
constexpr KindName kKinds[] = {
    {"null", Chardev::Kind::kNull},       {"socket", Chardev::Kind::kSocket},
    {"udp", Chardev::Kind::kUdp},         {"file", Chardev::Kind::kFile},
    {"pipe", Chardev::Kind::kPipe},       {"pty", Chardev::Kind::kPty},
    {"stdio", Chardev::Kind::kStdio},     {"serial", Chardev::Kind::kTty},
    {"tty", Chardev::Kind::kTty},         {"parallel", Chardev::Kind::kParport},
    {"parport", Chardev::Kind::kParport}, {"ringbuf", Chardev::Kind::kRingbuf},
    {"memory", Chardev::Kind::kRingbuf},  {"vc", Chardev::Kind::kNull},
};
constexpr std::array<u16, 4> kSerialBase = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
constexpr std::array<u8, 4> kSerialIrq = {4, 3, 4, 3};
constexpr std::array<u16, 3> kParallelBase = {0x378, 0x278, 0x3bc};

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool valid_id(std::string_view id) {
  if (id.empty() || id.size() > 127) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const char c = id[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool rest = (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    if (!letter && !(i > 0 && rest)) return false;
  }
  return true;
}

Status take_socket(OptionList& list, Chardev& chardev) {
  list.take("path", chardev.path);
  list.take("host", chardev.host);
  list.take("port", chardev.port);
  if (list.has("to")) {
    u16 to = 0;
    list.take_number("to", to, 1, 65535);
    chardev.to = to;
  }
  list.take("ipv4", chardev.ipv4);
  list.take("ipv6", chardev.ipv6);
  list.take_number("fd", chardev.fd, 0, 1U << 20);
  list.take("server", chardev.server);
  chardev.wait = chardev.server;
  list.take("wait", chardev.wait);
  list.take("telnet", chardev.telnet);
  list.take("nodelay", chardev.nodelay);
  bool delay = !chardev.nodelay;
  list.take("delay", delay);
  chardev.nodelay = !delay;
  list.take_number("reconnect", chardev.reconnect_s, 0, 86400);
  list.take("abstract", chardev.abstract_socket);
  list.take("tight", chardev.tight);
  for (const std::string_view key : {"websocket", "tn3270", "tls-creds", "tls-authz"}) {
    const auto value = list.take(key);
    if (value && to_bool(*value) != false) {
      return core::fail(
          fmt::format("{}: {}={}: not built yet: use a plain socket", list.where(), key, *value));
    }
  }
  const int ways =
      (chardev.path.empty() ? 0 : 1) + (chardev.port.empty() ? 0 : 1) + (chardev.fd < 0 ? 0 : 1);
  if (ways != 1) {
    return core::fail(
        fmt::format("{}: socket {}: needs one of path=, port= and fd=", list.where(), chardev.id));
  }
  if (chardev.wait && !chardev.server) {
    return core::fail(fmt::format("{}: wait=on goes only with server=on", list.where()));
  }
  return {};
}

Status take_kind(OptionList& list, Chardev& chardev) {
  using Kind = Chardev::Kind;
  switch (chardev.kind) {
    case Kind::kSocket: return take_socket(list, chardev);
    case Kind::kUdp:
      list.take("host", chardev.host);
      list.take("port", chardev.port);
      list.take("localaddr", chardev.local_host);
      list.take("localport", chardev.local_port);
      list.take("ipv4", chardev.ipv4);
      list.take("ipv6", chardev.ipv6);
      if (chardev.port.empty()) {
        return core::fail(fmt::format("{}: udp {}: needs port=", list.where(), chardev.id));
      }
      break;
    case Kind::kFile:
      list.take("append", chardev.append);
      list.take("input-path", chardev.input_path);
      [[fallthrough]];
    case Kind::kPipe:
    case Kind::kTty:
    case Kind::kParport:
      list.take("path", chardev.path);
      if (chardev.path.empty()) {
        return core::fail(fmt::format("{}: {}: needs path=", list.where(), chardev.id));
      }
      break;
    case Kind::kStdio: list.take("signal", chardev.signal); break;
    case Kind::kRingbuf: list.take_size("size", chardev.ring_size, 1); break;
    case Kind::kNull: list.ignore({"width", "height", "cols", "rows"}); break;
    case Kind::kPty: break;
  }
  return {};
}

core::Result<Chardev> from_list(OptionList& list) {
  Chardev chardev;
  std::string kind;
  list.take("backend", kind);
  list.take("id", chardev.id);
  if (!valid_id(chardev.id)) {
    return core::fail(fmt::format("{}: id={}: must be a letter, then letters, digits, - . _",
                                  list.where(), chardev.id));
  }
  const KindName* found = nullptr;
  for (const auto& entry : kKinds) {
    if (entry.name == kind) found = &entry;
  }
  if (found == nullptr) {
    return core::fail(fmt::format(
        "{}: {}: not built: there are null, socket, udp, file, pipe, pty, stdio, serial, parallel, "
        "ringbuf",
        list.where(), kind));
  }
  chardev.kind = found->kind;
  if (auto done = take_kind(list, chardev); !done) return tl::unexpected(done.error());
  list.take("mux", chardev.mux);
  list.take("logfile", chardev.log_file);
  list.take("logappend", chardev.log_append);
  if (auto error = list.finish()) return tl::unexpected(*error);
  return chardev;
}

/// udp:[host]:port[@[localhost]:localport]
bool split_udp(std::string_view text, OptionList& list) {
  const std::size_t at = text.find('@');
  const std::string_view remote = text.substr(0, at);
  const std::size_t colon = remote.rfind(':');
  if (colon == std::string_view::npos) return false;
  list.set("host", remote.substr(0, colon));
  list.set("port", remote.substr(colon + 1));
  if (at == std::string_view::npos) return true;
  const std::string_view local = text.substr(at + 1);
  const std::size_t local_colon = local.rfind(':');
  if (local_colon == std::string_view::npos) return false;
  list.set("localaddr", local.substr(0, local_colon));
  list.set("localport", local.substr(local_colon + 1));
  return true;
}

/// host:port[,setting...], with the host in brackets if it is an IPv6 address.
core::Result<OptionList> split_tcp(std::string_view where, std::string_view text) {
  const std::size_t comma = text.find(',');
  const std::string_view address = text.substr(0, comma);
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) {
    return core::fail(fmt::format("{} tcp:{}: must look like tcp:HOST:PORT", where, text));
  }
  auto list = OptionList::parse(
      where, comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1), "");
  if (!list) return list;
  std::string_view host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  list->set("host", host);
  list->set("port", address.substr(colon + 1));
  return list;
}

/// The older syntax as a list for from_list(), id still missing.
core::Result<OptionList> from_text(std::string_view where, std::string_view text) {
  auto list = OptionList::parse(where, "", "");
  std::string_view rest = text;
  const auto simple = [&](std::string_view kind) {
    list->set("backend", kind);
    return list;
  };
  if (text == "null" || text == "/dev/null" || text == "vc" || text.starts_with("vc:")) {
    return simple("null");
  }
  if (text == "pty" || text == "stdio" || text == "ringbuf") return simple(text);
  if (take_prefix(rest, "file:")) {
    list->set("path", rest);
    return simple("file");
  }
  if (take_prefix(rest, "pipe:")) {
    list->set("path", rest);
    return simple("pipe");
  }
  if (take_prefix(rest, "udp:")) {
    if (!split_udp(rest, *list)) {
      return core::fail(fmt::format("{} {}: must look like udp:HOST:PORT", where, text));
    }
    return simple("udp");
  }
  if (take_prefix(rest, "unix:")) {
    list = OptionList::parse(where, rest, "path");
    if (!list) return list;
    return simple("socket");
  }
  const bool telnet = take_prefix(rest, "telnet:");
  if (telnet || take_prefix(rest, "tcp:")) {
    list = split_tcp(where, rest);
    if (!list) return list;
    if (telnet) list->set("telnet", "on");
    return simple("socket");
  }
  if (text.starts_with("/dev/parport")) {
    list->set("path", text);
    return simple("parallel");
  }
  if (text.starts_with("/dev/")) {
    list->set("path", text);
    return simple("serial");
  }
  return core::fail(
      fmt::format("{} {}: not understood: use pty, null, stdio, file:PATH, pipe:PATH, unix:PATH, "
                  "tcp:HOST:PORT, udp:HOST:PORT, telnet:HOST:PORT, /dev/PATH or chardev:ID",
                  where, text));
}

}  // namespace

Status Parser::register_chardev(Chardev chardev, std::string_view where) {
  if (m_.find_chardev(chardev.id) != nullptr) {
    return core::fail(
        fmt::format("{}: id={}: there is one of that name already", where, chardev.id));
  }
  m_.chardevs.push_back(std::move(chardev));
  return {};
}

Status Parser::add_chardev(std::string_view value) {
  if (value == "help") {
    m_.help = "Available chardev backend types: \n";
    for (const auto& entry : kKinds) m_.help->append(fmt::format("  {}\n", entry.name));
    return {};
  }
  auto list = OptionList::parse(where_, value, "backend");
  if (!list) return tl::unexpected(list.error());
  auto chardev = from_list(*list);
  if (!chardev) return tl::unexpected(chardev.error());
  return register_chardev(std::move(*chardev), where_);
}

/// The id of the chardev that `text` names or describes; it is made if it is described.
core::Result<std::string> Parser::chardev_for(std::string_view where, std::string_view text,
                                              std::string label) {
  if (take_prefix(text, "chardev:")) return std::string(text);
  const bool mux = take_prefix(text, "mon:");
  auto list = from_text(where, text);
  if (!list) return tl::unexpected(list.error());
  list->set("id", label);
  if (mux) list->set("mux", "on");
  auto chardev = from_list(*list);
  if (!chardev) return tl::unexpected(chardev.error());
  if (auto done = register_chardev(std::move(*chardev), where); !done) {
    return tl::unexpected(done.error());
  }
  if (mux && !monitor_given_) {
    m_.monitors.push_back({.chardev = label});
    monitor_given_ = true;
  }
  return label;
}

Status Parser::add_mon(std::string_view value) {
  auto list = OptionList::parse(where_, value, "chardev");
  if (!list) return tl::unexpected(list.error());
  Monitor monitor;
  static constexpr OptionList::Choice<bool> kModes[] = {{"control", true}, {"readline", false}};
  list->take("chardev", monitor.chardev);
  list->take_choice("mode", monitor.control, kModes);
  list->take("pretty", monitor.pretty);
  list->ignore({"id"});
  if (auto error = list->finish()) return tl::unexpected(*error);
  m_.monitors.push_back(std::move(monitor));
  monitor_given_ = true;
  return {};
}

Status Parser::add_serial(std::string_view value) {
  if (serial_slots_.size() >= kSerialBase.size()) {
    return core::fail(fmt::format("-serial {}: there are only four serial ports", value));
  }
  if (value == "none") {
    serial_slots_.emplace_back();
    return {};
  }
  auto id = chardev_for(where_, value, fmt::format("serial{}", serial_slots_.size()));
  if (!id) return tl::unexpected(id.error());
  serial_slots_.push_back({*id});
  return {};
}

Status Parser::add_parallel(std::string_view value) {
  if (parallel_slots_.size() >= kParallelBase.size()) {
    return core::fail(fmt::format("-parallel {}: there are only three parallel ports", value));
  }
  if (value == "none") {
    parallel_slots_.emplace_back();
    return {};
  }
  auto id = chardev_for(where_, value, fmt::format("parallel{}", parallel_slots_.size()));
  if (!id) return tl::unexpected(id.error());
  parallel_slots_.push_back({*id});
  return {};
}

Status Parser::add_debugcon(std::string_view value) {
  auto id = chardev_for(where_, value, "debugcon");
  if (!id) return tl::unexpected(id.error());
  m_.debug_ports.push_back({.id = "", .chardev = *id});
  return {};
}

Status Parser::compat_monitor(std::string_view where, std::string_view value, bool control,
                              bool pretty) {
  monitor_given_ = true;
  if (value == "none") return {};
  auto id = chardev_for(where, value, fmt::format("compat_monitor{}", monitor_count_));
  if (!id) return tl::unexpected(id.error());
  if (!value.starts_with("chardev:")) ++monitor_count_;
  m_.monitors.push_back({.chardev = *id, .control = control, .pretty = pretty});
  return {};
}

Status Parser::add_monitor(std::string_view value) {
  return compat_monitor(where_, value, false, false);
}

Status Parser::add_qmp(std::string_view value) {
  return compat_monitor(where_, value, true, false);
}

Status Parser::add_qmp_pretty(std::string_view value) {
  return compat_monitor(where_, value, true, true);
}

Status Parser::check_chardev(std::string_view where, const std::string& id) const {
  if (m_.find_chardev(id) != nullptr) return {};
  return core::fail(fmt::format("{}: chardev={}: there is no -chardev of that id", where, id));
}

Status Parser::finish_chardevs() {
  // As QEMU does for a person at a terminal; toolstacks pass -nodefaults.
  if (!nodefaults_) {
    if (serial_slots_.empty()) {
      if (auto done = add_serial(nographic_ ? "stdio" : "null"); !done) return done;
    }
    if (parallel_slots_.empty()) {
      if (auto done = add_parallel("null"); !done) return done;
    }
  }
  for (std::size_t i = 0; i < serial_slots_.size(); ++i) {
    if (serial_slots_[i].chardev.empty()) continue;
    m_.serials.push_back({.id = "",
                          .chardev = serial_slots_[i].chardev,
                          .iobase = kSerialBase[i],
                          .irq = kSerialIrq[i]});
  }
  for (std::size_t i = 0; i < parallel_slots_.size(); ++i) {
    if (parallel_slots_[i].chardev.empty()) continue;
    m_.parallels.push_back(
        {.id = "", .chardev = parallel_slots_[i].chardev, .iobase = kParallelBase[i]});
  }
  for (const auto& port : m_.serials) {
    if (auto done = check_chardev("-serial", port.chardev); !done) return done;
  }
  for (const auto& port : m_.parallels) {
    if (auto done = check_chardev("-parallel", port.chardev); !done) return done;
  }
  for (const auto& port : m_.debug_ports) {
    if (auto done = check_chardev("-debugcon", port.chardev); !done) return done;
  }
  for (const auto& monitor : m_.monitors) {
    if (auto done = check_chardev("-mon", monitor.chardev); !done) return done;
  }
  return {};
}

}  // namespace config
