// Our end of a shared ring. The other end may write anything into it at any time: every index and
// slot is read once, and an index that cannot be is said so.
//
// Document: Xen, public/io/ring.h.
//
// Thread: device thread.
#pragma once

#include <optional>

#include "hw/xen/blkif/blkif_regs.h"

namespace blkif {

class Ring {
 public:
  /// `shared` is `pages` long. Goes on where the ring is.
  Ring(u8* shared, u32 pages, const Layout& layout);

  u32 size() const { return size_; }
  /// Requests that were put in and not taken yet; nothing if there cannot be so many.
  std::optional<u32> waiting() const;
  /// Of a ring that somebody had before: whether everything that was taken had been answered when
  /// its owner last slept. What is in the ring since then can be done, even if it was begun.
  bool left_in_order() const {
    return load(kReqProd) == answered_ || load(kReqEvent) == answered_ + 1;
  }

  /// A copy of the oldest that was not taken.
  Slot peek() const;
  void take() { ++taken_; }
  void answer(u64 id, u8 op, i16 status);
  /// Shows the answers to the front end; true if it wants to hear of it.
  bool publish();
  /// Asks to be rung for the next request; false if there is one already.
  bool sleep();

 private:
  u32 load(u32 at) const;
  void store(u32 at, u32 value);
  u8* slot(u32 index) const { return shared_ + kSlots + u64{index & (size_ - 1)} * layout_.slot; }

  u8* shared_;
  const Layout& layout_;
  u32 size_;
  u32 taken_;
  u32 answered_;
  u32 published_;
};

}  // namespace blkif
