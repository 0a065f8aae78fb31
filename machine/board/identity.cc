#include "machine/board/identity.h"

namespace board {
namespace {

using Option = monitor::CommandLineOption;

std::vector<Option::Parameter> parameters(std::string_view type,
                                          std::initializer_list<const char*> names) {
  std::vector<Option::Parameter> list;
  for (const char* name : names) list.push_back({.name = name, .type = std::string(type)});
  return list;
}

std::vector<Option::Parameter> join(std::initializer_list<std::vector<Option::Parameter>> parts) {
  std::vector<Option::Parameter> list;
  for (const auto& part : parts) list.insert(list.end(), part.begin(), part.end());
  return list;
}

/// Options that toolstacks look for before they use them. libxl asks for run-with: it is left out
/// as long as running without privileges is, so that libxl says so itself.
std::vector<Option> options() {
  return {
      {"machine",
       join({parameters("string", {"type", "accel", "kernel", "initrd", "append", "firmware"}),
             parameters("boolean", {"suppress-vmdesc", "acpi", "usb", "igd-passthru", "graphics",
                                    "dump-guest-core", "mem-merge"}),
             parameters("size", {"max-ram-below-4g"})})},
      {"accel", {}},
      {"memory", join({parameters("size", {"size", "maxmem"}), parameters("number", {"slots"})})},
      {"smp-opts", parameters("number", {"cpus", "sockets", "dies", "clusters", "cores", "threads",
                                         "maxcpus"})},
      {"boot-opts",
       join({parameters("string", {"order", "once", "splash", "splash-time", "reboot-timeout"}),
             parameters("boolean", {"menu", "strict"})})},
      {"name", join({parameters("string", {"guest", "process"}),
                     parameters("boolean", {"debug-threads"})})},
      {"rtc", parameters("string", {"base", "clock", "driftfix"})},
      {"msg", parameters("boolean", {"timestamp", "guest-name"})},
      {"trace", parameters("string", {"enable", "events", "file"})},
      {"global", parameters("string", {"driver", "property", "value"})},
      {"action", parameters("string", {"reboot", "shutdown", "panic", "watchdog"})},
      {"mon", join({parameters("string", {"mode", "chardev"}), parameters("boolean", {"pretty"})})},
      {"chardev",
       join({parameters("string",
                        {"backend", "path", "input-path", "host", "port", "fd", "logfile"}),
             parameters("boolean", {"server", "wait", "delay", "nodelay", "telnet", "mux", "append",
                                    "logappend", "signal", "abstract", "tight", "ipv4", "ipv6"}),
             parameters("number", {"reconnect", "to"}), parameters("size", {"size"})})},
      {"drive",
       join({parameters("string", {"if", "id", "file", "media", "format", "cache", "aio", "werror",
                                   "rerror", "serial", "discard", "detect-zeroes"}),
             parameters("number", {"bus", "unit", "index", "bps", "bps_rd", "bps_wr", "iops",
                                   "iops_rd", "iops_wr"}),
             parameters("boolean", {"readonly", "snapshot", "copy-on-read"})})},
      {"device", {}},
      {"net", {}},
      {"vnc",
       join({parameters("string", {"vnc", "share", "websocket"}), parameters("number", {"to"}),
             parameters("boolean", {"password", "lock-key-sync", "lossy", "non-adaptive"})})},
  };
}

}  // namespace

std::unique_ptr<monitor::MachineIdentity> make_identity(const config::Machine& machine) {
  auto identity = std::make_unique<monitor::MachineIdentity>();
  identity->name = machine.name;
  if (!machine.uuid.empty()) identity->uuid = machine.uuid;
  identity->machine = machine.machine_name == "xenfv" ? "xenfv-3.1"
                      : machine.machine_name == "pc"  ? "pc-i440fx-7.2"
                                                      : machine.machine_name;
  identity->domid = machine.domid;
  const bool bare =
      machine.kind == config::Machine::Kind::kNone || machine.kind == config::Machine::Kind::kXenpv;
  identity->can_sleep = !bare && machine.acpi.present;
  identity->ram_bytes = machine.kind == config::Machine::Kind::kNone ? 0 : machine.ram_bytes;
  identity->kinds = {{.name = "xenfv-4.2", .alias = ""},
                     {.name = "xenfv-3.1", .alias = "xenfv"},
                     {.name = "pc-i440fx-7.2", .alias = "pc", .cpu_max = 255},
                     {.name = "xenpv", .alias = "", .cpu_max = 1},
                     {.name = "none", .alias = "", .cpu_max = 1}};
  identity->options = options();
  return identity;
}

}  // namespace board
