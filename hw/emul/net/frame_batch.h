// Frames on their way out, collected until they are worth a call.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "hw/emul/core/net.h"
#include "hw/emul/core/net_offload.h"

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
  /// The last frame, longer by `length`; empty if there is no room. What there is of it stays.
  core::MutableBytes grow(std::size_t length) {
    if (length > kBytes - used_) return {};
    used_ += length;
    const std::size_t size = frames_.back().size() + length;
    const core::MutableBytes room(bytes_.get() + used_ - size, size);
    frames_.back() = room;
    return room;
  }
  core::MutableBytes last() {
    const std::size_t size = frames_.back().size();
    return {bytes_.get() + used_ - size, size};
  }
  /// What the other end is to do to the last frame.
  void leave(const core::NetOffload& todo) {
    todo_.resize(frames_.size());
    todo_.back() = todo;
  }
  /// Forgets what the last add() gave.
  void take_back() {
    used_ -= frames_.back().size();
    frames_.pop_back();
    if (todo_.size() > frames_.size()) todo_.pop_back();
  }
  /// What was left to the other end is only in a batch for one that offloads.
  void send_to(core::NetBackend& wire, core::OffloadingBackend* offloading) {
    if (todo_.empty() || offloading == nullptr) {
      drop(wire.send(frames_));
      return;
    }
    todo_.resize(frames_.size());
    drop(offloading->send_offloading(frames_, todo_));
  }
  /// Forgets the first `count`. What stays does not move until all are gone.
  void drop(std::size_t count) {
    if (count >= frames_.size()) {
      clear();
    } else {
      const auto gone = static_cast<std::ptrdiff_t>(count);
      frames_.erase(frames_.begin(), frames_.begin() + gone);
      if (!todo_.empty()) todo_.erase(todo_.begin(), todo_.begin() + gone);
    }
  }
  void clear() {
    frames_.clear();
    todo_.clear();
    used_ = 0;
  }

 private:
  // Not touched before it is used: most cards in most guests send little.
  std::unique_ptr<core::u8[]> bytes_ = std::make_unique_for_overwrite<core::u8[]>(kBytes);
  std::vector<core::Bytes> frames_;
  std::vector<core::NetOffload> todo_;  // as many, or fewer, or none: the rest is as it should be
  std::size_t used_ = 0;
};

}  // namespace net
