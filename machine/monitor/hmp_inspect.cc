// The human monitor's side of looking for a fault, and of what is logged.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/log/log.h"
#include "machine/log/trace.h"
#include "machine/monitor/hmp_command.h"
#include "machine/monitor/object_tree.h"

namespace monitor {

namespace {

using Kind = HmpArgument::Kind;

// ---- info -----------------------------------------------------------------------------------

void xen(HmpCall& call) {
  const MachineIdentity& identity = call.context.ports.identity;
  u64 total = 0;
  double rate = 0;
  for (const AccessStats& one : call.context.ports.inspect.accesses(/*new_period=*/false)) {
    total += one.count;
    rate += one.per_second;
  }
  call.print(fmt::format("domain: {}\nmachine: {}\nvCPUs: {} online, {} at most\n", identity.domid,
                         identity.machine, call.context.ports.cpu.cpus().size(),
                         call.context.ports.cpu.max_cpus()));
  call.print(fmt::format("memory: {} MiB\naccesses: {} in all, {:.1f} a second lately\n",
                         identity.ram_bytes >> 20, total, rate));
}

void ioreqs(HmpCall& call) {
  call.print(fmt::format("{:<20} {:<12} {:>12} {:>10} {:>9} {:>9} {:>10}\n", "device", "kind",
                         "accesses", "a second", "p50 ns", "p99 ns", "max ns"));
  for (const AccessStats& one : call.context.ports.inspect.accesses(/*new_period=*/true)) {
    call.print(fmt::format("{:<20} {:<12} {:>12} {:>10.1f} {:>9} {:>9} {:>10}\n", one.device,
                           one.kind, one.count, one.per_second, one.p50_ns, one.p99_ns,
                           one.max_ns));
  }
}

void accesses(HmpCall& call) {
  const auto most =
      static_cast<std::size_t>(std::clamp<std::int64_t>(call.number("count", 20), 0, 4096));
  for (const LastAccess& one : call.context.ports.inspect.last_accesses(most)) {
    call.print(
        fmt::format("{}.{:06} {:<5} {:<12} {} {} 0x{:x}/{}{}\n", one.time_us / 1'000'000,
                    one.time_us % 1'000'000, one.buffered ? "ring" : fmt::format("cpu{}", one.vcpu),
                    one.kind, one.device, one.register_name.empty() ? "-" : one.register_name,
                    one.address, one.width, one.value ? fmt::format(" = 0x{:x}", *one.value) : ""));
  }
}

void state(HmpCall& call) {
  const auto devices = call.context.ports.inspect.registers(call.text("device"));
  if (devices.empty()) {
    return call.print("Error: Device '" + call.text("device") + "' not found\n");
  }
  for (const DeviceRegisters& device : devices) {
    call.print(fmt::format("{} (instance {}):\n", device.device, device.instance));
    for (const ObjectProperty& one : device.registers) {
      call.print(fmt::format("  {} = {}\n", one.name, to_text(to_json(one.value))));
    }
  }
}

void memory(HmpCall& call) {
  const MemoryUse use = call.context.ports.inspect.memory_use();
  call.print(fmt::format("private: {} KiB\nresident: {} KiB\n", use.private_bytes >> 10,
                         use.resident_bytes >> 10));
  for (const MemoryOwner& owner : use.owners) {
    call.print(fmt::format("  {:>8} KiB {}\n", owner.bytes >> 10, owner.name));
  }
}

void trace_events(HmpCall& call) {
  const std::string pattern = call.has("name") ? call.text("name") : "*";
  bool any = false;
  for (const mlog::TraceName& one : mlog::kTraceNames) {
    if (!mlog::matches_pattern(pattern, one.name)) continue;
    any = true;
    call.print(fmt::format("{} : state {}\n", one.name, mlog::traced(one.trace) ? 1 : 0));
  }
  if (!any) call.print(fmt::format("unknown event \"{}\"\n", pattern));
}

constexpr HmpArgument kCount[] = {{"count", Kind::kExpression32, true}};
constexpr HmpArgument kDevice[] = {{"device", Kind::kText, true}};
constexpr HmpArgument kPattern[] = {{"name", Kind::kText, true}, {"vcpu", Kind::kText, true}};

constexpr HmpCommand kInfoCommands[] = {
    {"accesses", kCount, "[count]", "what the guest did last, the newest at the end", accesses},
    {"device-state", kDevice, "[device]", "registers of devices", state},
    {"ioreqs", {}, "", "how often the guest uses each device, and how long it takes", ioreqs},
    {"memory", {}, "", "whose memory this process uses", memory},
    {"trace-events", kPattern, "[name] [vcpu]", "what can be logged, and whether it is",
     trace_events},
    {"xen", {}, "", "the domain, and how much it asks of us", xen},
};

// ---- what is logged -------------------------------------------------------------------------

void trace_event(HmpCall& call) {
  const std::string name = call.text("name");
  const bool pattern = name.find('*') != std::string::npos;
  if (mlog::set_traced(name, call.number("option") != 0) == 0 && !pattern) {
    call.print("unknown event \"" + name + "\"\n");
  }
}

/// False if there is no such item.
bool log_item(std::string_view item) {
  constexpr std::string_view kTrace = "trace:";
  if (item == "none") {
    mlog::set_traced("*", false);
    mlog::set_threshold(mlog::Level::kInfo);
  } else if (item == "debug") {
    mlog::set_threshold(mlog::Level::kDebug);
  } else if (item == "guest_errors") {
    mlog::set_traced(mlog::Trace::kGuestError, true);
  } else {
    return item.substr(0, kTrace.size()) == kTrace &&
           mlog::set_traced(item.substr(kTrace.size()), true) != 0;
  }
  return true;
}

void log(HmpCall& call) {
  const std::string items = call.text("items");
  if (items == "trace:help") {
    for (const mlog::TraceName& one : mlog::kTraceNames) call.print(fmt::format("{}\n", one.name));
    return;
  }
  std::string_view rest = items;
  do {
    const std::size_t end = std::min(rest.find(','), rest.size());
    if (!log_item(rest.substr(0, end))) {
      return call.print(
          "Log items (comma separated):\n"
          "none            remove all logs\n"
          "debug           log also what only developers want to know\n"
          "guest_errors    log what the guest does that no device takes\n"
          "trace:PATTERN   enable trace events\n"
          "\nUse \"log trace:help\" to get a list of trace events.\n\n");
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  } while (!rest.empty());
}

constexpr HmpArgument kTraceArguments[] = {
    {"name"}, {"option", Kind::kOnOff}, {"vcpu", Kind::kText, true}};
constexpr HmpArgument kItems[] = {{"items"}};

constexpr HmpCommand kCommands[] = {
    {"log", kItems, "item1[,...]", "say what is logged", log},
    {"trace-event", kTraceArguments, "name on|off [vcpu]", "log an event, or no more", trace_event},
};

}  // namespace

std::span<const HmpCommand> hmp_inspect_info() {
  return kInfoCommands;
}
std::span<const HmpCommand> hmp_inspect_commands() {
  return kCommands;
}

}  // namespace monitor
