// Video memory as the processor reaches it: the window at a0000 by banks, BAR 0, write modes 4 and
// 5, and registers in either (technical reference manual, 6: GR9 to GRB; 4: SR17).
#include <algorithm>

#include "hw/emul/display/cirrus_vga.h"

namespace display {
namespace {

constexpr u64 kBankedLength = 0x10000;
constexpr u32 kHalf = 0x8000;              // what a bank register moves
constexpr u64 kWindowRegisters = 0x18000;  // b8000
constexpr u64 kRegistersLength = 0x100;
constexpr u32 kMask = cirrus::kMemory - 1;

}  // namespace

bool CirrusVga::registers_at_end() const {
  const u8 config = vga_.sr[cirrus::kSeqConfiguration];
  return cirrus::ConfigMmio::test(config) && cirrus::ConfigMmioPci::test(config);
}

bool CirrusVga::extended_writes() const {
  const u8 mode = cirrus::WriteModeExtended::get(vga_.gr[kGfxMode]);
  return (mode == 4 || mode == 5) && cirrus::ExtensionWrites::test(vga_.gr[cirrus::kGfxExtension]);
}

/// An address of the processor may stand for 8 or 16 bytes.
u32 CirrusVga::scaled(u32 address) const {
  const u8 extension = vga_.gr[cirrus::kGfxExtension];
  if (cirrus::ExtensionWrites::test(extension) && cirrus::ExtensionBy16::test(extension)) {
    return address << 4 & kMask;
  }
  if (cirrus::ExtensionBy8::test(extension)) return address << 3 & kMask;
  return address & kMask;
}

/// Where a half of the window begins, and how much of memory is behind it. With a single bank the
/// second half goes on where the first ends.
CirrusVga::Bank CirrusVga::bank(u32 index) const {
  const u8 extension = vga_.gr[cirrus::kGfxExtension];
  const bool dual = cirrus::ExtensionDualBank::test(extension);
  const u32 shift = cirrus::ExtensionGranularity::test(extension) ? 14 : 12;
  u32 base = u32{vga_.gr[cirrus::kGfxBank0 + (dual ? index : 0)]} << shift;
  if (!dual && index != 0) base += kHalf;
  return {base, base < cirrus::kMemory ? core::low<u32>(cirrus::kMemory) - base : 0};
}

/// Write modes 4 and 5: eight pixels, a bit each; in mode 4 zeros leave what is there.
void CirrusVga::store_pixels(u32 address, u8 bits) {
  const core::MutableBytes memory = core_.vram();
  const u8 extension = vga_.gr[cirrus::kGfxExtension];
  const u32 bytes = cirrus::ExtensionBy16::test(extension) ? 2 : 1;
  const bool opaque = cirrus::WriteModeExtended::get(vga_.gr[kGfxMode]) == 5;
  const u8 foreground[] = {s_.shadow_gr1, vga_.gr[cirrus::kGfxForeground1]};
  const u8 background[] = {s_.shadow_gr0, vga_.gr[cirrus::kGfxBackground1]};
  for (u32 x = 0; x < 8; ++x) {
    const bool set = (bits >> (7 - x) & 1) != 0;
    if (!set && !opaque) continue;
    const u32 at = (address + x * bytes) & kMask & ~(bytes - 1);
    for (u32 i = 0; i < bytes; ++i) memory[at + i] = set ? foreground[i] : background[i];
  }
  const u32 length = std::min(8 * bytes, core::low<u32>(cirrus::kMemory) - address);
  core_.wrote(address, length);
  if (length != 8 * bytes) core_.wrote(0, 8 * bytes - length);
}

/// `data` does not reach beyond the end of memory.
void CirrusVga::store(u32 address, core::Bytes data) {
  const core::MutableBytes memory = core_.vram();
  if (memory.size() < cirrus::kMemory) return;
  if (!extended_writes() && scaled(1) == 1) {
    std::copy(data.begin(), data.end(), memory.begin() + static_cast<i64>(address));
    core_.wrote(address, data.size());
    return;
  }
  for (u32 i = 0; i < data.size(); ++i) {
    const u32 at = scaled(address + i);
    if (extended_writes()) {
      store_pixels(at, data[i]);
    } else {
      memory[at] = data[i];
      core_.wrote(at, 1);
    }
  }
}

void CirrusVga::load(u32 address, core::MutableBytes data) const {
  const core::Bytes memory = core_.vram();
  if (memory.size() < cirrus::kMemory) {
    std::fill(data.begin(), data.end(), u8{0xff});
    return;
  }
  for (u32 i = 0; i < data.size(); ++i) data[i] = memory[scaled(address + i)];
}

void CirrusVga::linear_read(u64 offset, core::MutableBytes data) {
  count_trapped();
  while (!data.empty()) {
    const u32 at = core::low<u32>(offset) & kMask;
    if (registers_at_end() && at >= cirrus::kMemory - kRegistersLength) {
      data[0] = blit_register_read(at & (kRegistersLength - 1));
      data = data.subspan(1);
      ++offset;
      continue;
    }
    const u64 end = cirrus::kMemory - (registers_at_end() ? kRegistersLength : 0);
    const u64 count = std::min<u64>(data.size(), end - at);
    load(at, data.first(count));
    data = data.subspan(count);
    offset += count;
  }
}

void CirrusVga::linear_write(u64 offset, core::Bytes data) {
  count_trapped();
  while (!data.empty()) {
    const u32 at = core::low<u32>(offset) & kMask;
    if (registers_at_end() && at >= cirrus::kMemory - kRegistersLength) {
      blit_register_write(at & (kRegistersLength - 1), data[0]);
      data = data.subspan(1);
      ++offset;
      continue;
    }
    const u64 end = cirrus::kMemory - (registers_at_end() ? kRegistersLength : 0);
    u64 count = std::min<u64>(data.size(), end - at);
    if (system_blit_.active()) {
      count -= feed_blit(data.first(count)).size();
    } else {
      store(at, data.first(count));
    }
    data = data.subspan(count);
    offset += count;
  }
}

bool CirrusVga::extended_window_read(u64 offset, core::MutableBytes data) {
  if (!cirrus::ModeExtended::test(vga_.sr[cirrus::kSeqExtendedMode])) return false;
  const u8 config = vga_.sr[cirrus::kSeqConfiguration];
  const bool registers = cirrus::ConfigMmio::test(config) && !cirrus::ConfigMmioPci::test(config);
  for (u8& byte : data) {
    byte = 0xff;
    if (offset < kBankedLength) {
      const Bank half = bank(core::low<u32>(offset) / kHalf);
      const u32 within = core::low<u32>(offset) % kHalf;
      if (within < half.limit) load(half.base + within, core::MutableBytes(&byte, 1));
    } else if (registers && offset >= kWindowRegisters &&
               offset - kWindowRegisters < kRegistersLength) {
      byte = blit_register_read(offset - kWindowRegisters);
    }
    ++offset;
  }
  return true;
}

bool CirrusVga::extended_window_write(u64 offset, core::Bytes data) {
  if (!cirrus::ModeExtended::test(vga_.sr[cirrus::kSeqExtendedMode])) return false;
  while (!data.empty()) {
    u64 count = 1;
    if (offset < kBankedLength && system_blit_.active()) {
      count = std::min<u64>(data.size(), kBankedLength - offset);
      count -= feed_blit(data.first(count)).size();
    } else if (offset < kBankedLength) {
      const Bank half = bank(core::low<u32>(offset) / kHalf);
      const u32 within = core::low<u32>(offset) % kHalf;
      count = std::min<u64>(data.size(), kHalf - within);
      if (within < half.limit) {
        store(half.base + within, data.first(std::min<u64>(count, half.limit - within)));
      }
    } else if (offset >= kWindowRegisters && offset - kWindowRegisters < kRegistersLength) {
      const u8 config = vga_.sr[cirrus::kSeqConfiguration];
      if (cirrus::ConfigMmio::test(config) && !cirrus::ConfigMmioPci::test(config)) {
        blit_register_write(offset - kWindowRegisters, data[0]);
      }
    }
    data = data.subspan(count);
    offset += count;
  }
  return true;
}

}  // namespace display
