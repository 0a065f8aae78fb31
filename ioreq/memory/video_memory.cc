#include "ioreq/memory/video_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ioreq {
namespace {

/// Widens [first, first+count) to include [other, other+other_count).
void include(u64& first, u64& count, u64 other, u64 other_count) {
  if (count == 0) {
    first = other;
    count = other_count;
    return;
  }
  const u64 end = std::max(first + count, other + other_count);
  first = std::min(first, other);
  count = end - first;
}

/// Every page, or null.
u8* map_all(ForeignMapper& mapper, u64 gfn, u64 pages) {
  std::vector<int> errors(pages);
  u8* base = mapper.map(gfn, errors);
  const bool whole = std::all_of(errors.begin(), errors.end(), [](int one) { return one == 0; });
  if (base != nullptr && !whole) mapper.unmap(base, pages);
  return whole ? base : nullptr;
}

bool within(u64 first, u64 count, u64 outer_first, u64 outer_count) {
  return first >= outer_first && first + count <= outer_first + outer_count;
}

}  // namespace

core::Result<std::unique_ptr<XenVideoMemory>> XenVideoMemory::create(FrameControl& control,
                                                                     ForeignMapper& mapper,
                                                                     MapCache& ram, u64 size,
                                                                     u64 hidden_gfn,
                                                                     ErrorHandler on_error) {
  const u64 pages = size / kPageSize;
  const int error = control.populate(hidden_gfn, pages);
  if (error != 0) {
    return core::fail(fmt::format(
        "no room in the domain for {} KiB of video memory ({}): raise maxmem by that much, or "
        "lower videoram, in the domain's configuration",
        size >> 10, std::strerror(error)));
  }
  u8* base = map_all(mapper, hidden_gfn, pages);
  if (base == nullptr) {
    return core::fail(fmt::format(
        "cannot map the {} KiB of video memory made at guest frame {:#x}: see the hypervisor's log",
        size >> 10, hidden_gfn));
  }
  return std::unique_ptr<XenVideoMemory>(
      new XenVideoMemory(control, mapper, ram, pages, hidden_gfn, base, std::move(on_error)));
}

XenVideoMemory::XenVideoMemory(FrameControl& control, ForeignMapper& mapper, MapCache& ram,
                               u64 pages, u64 hidden_gfn, u8* base, ErrorHandler on_error)
    : control_(control),
      mapper_(mapper),
      ram_(ram),
      pages_(pages),
      hidden_gfn_(hidden_gfn),
      base_(base),
      on_error_(std::move(on_error)),
      gfn_(hidden_gfn),
      dirty_(pages),
      scratch_((pages + 63) / 64 * 8) {}

core::Result<std::unique_ptr<XenVideoMemory>> XenVideoMemory::adopt(FrameControl& control,
                                                                    ForeignMapper& mapper,
                                                                    MapCache& ram, u64 size,
                                                                    u64 hidden_gfn,
                                                                    ErrorHandler on_error) {
  void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) {
    return core::fail(
        fmt::format("no memory for a screen of {} KiB: {}", size >> 10, std::strerror(errno)));
  }
  std::unique_ptr<XenVideoMemory> video(new XenVideoMemory(control, mapper, ram, size / kPageSize,
                                                           hidden_gfn, static_cast<u8*>(base),
                                                           std::move(on_error)));
  video->waits_ = true;
  return video;
}

bool XenVideoMemory::find_at(u64 gfn) {
  u8* base = map_all(mapper_, gfn, pages_);
  if (base == nullptr) return false;
  munmap(base_, pages_ * kPageSize);
  base_ = base;
  gfn_ = gfn;
  waits_ = false;
  return true;
}

core::Result<void> XenVideoMemory::settle(Gpa bar) {
  if (!waits_ || find_at(hidden_gfn_)) return {};
  // QEMU leaves them where they are when the guest switches the BAR off.
  if (bar != 0 && bar % kPageSize == 0 && find_at(bar >> kPageShift)) {
    move(hidden_gfn_);
    return {};
  }
  return core::fail(fmt::format(
      "the saved guest's {} KiB of video memory are neither at guest frame {:#x}, where its card "
      "says, nor at {:#x}: give it the videoram that it had",
      pages_ * kPageSize >> 10, bar >> kPageShift, hidden_gfn_));
}

XenVideoMemory::~XenVideoMemory() {
  ram_.watch_writes(0, 0, nullptr);
  if (waits_) {
    munmap(base_, pages_ * kPageSize);
  } else {
    mapper_.unmap(base_, pages_);
  }
}

bool XenVideoMemory::move(u64 to_gfn) {
  const int error = control_.relocate(gfn_, to_gfn, pages_);
  if (error != 0) {
    on_error_(fmt::format(
        "cannot move video memory from guest frame {:#x} to {:#x} ({}): the screen may stay dark",
        gfn_, to_gfn, std::strerror(error)));
    return false;
  }
  // Whoever reached the frames, or what was there before, through these addresses must look anew.
  ram_.invalidate(gfn_ << kPageShift, pages_ * kPageSize);
  ram_.invalidate(to_gfn << kPageShift, pages_ * kPageSize);
  gfn_ = to_gfn;
  return true;
}

void XenVideoMemory::map_at(Gpa gpa) {
  if (gfn_ != hidden_gfn_) unmap();
  if (gpa % kPageSize != 0 || gfn_ != hidden_gfn_) return;
  if (waits_) {
    if (!find_at(gpa >> kPageShift)) return;  // settle() says so
    mark_pages(0, pages_);
  } else {
    forget_tracking();
    flush_modified();
    if (!move(gpa >> kPageShift)) return;
  }
  const int error = control_.pin_write_back(gfn_, pages_);
  if (error != 0) {
    on_error_(fmt::format("cannot make video memory cacheable ({}): drawing will be slow",
                          std::strerror(error)));
  }
  ram_.watch_writes(gpa, pages_ * kPageSize,
                    [this](u64 offset, u64 length) { mark_dirty(offset, length); });
}

void XenVideoMemory::unmap() {
  if (gfn_ == hidden_gfn_ || stays_) return;
  forget_tracking();
  flush_modified();
  // Xen keeps 64 such ranges a domain; a guest that moves its BAR around must not use them up.
  control_.unpin_caching(gfn_, pages_);
  ram_.watch_writes(0, 0, nullptr);
  move(hidden_gfn_);
}

/// Before the frames move: Xen tracks addresses. What the guest wrote since the last look is not
/// known afterwards, so all of it counts as written.
void XenVideoMemory::forget_tracking() {
  if (tracked_count_ != 0) control_.stop_tracking();
  tracked_count_ = 0;
  mark_pages(seen_first_, seen_count_);
}

void XenVideoMemory::mark_pages(u64 first, u64 count) {
  std::fill_n(dirty_.begin() + static_cast<std::ptrdiff_t>(first), count, u8{1});
}

void XenVideoMemory::mark_dirty(u64 offset, u64 length) {
  const u64 size = pages_ * kPageSize;
  if (length == 0 || offset >= size) return;
  length = std::min(length, size - offset);
  const u64 first = offset / kPageSize;
  const u64 count = (offset + length - 1) / kPageSize - first + 1;
  mark_pages(first, count);
  if (!unsent_.empty()) {
    std::fill_n(unsent_.begin() + static_cast<std::ptrdiff_t>(first), count, u8{1});
  }
}

/// What the guest wrote, into dirty_. One range is tracked at a time and a change of it makes
/// everything dirty, so it only grows: a guest that flips between two screens has both in it.
void XenVideoMemory::collect(u64 first, u64 count) {
  if (!within(first, count, tracked_first_, tracked_count_)) {
    include(tracked_first_, tracked_count_, first, count);
  }
  const core::MutableBytes bitmap = core::MutableBytes(scratch_).first((tracked_count_ + 7) / 8);
  std::fill(bitmap.begin(), bitmap.end(), u8{0});
  if (control_.track_dirty(gfn_ + tracked_first_, tracked_count_, bitmap) != 0) {
    mark_pages(first, count);
    return;
  }
  for (u64 at = 0; at < bitmap.size(); ++at) {
    for (unsigned bits = bitmap[at], bit = 0; bits != 0; bits >>= 1, ++bit) {
      const u64 page = at * 8 + bit;
      if ((bits & 1) != 0 && page < tracked_count_) dirty_[tracked_first_ + page] = 1;
    }
  }
}

void XenVideoMemory::take_dirty(u64 offset, u64 length, core::MutableBytes bitmap) {
  std::fill(bitmap.begin(), bitmap.end(), u8{0});
  const u64 first = offset / kPageSize;
  if (first >= pages_) return;
  u64 count = std::min((length + kPageSize - 1) / kPageSize, pages_ - first);
  count = std::min<u64>(count, bitmap.size() * 8);
  if (count == 0) return;
  if (!within(first, count, seen_first_, seen_count_)) {
    include(seen_first_, seen_count_, first, count);
    mark_pages(first, count);
  }
  if (gfn_ != hidden_gfn_) collect(first, count);
  for (u64 page = 0; page < count; ++page) {
    if (dirty_[first + page] == 0) continue;
    dirty_[first + page] = 0;
    bitmap[page / 8] = static_cast<u8>(bitmap[page / 8] | 1u << (page % 8));
  }
}

void XenVideoMemory::stop_tracking() {
  if (tracked_count_ != 0) control_.stop_tracking();
  tracked_count_ = 0;
  seen_count_ = 0;
}

void XenVideoMemory::set_log_dirty(bool on) {
  if (!on) flush_modified();
  unsent_.assign(on ? pages_ : 0, 0);
}

void XenVideoMemory::flush_modified() {
  for (u64 page = 0; page < unsent_.size();) {
    if (unsent_[page] == 0) {
      ++page;
      continue;
    }
    const u64 first = page;
    while (page < unsent_.size() && unsent_[page] != 0) unsent_[page++] = 0;
    control_.modified_memory(gfn_ + first, page - first);
  }
}

}  // namespace ioreq
