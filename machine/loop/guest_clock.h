// Guest time for the loop: the host's monotonic clock less the time that the machine stood still,
// and the timers on it. The loop asks for the next deadline before it sleeps.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "hw/emul/core/clock.h"

namespace loop {

class GuestClock final : public core::Clock {
 public:
  GuestClock();
  ~GuestClock() override = default;

  core::i64 now_ns() const override;
  std::unique_ptr<core::Timer> make_timer(std::function<void()> fire) override;

  void stop();
  void resume();
  /// Goes on from `now_ns`, at least 0. Timers keep their deadlines.
  void set(core::i64 now_ns);

  /// Host time of the earliest deadline; kNever if none is armed or time stands still.
  core::i64 next_host_ns() const { return stopped_ || next_ < 0 ? kNever : next_ + offset_; }
  /// Fires what is due now. A timer that re-arms itself in the past waits for the next call.
  bool fire_due();

  static constexpr core::i64 kNever = INT64_MAX;

 private:
  class GuestTimer;

  void update();

  std::vector<GuestTimer*> armed_;  // few: a linear look is cheaper than a heap
  core::i64 next_ = -1;             // the earliest deadline, in guest time
  core::i64 offset_;
  core::i64 stopped_at_ = 0;
  bool stopped_ = false;
};

}  // namespace loop
