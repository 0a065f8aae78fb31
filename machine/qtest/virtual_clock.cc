#include "machine/qtest/virtual_clock.h"

#include <algorithm>

namespace qtest {

class VirtualClock::VirtualTimer final : public core::Timer {
 public:
  VirtualTimer(VirtualClock& clock, std::function<void()> fire)
      : clock_(clock), fire_(std::move(fire)) {}
  ~VirtualTimer() override { cancel(); }

  void arm(i64 deadline_ns) override {
    cancel();
    deadline_ = std::clamp<i64>(deadline_ns, 0, INT64_MAX);
    clock_.armed_.push_back(this);
  }
  void cancel() override {
    if (deadline_ < 0) return;
    deadline_ = -1;
    std::erase(clock_.armed_, this);
  }
  bool armed() const override { return deadline_ >= 0; }
  i64 deadline_ns() const override { return deadline_; }

  void fire() {
    cancel();
    fire_();
  }

 private:
  VirtualClock& clock_;
  std::function<void()> fire_;
  i64 deadline_ = -1;
};

std::unique_ptr<core::Timer> VirtualClock::make_timer(std::function<void()> fire) {
  return std::make_unique<VirtualTimer>(*this, std::move(fire));
}

VirtualClock::VirtualTimer* VirtualClock::first() const {
  const auto at = std::min_element(armed_.begin(), armed_.end(), [](const auto* a, const auto* b) {
    return a->deadline_ns() < b->deadline_ns();
  });
  return at != armed_.end() ? *at : nullptr;
}

i64 VirtualClock::next_deadline() const {
  const VirtualTimer* timer = first();
  return timer != nullptr ? timer->deadline_ns() : -1;
}

bool VirtualClock::advance(i64 target, unsigned most) {
  for (; most > 0; --most) {
    VirtualTimer* timer = first();
    if (timer == nullptr || timer->deadline_ns() > std::max(target, now_)) {
      now_ = std::max(now_, target);
      return true;
    }
    now_ = std::max(now_, timer->deadline_ns());
    timer->fire();
  }
  return false;
}

}  // namespace qtest
