#include "ioreq/server/access_log.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <new>

#include "hw/emul/pci/function.h"

namespace ioreq {
namespace {

i64 now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

u64 now_ticks() {
  return __builtin_ia32_rdtsc();
}

AccessKind kind_of(const Request& request) {
  switch (request.type) {
    case RequestType::kPio: return request.read ? AccessKind::kPioRead : AccessKind::kPioWrite;
    case RequestType::kCopy: return request.read ? AccessKind::kMmioRead : AccessKind::kMmioWrite;
    case RequestType::kPciConfig:
      return request.read ? AccessKind::kConfigRead : AccessKind::kConfigWrite;
    default: return AccessKind::kOther;
  }
}

template <typename T>
T* zeroed(std::size_t count) {
  void* memory = std::calloc(count, sizeof(T));
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<T*>(memory);
}

}  // namespace

std::string_view access_kind_name(AccessKind kind) {
  switch (kind) {
    case AccessKind::kPioRead: return "pio-read";
    case AccessKind::kPioWrite: return "pio-write";
    case AccessKind::kMmioRead: return "mmio-read";
    case AccessKind::kMmioWrite: return "mmio-write";
    case AccessKind::kConfigRead: return "config-read";
    case AccessKind::kConfigWrite: return "config-write";
    case AccessKind::kOther: break;
  }
  return "other";
}

AccessLog::AccessLog(core::PioSpace& pio, core::MmioSpace& mmio, pci::Bus& pci)
    : pio_(pio),
      mmio_(mmio),
      pci_(pci),
      records_(zeroed<Record>(kKept)),
      slots_(zeroed<Slot>(kSlots)),
      first_ticks_(now_ticks()),
      first_ns_(now_ns()),
      period_begin_ns_(first_ns_) {}

void AccessLog::begin(unsigned vcpu, const Request& request) {
  if (next_ != nullptr) next_->begin(vcpu, request);
  std::string_view name;
  u64 base = 0;
  switch (request.type) {
    case RequestType::kPio:
      if (const core::IoRegion* region = pio_.find(request.address); region != nullptr) {
        name = region->name;
        base = region->base;
      }
      break;
    case RequestType::kCopy:
      if (const core::IoRegion* region = mmio_.find(request.address); region != nullptr) {
        name = region->name;
        base = region->base;
      }
      break;
    case RequestType::kPciConfig: {
      const u64 function = request.address >> 32;
      const pci::Function* at = function <= 0xff ? pci_.at(core::low<u8>(function)) : nullptr;
      if (at != nullptr) name = at->name();
      base = function << 32;
      break;
    }
    default: break;
  }
  const AccessKind kind = kind_of(request);
  Record& record = records_[next_record_++ % kKept];
  record.address = request.address;
  record.value = request.data;
  record.name = name.data();
  record.offset = static_cast<u32>(request.address - base);
  record.name_length_count = static_cast<u32>(name.size() << 16) | std::min(request.count, 0xffffu);
  record.size = static_cast<u8>(request.size);
  record.kind = kind;
  record.vcpu = static_cast<u8>(vcpu);
  record.pointer = request.pointer;
  Slot*& recent = recent_[static_cast<std::size_t>(kind)];
  if (recent == nullptr || recent->name != name.data() || recent->name_length != name.size()) {
    recent = &slot_for(name.data(), name.size(), kind);
  }
  open_slot_ = recent;
  open_ = &record;
  record.ticks = now_ticks();
}

void AccessLog::end(const Request& request) {
  if (open_ != nullptr) {
    Slot& slot = *open_slot_;
    if (slot.count++ % kTimedEvery == 0) {
      const u64 ticks = now_ticks() - open_->ticks;
      ++slot.timed;
      ++slot.times[bucket_of(ticks)];
      slot.max_ticks = std::max(slot.max_ticks, ticks);
    }
    if (request.read) open_->value = request.data;
    open_ = nullptr;
  }
  if (next_ != nullptr) next_->end(request);
}

/// Names are of static storage: their address tells them apart. When all slots are taken, the
/// rest counts as one.
AccessLog::Slot& AccessLog::slot_for(const char* name, std::size_t length, AccessKind kind) {
  const auto address = reinterpret_cast<std::uintptr_t>(name);
  std::size_t at = (address >> 3 ^ address >> 9 ^ static_cast<std::size_t>(kind) * 37) % kSlots;
  for (unsigned tries = 0; tries < 16; ++tries, at = (at + 1) % kSlots) {
    Slot& slot = slots_[at];
    if (slot.name == name && slot.kind == kind && slot.name_length == length) return slot;
    if (slot.count != 0 || slot.name_length != 0) continue;
    slot.name = name;
    slot.name_length = static_cast<u32>(length);
    slot.kind = kind;
    return slot;
  }
  return slots_[at];
}

unsigned AccessLog::bucket_of(u64 ticks) {
  if (ticks < 4) return static_cast<unsigned>(ticks);
  const auto log = static_cast<unsigned>(std::bit_width(ticks)) - 1;
  const auto quarter = static_cast<unsigned>(ticks >> (log - 2) & 3);
  return std::min(log * 4 + quarter - 4, kBuckets - 1);
}

/// The middle of a bucket.
u64 AccessLog::ticks_of(unsigned bucket) {
  if (bucket < 4) return bucket;
  const unsigned log = bucket / 4 + 1;
  const u64 low = u64{4u + bucket % 4} << (log - 2);
  return low + (u64{1} << (log - 2)) / 2;
}

double AccessLog::ns_per_tick() const {
  const u64 ticks = now_ticks() - first_ticks_;
  const i64 ns = now_ns() - first_ns_;
  return ticks == 0 ? 1.0 : static_cast<double>(ns) / static_cast<double>(ticks);
}

u64 AccessLog::percentile(const Slot& slot, unsigned percent) const {
  const u64 wanted = (slot.timed * percent + 99) / 100;
  u64 seen = 0;
  for (unsigned bucket = 0; bucket < kBuckets; ++bucket) {
    seen += slot.times[bucket];
    if (seen >= wanted && seen != 0) return std::min(ticks_of(bucket), slot.max_ticks);
  }
  return slot.max_ticks;
}

std::vector<AccessLog::Access> AccessLog::last(std::size_t most) const {
  const double scale = ns_per_tick();
  const u64 now = now_ticks();
  const u64 kept = std::min<u64>({next_record_, kKept, most});
  std::vector<Access> result;
  result.reserve(kept);
  for (u64 i = next_record_ - kept; i != next_record_; ++i) {
    const Record& record = records_[i % kKept];
    result.push_back({.ago_ns = static_cast<i64>(static_cast<double>(now - record.ticks) * scale),
                      .vcpu = record.vcpu,
                      .kind = record.kind,
                      .name = {record.name, record.name_length_count >> 16},
                      .address = record.address,
                      .offset = record.offset,
                      .value = record.value,
                      .count = record.name_length_count & 0xffff,
                      .size = record.size,
                      .pointer = record.pointer});
  }
  return result;
}

std::vector<AccessLog::Stats> AccessLog::stats(bool new_period) {
  const double scale = ns_per_tick();
  const auto ns = [scale](u64 ticks) {
    return static_cast<u64>(static_cast<double>(ticks) * scale);
  };
  const i64 now = now_ns();
  const double seconds = std::max(static_cast<double>(now - period_begin_ns_) / 1e9, 1e-9);
  std::vector<Stats> result;
  for (std::size_t i = 0; i < kSlots; ++i) {
    Slot& slot = slots_[i];
    if (slot.count == 0) continue;
    result.push_back({.name = {slot.name, slot.name_length},
                      .kind = slot.kind,
                      .count = slot.count,
                      .per_second = static_cast<double>(slot.count - slot.count_before) / seconds,
                      .p50_ns = ns(percentile(slot, 50)),
                      .p99_ns = ns(percentile(slot, 99)),
                      .max_ns = ns(slot.max_ticks),
                      .timed = slot.timed});
    if (new_period) slot.count_before = slot.count;
  }
  if (new_period) period_begin_ns_ = now;
  std::sort(result.begin(), result.end(), [](const Stats& a, const Stats& b) {
    return a.name != b.name ? a.name < b.name : a.kind < b.kind;
  });
  return result;
}

}  // namespace ioreq
