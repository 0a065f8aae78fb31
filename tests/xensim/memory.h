// The guest's memory: pages of one file, put at guest frames by a table that the device model's
// libraries read as well. A budget limits the pages, as Xen's maxmem does.
#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "tests/xensim/layout.h"

namespace xensim {

class Memory {
 public:
  /// `max_pages` is what the domain may have at most.
  explicit Memory(u64 max_pages);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  int file() const { return file_; }
  int table_file() const { return table_file_; }

  /// The contents of every frame that `other` has, at the same place, as a restore does. This has
  /// none yet. 0 or an errno.
  int copy_from(const Memory& other);

  // What Xen does; 0 or an errno.
  int populate(std::span<const u64> frames);
  int relocate(u64 from, u64 to, u64 count);
  /// The guest gives pages back. They stay alive where they are mapped.
  void release(u64 first, u64 count);
  int set_read_only(u64 first, u64 count, bool read_only);
  /// Dirty pages since the last call; everything at first. Counts nothing for a count of 0.
  int track_dirty(u64 first, u64 count, std::span<u8> bitmap);
  void mark_dirty(u64 first, u64 count);

  u64 pages() const;
  u64 max_pages() const { return max_pages_; }
  bool is_ram(u64 address) const { return page_at(address / kPageSize) != 0; }

  /// The guest's own accesses. False: some of it is not RAM, and only what lies before was done.
  bool read(u64 address, std::span<u8> to) const;
  bool write(u64 address, std::span<const u8> from);

 private:
  u32 page_at(u64 frame) const;
  u8* at(u32 page) const { return base_ + u64{page - 1} * kPageSize; }

  u64 max_pages_;
  int file_ = -1;
  int table_file_ = -1;
  u8* base_ = nullptr;
  u32* table_ = nullptr;

  mutable std::mutex mutex_;
  u64 pages_ = 0;
  u32 next_page_ = 1;
  std::vector<bool> read_only_;  // by frame, as far as it was ever used
  u64 tracked_first_ = 0;
  u64 tracked_count_ = 0;
  std::vector<bool> dirty_;
};

}  // namespace xensim
