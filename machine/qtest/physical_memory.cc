#include "machine/qtest/physical_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "hw/emul/core/bits.h"

namespace qtest {
namespace {

constexpr u64 kVgaWindow = 0xa0000;
constexpr u64 kLowRom = 0xc0000;
constexpr u64 kSegment = 0x4000;
constexpr u64 kMiB = 1 << 20;
constexpr u64 kFourGiB = u64{4} << 30;
constexpr u64 kPage = 4096;
constexpr u64 kBiosWindow = 0x20000;
constexpr u64 kFirmwareMax = 16 * kMiB;

}  // namespace

AnonymousMemory::~AnonymousMemory() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

core::Result<void> AnonymousMemory::allocate(u64 size) {
  if (size == 0) return {};
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    return core::fail(
        fmt::format("no memory for {} MiB of guest RAM: give a smaller -m", size >> 20));
  }
  bytes_ = {static_cast<u8*>(at), size};
  return {};
}

core::Result<void> PhysicalMemory::allocate() {
  if (auto result = ram_.allocate(sizes_.ram_below_4g + sizes_.ram_above_4g); !result) {
    return result;
  }
  low_rom_.resize(kMiB - kLowRom);
  for (unsigned i = 0; i < shadow_.size(); ++i) {
    shadow_[i] = {.base = core::low<u32>(kLowRom + i * kSegment), .length = kSegment};
  }
  dirty_.resize(sizes_.video / kPage);
  return video_.allocate(sizes_.video);
}

void PhysicalMemory::set_firmware(std::vector<u8> image) {
  if (image.size() > kFirmwareMax) image.erase(image.begin(), image.end() - kFirmwareMax);
  firmware_ = std::move(image);
  const u64 count = std::min<u64>(firmware_.size(), kBiosWindow);
  std::copy(firmware_.end() - static_cast<core::i64>(count), firmware_.end(),
            low_rom_.end() - static_cast<core::i64>(count));
}

void PhysicalMemory::shadow_changed(const chipset::ShadowSegment& segment) {
  for (u64 at = segment.base; at < u64{segment.base} + segment.length; at += kSegment) {
    if (at >= kLowRom && at < kMiB) shadow_[(at - kLowRom) / kSegment] = segment;
  }
}

/// Between 640 KiB and 1 MiB.
PhysicalMemory::Run PhysicalMemory::low_run(Gpa gpa) {
  if (gpa < kLowRom) {
    const u64 length = kLowRom - gpa;
    // Without a graphics card RAM shows, as in QEMU.
    if (!smram_open_ && mmio_.find(gpa) != nullptr) {
      return {.kind = Kind::kRegisters, .length = length};
    }
    return {.kind = Kind::kMemory, .bytes = ram_.bytes().data() + gpa, .length = length};
  }
  const chipset::ShadowSegment& segment = shadow_[(gpa - kLowRom) / kSegment];
  const u64 length = kSegment - gpa % kSegment;
  // QEMU has no half shadow: with either half there is RAM, and clients' tests say so.
  if (segment.read_ram || segment.write_ram) {
    return {.kind = Kind::kMemory, .bytes = ram_.bytes().data() + gpa, .length = length};
  }
  return {.kind = Kind::kReadOnly, .bytes = low_rom_.data() + (gpa - kLowRom), .length = length};
}

PhysicalMemory::Run PhysicalMemory::run_at(Gpa gpa) {
  const u64 below = sizes_.ram_below_4g;
  if (gpa >= kVgaWindow && gpa < kMiB) return low_run(gpa);
  if (gpa < below) {
    const u64 end = gpa < kVgaWindow ? std::min(below, kVgaWindow) : below;
    return {.kind = Kind::kMemory, .bytes = ram_.bytes().data() + gpa, .length = end - gpa};
  }
  if (gpa >= kFourGiB && gpa - kFourGiB < sizes_.ram_above_4g) {
    return {.kind = Kind::kMemory,
            .bytes = ram_.bytes().data() + below + (gpa - kFourGiB),
            .length = sizes_.ram_above_4g - (gpa - kFourGiB)};
  }
  if (gpa >= video_at_ && gpa - video_at_ < sizes_.video) {
    return {.kind = Kind::kMemory,
            .bytes = video_.bytes().data() + (gpa - video_at_),
            .length = sizes_.video - (gpa - video_at_)};
  }
  if (gpa < kFourGiB && kFourGiB - gpa <= firmware_.size()) {
    const u64 left = kFourGiB - gpa;
    return {.kind = Kind::kReadOnly,
            .bytes = firmware_.data() + (firmware_.size() - left),
            .length = left};
  }
  // Whatever else there is begins at a page.
  return {.kind = Kind::kRegisters, .length = kPage - gpa % kPage};
}

/// The widest access that a device there takes, at its natural boundary.
unsigned PhysicalMemory::width_at(Gpa gpa, u64 length) {
  const core::IoRegion* region = mmio_.find(gpa);
  const u64 most = region != nullptr ? region->widths.max : 4;
  const u64 aligned = gpa != 0 ? gpa & (~gpa + 1) : most;
  return static_cast<unsigned>(std::bit_floor(std::min({most, aligned, length})));
}

/// Reads of nothing are zeros, as in QEMU's memory; ports are different.
void PhysicalMemory::read_registers(Gpa gpa, MutableBytes to) {
  while (!to.empty()) {
    const unsigned width = width_at(gpa, to.size());
    const u64 value = mmio_.find(gpa) != nullptr ? mmio_.read(gpa, width) : 0;
    std::memcpy(to.data(), &value, width);
    to = to.subspan(width);
    gpa += width;
  }
}

void PhysicalMemory::write_registers(Gpa gpa, Bytes from) {
  while (!from.empty()) {
    const unsigned width = width_at(gpa, from.size());
    u64 value = 0;
    std::memcpy(&value, from.data(), width);
    mmio_.write(gpa, value, width);
    from = from.subspan(width);
    gpa += width;
  }
}

void PhysicalMemory::cpu_read(Gpa gpa, MutableBytes to) {
  while (!to.empty()) {
    const Run run = run_at(gpa);
    const u64 count = std::min<u64>(run.length, to.size());
    if (run.kind == Kind::kRegisters) {
      read_registers(gpa, to.first(count));
    } else {
      std::memcpy(to.data(), run.bytes, count);
    }
    to = to.subspan(count);
    gpa += count;
  }
}

void PhysicalMemory::cpu_write(Gpa gpa, Bytes from) {
  while (!from.empty()) {
    const Run run = run_at(gpa);
    const u64 count = std::min<u64>(run.length, from.size());
    if (run.kind == Kind::kRegisters) {
      write_registers(gpa, from.first(count));
    } else if (run.kind == Kind::kMemory) {
      std::memcpy(run.bytes, from.data(), count);
      wrote(run.bytes, count);
    }
    from = from.subspan(count);
    gpa += count;
  }
}

bool PhysicalMemory::read(Gpa gpa, MutableBytes to) {
  bool all = true;
  while (!to.empty()) {
    const Run run = run_at(gpa);
    const u64 count = std::min<u64>(run.length, to.size());
    if (run.kind == Kind::kRegisters) {
      std::fill_n(to.begin(), count, u8{0xff});
      all = false;
    } else {
      std::memcpy(to.data(), run.bytes, count);
    }
    to = to.subspan(count);
    gpa += count;
  }
  return all;
}

bool PhysicalMemory::write(Gpa gpa, Bytes from) {
  bool all = true;
  while (!from.empty()) {
    const Run run = run_at(gpa);
    const u64 count = std::min<u64>(run.length, from.size());
    if (run.kind == Kind::kMemory) {
      std::memcpy(run.bytes, from.data(), count);
      wrote(run.bytes, count);
    } else {
      all = false;
    }
    from = from.subspan(count);
    gpa += count;
  }
  return all;
}

core::MemoryPin PhysicalMemory::pin(Gpa gpa, u64 length, core::MemoryAccess access) {
  const Run run = run_at(gpa);
  if (run.kind != Kind::kMemory || length == 0) return {};
  return {*this, gpa, MutableBytes(run.bytes, std::min(run.length, length)), access, 0};
}

void PhysicalMemory::unpin(const core::MemoryPin& pin) {
  if (pin.access() == core::MemoryAccess::kWrite) wrote(pin.data(), pin.size());
}

void PhysicalMemory::wrote(const u8* at, u64 length) {
  const MutableBytes video = video_.bytes();
  if (!tracking_ || video.empty() || at < video.data() || at >= video.data() + video.size()) return;
  mark_dirty(static_cast<u64>(at - video.data()), length);
}

void PhysicalMemory::mark_dirty(u64 offset, u64 length) {
  if (!tracking_ || length == 0) return;
  const u64 end = std::min<u64>((offset + length - 1) / kPage + 1, dirty_.size());
  for (u64 page = offset / kPage; page < end; ++page) dirty_[page] = true;
}

void PhysicalMemory::take_dirty(u64 offset, u64 length, MutableBytes bitmap) {
  if (!tracking_) dirty_.assign(dirty_.size(), true);
  tracking_ = true;
  std::fill(bitmap.begin(), bitmap.end(), u8{0});
  for (u64 i = 0; i < length / kPage && i / 8 < bitmap.size(); ++i) {
    const u64 page = offset / kPage + i;
    if (page >= dirty_.size() || !dirty_[page]) continue;
    bitmap[i / 8] = core::low<u8>(bitmap[i / 8] | 1U << i % 8);
    dirty_[page] = false;
  }
}

}  // namespace qtest
