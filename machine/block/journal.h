// What a server has acknowledged and not yet made durable: sent again to the one that takes its
// place. A server that dies takes with it what it had only in memory; the guest, which lives on,
// must not read what was there before.
#pragma once

#include <deque>
#include <memory>

#include "machine/block/nbd_link.h"

namespace block {

class Journal {
 public:
  struct Entry {
    NbdLink::Kind kind = NbdLink::Kind::kWrite;  // or kZero, kTrim
    u64 offset = 0;
    u64 length = 0;
    std::shared_ptr<u8[]> data;
  };

  /// Above kEnough a flush is due; with kFull no more can be taken.
  static constexpr u64 kEnough = u64{8} << 20;
  static constexpr u64 kFull = u64{32} << 20;

  void add(Entry entry) {
    bytes_ += cost(entry);
    entries_.push_back(std::move(entry));
  }
  /// What a flush that begins now will cover.
  u64 mark() const { return first_ + entries_.size(); }
  /// A flush has ended well that began at `mark`.
  void forget_until(u64 mark) {
    while (first_ < mark && !entries_.empty()) {
      bytes_ -= cost(entries_.front());
      entries_.pop_front();
      ++first_;
    }
  }
  void clear() { forget_until(mark()); }

  u64 bytes() const { return bytes_; }
  const std::deque<Entry>& entries() const { return entries_; }

 private:
  static u64 cost(const Entry& entry) {
    constexpr u64 kOverhead = 128;
    return kOverhead + (entry.kind == NbdLink::Kind::kWrite ? entry.length : 0);
  }

  std::deque<Entry> entries_;
  u64 first_ = 0;  // the number of the first entry
  u64 bytes_ = 0;
};

}  // namespace block
