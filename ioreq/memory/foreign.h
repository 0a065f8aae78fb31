// What the hypervisor offers for guest memory: mapping it here, and telling of what we changed.
#pragma once

#include <span>

#include "hw/emul/core/types.h"

namespace ioreq {

using core::Gpa;
using core::i64;
using core::u32;
using core::u64;
using core::u8;

inline constexpr u64 kPageSize = 4096;
inline constexpr u64 kPageShift = 12;

/// Maps frames of the guest into this process.
class ForeignMapper {
 public:
  virtual ~ForeignMapper() = default;
  /// Maps errors.size() frames from `first_gfn` on, readable and writable, and sets each error to
  /// 0 or an errno value; pages with an error must not be touched. Null if nothing came of it.
  virtual u8* map(u64 first_gfn, std::span<int> errors) = 0;
  virtual void unmap(u8* at, u64 pages) = 0;
};

/// Told of guest frames that we wrote, while a migration watches.
class MemoryMarker {
 public:
  virtual ~MemoryMarker() = default;
  virtual void modified_memory(u64 first_gfn, u64 count) = 0;
};

/// The hypervisor's controls of where frames are in the guest's address space.
/// Errors are errno values, 0 is success.
class FrameControl : public MemoryMarker {
 public:
  virtual int populate(u64 first_gfn, u64 count) = 0;
  virtual int relocate(u64 from_gfn, u64 to_gfn, u64 count) = 0;
  /// The guest's caching of these frames is write-back, whatever its MTRRs say; or no longer.
  virtual int pin_write_back(u64 first_gfn, u64 count) = 0;
  virtual void unpin_caching(u64 first_gfn, u64 count) = 0;
  /// What the guest wrote since the last call for exactly this range, a bit a page; the first call
  /// for a range reports all. One range a domain at a time.
  virtual int track_dirty(u64 first_gfn, u64 count, std::span<u8> bitmap) = 0;
  virtual void stop_tracking() = 0;
};

}  // namespace ioreq
