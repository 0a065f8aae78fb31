#include "hw/emul/ide/bus_master.h"

#include <algorithm>

#include "hw/emul/core/guest_error.h"

namespace ide {

u8 BusMaster::read(u8 reg) const {
  if (reg == kBmCommand) return s_.cmd;
  if (reg == kBmStatus) return s_.status;
  if (reg >= kBmTableAddress) return core::low<u8>(s_.addr >> ((reg - kBmTableAddress) * 8));
  return 0xff;
}

void BusMaster::write(u8 reg, u8 value) {
  if (reg == kBmCommand) {
    write_command(value);
  } else if (reg == kBmStatus) {
    const u8 kept = core::low<u8>(s_.status & ~value & (kBmInterrupt | kBmError));
    s_.status = core::low<u8>((value & kBmCapable) | (s_.status & kBmActive) | kept);
  } else if (reg >= kBmTableAddress) {
    const unsigned shift = (reg - kBmTableAddress) * 8u;
    s_.addr = ((s_.addr & ~(0xffu << shift)) | u32{value} << shift) & ~3u;
  }
}

/// 2.7.1: a start reads the first descriptor; writing the value that is there already does nothing.
void BusMaster::write_command(u8 value) {
  if (((value ^ s_.cmd) & BmStart::kMask) != 0) {
    if (BmStart::test(value)) {
      s_.cur_addr = s_.addr;
      if (!active()) {
        s_.status = core::low<u8>(s_.status | kBmActive);
        if (armed_ && !client_.dma_running()) client_.dma_started();
      }
    } else if (!client_.dma_running()) {
      s_.status = core::low<u8>(s_.status & ~kBmActive);
    }
    // Stopped under way: what the disk works on cannot be called back, and its pages are still
    // in use, so the command runs to its end and the active bit says so until then.
  }
  s_.cmd = core::low<u8>(value & kBmCommandWritable);
}

void BusMaster::arm() {
  armed_ = true;
  s_.cur_prd_last = s_.cur_prd_addr = s_.cur_prd_len = 0;
  if (active()) client_.dma_started();
}

bool BusMaster::load_table() {
  list_.clear();
  constexpr u32 kBatch = 32;
  std::array<Prd, kBatch> batch{};
  u32 have = 0;
  u32 next = 0;
  while (s_.cur_prd_last == 0 && s_.cur_addr - s_.addr < kMaxPrds * sizeof(Prd)) {
    if (next == have) {
      // Each descriptor is read once: what the guest changes later does not matter.
      const u64 left = kMaxPrds - (s_.cur_addr - s_.addr) / sizeof(Prd);
      have = core::low<u32>(std::min<u64>(kBatch, left));
      next = 0;
      const core::MutableBytes bytes(reinterpret_cast<u8*>(batch.data()), have * sizeof(Prd));
      if (!port_.dma_read(s_.cur_addr, bytes.first(sizeof(Prd)))) {
        core::guest_error("ide", "descriptor table outside guest memory", s_.cur_addr);
        return false;
      }
      // The rest may reach beyond memory, where nothing follows the end-of-table mark.
      if (have > 1 && !PrdEnd::test(batch[0].control)) {
        static_cast<void>(port_.dma_read(s_.cur_addr + sizeof(Prd), bytes.subspan(sizeof(Prd))));
      }
    }
    const Prd& prd = batch[next++];
    const u32 count = PrdCount::get(prd.control) * 2u;
    const u32 length = count == 0 ? 0x10000 : count;
    const u32 base = prd.base & PrdBase::kMask;
    s_.cur_addr += sizeof(Prd);
    s_.cur_prd_last = prd.control & PrdEnd::kMask;
    s_.cur_prd_addr = base + length;
    list_.append(base, length);
  }
  return true;
}

void BusMaster::finish(bool more) {
  armed_ = false;
  list_.clear();
  const bool stays = more && BmStart::test(s_.cmd);
  s_.status = core::low<u8>((s_.status & ~kBmActive) | (stays ? kBmActive : 0));
}

void BusMaster::reset() {
  armed_ = false;
  list_.clear();
  s_ = {};
}

}  // namespace ide
