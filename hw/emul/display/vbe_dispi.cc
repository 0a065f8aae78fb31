#include "hw/emul/display/vbe_dispi.h"

#include <algorithm>

namespace display {
namespace {

u32 storage_bits(u16 bpp) {
  return bpp == 15 ? 16 : bpp;
}

/// Brings size, virtual size and offsets within limits and memory, and derives line length and
/// start address. All of it is guest-controlled and ends up as addresses (CVE-2016-3712).
void settle(VgaState& s, u64 memory) {
  auto& r = s.vbe_regs;
  if (!dispi_enabled(s)) return;
  switch (r[kDispiBpp]) {
    case 4:
    case 8:
    case 15:
    case 16:
    case 24:
    case 32: break;
    default: r[kDispiBpp] = 8; break;
  }
  const u64 bits = storage_bits(r[kDispiBpp]);
  const auto multiple_of_8 = [](u16 value) { return core::low<u16>(value & ~7u); };
  r[kDispiXres] = std::clamp<u16>(multiple_of_8(r[kDispiXres]), 8, kDispiMaxXres);
  r[kDispiVirtWidth] =
      std::clamp<u16>(multiple_of_8(r[kDispiVirtWidth]), r[kDispiXres], kDispiMaxXres);
  const u64 line = r[kDispiVirtWidth] * bits / 8;
  const u64 rows = memory / line;
  r[kDispiYres] = core::low<u16>(
      std::min<u64>(std::clamp<u16>(r[kDispiYres], 1, kDispiMaxYres), std::max<u64>(rows, 1)));
  r[kDispiXoffset] = std::min(r[kDispiXoffset], kDispiMaxXres);
  r[kDispiYoffset] = std::min(r[kDispiYoffset], kDispiMaxYres);
  const u64 shown = r[kDispiYres] * line;
  const auto offset = [&] { return r[kDispiXoffset] * bits / 8 + r[kDispiYoffset] * line; };
  if (offset() + shown > memory) r[kDispiYoffset] = 0;
  if (offset() + shown > memory) r[kDispiXoffset] = 0;
  r[kDispiVirtHeight] = core::low<u16>(rows);
  s.vbe_line_offset = core::low<u32>(line);
  s.vbe_start_addr = core::low<u32>(offset() / 4);
}

DispiEffect write_enable(VgaState& s, u16 value, u64 memory) {
  auto& r = s.vbe_regs;
  DispiEffect effect;
  if (DispiEnabled::test(value) && !dispi_enabled(s)) {
    r[kDispiVirtWidth] = 0;
    r[kDispiXoffset] = 0;
    r[kDispiYoffset] = 0;
    r[kDispiEnable] = core::low<u16>(r[kDispiEnable] | DispiEnabled::kMask);
    settle(s, memory);
    dispi_mirror(s);
    effect.clear_screen = !DispiNoClear::test(value);
  } else {
    s.bank_offset = 0;
  }
  r[kDispiEnable] = value;
  return effect;
}

}  // namespace

u16 dispi_read(const VgaState& s, u64 memory) {
  const bool capabilities = DispiGetCaps::test(s.vbe_regs[kDispiEnable]);
  switch (s.vbe_index) {
    case kDispiXres:
      if (capabilities) return kDispiMaxXres;
      break;
    case kDispiYres:
      if (capabilities) return kDispiMaxYres;
      break;
    case kDispiBpp:
      if (capabilities) return kDispiMaxBpp;
      break;
    case kDispiMemory64k: return core::low<u16>(memory >> 16);
    default: break;
  }
  return s.vbe_index < kDispiCount ? s.vbe_regs[s.vbe_index] : u16{0};
}

DispiEffect dispi_write(VgaState& s, u16 value, u64 memory) {
  auto& r = s.vbe_regs;
  switch (s.vbe_index) {
    case kDispiId:
      if (value >= kDispiIdFirst && value <= kDispiIdLast) r[kDispiId] = value;
      break;
    case kDispiXres:
    case kDispiYres:
    case kDispiBpp:
    case kDispiVirtWidth:
    case kDispiXoffset:
    case kDispiYoffset:
      r[s.vbe_index] = value;
      settle(s, memory);
      dispi_mirror(s);
      break;
    case kDispiBank:
      value = core::low<u16>(value & s.vbe_bank_mask);
      r[kDispiBank] = value;
      s.bank_offset = value << 16;
      break;
    case kDispiEnable: return write_enable(s, value, memory);
    default: break;  // read-only or absent
  }
  return {};
}

void dispi_mirror(VgaState& s) {
  if (!dispi_enabled(s)) return;
  const bool planar = s.vbe_regs[kDispiBpp] == 4;
  const u32 last = s.vbe_regs[kDispiYres] - 1u;
  s.gr[kGfxMiscellaneous] = MiscGraphics::with(MiscMemoryMap::with(s.gr[kGfxMiscellaneous], 1), 1);
  s.gr[kGfxMode] = ModeShift::with(s.gr[kGfxMode], planar ? u8{0} : u8{2});
  s.cr[kCrtcMode] = core::low<u8>(s.cr[kCrtcMode] | CrtcRow0_n::kMask | CrtcRow1_n::kMask);
  s.cr[kCrtcOffset] = core::low<u8>(s.vbe_line_offset >> 3);
  s.cr[kCrtcDisplayEnd] = core::low<u8>((s.vbe_regs[kDispiXres] >> 3) - 1);
  // Ten bits of height and a line compare of 1023; DISPI modes may be taller and ignore both.
  s.cr[kCrtcVerticalEnd] = core::low<u8>(last);
  u8 overflow = s.cr[kCrtcOverflow];
  overflow = OverflowVerticalEnd8::with(overflow, core::low<u8>(last >> 8 & 1));
  overflow = OverflowVerticalEnd9::with(overflow, core::low<u8>(last >> 9 & 1));
  s.cr[kCrtcOverflow] = OverflowLineCompare8::with(overflow, 1);
  s.cr[kCrtcLineCompare] = 0xff;
  // Neither doubled nor repeated lines.
  s.cr[kCrtcMaxScan] = MaxScanLineCompare9::with(s.cr[kCrtcMaxScan] & 0x60, 1);
}

void dispi_reset(VgaState& s, u64 memory) {
  s.vbe_regs[kDispiId] = kDispiIdLast;
  s.vbe_bank_mask = core::low<u32>((memory >> 16) - 1);
}

}  // namespace display
