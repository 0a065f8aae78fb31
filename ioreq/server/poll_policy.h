// How long to look at the shared pages before sleeping. Looking saves the guest the time of an
// event (an interrupt of this domain, a wake-up, two system calls) and costs CPU time when nothing
// comes, so it must pay for itself:
//
// - It opens when a request comes soon after we went to sleep, and closes when two in a row come
//   late. A guest that is idle, or accesses us now and then, never has it open.
// - The window is four times the usual time from an answer to the next request.
// - Each request that is met earns what an event costs; each look in vain pays for its time. With
//   the credit gone it stays closed for a while, and longer each time.
// - Somebody else used this CPU when we offered it: we stop looking at once, and pay for that as
// for a
//   long look. Among others that are busy it thus ends soon, unless requests keep coming: to wake
//   up for each of those would take longest just then.
//
// Pure: times come from the caller.
#pragma once

#include <algorithm>

#include "hw/emul/core/types.h"

namespace ioreq {

using core::i64;
using core::u64;

class PollPolicy {
 public:
  static constexpr u64 kFirstWindowNs = 6'000;
  /// Times the widest window: a request after a longer sleep is late. Part of the sleep is our own
  /// waking up, and where that takes long, looking is worth most.
  static constexpr u64 kLate = 4;
  /// What a request that is met in the window saves.
  static constexpr i64 kGainNs = 5'000;
  /// What taking the CPU from others costs.
  static constexpr i64 kCrowdedNs = 50'000;
  static constexpr i64 kMaxCreditNs = 1'000'000;
  static constexpr i64 kFirstCreditNs = 200'000;
  static constexpr u64 kFirstPauseNs = 5'000'000;
  static constexpr u64 kMaxPauseNs = 1'000'000'000;

  /// The widest window; 0 turns looking off.
  void set_max(u64 ns) {
    max_ns_ = ns;
    gap_ns_ = ns / 4;
    open_ = false;
  }
  bool enabled() const { return max_ns_ != 0; }
  u64 window() const {
    return open_ ? std::min(max_ns_, std::max(kFirstWindowNs, gap_ns_ * 4)) : 0;
  }

  /// An event brought a request after `slept_ns` of sleep.
  void woken(u64 slept_ns, u64 now) {
    if (slept_ns > kLate * max_ns_) {
      if (++late_ >= 2) open_ = false;
      return;
    }
    late_ = 0;
    open_ = open_ || now >= closed_until_;
    learn(slept_ns);
  }

  /// A request came while we looked, `gap_ns` after the last answer.
  void met(u64 gap_ns) {
    late_ = 0;
    learn(gap_ns);
    credit_ns_ = std::min(kMaxCreditNs, credit_ns_ + kGainNs);
    if (credit_ns_ == kMaxCreditNs) pause_ns_ = kFirstPauseNs;
  }

  /// None came in `looked_ns`.
  void missed(u64 looked_ns, u64 now) {
    credit_ns_ -= static_cast<i64>(std::min<u64>(looked_ns, kMaxCreditNs));
    if (credit_ns_ < 0) close(now);
  }

  /// Somebody else had our CPU while we looked.
  void crowded(u64 now) {
    open_ = false;
    missed(static_cast<u64>(kCrowdedNs), now);
  }

 private:
  void learn(u64 gap_ns) { gap_ns_ = (gap_ns_ * 7 + std::min(gap_ns, max_ns_)) / 8; }

  void close(u64 now) {
    open_ = false;
    credit_ns_ = kFirstCreditNs;
    closed_until_ = now + pause_ns_;
    pause_ns_ = std::min(kMaxPauseNs, pause_ns_ * 2);
  }

  u64 max_ns_ = 0;
  bool open_ = false;
  u64 gap_ns_ = 0;     // from an answer to the next request, averaged
  unsigned late_ = 0;  // events in a row that came long after we went to sleep
  i64 credit_ns_ = kFirstCreditNs;
  u64 closed_until_ = 0;
  u64 pause_ns_ = kFirstPauseNs;
};

}  // namespace ioreq
