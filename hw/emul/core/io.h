// Ports and memory-mapped registers: what a device implements (IoHandler) and where it hangs
// (IoSpace). The same handler class may serve several regions, told apart by `tag`.
//
// Thread: the device thread, always.
#pragma once

#include <string_view>

#include "hw/emul/core/types.h"

namespace core {

/// Access widths (bytes) that a handler wants to see. The space splits wider accesses into
/// ascending pieces of `max` bytes and widens narrower ones to `min` (reads are cut, writes are
/// zero-extended), so a handler sees only min..max. Accesses that straddle regions are split too.
struct Widths {
  u8 min = 1;
  u8 max = 4;
};

/// A device's side of an access. `offset` is relative to the region's base. Unknown registers
/// read all ones and ignore writes; a handler may say so through core::guest_error().
class IoHandler {
 public:
  virtual ~IoHandler() = default;

  virtual u64 io_read(u32 tag, u64 offset, unsigned width) = 0;
  virtual void io_write(u32 tag, u64 offset, u64 value, unsigned width) = 0;

  /// `rep ins`: data.size()/width reads of the same register. Overridden where a device can copy
  /// a whole sector; must equal the loop it replaces.
  virtual void io_read_string(u32 tag, u64 offset, unsigned width, MutableBytes data);
  /// `rep outs`, likewise.
  virtual void io_write_string(u32 tag, u64 offset, unsigned width, Bytes data);

  /// `rep movs` between guest memory and a memory region: ascending addresses from `offset`,
  /// `width` bytes each. Overridden by the screen.
  virtual void io_read_block(u32 tag, u64 offset, unsigned width, MutableBytes data);
  virtual void io_write_block(u32 tag, u64 offset, unsigned width, Bytes data);
};

/// A piece of address space owned by a handler.
struct IoRegion {
  u64 base = 0;
  u64 length = 0;
  std::string_view name;  // of static storage; appears in logs, `info mtree` and traces
  IoHandler* handler = nullptr;
  u32 tag = 0;
  Widths widths{};
  int priority = 0;  // the higher one wins where regions overlap; among equals the later one
};

/// Names a mapped region; 0 is none.
using RegionId = u32;

/// Told of every change to the set of addresses that somebody answers.
class IoSpaceListener {
 public:
  virtual ~IoSpaceListener() = default;
  virtual void region_mapped(const IoRegion& region) = 0;
  virtual void region_unmapped(const IoRegion& region) = 0;
};

/// An address space: ports or memory. Reads of nothing are all ones, writes to nothing vanish.
class IoSpace {
 public:
  virtual ~IoSpace() = default;

  virtual RegionId map(const IoRegion& region) = 0;
  virtual void unmap(RegionId id) = 0;

  virtual u64 read(u64 address, unsigned width) = 0;
  virtual void write(u64 address, u64 value, unsigned width) = 0;
};

/// Unmaps its region when it goes.
class ScopedRegion {
 public:
  ScopedRegion() = default;
  ScopedRegion(IoSpace& space, const IoRegion& region) : space_(&space), id_(space.map(region)) {}
  ~ScopedRegion() { reset(); }
  ScopedRegion(const ScopedRegion&) = delete;
  ScopedRegion& operator=(const ScopedRegion&) = delete;
  ScopedRegion(ScopedRegion&& other) noexcept : space_(other.space_), id_(other.id_) {
    other.id_ = 0;
  }
  ScopedRegion& operator=(ScopedRegion&& other) noexcept {
    if (this != &other) {
      reset();
      space_ = other.space_;
      id_ = other.id_;
      other.id_ = 0;
    }
    return *this;
  }

  void reset() {
    if (id_ != 0) space_->unmap(id_);
    id_ = 0;
  }
  explicit operator bool() const { return id_ != 0; }

 private:
  IoSpace* space_ = nullptr;
  RegionId id_ = 0;
};

}  // namespace core
