// Character devices that come and go while the machine runs.
#include <nlohmann/json.hpp>

#include "machine/monitor/base64.h"
#include "machine/monitor/command.h"
#include "machine/monitor/object_store.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

using Kind = Type::Kind;

// Where a socket is: {"type": "unix", "data": {"path": "/x"}}.
constexpr std::string_view kAddressKinds[] = {"inet", "unix", "fd"};
constexpr Type kAddressKind{Kind::kEnum, "SocketAddressType", nullptr, {}, kAddressKinds};
constexpr Member kAddressCommon[] = {{"type", &kAddressKind}};
constexpr Member kInetMembers[] = {{"host", &kStringType},
                                   {"port", &kStringType},
                                   {"to", &kIntType, true},
                                   {"ipv4", &kBoolType, true},
                                   {"ipv6", &kBoolType, true}};
constexpr Type kInet{Kind::kObject, "InetSocketAddress", nullptr, kInetMembers};
constexpr Member kUnixMembers[] = {
    {"path", &kStringType}, {"abstract", &kBoolType, true}, {"tight", &kBoolType, true}};
constexpr Type kUnix{Kind::kObject, "UnixSocketAddress", nullptr, kUnixMembers};
constexpr Member kFdMembers[] = {{"str", &kStringType, false, "a name given with getfd"}};
constexpr Type kFd{Kind::kObject, "String", nullptr, kFdMembers};
constexpr Member kInetData[] = {{"data", &kInet}};
constexpr Member kUnixData[] = {{"data", &kUnix}};
constexpr Member kFdData[] = {{"data", &kFd}};
constexpr Type kInetBranch{Kind::kObject, "InetSocketAddressWrapper", nullptr, kInetData};
constexpr Type kUnixBranch{Kind::kObject, "UnixSocketAddressWrapper", nullptr, kUnixData};
constexpr Type kFdBranch{Kind::kObject, "StringWrapper", nullptr, kFdData};
constexpr Branch kAddressBranches[] = {
    {"inet", &kInetBranch}, {"unix", &kUnixBranch}, {"fd", &kFdBranch}};
constexpr Type kAddress{Kind::kUnion, "SocketAddressLegacy", nullptr, kAddressCommon,
                        {},           kAddressBranches};

// The kinds of back ends; all have a copy of their output in a file if they are told one.
constexpr Member kNullMembers[] = {{"logfile", &kStringType, true},
                                   {"logappend", &kBoolType, true}};
constexpr Member kFileMembers[] = {{"logfile", &kStringType, true},
                                   {"logappend", &kBoolType, true},
                                   {"in", &kStringType, true},
                                   {"out", &kStringType},
                                   {"append", &kBoolType, true}};
constexpr Member kDeviceMembers[] = {
    {"logfile", &kStringType, true}, {"logappend", &kBoolType, true}, {"device", &kStringType}};
constexpr Member kSocketMembers[] = {
    {"logfile", &kStringType, true}, {"logappend", &kBoolType, true}, {"addr", &kAddress},
    {"server", &kBoolType, true},    {"wait", &kBoolType, true},      {"nodelay", &kBoolType, true},
    {"telnet", &kBoolType, true},    {"reconnect", &kIntType, true}};
constexpr Member kUdpMembers[] = {{"logfile", &kStringType, true},
                                  {"logappend", &kBoolType, true},
                                  {"remote", &kAddress},
                                  {"local", &kAddress, true}};
constexpr Member kStdioMembers[] = {{"logfile", &kStringType, true},
                                    {"logappend", &kBoolType, true},
                                    {"signal", &kBoolType, true, "Ctrl-C ends the program"}};
constexpr Member kVcMembers[] = {{"logfile", &kStringType, true}, {"logappend", &kBoolType, true},
                                 {"width", &kIntType, true},      {"height", &kIntType, true},
                                 {"cols", &kIntType, true},       {"rows", &kIntType, true}};
constexpr Member kRingMembers[] = {{"logfile", &kStringType, true},
                                   {"logappend", &kBoolType, true},
                                   {"size", &kIntType, true, "a power of two"}};
constexpr Type kNull{Kind::kObject, "ChardevCommon", nullptr, kNullMembers};
constexpr Type kFile{Kind::kObject, "ChardevFile", nullptr, kFileMembers};
constexpr Type kDevice{Kind::kObject, "ChardevHostdev", nullptr, kDeviceMembers};
constexpr Type kSocket{Kind::kObject, "ChardevSocket", nullptr, kSocketMembers};
constexpr Type kRing{Kind::kObject, "ChardevRingbuf", nullptr, kRingMembers};
constexpr Type kUdp{Kind::kObject, "ChardevUdp", nullptr, kUdpMembers};
constexpr Type kStdio{Kind::kObject, "ChardevStdio", nullptr, kStdioMembers};
constexpr Type kVc{Kind::kObject, "ChardevVC", nullptr, kVcMembers};
constexpr Member kNullData[] = {{"data", &kNull}};
constexpr Member kFileData[] = {{"data", &kFile}};
constexpr Member kDeviceData[] = {{"data", &kDevice}};
constexpr Member kSocketData[] = {{"data", &kSocket}};
constexpr Member kRingData[] = {{"data", &kRing}};
constexpr Member kUdpData[] = {{"data", &kUdp}};
constexpr Member kStdioData[] = {{"data", &kStdio}};
constexpr Member kVcData[] = {{"data", &kVc}};
constexpr Type kNullBranch{Kind::kObject, "ChardevCommonWrapper", nullptr, kNullData};
constexpr Type kFileBranch{Kind::kObject, "ChardevFileWrapper", nullptr, kFileData};
constexpr Type kDeviceBranch{Kind::kObject, "ChardevHostdevWrapper", nullptr, kDeviceData};
constexpr Type kSocketBranch{Kind::kObject, "ChardevSocketWrapper", nullptr, kSocketData};
constexpr Type kRingBranch{Kind::kObject, "ChardevRingbufWrapper", nullptr, kRingData};
constexpr Type kUdpBranch{Kind::kObject, "ChardevUdpWrapper", nullptr, kUdpData};
constexpr Type kStdioBranch{Kind::kObject, "ChardevStdioWrapper", nullptr, kStdioData};
constexpr Type kVcBranch{Kind::kObject, "ChardevVCWrapper", nullptr, kVcData};
constexpr std::string_view kKinds[] = {"file", "serial", "pipe", "socket",  "udp",   "pty",
                                       "null", "stdio",  "vc",   "ringbuf", "memory"};
constexpr Type kKind{Kind::kEnum, "ChardevBackendKind", nullptr, {}, kKinds};
constexpr Branch kBranches[] = {
    {"file", &kFileBranch},     {"serial", &kDeviceBranch}, {"pipe", &kDeviceBranch},
    {"socket", &kSocketBranch}, {"pty", &kNullBranch},      {"null", &kNullBranch},
    {"stdio", &kStdioBranch},   {"ringbuf", &kRingBranch},  {"memory", &kRingBranch},
    {"udp", &kUdpBranch},       {"vc", &kVcBranch}};
constexpr Member kBackendCommon[] = {{"type", &kKind}};
constexpr Type kBackend{Kind::kUnion, "ChardevBackend", nullptr, kBackendCommon, {}, kBranches};

QmpError failed_to_add(const std::string& id, const std::string& why) {
  return {{}, "Failed to add chardev '" + id + "': " + why};
}

bool is_port(std::int64_t number) {
  return number >= 0 && number <= 65535;
}

std::optional<QmpError> read_inet(const Json& where, CharSpec& spec) {
  spec.host = required_text(where, "host");
  spec.port = required_text(where, "port");
  spec.ipv4 = bool_of(where, "ipv4");
  spec.ipv6 = bool_of(where, "ipv6");
  const auto to = int_of(where, "to");
  if (!to) return std::nullopt;
  if (!is_port(*to)) return failed_to_add(spec.id, "'to' is not a port number");
  spec.to = static_cast<u16>(*to);
  return std::nullopt;
}

std::optional<QmpError> read_address(Context& context, const Json& data, CharSpec& spec) {
  const Json& address = *find(data, "addr");
  const Json& where = *find(address, "data");
  const std::string kind = required_text(address, "type");
  if (kind == "inet") return read_inet(where, spec);
  if (kind == "unix") {
    spec.path = required_text(where, "path");
    spec.abstract_socket = bool_of(where, "abstract").value_or(false);
    return std::nullopt;
  }
  const std::string name = required_text(where, "str");
  if (context.client == nullptr || context.client->named_fds().count(name) == 0) {
    return failed_to_add(spec.id, "File descriptor named '" + name + "' has not been found");
  }
  // From here on it is the character device's.
  spec.fd = context.client->named_fds()[name].release();
  context.client->named_fds().erase(name);
  return std::nullopt;
}

std::optional<QmpError> read_socket(Context& context, const Json& data, CharSpec& spec) {
  spec.server = bool_of(data, "server").value_or(true);
  spec.wait = bool_of(data, "wait").value_or(false);
  spec.telnet = bool_of(data, "telnet").value_or(false);
  spec.nodelay = bool_of(data, "nodelay").value_or(false);
  const std::int64_t reconnect = int_of(data, "reconnect").value_or(0);
  constexpr std::int64_t kLongest = 1'000'000;  // seconds
  if (reconnect < 0 || reconnect > kLongest) {
    return failed_to_add(spec.id, "'reconnect' must be 0 to 1000000 seconds");
  }
  spec.reconnect_s = static_cast<u32>(reconnect);
  if (spec.server && reconnect != 0) {
    return failed_to_add(spec.id,
                         "'reconnect' option is incompatible with socket in server listen mode");
  }
  if (spec.server && spec.wait) {
    return QmpError{{}, "'wait' would stop the machine until somebody connects: leave it out"};
  }
  return read_address(context, data, spec);
}

std::optional<QmpError> read_udp(const Json& data, CharSpec& spec) {
  for (const char* end : {"remote", "local"}) {
    const Json* address = find(data, end);
    if (address == nullptr) continue;
    if (required_text(*address, "type") != "inet") {
      return failed_to_add(spec.id, "udp goes by inet addresses only");
    }
    CharSpec one{.id = spec.id};
    if (auto error = read_inet(*find(*address, "data"), one)) return error;
    if (end == std::string_view("remote")) {
      spec.host = one.host;
      spec.port = one.port;
      spec.ipv4 = one.ipv4;
      spec.ipv6 = one.ipv6;
    } else {
      spec.local_host = one.host;
      spec.local_port = one.port;
    }
  }
  return std::nullopt;
}

std::optional<QmpError> read_ring(const Json& data, CharSpec& spec) {
  const std::int64_t size = int_of(data, "size").value_or(65536);
  if (size <= 0 || (size & (size - 1)) != 0) {
    return failed_to_add(spec.id, "size of ringbuf chardev must be power of two");
  }
  spec.ring_size = static_cast<u64>(size);
  return std::nullopt;
}

tl::expected<CharSpec, QmpError> spec_of(Context& context, const Json& arguments) {
  CharSpec spec;
  spec.id = required_text(arguments, "id");
  const Json& backend = *find(arguments, "backend");
  const Json& data = *find(backend, "data");
  spec.kind = required_text(backend, "type");
  spec.log_file = required_text(data, "logfile");
  spec.log_append = bool_of(data, "logappend").value_or(false);
  std::optional<QmpError> error;
  if (spec.kind == "file") {
    spec.path = required_text(data, "out");
    spec.input_path = required_text(data, "in");
    spec.append = bool_of(data, "append").value_or(false);
  } else if (spec.kind == "serial" || spec.kind == "pipe") {
    spec.path = required_text(data, "device");
  } else if (spec.kind == "ringbuf" || spec.kind == "memory") {
    error = read_ring(data, spec);
  } else if (spec.kind == "stdio") {
    spec.signal = bool_of(data, "signal").value_or(true);
  } else if (spec.kind == "udp") {
    error = read_udp(data, spec);
  } else if (spec.kind == "socket") {
    error = read_socket(context, data, spec);
  }
  if (error) return tl::unexpected<QmpError>(std::move(*error));
  return spec;
}

const CharDevice* find_label(const std::vector<CharDevice>& all, const std::string& label) {
  for (const CharDevice& one : all) {
    if (one.label == label) return &one;
  }
  return nullptr;
}

constexpr Member kAddArguments[] = {{"id", &kStringType}, {"backend", &kBackend}};

/// A pseudo-terminal is answered with its name.
Json answer_for(Context& context, const std::string& label) {
  const auto all = context.ports.character.chardevs();
  const CharDevice* device = find_label(all, label);
  Json answer = Json::object();
  constexpr std::string_view kPty = "pty:";
  if (device != nullptr && device->filename.rfind(kPty, 0) == 0) {
    answer["pty"] = device->filename.substr(kPty.size());
  }
  return answer;
}

Reply chardev_add(Context& context, const Json& arguments) {
  const std::string id = required_text(arguments, "id");
  if (find_label(context.ports.character.chardevs(), id) != nullptr) {
    return refuse("Chardev with id '" + id + "' already exists");
  }
  const auto spec = spec_of(context, arguments);
  if (!spec) return tl::unexpected(spec.error());
  if (const auto added = context.ports.character.add_chardev(*spec); !added) {
    return refuse("Failed to add chardev '" + id + "': " + added.error().message);
  }
  return answer_for(context, id);
}

Reply chardev_change(Context& context, const Json& arguments) {
  const std::string id = required_text(arguments, "id");
  if (find_label(context.ports.character.chardevs(), id) == nullptr) {
    return refuse("Chardev '" + id + "' does not exist");
  }
  const auto spec = spec_of(context, arguments);
  if (!spec) return tl::unexpected(spec.error());
  if (const auto changed = context.ports.character.change_chardev(*spec); !changed) {
    return refuse(changed.error().message);
  }
  return answer_for(context, id);
}

constexpr Member kIdArguments[] = {{"id", &kStringType}};

Reply chardev_remove(Context& context, const Json& arguments) {
  const std::string id = required_text(arguments, "id");
  if (find_label(context.ports.character.chardevs(), id) == nullptr) {
    return refuse("Chardev '" + id + "' not found");
  }
  return from_result(context.ports.character.remove_chardev(id));
}

Reply chardev_send_break(Context& context, const Json& arguments) {
  const std::string id = required_text(arguments, "id");
  if (find_label(context.ports.character.chardevs(), id) == nullptr) {
    return refuse("Chardev '" + id + "' not found");
  }
  return from_result(context.ports.character.send_break(id));
}

constexpr std::string_view kFormats[] = {"utf8", "base64"};
constexpr Type kFormat{Kind::kEnum, "DataFormat", nullptr, {}, kFormats};
constexpr Member kReadArguments[] = {
    {"device", &kStringType}, {"size", &kIntType, false, "at most"}, {"format", &kFormat, true}};
constexpr Member kWriteArguments[] = {
    {"device", &kStringType}, {"data", &kStringType}, {"format", &kFormat, true}};

Reply ringbuf_read(Context& context, const Json& arguments) {
  const std::string device = required_text(arguments, "device");
  if (find_label(context.ports.character.chardevs(), device) == nullptr) {
    return refuse("Device '" + device + "' not found");
  }
  const std::int64_t size = required_int(arguments, "size");
  if (size <= 0) return refuse("size must be greater than zero");
  const std::size_t most = std::min<std::size_t>(static_cast<std::size_t>(size), 16u << 20);
  const auto bytes = context.ports.character.read_ring(device, most);
  if (!bytes) return refuse(bytes.error().message);
  const bool base64 = text_of(arguments, "format").value_or("utf8") == "base64";
  return Json(base64 ? to_base64(*bytes) : *bytes);
}

Reply ringbuf_write(Context& context, const Json& arguments) {
  const std::string device = required_text(arguments, "device");
  if (find_label(context.ports.character.chardevs(), device) == nullptr) {
    return refuse("Device '" + device + "' not found");
  }
  std::string data = required_text(arguments, "data");
  if (text_of(arguments, "format").value_or("utf8") == "base64") {
    auto decoded = from_base64(data);
    if (!decoded) return refuse("Base64 data is not valid");
    data = std::move(*decoded);
  }
  return from_result(context.ports.character.write_ring(device, data));
}

Reply query_chardev_backends(Context&, const Json&) {
  Json list = Json::array();
  for (const std::string_view kind : kKinds) list.push_back(Json{{"name", kind}});
  return list;
}

constexpr Command kCommands[] = {
    {"query-chardev-backends",
     {},
     query_chardev_backends,
     "The kinds of character devices.",
     &kChardevBackendInfoList},
    {"chardev-add", kAddArguments, chardev_add, "Makes a character device.", &kChardevReturn},
    {"chardev-change", kAddArguments, chardev_change,
     "Puts another back end behind a character device that may be in use.", &kChardevReturn},
    {"chardev-remove", kIdArguments, chardev_remove, "Takes away one that nobody uses."},
    {"chardev-send-break", kIdArguments, chardev_send_break, "Sends a break to the guest."},
    {"ringbuf-read", kReadArguments, ringbuf_read, "Takes bytes out of a ring.", &kStringType},
    {"ringbuf-write", kWriteArguments, ringbuf_write, "Puts bytes into a ring."},
};

}  // namespace

std::span<const Command> chardev_commands() {
  return kCommands;
}

}  // namespace monitor
