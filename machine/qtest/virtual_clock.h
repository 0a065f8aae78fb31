// Guest time that only a client moves. A long step goes in slices, so that a client who asks for
// years of timer ticks keeps nobody else waiting.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "hw/emul/core/clock.h"

namespace qtest {

using core::i64;

class VirtualClock final : public core::Clock {
 public:
  i64 now_ns() const override { return now_; }
  std::unique_ptr<core::Timer> make_timer(std::function<void()> fire) override;

  /// The earliest deadline, or -1.
  i64 next_deadline() const;
  /// Goes on towards `target` from deadline to deadline and fires the timers due at each, at most
  /// `most` of them. True when it is there; never goes back.
  bool advance(i64 target, unsigned most);

  /// Far enough, and devices can still add to it.
  static constexpr i64 kEnd = i64{1} << 62;

 private:
  class VirtualTimer;
  VirtualTimer* first() const;

  i64 now_ = 0;
  std::vector<VirtualTimer*> armed_;  // few; in the order of arming
};

}  // namespace qtest
