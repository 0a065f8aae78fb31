// A front end's side of a PV disk's ring, in memory that the back end sees, too.
#pragma once

#include <cstring>
#include <vector>

#include "hw/emul/core/bits.h"
#include "hw/xen/blkif/blkif_regs.h"

namespace bench {

using blkif::Layout;
using core::i16;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

struct Answer {
  u64 id = 0;
  u8 op = 0;
  i16 status = 0;
  bool operator==(const Answer&) const = default;
};

struct Part {
  u32 reference = 0;
  u8 first = 0;
  u8 last = 7;
};

/// One ring of a front end.
class FrontRing {
 public:
  FrontRing(u8* base, u32 pages, const Layout& layout)
      : layout_(layout), base_(base), size_(blkif::ring_size(layout, pages)) {
    std::memset(base_, 0, std::size_t{pages} * blkif::kPageSize);
    core::store_le<u32>(base_ + blkif::kReqEvent, 1);
    core::store_le<u32>(base_ + blkif::kRspEvent, 1);
  }

  u32 size() const { return size_; }
  u8* next_slot() { return slot(produced_); }
  u8* slot(u32 index) { return base_ + blkif::kSlots + (index & (size_ - 1)) * layout_.slot; }
  u8* base() { return base_; }

  void put(u8 op, u64 id, u64 sector, const std::vector<Part>& parts) {
    u8* const at = next_slot();
    std::memset(at, 0, layout_.slot);
    at[0] = op;
    at[1] = static_cast<u8>(parts.size());
    core::store_le<u64>(at + layout_.id, id);
    core::store_le<u64>(at + layout_.sector, sector);
    for (std::size_t i = 0; i < parts.size() && i < blkif::kDirectSegments; ++i) {
      put_segment(at + layout_.segments + i * 8, parts[i]);
    }
    ++produced_;
  }
  void put_discard(u64 id, u64 sector, u64 count) {
    u8* const at = next_slot();
    put(5, id, sector, {});
    core::store_le<u64>(at + layout_.discard_count, count);
  }
  void put_indirect(u8 op, u64 id, u64 sector, u16 count, u32 page) {
    u8* const at = next_slot();
    put(6, id, sector, {});
    at[1] = op;
    core::store_le<u16>(at + 2, count);
    core::store_le<u32>(at + layout_.indirect_pages, page);
  }
  static void put_segment(u8* at, const Part& part) {
    core::store_le<u32>(at, part.reference);
    at[4] = part.first;
    at[5] = part.last;
  }

  /// Shows what was put; true if the other end wants to hear of it.
  bool push() {
    const u32 before = core::load_le<u32>(base_ + blkif::kReqProd);
    core::store_le<u32>(base_ + blkif::kReqProd, produced_);
    const u32 event = core::load_le<u32>(base_ + blkif::kReqEvent);
    return produced_ - event < produced_ - before;
  }
  std::vector<Answer> answers() {
    std::vector<Answer> found;
    const u32 end = core::load_le<u32>(base_ + blkif::kRspProd);
    for (; consumed_ != end && found.size() <= size_; ++consumed_) {
      const u8* const at = slot(consumed_);
      found.push_back({core::load_le<u64>(at + blkif::kResponseId), at[blkif::kResponseOp],
                       static_cast<i16>(core::load_le<u16>(at + blkif::kResponseStatus))});
    }
    core::store_le<u32>(base_ + blkif::kRspEvent, consumed_ + 1);
    return found;
  }

 private:
  const Layout& layout_;
  u8* base_;
  u32 size_;
  u32 produced_ = 0;
  u32 consumed_ = 0;
};

}  // namespace bench
