// What is logged only when somebody asks: -trace enable=NAME, trace-event-set-state, and the human
// monitor's trace-event.
#pragma once

#include <array>
#include <string_view>

namespace mlog {

enum class Trace : unsigned {
  kGuestAccess,     // what the guest did to which register; from the record, at a bounded rate
  kGuestError,      // what it did that no device takes
  kMonitorCommand,  // commands of monitors and their outcome
  kPlatformLog,     // lines that the guest sends through the Xen platform device
  kRunState,        // the machine's events
  kCount
};

struct TraceName {
  Trace trace;
  std::string_view name;
};

/// By name.
inline constexpr std::array<TraceName, static_cast<unsigned>(Trace::kCount)> kTraceNames{{
    {Trace::kGuestAccess, "guest_access"},
    {Trace::kGuestError, "guest_error"},
    {Trace::kMonitorCommand, "monitor_command"},
    {Trace::kRunState, "run_state"},
    {Trace::kPlatformLog, "xen_platform_log"},
}};

/// Whether lines of this kind are wanted. Guest errors and the guest's own lines are, at first.
bool traced(Trace trace);
void set_traced(Trace trace, bool on);
/// Turns those on or off whose name matches: "*" stands for any characters. How many did.
unsigned set_traced(std::string_view pattern, bool on);
bool matches_pattern(std::string_view pattern, std::string_view name);

}  // namespace mlog
