#include "machine/loop/guest_clock.h"

#include <algorithm>

#include "machine/loop/loop.h"

namespace loop {

using core::i64;

/// 146 years: host time can be added to it.
constexpr i64 kFarthest = i64{1} << 62;

class GuestClock::GuestTimer final : public core::Timer {
 public:
  GuestTimer(GuestClock& clock, std::function<void()> fire)
      : clock_(clock), fire_(std::move(fire)) {}
  ~GuestTimer() override { cancel(); }

  void arm(i64 deadline_ns) override {
    if (deadline_ < 0) clock_.armed_.push_back(this);
    deadline_ = std::clamp<i64>(deadline_ns, 0, kFarthest);
    clock_.update();
  }
  void cancel() override {
    if (deadline_ < 0) return;
    deadline_ = -1;
    std::erase(clock_.armed_, this);
    clock_.update();
  }
  bool armed() const override { return deadline_ >= 0; }
  i64 deadline_ns() const override { return deadline_; }

  void fire() {
    cancel();
    fire_();
  }

 private:
  GuestClock& clock_;
  std::function<void()> fire_;
  i64 deadline_ = -1;
};

GuestClock::GuestClock() : offset_(Loop::host_ns()) {}

i64 GuestClock::now_ns() const {
  return stopped_ ? stopped_at_ : Loop::host_ns() - offset_;
}

std::unique_ptr<core::Timer> GuestClock::make_timer(std::function<void()> fire) {
  return std::make_unique<GuestTimer>(*this, std::move(fire));
}

void GuestClock::stop() {
  if (stopped_) return;
  stopped_at_ = now_ns();
  stopped_ = true;
}

void GuestClock::resume() {
  if (!stopped_) return;
  stopped_ = false;
  offset_ = Loop::host_ns() - stopped_at_;
}

void GuestClock::set(i64 now_ns) {
  stopped_at_ = now_ns;
  offset_ = Loop::host_ns() - now_ns;
}

void GuestClock::update() {
  next_ = -1;
  for (const GuestTimer* timer : armed_) {
    if (next_ < 0 || timer->deadline_ns() < next_) next_ = timer->deadline_ns();
  }
}

bool GuestClock::fire_due() {
  if (stopped_ || next_ < 0) return false;
  const i64 now = now_ns();
  bool any = false;
  // Only as many as are armed on entry, or one that re-arms itself in the past would keep us.
  std::size_t budget = armed_.size();
  while (budget-- > 0 && !stopped_) {
    GuestTimer* due = nullptr;
    for (GuestTimer* timer : armed_) {
      if (timer->deadline_ns() > now) continue;
      if (due == nullptr || timer->deadline_ns() < due->deadline_ns()) due = timer;
    }
    if (due == nullptr) break;
    due->fire();
    any = true;
  }
  return any;
}

}  // namespace loop
