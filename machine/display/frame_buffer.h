// The picture in memory that other processes can map.
#pragma once

#include "hw/emul/core/display.h"
#include "machine/vnc/channel.h"

namespace screen {

using core::u32;
using core::u64;
using core::u8;

/// Anonymous shared memory of a fixed size; rows without gaps.
class FrameBuffer {
 public:
  FrameBuffer() = default;
  ~FrameBuffer() { drop(); }
  FrameBuffer(const FrameBuffer&) = delete;
  FrameBuffer& operator=(const FrameBuffer&) = delete;

  /// A new picture, all black. False if the host has no memory for it; there is none then.
  bool create(u32 width, u32 height);
  void drop();

  explicit operator bool() const { return surface_.pixels != nullptr; }
  const core::Surface& surface() const { return surface_; }
  /// A descriptor through which it can only be read, for another process.
  vnc::Fd read_only() const;

 private:
  vnc::Fd memory_;
  core::Surface surface_{};
};

}  // namespace screen
