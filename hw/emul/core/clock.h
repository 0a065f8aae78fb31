// Guest time. It stands still while the machine is paused, and only tests move it by hand.
#pragma once

#include <functional>
#include <memory>

#include "hw/emul/core/types.h"

namespace core {

/// A one-shot deadline in guest time. The deadline may be saved state; the timer object is not.
class Timer {
 public:
  virtual ~Timer() = default;
  /// Fires once at or after `deadline_ns`; replaces an earlier deadline.
  virtual void arm(i64 deadline_ns) = 0;
  virtual void cancel() = 0;
  virtual bool armed() const = 0;
  /// The deadline while armed, -1 otherwise (QEMU's stream uses the same value).
  virtual i64 deadline_ns() const = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds of guest time since the machine was made.
  virtual i64 now_ns() const = 0;
  /// `fire` runs on the device thread.
  virtual std::unique_ptr<Timer> make_timer(std::function<void()> fire) = 0;
};

inline constexpr i64 kNsPerSecond = 1'000'000'000;

}  // namespace core
