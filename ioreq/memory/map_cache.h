// Guest RAM, mapped into this process in buckets of 1 MiB as devices touch it. A bucket may have
// holes: pages that are not RAM (yet). The number of buckets is bounded; the one that was idle
// longest makes room.
//
// Thread: device thread. The bytes of a pin may be used by other threads until it is released.
#pragma once

#include <array>
#include <bitset>
#include <functional>
#include <vector>

#include "hw/emul/core/memory.h"
#include "ioreq/memory/foreign.h"

namespace ioreq {

class MapCache final : public core::GuestMemory {
 public:
  static constexpr u64 kBucketSize = u64{1} << 20;
  static constexpr u64 kBucketPages = kBucketSize / kPageSize;
  /// 1 GiB mapped at most, by default.
  static constexpr u32 kDefaultBuckets = 1024;

  MapCache(ForeignMapper& mapper, MemoryMarker& marker, u32 max_buckets = kDefaultBuckets);
  /// No pin outlives it.
  ~MapCache() override;
  MapCache(const MapCache&) = delete;
  MapCache& operator=(const MapCache&) = delete;

  [[nodiscard]] bool read(Gpa gpa, core::MutableBytes to) override;
  [[nodiscard]] bool write(Gpa gpa, core::Bytes from) override;
  /// Up to the next hole or the end of the bucket.
  [[nodiscard]] core::MemoryPin pin(Gpa gpa, u64 length, core::MemoryAccess access) override;

  /// Drops every mapping, so that memory the guest gave back is free. What is pinned is forgotten
  /// now, and goes with its last pin: whoever needs it gone on return drains I/O first.
  void invalidate();
  /// The same for a part: frames that moved.
  void invalidate(Gpa gpa, u64 length);

  /// Whether writes are reported to the marker (live migration). Pins are reported on release,
  /// also those taken before.
  void set_log_dirty(bool on) { log_dirty_ = on; }

  /// Tells of writes to [gpa, gpa + length): the screen wants to know of disk controllers that
  /// write into video memory. One window; length 0 closes it.
  void watch_writes(Gpa gpa, u64 length, std::function<void(u64 offset, u64 length)> written);

  /// For statistics and tests.
  u32 mapped_buckets() const { return used_; }
  u64 map_calls() const { return map_calls_; }

 private:
  struct Bucket {
    u64 number = 0;      // gpa / kBucketSize
    u8* base = nullptr;  // null: unused
    u32 pins = 0;
    bool detached = false;  // no longer found; goes with its last pin
    u32 next = 0;           // in its hash chain, or of the free list
    u64 last_used = 0;
    std::bitset<kBucketPages> present;
  };

  // Bucket 0 of the array is never used, so that 0 can mean none.
  static constexpr u32 kNone = 0;
  // Physical addresses have at most 52 bits (AMD64 APM volume 2, 5.1).
  static constexpr u64 kAddressLimit = u64{1} << 52;

  u32 find(u64 number);
  u32 bucket_with(Gpa gpa);
  u32 map_bucket(u64 number, u64 wanted_page);
  bool page_exists(u64 gfn);
  u32 allocate();
  void detach(u32 index);
  void free(u32 index);
  u32& chain(u64 number) { return chains_[number % chains_.size()]; }
  u8* locate(Gpa gpa, u64 length, u64& run, u32& index);
  void written(Gpa gpa, u64 length);
  void unpin(const core::MemoryPin& pin) override;

  ForeignMapper& mapper_;
  MemoryMarker& marker_;
  std::vector<Bucket> buckets_;
  std::vector<u32> chains_;
  u32 free_ = kNone;
  u32 last_ = kNone;  // the last hit
  u32 used_ = 0;
  u64 tick_ = 0;
  u64 empty_number_ = ~u64{0};  // of the last bucket that had not a single page
  u64 map_calls_ = 0;
  bool log_dirty_ = false;
  Gpa watch_begin_ = 0;
  Gpa watch_end_ = 0;
  std::function<void(u64, u64)> watcher_;
};

}  // namespace ioreq
