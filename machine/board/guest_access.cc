#include "machine/board/guest_access.h"

#include <sched.h>

#include <algorithm>

namespace board {

core::u64 GuestAccess::polling_window() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  // An error means more CPUs than the set has room for.
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) < 2) return 0;
  return ioreq::Server::kPollNs;
}

core::i64 GuestAccess::due_ns() const {
  return static_cast<core::i64>(std::min(server_.due_ns(), static_cast<core::u64>(kNever)));
}

void GuestAccess::ready() {
  server_.on_event();
  served_();
}

bool GuestAccess::linger(core::i64 until_ns) {
  if (!server_.poll(static_cast<core::u64>(until_ns))) return false;
  served_();
  return true;
}

}  // namespace board
