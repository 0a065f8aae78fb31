// Calls that need not wait for a medium, made on the device thread: reads of what the host has in
// its page cache, and all of files that live in memory. The way to another thread and back takes
// longer than such a call.
//
// Thread: device thread.
#pragma once

#include "hw/emul/core/types.h"

namespace block {

using core::u64;

class Transfer;
struct Node;

/// What is known of one image.
class AtOnce {
 public:
  /// Longer calls would keep the guest's other processors waiting.
  static constexpr u64 kMostBytes = u64{128} << 10;

  /// Makes the call that is due, for `result`; false if somebody has to do it who may wait.
  bool perform(Transfer& transfer);

 private:
  enum class Where : core::u8 { kUnknown, kMemory, kCache, kNowhere };
  static Where look(const Node& node);

  Where where_ = Where::kUnknown;
  // After misses so many calls are not tried: a guest that reads what is not cached pays little.
  unsigned skip_ = 0;
  unsigned next_skip_ = 0;
};

}  // namespace block
