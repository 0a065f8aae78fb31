// Frames on their way out, collected until they are worth a call.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "hw/emul/core/types.h"

namespace net {

/// Storage is allocated once; add() copies.
class FrameBatch {
 public:
  static constexpr std::size_t kFrames = 256;
  static constexpr std::size_t kBytes = 512 << 10;
  /// From here on it should be sent.
  static constexpr std::size_t kEnough = 64;

  FrameBatch() { frames_.reserve(kFrames); }

  bool empty() const { return frames_.empty(); }
  bool enough() const { return frames_.size() >= kEnough || used_ >= kBytes / 4; }
  std::span<const core::Bytes> frames() const { return frames_; }

  /// Room for a frame of `length` bytes, to be filled at once; empty if there is none.
  core::MutableBytes add(std::size_t length) {
    if (frames_.size() == kFrames || length > kBytes - used_) return {};
    const core::MutableBytes room = core::MutableBytes(bytes_.get() + used_, length);
    frames_.push_back(room);
    used_ += length;
    return room;
  }
  /// Forgets what the last add() gave.
  void take_back() {
    used_ -= frames_.back().size();
    frames_.pop_back();
  }
  /// Forgets the first `count`. What stays does not move until all are gone.
  void drop(std::size_t count) {
    if (count >= frames_.size()) {
      clear();
    } else {
      frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(count));
    }
  }
  void clear() {
    frames_.clear();
    used_ = 0;
  }

 private:
  // Not touched before it is used: most cards in most guests send little.
  std::unique_ptr<core::u8[]> bytes_ = std::make_unique_for_overwrite<core::u8[]>(kBytes);
  std::vector<core::Bytes> frames_;
  std::size_t used_ = 0;
};

}  // namespace net
