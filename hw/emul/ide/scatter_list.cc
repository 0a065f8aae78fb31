#include "hw/emul/ide/scatter_list.h"

#include <algorithm>

namespace ide {

void ScatterList::clear() {
  unmap();
  count_ = extent_ = 0;
  total_ = position_ = offset_ = 0;
}

bool ScatterList::append(core::Gpa gpa, u64 length) {
  if (length == 0) return true;
  if (count_ > 0 && extents_[count_ - 1].gpa + extents_[count_ - 1].length == gpa) {
    extents_[count_ - 1].length += length;
  } else {
    if (count_ == kMaxExtents) return false;
    extents_[count_++] = {gpa, length};
  }
  total_ += length;
  return true;
}

ScatterList::Extent ScatterList::run(u64 max) const {
  if (extent_ >= count_) return {0, 0};
  const Extent& here = extents_[extent_];
  return {here.gpa + offset_, std::min(max, here.length - offset_)};
}

void ScatterList::move(u64 bytes) {
  position_ += bytes;
  offset_ += bytes;
  while (extent_ < count_ && offset_ >= extents_[extent_].length) {
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
  const u32 start_extent = extent_;
  u64 pinned = 0;
  while (pinned < max && segment_count_ < kMaxSegments) {
    const Extent here = run(max - pinned);
    if (here.length == 0) break;
    core::MemoryPin pin = port_.dma_pin(here.gpa, here.length, access);
    if (!pin) break;
    const u64 length = std::min(pin.size(), here.length);
    segments_[segment_count_] = {.iov_base = pin.data(), .iov_len = length};
    pins_[segment_count_++] = std::move(pin);
    pinned += length;
    move(length);
  }
  // Whole granules only; the tail is for the next call.
  u64 excess = pinned % granule;
  mapped_ = pinned - excess;
  while (excess > 0) {
    iovec& last = segments_[segment_count_ - 1];
    const u64 cut = std::min<u64>(excess, last.iov_len);
    last.iov_len -= cut;
    excess -= cut;
    if (last.iov_len == 0) pins_[--segment_count_].release();
  }
  position_ = start_position;
  offset_ = start_offset;
  extent_ = start_extent;
  move(mapped_);
  return {segments_.data(), segment_count_};
}

void ScatterList::unmap() {
  for (u32 i = 0; i < segment_count_; ++i) pins_[i].release();
  segment_count_ = 0;
  mapped_ = 0;
}

}  // namespace ide
