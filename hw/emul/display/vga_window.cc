// The memory window at a0000..bffff: how the processor's bytes reach the four planes (IBM VGA,
// graphics controller; FreeVGA "Accessing the VGA display memory"). Works on runs of bytes: a
// single store is a run of one to eight, `rep movs` a long one, and what the registers say is
// looked at once a run. Every run is cut to video memory first (CVE-2016-3710).

#include <algorithm>

#include "hw/emul/display/vga_core.h"

namespace display {
namespace {

/// Bit p to byte p.
constexpr std::array<u32, 16> make_plane_masks() {
  std::array<u32, 16> masks{};
  for (u32 planes = 0; planes < 16; ++planes) {
    for (u32 plane = 0; plane < 4; ++plane) {
      if ((planes >> plane & 1) != 0) masks[planes] |= 0xffu << (plane * 8);
    }
  }
  return masks;
}
constexpr std::array<u32, 16> kPlanes = make_plane_masks();

constexpr u32 kEvery = 0x01010101;

u8 rotate(u8 value, unsigned count) {
  return core::low<u8>(value >> count | value << (8 - count));
}

/// The graphics controller's data path for one run of writes.
struct DataPath {
  unsigned mode;
  unsigned rotation;
  unsigned function;
  u32 set_reset;
  u32 set_reset_enable;
  u8 bit_mask;
  u32 latch;

  u32 operator()(u8 byte) const {
    u32 value = 0;
    u8 mask = bit_mask;
    switch (mode) {
      case 1: return latch;
      case 2: value = kPlanes[byte & 0xf]; break;
      case 3:
        mask = core::low<u8>(mask & rotate(byte, rotation));
        value = set_reset;
        break;
      default:
        value = rotate(byte, rotation) * kEvery;
        value = (value & ~set_reset_enable) | (set_reset & set_reset_enable);
        break;
    }
    switch (function) {
      case 1: value &= latch; break;
      case 2: value |= latch; break;
      case 3: value ^= latch; break;
      default: break;
    }
    const u32 bits = mask * kEvery;
    return (value & bits) | (latch & ~bits);
  }

  /// Nothing but the byte itself in each plane: text clearing, fonts, most of what BIOSes do.
  bool plain() const {
    return mode == 0 && rotation == 0 && function == 0 && set_reset_enable == 0 && bit_mask == 0xff;
  }
};

}  // namespace

VgaCore::Window VgaCore::window() const {
  switch (MiscMemoryMap::get(s_.gr[kGfxMiscellaneous])) {
    case 0: return {0, 0x20000, 0};
    case 1: return {0, 0x10000, static_cast<u32>(s_.bank_offset)};
    case 2: return {0x10000, 0x8000, 0};
    default: return {0x18000, 0x8000, 0};
  }
}

void VgaCore::window_write(u64 offset, core::Bytes data) {
  if (extension_ != nullptr && extension_->extended_window_write(offset, data)) return;
  const Window w = window();
  const u64 begin = std::max<u64>(offset, w.base);
  const u64 end = std::min<u64>(offset + data.size(), w.base + w.length);
  if (begin >= end) return;
  stir();
  data = data.subspan(begin - offset, end - begin);
  const u64 address = begin - w.base + w.bank;
  const core::MutableBytes memory = vram();
  if (MemoryChain4::test(effective_seq(s_, kSeqMemoryMode))) {
    write_chain4(address, data, memory);
  } else if (ModeOddEven::test(s_.gr[kGfxMode])) {
    write_odd_even(address, data, memory);
  } else {
    write_planar(address, data, memory);
  }
}

void VgaCore::write_chain4(u64 address, core::Bytes data, core::MutableBytes memory) {
  if (address >= memory.size()) return;
  const u64 count = std::min<u64>(data.size(), memory.size() - address);
  const u8 planes = effective_seq(s_, kSeqMapMask);
  if (planes == 0xf) {
    std::copy_n(data.begin(), count, memory.begin() + static_cast<i64>(address));
  } else {
    for (u64 i = 0; i < count; ++i) {
      if ((planes >> ((address + i) & 3) & 1) != 0) memory[address + i] = data[i];
    }
  }
  font_written_ = font_written_ || (planes & 4) != 0;
  wires_.video.mark_dirty(address, count);
}

/// Even addresses go to plane 0, odd ones to plane 1 (2 and 3 with the upper map selected).
void VgaCore::write_odd_even(u64 address, core::Bytes data, core::MutableBytes memory) {
  const u8 planes = effective_seq(s_, kSeqMapMask);
  const u64 upper = s_.gr[kGfxReadMapSelect] & 2;
  const u64 room = memory.size() / 2;
  if (address >= room) return;
  const u64 count = std::min<u64>(data.size(), room - address);
  for (u64 i = 0; i < count; ++i) {
    const u64 at = address + i;
    const u64 plane = upper | (at & 1);
    if ((planes >> plane & 1) != 0) memory[(at & ~u64{1}) << 1 | plane] = data[i];
  }
  font_written_ = font_written_ || (upper != 0 && (planes & 4) != 0);
  const u64 first = (address & ~u64{1}) << 1;
  const u64 last = ((address + count - 1) & ~u64{1}) << 1;
  wires_.video.mark_dirty(first, last + 4 - first);
}

void VgaCore::write_planar(u64 address, core::Bytes data, core::MutableBytes memory) {
  const u64 room = memory.size() / 4;
  if (address >= room) return;
  const u64 count = std::min<u64>(data.size(), room - address);
  const DataPath path{.mode = ModeWrite::get(s_.gr[kGfxMode]),
                      .rotation = RotateCount::get(s_.gr[kGfxDataRotate]),
                      .function = RotateFunction::get(s_.gr[kGfxDataRotate]),
                      .set_reset = kPlanes[s_.gr[kGfxSetReset] & 0xf],
                      .set_reset_enable = kPlanes[s_.gr[kGfxEnableSetReset] & 0xf],
                      .bit_mask = s_.gr[kGfxBitMask],
                      .latch = s_.latch};
  const u8 planes = effective_seq(s_, kSeqMapMask) & 0xf;
  const u32 mask = kPlanes[planes];
  u8* word = memory.data() + address * 4;
  if (path.plain() && planes == 0xf) {
    for (u64 i = 0; i < count; ++i, word += 4) core::store_le<u32>(word, data[i] * kEvery);
  } else if (path.plain()) {
    for (u64 i = 0; i < count; ++i, word += 4) {
      const u32 old = core::load_le<u32>(word);
      core::store_le<u32>(word, (old & ~mask) | (data[i] * kEvery & mask));
    }
  } else {
    for (u64 i = 0; i < count; ++i, word += 4) {
      const u32 old = core::load_le<u32>(word);
      core::store_le<u32>(word, (old & ~mask) | (path(data[i]) & mask));
    }
  }
  font_written_ = font_written_ || (planes & 4) != 0;
  wires_.video.mark_dirty(address * 4, count * 4);
}

void VgaCore::window_read(u64 offset, core::MutableBytes data) {
  if (extension_ != nullptr && extension_->extended_window_read(offset, data)) return;
  const Window w = window();
  const u64 begin = std::max<u64>(offset, w.base);
  const u64 end = std::min<u64>(offset + data.size(), w.base + w.length);
  std::fill(data.begin(), data.end(), u8{0xff});
  if (begin >= end) return;
  data = data.subspan(begin - offset, end - begin);
  const u64 address = begin - w.base + w.bank;
  const core::Bytes memory = vram();
  if (MemoryChain4::test(effective_seq(s_, kSeqMemoryMode))) {
    if (address >= memory.size()) return;
    const u64 count = std::min<u64>(data.size(), memory.size() - address);
    std::copy_n(memory.begin() + static_cast<i64>(address), count, data.begin());
  } else if (ModeOddEven::test(s_.gr[kGfxMode])) {
    read_odd_even(address, data, memory);
  } else {
    read_planar(address, data, memory);
  }
}

void VgaCore::read_odd_even(u64 address, core::MutableBytes data, core::Bytes memory) {
  const u64 upper = s_.gr[kGfxReadMapSelect] & 2;
  const u64 room = memory.size() / 2;
  if (address >= room) return;
  const u64 count = std::min<u64>(data.size(), room - address);
  for (u64 i = 0; i < count; ++i) {
    const u64 at = address + i;
    data[i] = memory[(at & ~u64{1}) << 1 | upper | (at & 1)];
  }
}

/// Every read loads the latches; the last one of a run stays.
void VgaCore::read_planar(u64 address, core::MutableBytes data, core::Bytes memory) {
  const u64 room = memory.size() / 4;
  if (address >= room) return;
  const u64 count = std::min<u64>(data.size(), room - address);
  const u8* word = memory.data() + address * 4;
  if (!ModeReadCompare::test(s_.gr[kGfxMode])) {
    const u64 plane = s_.gr[kGfxReadMapSelect] & 3;
    for (u64 i = 0; i < count; ++i) data[i] = word[i * 4 + plane];
  } else {
    const u32 compare = kPlanes[s_.gr[kGfxColorCompare] & 0xf];
    const u32 care = kPlanes[s_.gr[kGfxColorDontCare] & 0xf];
    for (u64 i = 0; i < count; ++i) {
      u32 differs = (core::load_le<u32>(word + i * 4) ^ compare) & care;
      differs |= differs >> 16;
      differs |= differs >> 8;
      data[i] = core::low<u8>(~differs);
    }
  }
  s_.latch = core::load_le<u32>(word + (count - 1) * 4);
}

}  // namespace display
