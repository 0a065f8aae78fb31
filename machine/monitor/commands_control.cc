// The monitor itself, and the machine's run state.
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/events.h"
#include "machine/monitor/hmp.h"
#include "machine/monitor/result_types.h"
#include "machine/monitor/schema_document.h"

namespace monitor {

namespace {

constexpr std::string_view kCapabilityNames[] = {"oob"};
constexpr Type kCapability{Type::Kind::kEnum, "QMPCapability", nullptr, {}, kCapabilityNames};
constexpr Type kCapabilities{Type::Kind::kArray, "QMPCapabilities", &kCapability};
constexpr Member kCapabilityArguments[] = {{"enable", &kCapabilities, true}};

/// Listed here; the session answers it, because only it knows whether it has been said before.
Reply qmp_capabilities(Context&, const Json&) {
  return Json::object();
}

Reply query_version(Context&, const Json&) {
  return version_info();
}

Reply query_commands(Context& context, const Json&) {
  Json list = Json::array();
  for (const Command& command : context.registry.commands()) {
    list.push_back(Json{{"name", std::string(command.name)}});
  }
  return list;
}

Reply query_qmp_schema(Context& context, const Json&) {
  return schema_of(context.registry);
}

Reply query_events(Context&, const Json&) {
  Json list = Json::array();
  for (const EventKind& kind : event_kinds()) {
    list.push_back(Json{{"name", std::string(kind.name)}});
  }
  return list;
}

Reply query_status(Context& context, const Json&) {
  const RunState state = context.ports.run.run_state();
  return Json{{"status", std::string(run_state_name(state))},
              {"singlestep", false},
              {"running", state == RunState::kRunning}};
}

Reply stop(Context& context, const Json&) {
  if (context.ports.run.run_state() != RunState::kRunning) return Json::object();
  return from_result(context.ports.run.stop(RunState::kPaused));
}

Reply cont(Context& context, const Json&) {
  switch (context.ports.run.run_state()) {
    case RunState::kRunning:
    case RunState::kSuspended: return Json::object();
    case RunState::kShutdown:
    case RunState::kInternalError: return refuse("Resetting the Virtual Machine is required");
    default: return from_result(context.ports.run.cont());
  }
}

Reply system_reset(Context& context, const Json&) {
  return from_result(context.ports.run.system_reset());
}

Reply system_powerdown(Context& context, const Json&) {
  context.ports.run.system_powerdown();
  return Json::object();
}

Reply system_wakeup(Context& context, const Json&) {
  if (!context.ports.identity.can_sleep) {
    return refuse("wake-up from suspend is not supported by this guest");
  }
  if (context.ports.run.run_state() != RunState::kSuspended) {
    return refuse("Unable to wake up: guest is not in suspended state");
  }
  return from_result(context.ports.run.system_wakeup());
}

Reply quit(Context& context, const Json&) {
  context.ports.run.quit();
  return Json::object();
}

Reply inject_nmi(Context& context, const Json&) {
  return from_result(context.ports.run.inject_nmi());
}

constexpr Member kHumanArguments[] = {
    {"command-line", &kStringType, false, "as typed at the human monitor"},
    {"cpu-index", &kIntType, true, "the processor that the command is about"},
};

Reply human_monitor_command(Context& context, const Json& arguments) {
  if (const auto index = int_of(arguments, "cpu-index")) {
    bool online = false;
    for (const Cpu& cpu : context.ports.cpu.cpus()) online |= std::int64_t{cpu.index} == *index;
    if (!online) return refuse("Parameter 'cpu-index' expects a CPU number");
  }
  return Json(context.hmp.run(required_text(arguments, "command-line"), context.client));
}

constexpr Command kCommands[] = {
    {"qmp_capabilities", kCapabilityArguments, qmp_capabilities,
     "Ends the negotiation; the first command of a connection."},
    {"query-version",
     {},
     query_version,
     "The version of the protocol and of the program.",
     &kVersionInfo},
    {"query-commands", {}, query_commands, "All commands.", &kCommandInfoList},
    {"query-qmp-schema", {}, query_qmp_schema, "Commands, events and their types.", &kSchema},
    {"query-events", {}, query_events, "All events.", &kEventInfoList},
    {"query-status", {}, query_status, "Whether the guest runs, and if not, why.", &kStatusInfo},
    {"stop", {}, stop, "Stops the guest; nothing to do if it does not run."},
    {"cont", {}, cont, "Lets the guest run; nothing to do if it runs."},
    {"system_reset", {}, system_reset, "Resets the machine at once."},
    {"system_powerdown", {}, system_powerdown, "Presses the power button."},
    {"system_wakeup", {}, system_wakeup, "Wakes the guest from sleep (ACPI S3)."},
    {"quit", {}, quit, "Ends the process in order."},
    {"inject-nmi", {}, inject_nmi, "Sends a non-maskable interrupt to the processors."},
    {"human-monitor-command", kHumanArguments, human_monitor_command,
     "Runs a command of the human monitor and returns its output.", &kStringType},
};

}  // namespace

std::span<const Command> control_commands() {
  return kCommands;
}

std::string_view version_package() {
  return "Xenolith 0.1.0";
}

Json version_info() {
  return Json{{"qemu", Json{{"micro", kQemuMicro}, {"minor", kQemuMinor}, {"major", kQemuMajor}}},
              {"package", std::string(version_package())}};
}

}  // namespace monitor
