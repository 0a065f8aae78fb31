// A domain's memory as the hypervisor sees it: frames at guest frame numbers, foreign mappings of
// them, and the controls. Mappings are memory shared with the frames, so writes go both ways.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ioreq/memory/foreign.h"

namespace ioreq {

class FakeDomain final : public ForeignMapper, public FrameControl {
 public:
  FakeDomain() : file_(::memfd_create("frames", 0)) {}
  ~FakeDomain() override { ::close(file_); }

  /// Gives the guest RAM there.
  void add(u64 first_gfn, u64 count) {
    for (u64 i = 0; i < count; ++i) frames_[first_gfn + i] = next_frame_++;
    [[maybe_unused]] const int grown =
        ::ftruncate(file_, static_cast<off_t>(next_frame_ * kPageSize));
  }
  void remove(u64 gfn) { frames_.erase(gfn); }
  bool has(u64 gfn) const { return frames_.count(gfn) != 0; }

  /// The guest's own accesses.
  void poke(u64 gpa, u8 value) {
    [[maybe_unused]] const ssize_t one = ::pwrite(file_, &value, 1, at(gpa));
    if (tracked_.count(gpa >> kPageShift) != 0) guest_dirty_.insert(gpa >> kPageShift);
  }
  u8 peek(u64 gpa) {
    u8 value = 0;
    [[maybe_unused]] const ssize_t one = ::pread(file_, &value, 1, at(gpa));
    return value;
  }

  // ForeignMapper
  u8* map(u64 first_gfn, std::span<int> errors) override {
    ++map_calls;
    pages_asked += errors.size();
    if (refuse_all) return nullptr;
    const std::size_t length = errors.size() * kPageSize;
    void* at = ::mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (std::size_t i = 0; i < errors.size(); ++i) {
      const auto frame = frames_.find(first_gfn + i);
      errors[i] = frame == frames_.end() ? EINVAL : 0;
      if (errors[i] != 0) continue;  // touching it faults, as it does on Xen
      (void)::mmap(static_cast<u8*>(at) + i * kPageSize, kPageSize, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_FIXED, file_, static_cast<off_t>(frame->second * kPageSize));
    }
    ++mappings;
    return static_cast<u8*>(at);
  }
  void unmap(u8* at, u64 pages) override {
    ::munmap(at, pages * kPageSize);
    --mappings;
  }

  // FrameControl
  void modified_memory(u64 first_gfn, u64 count) override {
    for (u64 i = 0; i < count; ++i) modified.insert(first_gfn + i);
    ++modified_calls;
  }
  int populate(u64 first_gfn, u64 count) override {
    if (count > budget) return ENOMEM;
    add(first_gfn, count);
    return 0;
  }
  int relocate(u64 from_gfn, u64 to_gfn, u64 count) override {
    if (refuse_relocate) return EINVAL;
    for (u64 i = 0; i < count; ++i) {
      frames_[to_gfn + i] = frames_.at(from_gfn + i);
      frames_.erase(from_gfn + i);
    }
    return 0;
  }
  int pin_write_back(u64 first_gfn, u64 count) override {
    cached.insert({first_gfn, count});
    return 0;
  }
  void unpin_caching(u64 first_gfn, u64 count) override { cached.erase({first_gfn, count}); }
  int track_dirty(u64 first_gfn, u64 count, std::span<u8> bitmap) override {
    ++track_calls;
    if (track_error != 0) return track_error;
    const bool same = tracked_.size() == count && count != 0 && *tracked_.begin() == first_gfn;
    for (u64 i = 0; i < count; ++i) {
      if (same && guest_dirty_.count(first_gfn + i) == 0) continue;
      bitmap[i / 8] = static_cast<u8>(bitmap[i / 8] | 1u << (i % 8));
    }
    // A real one fills whole bytes on the first call.
    if (!same) std::memset(bitmap.data(), 0xff, (count + 7) / 8);
    guest_dirty_.clear();
    tracked_.clear();
    for (u64 i = 0; i < count; ++i) tracked_.insert(first_gfn + i);
    return 0;
  }
  void stop_tracking() override {
    tracked_.clear();
    guest_dirty_.clear();
  }
  std::size_t tracked_pages() const { return tracked_.size(); }

  int map_calls = 0;
  u64 pages_asked = 0;
  int mappings = 0;
  bool refuse_all = false;
  u64 budget = ~u64{0};
  bool refuse_relocate = false;
  int track_error = 0;
  int track_calls = 0;
  std::set<u64> modified;
  int modified_calls = 0;
  std::set<std::pair<u64, u64>> cached;

 private:
  off_t at(u64 gpa) const {
    return static_cast<off_t>(frames_.at(gpa >> kPageShift) * kPageSize + gpa % kPageSize);
  }

  const int file_;
  std::map<u64, u64> frames_;  // gfn to frame
  u64 next_frame_ = 0;
  std::set<u64> tracked_;
  std::set<u64> guest_dirty_;
};

}  // namespace ioreq
