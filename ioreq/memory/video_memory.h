// Video memory on Xen: frames of the domain itself, so that the guest draws without us. They are
// made above the guest's RAM, where firmware does not look, mapped here once, and moved to
// wherever the graphics card's BAR decodes; our mapping stays good, as it is of the frames.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hw/emul/core/memory.h"
#include "hw/emul/core/result.h"
#include "ioreq/memory/foreign.h"
#include "ioreq/memory/map_cache.h"

namespace ioreq {

/// RAM below 4 GiB never reaches beyond this (the toolstack's layout of HVM guests).
inline constexpr u64 kLowRamLimit = 0xf0000000;

/// The frame where video memory waits for its BAR: the first multiple of 256 KiB above RAM of
/// `ram_bytes`, which continues at 4 GiB from `low_limit` on.
constexpr u64 hidden_frame(u64 ram_bytes, u64 low_limit = kLowRamLimit) {
  if (low_limit == 0 || low_limit > kLowRamLimit) low_limit = kLowRamLimit;
  const u64 end = ram_bytes > low_limit ? (u64{4} << 30) + ram_bytes - low_limit : ram_bytes;
  constexpr u64 kStep = 256 << 10;
  return (end + kStep - 1) / kStep * kStep >> kPageShift;
}

class XenVideoMemory final : public core::VideoMemory {
 public:
  using ErrorHandler = std::function<void(const std::string&)>;

  /// Makes `size` bytes (whole pages) at `hidden_gfn`. Everything outlives it.
  static core::Result<std::unique_ptr<XenVideoMemory>> create(FrameControl& control,
                                                              ForeignMapper& mapper, MapCache& ram,
                                                              u64 size, u64 hidden_gfn,
                                                              ErrorHandler on_error);
  /// For a domain that comes back with such frames in its memory: map_at() finds them at their BAR,
  /// settle() where they are while it is off. Until then bytes() are ours.
  static core::Result<std::unique_ptr<XenVideoMemory>> adopt(FrameControl& control,
                                                             ForeignMapper& mapper, MapCache& ram,
                                                             u64 size, u64 hidden_gfn,
                                                             ErrorHandler on_error);
  /// After the cards are restored. `bar` is the address in the BAR, whether it decodes or not;
  /// 0: none.
  core::Result<void> settle(Gpa bar);
  ~XenVideoMemory() override;
  XenVideoMemory(const XenVideoMemory&) = delete;
  XenVideoMemory& operator=(const XenVideoMemory&) = delete;

  core::MutableBytes bytes() override { return {base_, pages_ * kPageSize}; }
  void map_at(Gpa gpa) override;
  void unmap() override;
  /// The process ends, the domain need not: the memory stays where it is from now on.
  void stay() { stays_ = true; }
  void mark_dirty(u64 offset, u64 length) override;
  void take_dirty(u64 offset, u64 length, core::MutableBytes bitmap) override;
  void stop_tracking() override;

  /// While a migration watches, pages that the card wrote are collected; flush_modified() reports
  /// them. Called now and then during the migration, and once when the guest has stopped.
  void set_log_dirty(bool on);
  void flush_modified();

  /// Where the frames are now.
  u64 gfn() const { return gfn_; }

 private:
  XenVideoMemory(FrameControl& control, ForeignMapper& mapper, MapCache& ram, u64 pages,
                 u64 hidden_gfn, u8* base, ErrorHandler on_error);

  void mark_pages(u64 first, u64 count);
  void collect(u64 first, u64 count);
  void forget_tracking();
  bool move(u64 to_gfn);
  bool find_at(u64 gfn);

  FrameControl& control_;
  ForeignMapper& mapper_;
  MapCache& ram_;
  const u64 pages_;
  const u64 hidden_gfn_;
  u8* base_;
  ErrorHandler on_error_;
  u64 gfn_;
  bool waits_ = false;  // adopted, and not found yet: base_ is a stand-in
  bool stays_ = false;
  std::vector<u8> dirty_;    // a byte a page
  std::vector<u8> unsent_;   // the same, for migration; empty when none watches
  std::vector<u8> scratch_;  // bitmap as Xen fills it
  // Pages that somebody looked at; and of those the ones that Xen tracks. Count 0: none.
  u64 seen_first_ = 0, seen_count_ = 0;
  u64 tracked_first_ = 0, tracked_count_ = 0;
};

}  // namespace ioreq
