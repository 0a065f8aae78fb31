#include "ioreq/memory/map_cache.h"

#include <algorithm>
#include <cstring>

namespace ioreq {

MapCache::MapCache(ForeignMapper& mapper, MemoryMarker& marker, u32 max_buckets)
    : mapper_(mapper),
      marker_(marker),
      buckets_(std::size_t{std::max(max_buckets, u32{1})} + 1),
      chains_(buckets_.size() * 2 + 1, kNone) {
  for (u32 index = static_cast<u32>(buckets_.size()) - 1; index != kNone; --index) {
    buckets_[index].next = free_;
    free_ = index;
  }
}

MapCache::~MapCache() {
  for (Bucket& bucket : buckets_) {
    if (bucket.base != nullptr) mapper_.unmap(bucket.base, kBucketPages);
  }
}

u32 MapCache::find(u64 number) {
  u32 index = chain(number);
  while (index != kNone && buckets_[index].number != number) index = buckets_[index].next;
  return index;
}

/// Takes the bucket out of the index: it is found no more.
void MapCache::detach(u32 index) {
  Bucket& bucket = buckets_[index];
  u32* link = &chain(bucket.number);
  while (*link != index) link = &buckets_[*link].next;
  *link = bucket.next;
  bucket.detached = true;
  if (last_ == index) last_ = kNone;
  if (bucket.pins == 0) free(index);
}

/// Of a detached bucket without pins.
void MapCache::free(u32 index) {
  Bucket& bucket = buckets_[index];
  mapper_.unmap(bucket.base, kBucketPages);
  bucket = Bucket{};
  bucket.next = free_;
  free_ = index;
  --used_;
}

/// An unused bucket, at the cost of the one that was idle longest; none if all are pinned.
u32 MapCache::allocate() {
  if (free_ == kNone) {
    u32 victim = kNone;
    for (u32 index = 1; index < buckets_.size(); ++index) {
      const Bucket& bucket = buckets_[index];
      if (bucket.pins != 0) continue;
      if (victim == kNone || bucket.last_used < buckets_[victim].last_used) victim = index;
    }
    if (victim == kNone) return kNone;
    detach(victim);
  }
  const u32 index = free_;
  free_ = buckets_[index].next;
  ++used_;
  return index;
}

bool MapCache::page_exists(u64 gfn) {
  int error = 0;
  ++map_calls_;
  u8* at = mapper_.map(gfn, std::span(&error, 1));
  if (at == nullptr) return false;
  mapper_.unmap(at, 1);
  return error == 0;
}

u32 MapCache::map_bucket(u64 number, u64 wanted_page) {
  const u64 first_gfn = number * kBucketPages;
  // Repeated accesses where nothing is cost one page each, not a bucket.
  if (number == empty_number_ && !page_exists(first_gfn + wanted_page)) return kNone;
  std::array<int, kBucketPages> errors{};
  ++map_calls_;
  u8* base = mapper_.map(first_gfn, errors);
  if (base == nullptr || std::all_of(errors.begin(), errors.end(), [](int e) { return e != 0; })) {
    if (base != nullptr) mapper_.unmap(base, kBucketPages);
    empty_number_ = number;
    return kNone;
  }
  const u32 index = allocate();
  if (index == kNone) {
    mapper_.unmap(base, kBucketPages);
    return kNone;
  }
  Bucket& bucket = buckets_[index];
  bucket.number = number;
  bucket.base = base;
  bucket.pins = 0;
  bucket.detached = false;
  for (u64 page = 0; page < kBucketPages; ++page) bucket.present[page] = errors[page] == 0;
  bucket.next = chain(number);
  chain(number) = index;
  return index;
}

/// The bucket that has the page of `gpa`, mapped if need be; none if that page is not RAM.
u32 MapCache::bucket_with(Gpa gpa) {
  const u64 number = gpa / kBucketSize;
  const u64 page = gpa % kBucketSize / kPageSize;
  u32 index = last_;
  if (index == kNone || buckets_[index].number != number) {
    index = find(number);
    if (index == kNone) index = map_bucket(number, page);
    if (index == kNone) return kNone;
    buckets_[index].last_used = ++tick_;
    last_ = index;
  }
  if (buckets_[index].present[page]) return index;
  // A hole may have been filled since. Pins of the old mapping keep it until they go.
  if (!page_exists(gpa / kPageSize)) return kNone;
  detach(index);
  index = map_bucket(number, page);
  if (index == kNone || !buckets_[index].present[page]) return kNone;
  buckets_[index].last_used = ++tick_;
  last_ = index;
  return index;
}

/// Where `gpa` is mapped, and how many of `length` bytes from there on are; null if not RAM.
u8* MapCache::locate(Gpa gpa, u64 length, u64& run, u32& index) {
  run = 0;
  if (length == 0 || gpa >= kAddressLimit) return nullptr;
  index = bucket_with(gpa);
  if (index == kNone) return nullptr;
  const Bucket& bucket = buckets_[index];
  const u64 offset = gpa % kBucketSize;
  u64 end = (offset / kPageSize + 1) * kPageSize;
  const u64 wanted_end = std::min(kBucketSize, offset + std::min(length, kBucketSize));
  while (end < wanted_end && bucket.present[end / kPageSize]) end += kPageSize;
  run = std::min(end, wanted_end) - offset;
  return bucket.base + offset;
}

bool MapCache::read(Gpa gpa, core::MutableBytes to) {
  bool all = true;
  for (u64 done = 0; done < to.size();) {
    u64 run = 0;
    u32 index = kNone;
    const u8* from = gpa + done >= gpa ? locate(gpa + done, to.size() - done, run, index) : nullptr;
    if (from != nullptr) {
      std::memcpy(&to[done], from, run);
    } else {
      all = false;
      run = std::min<u64>(kPageSize - (gpa + done) % kPageSize, to.size() - done);
      std::memset(&to[done], 0xff, run);
    }
    done += run;
  }
  return all;
}

bool MapCache::write(Gpa gpa, core::Bytes from) {
  bool all = true;
  for (u64 done = 0; done < from.size();) {
    u64 run = 0;
    u32 index = kNone;
    u8* to = gpa + done >= gpa ? locate(gpa + done, from.size() - done, run, index) : nullptr;
    if (to != nullptr) {
      std::memcpy(to, &from[done], run);
      written(gpa + done, run);
    } else {
      all = false;
      run = std::min<u64>(kPageSize - (gpa + done) % kPageSize, from.size() - done);
    }
    done += run;
  }
  return all;
}

core::MemoryPin MapCache::pin(Gpa gpa, u64 length, core::MemoryAccess access) {
  u64 run = 0;
  u32 index = kNone;
  u8* at = locate(gpa, length, run, index);
  if (at == nullptr) return {};
  ++buckets_[index].pins;
  return {*this, gpa, core::MutableBytes(at, run), access, index};
}

void MapCache::unpin(const core::MemoryPin& pin) {
  if (pin.access() == core::MemoryAccess::kWrite) written(pin.gpa(), pin.size());
  Bucket& bucket = buckets_[pin.cookie()];
  --bucket.pins;
  if (bucket.pins == 0 && bucket.detached) free(pin.cookie());
}

void MapCache::written(Gpa gpa, u64 length) {
  if (log_dirty_) {
    const u64 first = gpa / kPageSize;
    marker_.modified_memory(first, (gpa + length - 1) / kPageSize - first + 1);
  }
  if (gpa < watch_end_ && gpa + length > watch_begin_) {
    const u64 begin = std::max(gpa, watch_begin_);
    watcher_(begin - watch_begin_, std::min(gpa + length, watch_end_) - begin);
  }
}

void MapCache::invalidate() {
  invalidate(0, kAddressLimit);
}

void MapCache::invalidate(Gpa gpa, u64 length) {
  if (length == 0) return;
  const u64 first = gpa / kBucketSize;
  const u64 last = (gpa + std::min(length, ~u64{0} - gpa) - 1) / kBucketSize;
  for (u32 index = 1; index < buckets_.size(); ++index) {
    const Bucket& bucket = buckets_[index];
    if (bucket.base == nullptr || bucket.detached) continue;
    if (bucket.number >= first && bucket.number <= last) detach(index);
  }
  empty_number_ = ~u64{0};
}

void MapCache::watch_writes(Gpa gpa, u64 length, std::function<void(u64, u64)> written) {
  watch_begin_ = gpa;
  watch_end_ = gpa + length;
  watcher_ = std::move(written);
}

}  // namespace ioreq
