// How much a drive may move in a time, as QEMU's throttling has it: leaky buckets for bytes and
// operations, in total or by direction, with bursts. Reckons only; who must wait is its user's.
//
// Thread: device thread.
#pragma once

#include <array>
#include <string>

#include "hw/emul/core/result.h"
#include "hw/emul/core/types.h"

namespace block {

using core::i64;
using core::u64;

struct ThrottleLimit {
  u64 average = 0;  // a second; 0: none
  u64 peak = 0;     // a second, in a burst
  u64 burst_seconds = 1;
  bool operator==(const ThrottleLimit&) const = default;
};

struct ThrottleLimits {
  ThrottleLimit bytes, bytes_read, bytes_write;
  ThrottleLimit ops, ops_read, ops_write;
  u64 op_size = 0;  // above it a request counts as several
  bool any() const;
  /// Nothing if they can be had together; else why not, in QEMU's words that clients know.
  core::Result<void> check() const;
  bool operator==(const ThrottleLimits&) const = default;
};

class Throttle {
 public:
  explicit Throttle(const ThrottleLimits& limits, i64 now_ns) { set(limits, now_ns); }
  /// Begins anew.
  void set(const ThrottleLimits& limits, i64 now_ns);
  const ThrottleLimits& limits() const { return limits_; }

  /// How long the next request of that direction has to wait; 0: it may go.
  i64 wait_ns(bool write, i64 now_ns);
  /// A request goes.
  void count(bool write, u64 bytes);

 private:
  struct Bucket {
    ThrottleLimit limit;
    double level = 0;
    double burst_level = 0;  // of one second at the peak, for bursts of several
    void leak(double seconds);
    double wait() const;
  };
  void leak(i64 now_ns);

  ThrottleLimits limits_;
  // Total, reads, writes.
  std::array<Bucket, 3> bytes_;
  std::array<Bucket, 3> ops_;
  i64 leaked_ns_ = 0;
};

}  // namespace block
