#include "machine/block/throttle.h"

#include <algorithm>

namespace block {

namespace {

constexpr double kNsPerSecond = 1e9;

}  // namespace

bool ThrottleLimits::any() const {
  return (bytes.average | bytes_read.average | bytes_write.average | ops.average |
          ops_read.average | ops_write.average) != 0;
}

core::Result<void> ThrottleLimits::check() const {
  constexpr u64 kMost = 1'000'000'000'000'000;
  const auto both = [](const ThrottleLimit& total, const ThrottleLimit& read,
                       const ThrottleLimit& write) {
    return (total.average != 0 && (read.average | write.average) != 0) ||
           (total.peak != 0 && (read.peak | write.peak) != 0);
  };
  if (both(bytes, bytes_read, bytes_write) || both(ops, ops_read, ops_write)) {
    return core::fail(
        "bps/iops/max total values and read/write values cannot be used at the same time");
  }
  if (op_size != 0 && (ops.average | ops_read.average | ops_write.average) == 0) {
    return core::fail("iops size requires an iops value to be set");
  }
  for (const ThrottleLimit& one : {bytes, bytes_read, bytes_write, ops, ops_read, ops_write}) {
    if (one.average > kMost || one.peak > kMost) {
      return core::fail("bps/iops/max values must be within [0, 1000000000000000]");
    }
    if (one.burst_seconds == 0) return core::fail("the burst length cannot be 0");
    if (one.burst_seconds > 1 && one.peak == 0) {
      return core::fail("burst length set without burst rate");
    }
    if (one.peak != 0 && one.burst_seconds > kMost / one.peak) {
      return core::fail("burst length too high for this burst rate");
    }
    if (one.peak != 0 && one.average == 0) {
      return core::fail("bps_max/iops_max require corresponding bps/iops values");
    }
    if (one.peak != 0 && one.peak < one.average) {
      return core::fail("bps_max/iops_max cannot be lower than bps/iops");
    }
  }
  return {};
}

void Throttle::set(const ThrottleLimits& limits, i64 now_ns) {
  limits_ = limits;
  const auto bucket = [](const ThrottleLimit& limit) {
    Bucket made;
    made.limit = limit;
    return made;
  };
  bytes_ = {bucket(limits.bytes), bucket(limits.bytes_read), bucket(limits.bytes_write)};
  ops_ = {bucket(limits.ops), bucket(limits.ops_read), bucket(limits.ops_write)};
  leaked_ns_ = now_ns;
}

void Throttle::Bucket::leak(double seconds) {
  level = std::max(level - static_cast<double>(limit.average) * seconds, 0.0);
  burst_level = std::max(burst_level - static_cast<double>(limit.peak) * seconds, 0.0);
}

/// In seconds. Without a peak, a tenth of a second's worth may come at once: requests one by one
/// at exact times would be slow for everybody.
double Throttle::Bucket::wait() const {
  if (limit.average == 0) return 0;
  const auto average = static_cast<double>(limit.average);
  const auto peak = static_cast<double>(limit.peak);
  const double room =
      limit.peak == 0 ? average / 10 : peak * static_cast<double>(limit.burst_seconds);
  if (level > room) return (level - room) / average;
  if (limit.burst_seconds > 1 && burst_level > peak / 10) return (burst_level - peak / 10) / peak;
  return 0;
}

void Throttle::leak(i64 now_ns) {
  const i64 passed = now_ns - leaked_ns_;
  leaked_ns_ = now_ns;
  if (passed <= 0) return;
  const double seconds = static_cast<double>(passed) / kNsPerSecond;
  for (auto* const kind : {&bytes_, &ops_}) {
    for (Bucket& bucket : *kind) bucket.leak(seconds);
  }
}

i64 Throttle::wait_ns(bool write, i64 now_ns) {
  leak(now_ns);
  const std::size_t own = write ? 2 : 1;
  const double wait =
      std::max({bytes_[0].wait(), bytes_[own].wait(), ops_[0].wait(), ops_[own].wait()});
  constexpr double kLongest = 1e9;  // seconds: a limit that lets nothing pass is an operator's
  return static_cast<i64>(std::min(wait, kLongest) * kNsPerSecond);
}

void Throttle::count(bool write, u64 bytes) {
  double units = 1;
  if (limits_.op_size != 0 && bytes > limits_.op_size) {
    units = static_cast<double>(bytes) / static_cast<double>(limits_.op_size);
  }
  const std::size_t own = write ? 2 : 1;
  for (const std::size_t which : {std::size_t{0}, own}) {
    bytes_[which].level += static_cast<double>(bytes);
    ops_[which].level += units;
    if (bytes_[which].limit.burst_seconds > 1)
      bytes_[which].burst_level += static_cast<double>(bytes);
    if (ops_[which].limit.burst_seconds > 1) ops_[which].burst_level += units;
  }
}

}  // namespace block
