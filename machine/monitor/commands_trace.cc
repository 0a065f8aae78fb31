// What is logged on request.
#include <nlohmann/json.hpp>

#include "machine/log/trace.h"
#include "machine/monitor/command.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

bool is_pattern(const std::string& name) {
  return name.find('*') != std::string::npos;
}

constexpr Member kGetArguments[] = {
    {"name", &kStringType, false, "of an event, or a pattern with *"},
    {"vcpu", &kIntType, true, "not looked at: no event belongs to a processor"},
};

Reply get_state(Context&, const Json& arguments) {
  const std::string name = required_text(arguments, "name");
  Json list = Json::array();
  for (const mlog::TraceName& one : mlog::kTraceNames) {
    if (!mlog::matches_pattern(name, one.name)) continue;
    list.push_back(Json{{"name", std::string(one.name)},
                        {"vcpu", false},
                        {"state", mlog::traced(one.trace) ? "enabled" : "disabled"}});
  }
  if (list.empty() && !is_pattern(name)) return refuse("unknown event \"" + name + "\"");
  return list;
}

constexpr Member kSetArguments[] = {
    {"name", &kStringType, false, "of an event, or a pattern with *"},
    {"enable", &kBoolType},
    {"ignore-unavailable", &kBoolType, true, "not looked at: all can be had"},
    {"vcpu", &kIntType, true, "not looked at"},
};

Reply set_state(Context&, const Json& arguments) {
  const std::string name = required_text(arguments, "name");
  const bool on = bool_of(arguments, "enable").value_or(false);
  if (mlog::set_traced(name, on) == 0 && !is_pattern(name)) {
    return refuse("unknown event \"" + name + "\"");
  }
  return Json::object();
}

constexpr Command kCommands[] = {
    {"trace-event-get-state", kGetArguments, get_state, "Which events are logged.",
     &kTraceEventInfoList},
    {"trace-event-set-state", kSetArguments, set_state, "Logs events, or no more."},
};

}  // namespace

std::span<const Command> trace_commands() {
  return kCommands;
}

}  // namespace monitor
