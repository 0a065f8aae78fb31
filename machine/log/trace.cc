#include "machine/log/trace.h"

#include <atomic>

namespace mlog {
namespace {

constexpr unsigned bit(Trace trace) {
  return 1u << static_cast<unsigned>(trace);
}

std::atomic<unsigned>& enabled() {
  static std::atomic<unsigned> bits{bit(Trace::kGuestError) | bit(Trace::kPlatformLog)};
  return bits;
}

}  // namespace

bool traced(Trace trace) {
  return (enabled().load(std::memory_order_relaxed) & bit(trace)) != 0;
}

void set_traced(Trace trace, bool on) {
  if (on) {
    enabled().fetch_or(bit(trace));
  } else {
    enabled().fetch_and(~bit(trace));
  }
}

bool matches_pattern(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  if (pattern.find('*') == std::string_view::npos) return name.ends_with(pattern);
  const std::size_t next = pattern.find('*');
  const std::size_t at = name.find(pattern.substr(0, next));
  if (at == std::string_view::npos) return false;
  return matches_pattern(pattern.substr(next), name.substr(at + next));
}

unsigned set_traced(std::string_view pattern, bool on) {
  unsigned count = 0;
  for (const TraceName& one : kTraceNames) {
    if (!matches_pattern(pattern, one.name)) continue;
    set_traced(one.trace, on);
    ++count;
  }
  return count;
}

}  // namespace mlog
