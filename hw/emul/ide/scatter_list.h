// The guest memory of one DMA command: extents from a descriptor table, moved by copying, or pinned
// so that the back end reads and writes the guest's pages itself.
#pragma once

#include <sys/uio.h>

#include <span>
#include <vector>

#include "hw/emul/core/memory.h"
#include "hw/emul/ide/ata_regs.h"

namespace ide {

/// Guest memory as the controller's PCI function sees it: refused while bus mastering is off.
class DmaPort {
 public:
  virtual ~DmaPort() = default;
  virtual bool dma_read(core::Gpa gpa, core::MutableBytes to) = 0;
  virtual bool dma_write(core::Gpa gpa, core::Bytes from) = 0;
  virtual core::MemoryPin dma_pin(core::Gpa gpa, u64 length, core::MemoryAccess access) = 0;
};

class ScatterList {
 public:
  static constexpr u32 kMaxSegments = 256;

  /// At most `max_extents` pieces of memory. What it takes to remember them is kept for the next
  /// command.
  explicit ScatterList(DmaPort& port, u32 max_extents = 512)
      : port_(port), max_extents_(max_extents) {}
  ScatterList(const ScatterList&) = delete;
  ScatterList& operator=(const ScatterList&) = delete;

  /// Empties the list. Nothing may be mapped.
  void clear();
  /// Adds memory at the end; joins it to the last extent if it follows that. False when full.
  bool append(core::Gpa gpa, u64 length);

  u64 total() const { return total_; }
  u64 position() const { return position_; }
  u64 remaining() const { return total_ - position_; }

  /// Copy at the position and move it. The ends must lie within the list. What is not RAM is
  /// dropped, or makes copy_from_guest() return false.
  void copy_to_guest(core::Bytes from);
  bool copy_from_guest(core::MutableBytes to);

  /// Pins memory from the position on, at most `max` bytes and a multiple of `granule`, and moves
  /// the position. Empty if not even one granule can be pinned: then copy.
  std::span<const iovec> map(u64 max, u64 granule, core::MemoryAccess access);
  u64 mapped() const { return mapped_; }
  /// Gives the pins back. The back end must be done with them.
  void unmap();

 private:
  struct Extent {
    core::Gpa gpa;
    u64 length;
  };
  /// The longest run at the position within one extent, at most `max`.
  Extent run(u64 max) const;
  void move(u64 bytes);

  DmaPort& port_;
  const u32 max_extents_;
  std::vector<Extent> extents_;
  u64 total_ = 0;

  u64 position_ = 0;
  std::size_t extent_ = 0;  // where the position is
  u64 offset_ = 0;          // and how far into it

  std::vector<core::MemoryPin> pins_;
  std::vector<iovec> segments_;
  u64 mapped_ = 0;
};

}  // namespace ide
