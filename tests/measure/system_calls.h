// System calls, as strace writes them to a file.
#pragma once

#include <string>

namespace measure {

/// Calls in strace's output so far; a call that was interrupted by another's line counts once.
double calls_in(const std::string& path);

}  // namespace measure
