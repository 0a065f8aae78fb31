// System calls of a device model, counted by strace.
#pragma once

#include <string>
#include <vector>

namespace measure {

/// What goes before the program's command line so that its calls are written to `trace`.
std::vector<std::string> tracing_to(const std::string& trace);
/// Calls in the trace so far; a call that was interrupted by another's line counts once.
double calls_in(const std::string& trace);

}  // namespace measure
