// How long requests took, counted by intervals that an operator chose.
#pragma once

#include <algorithm>
#include <vector>

#include "hw/emul/core/types.h"

namespace block {

struct LatencyHistogram {
  std::vector<core::u64> boundaries;  // ascending, in nanoseconds
  std::vector<core::u64> bins;        // one more; empty: nothing is counted

  void set(std::vector<core::u64> at) {
    bins.assign(at.size() + 1, 0);
    boundaries = std::move(at);
  }
  void count(core::u64 ns) {
    if (bins.empty()) return;
    const auto above = std::upper_bound(boundaries.begin(), boundaries.end(), ns);
    ++bins[static_cast<std::size_t>(above - boundaries.begin())];
  }
};

}  // namespace block
