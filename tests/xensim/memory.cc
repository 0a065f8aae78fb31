#include "tests/xensim/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace xensim {
namespace {

/// The file never gives pages back, so that mappings of released pages stay what they were.
constexpr u64 kSpareFactor = 2;

int make_file(const char* name, u64 size) {
  const int file = ::memfd_create(name, MFD_CLOEXEC);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(size)) != 0) {
    throw std::runtime_error("cannot make a memory file");
  }
  return file;
}

void* map_file(int file, u64 size) {
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
  if (at == MAP_FAILED) throw std::runtime_error("cannot map a memory file");
  return at;
}

}  // namespace

Memory::Memory(u64 max_pages) : max_pages_(max_pages) {
  file_ = make_file("xensim-memory", max_pages * kSpareFactor * kPageSize);
  table_file_ = make_file("xensim-frames", sizeof(FrameTable));
  base_ = static_cast<u8*>(map_file(file_, max_pages * kSpareFactor * kPageSize));
  table_ = static_cast<u32*>(map_file(table_file_, sizeof(FrameTable)));
}

Memory::~Memory() {
  ::munmap(base_, max_pages_ * kSpareFactor * kPageSize);
  ::munmap(table_, sizeof(FrameTable));
  ::close(file_);
  ::close(table_file_);
}

u32 Memory::page_at(u64 frame) const {
  return frame < kMaxFrames ? __atomic_load_n(&table_[frame], __ATOMIC_ACQUIRE) : 0;
}

u64 Memory::pages() const {
  const std::lock_guard lock(mutex_);
  return pages_;
}

int Memory::populate(std::span<const u64> frames) {
  const std::lock_guard lock(mutex_);
  for (const u64 frame : frames) {
    if (frame >= kMaxFrames) return EINVAL;
    const bool had = table_[frame] != 0;
    // Xen stops at the first page over the limit; what was allocated before stays.
    if (!had && pages_ >= max_pages_) return ENOMEM;
    if (next_page_ > max_pages_ * kSpareFactor) return ENOMEM;
    if (!had) ++pages_;
    __atomic_store_n(&table_[frame], next_page_++, __ATOMIC_RELEASE);
  }
  return 0;
}

int Memory::copy_from(const Memory& other) {
  std::vector<u64> frames;
  for (u64 frame = 0; frame < kMaxFrames; ++frame) {
    if (other.page_at(frame) != 0) frames.push_back(frame);
  }
  if (const int error = populate(frames); error != 0) return error;
  for (const u64 frame : frames) {
    const u8* from = other.at(other.page_at(frame));
    // Pages that nobody wrote stay holes in our file.
    if (std::all_of(from, from + kPageSize, [](u8 byte) { return byte == 0; })) continue;
    std::memcpy(at(page_at(frame)), from, kPageSize);
  }
  return 0;
}

int Memory::relocate(u64 from, u64 to, u64 count) {
  const std::lock_guard lock(mutex_);
  for (u64 i = 0; i < count; ++i) {
    if (from + i >= kMaxFrames || to + i >= kMaxFrames || table_[from + i] == 0) return EINVAL;
    const u32 page = table_[from + i];
    if (table_[to + i] != 0) --pages_;  // what was there goes
    __atomic_store_n(&table_[from + i], 0U, __ATOMIC_RELEASE);
    __atomic_store_n(&table_[to + i], page, __ATOMIC_RELEASE);
  }
  return 0;
}

void Memory::release(u64 first, u64 count) {
  const std::lock_guard lock(mutex_);
  for (u64 frame = first; frame < std::min(first + count, kMaxFrames); ++frame) {
    if (table_[frame] == 0) continue;
    __atomic_store_n(&table_[frame], 0U, __ATOMIC_RELEASE);
    --pages_;
  }
}

int Memory::set_read_only(u64 first, u64 count, bool read_only) {
  const std::lock_guard lock(mutex_);
  if (first + count > kMaxFrames || first + count < first) return EINVAL;
  if (read_only_.size() < first + count) read_only_.resize(first + count);
  for (u64 frame = first; frame < first + count; ++frame) read_only_[frame] = read_only;
  return 0;
}

int Memory::track_dirty(u64 first, u64 count, std::span<u8> bitmap) {
  const std::lock_guard lock(mutex_);
  if (count == 0) {
    tracked_count_ = 0;
    return 0;
  }
  if (first + count > kMaxFrames) return EINVAL;
  const bool fresh = tracked_first_ != first || tracked_count_ != count;
  if (fresh) {
    tracked_first_ = first;
    tracked_count_ = count;
    dirty_.assign(count, true);
  }
  std::fill(bitmap.begin(), bitmap.end(), u8{0});
  for (u64 i = 0; i < count && i / 8 < bitmap.size(); ++i) {
    if (dirty_[i]) bitmap[i / 8] = static_cast<u8>(bitmap[i / 8] | (1U << (i % 8)));
  }
  dirty_.assign(count, false);
  return 0;
}

void Memory::mark_dirty(u64 first, u64 count) {
  const std::lock_guard lock(mutex_);
  for (u64 frame = first; frame < first + count && tracked_count_ != 0; ++frame) {
    if (frame - tracked_first_ < tracked_count_) dirty_[frame - tracked_first_] = true;
  }
}

bool Memory::read(u64 address, std::span<u8> to) const {
  while (!to.empty()) {
    const u32 page = page_at(address / kPageSize);
    if (page == 0) return false;
    const u64 offset = address % kPageSize;
    const u64 count = std::min<u64>(to.size(), kPageSize - offset);
    std::memcpy(to.data(), at(page) + offset, count);
    to = to.subspan(count);
    address += count;
  }
  return true;
}

bool Memory::write(u64 address, std::span<const u8> from) {
  while (!from.empty()) {
    const u64 frame = address / kPageSize;
    const u32 page = page_at(frame);
    if (page == 0) return false;
    const u64 offset = address % kPageSize;
    const u64 count = std::min<u64>(from.size(), kPageSize - offset);
    bool writable = true;
    {
      const std::lock_guard lock(mutex_);
      writable = frame >= read_only_.size() || !read_only_[frame];
      if (writable && frame - tracked_first_ < tracked_count_)
        dirty_[frame - tracked_first_] = true;
    }
    // Writes to a read-only page are dropped.
    if (writable) std::memcpy(at(page) + offset, from.data(), count);
    from = from.subspan(count);
    address += count;
  }
  return true;
}

}  // namespace xensim
