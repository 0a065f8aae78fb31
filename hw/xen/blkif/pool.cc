#include "hw/xen/blkif/pool.h"

#include <sys/mman.h>

#include <algorithm>

namespace blkif {

Pool::Pool(u32 pages) : pages_(pages), available_(pages), used_((pages + 63) / 64) {
  void* const memory = ::mmap(nullptr, u64{pages} * kPageSize, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    available_ = 0;
    return;
  }
  base_ = static_cast<u8*>(memory);
}

Pool::~Pool() {
  if (base_ != nullptr) ::munmap(base_, u64{pages_} * kPageSize);
}

/// Free pages from `page` on.
u32 Pool::run_from(u32 page, u32 most) const {
  u32 count = 0;
  while (count < most && page + count < pages_) {
    const u32 at = page + count;
    if ((used_[at / 64] >> (at % 64) & 1) != 0) break;
    ++count;
  }
  return count;
}

void Pool::mark(u32 first, u32 count, bool used) {
  for (u32 at = first; at < first + count; ++at) {
    const u64 bit = u64{1} << (at % 64);
    used_[at / 64] = used ? used_[at / 64] | bit : used_[at / 64] & ~bit;
  }
}

bool Pool::take(u32 pages, std::vector<iovec>& pieces) {
  if (pages > available_) return false;
  available_ -= pages;
  for (u32 at = low_; pages > 0 && at < pages_;) {
    if (used_[at / 64] == ~u64{0}) {
      at = (at / 64 + 1) * 64;
      continue;
    }
    const u32 run = run_from(at, pages);
    if (run > 0) {
      mark(at, run, true);
      pieces.push_back({base_ + u64{at} * kPageSize, u64{run} * kPageSize});
      if (at == low_) low_ = at + run;
      pages -= run;
    }
    at += run > 0 ? run : 1;
  }
  return true;
}

void Pool::give(std::vector<iovec>& pieces) {
  for (const iovec& piece : pieces) {
    const auto first =
        static_cast<u32>((static_cast<u8*>(piece.iov_base) - base_) / std::ptrdiff_t{kPageSize});
    const u32 count = static_cast<u32>(piece.iov_len / kPageSize);
    mark(first, count, false);
    available_ += count;
    low_ = std::min(low_, first);
  }
  pieces.clear();
}

void Pool::trim() {
  for (u32 at = low_; at < pages_;) {
    const u32 run = run_from(at, pages_ - at);
    if (run > 0) ::madvise(base_ + u64{at} * kPageSize, u64{run} * kPageSize, MADV_DONTNEED);
    at += run + 1;
  }
}

}  // namespace blkif
