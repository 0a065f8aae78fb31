#include "hw/emul/ide/scatter_list.h"

#include <algorithm>

namespace ide {

void ScatterList::clear() {
  unmap();
  extents_.clear();
  extent_ = 0;
  total_ = position_ = offset_ = 0;
}

bool ScatterList::append(core::Gpa gpa, u64 length) {
  if (length == 0) return true;
  if (!extents_.empty() && extents_.back().gpa + extents_.back().length == gpa) {
    extents_.back().length += length;
  } else {
    if (extents_.size() == max_extents_) return false;
    extents_.push_back({gpa, length});
  }
  total_ += length;
  return true;
}

ScatterList::Extent ScatterList::run(u64 max) const {
  if (extent_ >= extents_.size()) return {0, 0};
  const Extent& here = extents_[extent_];
  return {here.gpa + offset_, std::min(max, here.length - offset_)};
}

void ScatterList::move(u64 bytes) {
  position_ += bytes;
  offset_ += bytes;
  while (extent_ < extents_.size() && offset_ >= extents_[extent_].length) {
    offset_ -= extents_[extent_].length;
    ++extent_;
  }
}

void ScatterList::copy_to_guest(core::Bytes from) {
  while (!from.empty()) {
    const Extent here = run(from.size());
    if (here.length == 0) return;
    // Memory that is not there takes the bytes and forgets them, as on the bus.
    static_cast<void>(port_.dma_write(here.gpa, from.first(here.length)));
    from = from.subspan(here.length);
    move(here.length);
  }
}

bool ScatterList::copy_from_guest(core::MutableBytes to) {
  bool all = true;
  while (!to.empty()) {
    const Extent here = run(to.size());
    if (here.length == 0) return false;
    all = port_.dma_read(here.gpa, to.first(here.length)) && all;
    to = to.subspan(here.length);
    move(here.length);
  }
  return all;
}

std::span<const iovec> ScatterList::map(u64 max, u64 granule, core::MemoryAccess access) {
  unmap();
  const u64 start_position = position_;
  const u64 start_offset = offset_;
  const std::size_t start_extent = extent_;
  u64 pinned = 0;
  while (pinned < max && segments_.size() < kMaxSegments) {
    const Extent here = run(max - pinned);
    if (here.length == 0) break;
    core::MemoryPin pin = port_.dma_pin(here.gpa, here.length, access);
    if (!pin) break;
    const u64 length = std::min(pin.size(), here.length);
    segments_.push_back({.iov_base = pin.data(), .iov_len = length});
    pins_.push_back(std::move(pin));
    pinned += length;
    move(length);
  }
  // Whole granules only; the tail is for the next call.
  u64 excess = pinned % granule;
  mapped_ = pinned - excess;
  while (excess > 0) {
    iovec& last = segments_.back();
    const u64 cut = std::min<u64>(excess, last.iov_len);
    last.iov_len -= cut;
    excess -= cut;
    if (last.iov_len > 0) continue;
    segments_.pop_back();
    pins_.pop_back();
  }
  position_ = start_position;
  offset_ = start_offset;
  extent_ = start_extent;
  move(mapped_);
  return segments_;
}

void ScatterList::unmap() {
  pins_.clear();
  segments_.clear();
  mapped_ = 0;
}

}  // namespace ide
