// Random scripts from seeds: the same seed is the same script. The suite plays a few; the
// environment asks for more (tests/diff/run says it shorter):
//
//     DIFF_SEED=7 DIFF_SEEDS=300 DIFF_COUNT=5000 build/tests/diff/test_diff
//
// Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>
#include <iterator>
#include <random>

#include "hw/emul/core/types.h"

namespace diff {

class Dice {
 public:
  explicit Dice(core::u32 seed) : random_(seed) {}

  core::u32 any() { return static_cast<core::u32>(random_()); }
  /// 0 to `end` - 1.
  core::u32 below(core::u32 end) { return any() % end; }
  /// `first` to `last`.
  core::u32 between(core::u32 first, core::u32 last) { return first + below(last - first + 1); }
  bool one_in(core::u32 n) { return below(n) == 0; }
  core::u32 of(std::initializer_list<core::u32> values) {
    return *std::next(values.begin(), below(static_cast<core::u32>(values.size())));
  }
  /// Values as drivers write them: bits alone, small numbers, ends of the range, anything.
  core::u32 value(unsigned width) {
    const core::u32 mask = width >= 4 ? ~0U : (1U << (8 * width)) - 1;
    switch (below(4)) {
      case 0: return (1U << below(8 * width)) & mask;
      case 1: return below(16);
      case 2: return mask - below(4);
      default: return any() & mask;
    }
  }

 private:
  std::mt19937 random_;
};

/// A number of the environment.
inline core::u32 number_of(const char* name, core::u32 otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? static_cast<core::u32>(std::strtoul(text, nullptr, 0)) : otherwise;
}

/// How much to play: what the environment says, or what the suite has time for.
struct Amount {
  core::u32 seeds = 3;
  core::u32 steps = 1500;
};

/// Plays `script(seed, steps)` for each seed, until one fails.
template <typename Script>
void for_each_seed(Amount amount, const Script& script) {
  const core::u32 first = number_of("DIFF_SEED", 1);
  const core::u32 seeds = number_of("DIFF_SEEDS", amount.seeds);
  const core::u32 steps = number_of("DIFF_COUNT", amount.steps);
  for (core::u32 i = 0; i < seeds; ++i) {
    script(first + i, steps);
    if (::testing::Test::HasFailure() || ::testing::Test::IsSkipped()) return;
  }
}

}  // namespace diff
