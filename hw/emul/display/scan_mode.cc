#include "hw/emul/display/scan_mode.h"

#include <algorithm>

namespace display {
namespace {

u32 display_lines(const VgaState& s) {
  const u8 overflow = s.cr[kCrtcOverflow];
  return (s.cr[kCrtcVerticalEnd] | u32{OverflowVerticalEnd8::get(overflow)} << 8 |
          u32{OverflowVerticalEnd9::get(overflow)} << 9) +
         1;
}

u32 line_compare(const VgaState& s) {
  return s.cr[kCrtcLineCompare] | u32{OverflowLineCompare8::get(s.cr[kCrtcOverflow])} << 8 |
         u32{MaxScanLineCompare9::get(s.cr[kCrtcMaxScan])} << 9;
}

/// Byte address of the start register plus byte panning. An address is one byte in each plane.
u32 start_address(const VgaState& s) {
  const u32 start = s.cr[kCrtcStartLow] | u32{s.cr[kCrtcStartHigh]} << 8;
  return (start + PresetBytePan::get(s.cr[kCrtcPresetRow])) * 4;
}

u32 pixel(u8 r, u8 g, u8 b, bool eight_bits) {
  const auto widen = [eight_bits](u8 level) -> u32 {
    if (eight_bits) return level;
    const u32 six = level & 0x3f;
    return six << 2 | six >> 4;
  };
  return widen(r) << 16 | widen(g) << 8 | widen(b);
}

u32 dac_color(const VgaState& s, u32 index) {
  const u8* rgb = &s.palette[index * 3];
  return pixel(rgb[0], rgb[1], rgb[2], DispiDac8::test(s.vbe_regs[kDispiEnable]));
}

PixelFormat dispi_format(const VgaState& s) {
  switch (s.vbe_regs[kDispiBpp]) {
    case 4: return PixelFormat::kPlanar16;
    case 15: return PixelFormat::kRgb555;
    case 16: return PixelFormat::kRgb565;
    case 24: return PixelFormat::kRgb888;
    case 32: return PixelFormat::kXrgb8888;
    default: return PixelFormat::kIndexed8;
  }
}

/// A DISPI mode: the registers of the VGA proper do not matter.
GraphicsMode decode_dispi(const VgaState& s) {
  GraphicsMode mode;
  mode.format = dispi_format(s);
  mode.big_endian = s.big_endian_fb;
  mode.plane_mask = mode.format == PixelFormat::kPlanar16 ? s.ar[kAttrPlaneEnable] & 0xf : 0xf;
  mode.width = s.vbe_regs[kDispiXres];
  mode.height = s.vbe_regs[kDispiYres];
  mode.start = s.vbe_start_addr * 4;
  mode.line_offset = s.vbe_line_offset;
  mode.line_compare = 0xffff;
  return mode;
}

}  // namespace

u32 GraphicsMode::line_bytes() const {
  const u32 pixels = source_pixels();
  switch (format) {
    case PixelFormat::kPlanar16:
    case PixelFormat::kCga4: return (pixels + 7) / 8 * 4;
    case PixelFormat::kIndexed8: return pixels;
    case PixelFormat::kRgb555:
    case PixelFormat::kRgb565: return pixels * 2;
    case PixelFormat::kRgb888: return pixels * 3;
    case PixelFormat::kXrgb8888: return pixels * 4;
  }
  return 0;
}

u8 effective_seq(const VgaState& s, Sequencer reg) {
  const u8 value = s.sr[reg];
  if (!dispi_enabled(s)) return value;
  const bool planar = s.vbe_regs[kDispiBpp] == 4;
  switch (reg) {
    case kSeqClockingMode: return planar ? ClockHalved::with(value, 0) : u8{0};
    case kSeqMapMask: return planar ? value : u8{0xf};
    case kSeqMemoryMode: return MemoryChain4::with(value, planar ? u8{0} : u8{1});
    default: return value;
  }
}

TextMode decode_text(const VgaState& s) {
  TextMode mode;
  const u8 clocking = effective_seq(s, kSeqClockingMode);
  const u8 attr_mode = s.ar[kAttrMode];
  mode.cell_width = ClockEightDots::test(clocking) ? 8 : 9;
  mode.double_width = ClockHalved::test(clocking);
  mode.cell_height = MaxScanRow::get(s.cr[kCrtcMaxScan]) + 1u;
  mode.double_scan = MaxScanDouble::test(s.cr[kCrtcMaxScan]);
  mode.columns = s.cr[kCrtcDisplayEnd] + 1u;
  // The 160x100 graphics trick of the CGA is a text mode with 100 character rows and a total
  // that says so.
  mode.rows = s.cr[kCrtcVerticalTotal] == 100
                  ? 100
                  : display_lines(s) / (mode.cell_height << (mode.double_scan ? 1 : 0));
  mode.start = start_address(s);
  mode.line_offset = u32{s.cr[kCrtcOffset]} * 8;
  mode.line_compare = line_compare(s);
  const u32 pan = s.ar[kAttrPanning] & 0xf;
  // With nine dots 8 means no shift and 0 one dot (IBM, attribute register 13).
  mode.pan = mode.cell_width == 9 ? (pan >= 8 ? 0 : pan + 1) : pan & 7;
  mode.pan_split = !AttrModePanCompat::test(attr_mode);
  mode.preset_row = std::min<u32>(PresetRowScan::get(s.cr[kCrtcPresetRow]), mode.cell_height - 1);
  const u32 map = effective_seq(s, kSeqCharacterMap);
  const u32 map_b = (map >> 4 & 1u) | (map << 1 & 6u);
  const u32 map_a = (map >> 5 & 1u) | (map >> 1 & 6u);
  mode.fonts = {map_b * 8192 * 4 + 2, map_a * 8192 * 4 + 2};
  mode.blink = AttrModeBlink::test(attr_mode);
  mode.line_graphics = AttrModeLineGraphics::test(attr_mode);
  mode.underline_row = UnderlineRow::get(s.cr[kCrtcUnderline]);
  return mode;
}

TextCursor decode_cursor(const VgaState& s) {
  TextCursor cursor;
  cursor.address = (s.cr[kCrtcCursorLow] | u32{s.cr[kCrtcCursorHigh]} << 8) * 4;
  cursor.first = CursorRow::get(s.cr[kCrtcCursorStart]);
  cursor.last = CursorRow::get(s.cr[kCrtcCursorEnd]);
  cursor.on = !CursorOff::test(s.cr[kCrtcCursorStart]);
  return cursor;
}

GraphicsMode decode_graphics(const VgaState& s) {
  if (dispi_enabled(s)) return decode_dispi(s);
  GraphicsMode mode;
  const bool halved = ClockHalved::test(effective_seq(s, kSeqClockingMode));
  const u32 shown = (s.cr[kCrtcDisplayEnd] + 1u) * 8;
  const u32 pan = s.ar[kAttrPanning] & 7;
  switch (ModeShift::get(s.gr[kGfxMode])) {
    case 0:
    case 1:
      mode.format =
          ModeShift::get(s.gr[kGfxMode]) == 0 ? PixelFormat::kPlanar16 : PixelFormat::kCga4;
      mode.double_width = halved;
      mode.width = halved ? shown * 2 : shown;
      mode.plane_mask = s.ar[kAttrPlaneEnable] & 0xf;
      mode.pan = pan;
      break;
    default:
      // 256 colours take two dots a pixel; panning counts dots.
      mode.format = PixelFormat::kIndexed8;
      mode.double_width = true;
      mode.width = shown;
      mode.pan = pan >> 1;
      break;
  }
  mode.height = display_lines(s);
  mode.start = start_address(s);
  mode.line_offset = u32{s.cr[kCrtcOffset]} * 8;
  mode.line_compare = line_compare(s);
  const u8 crtc_mode = s.cr[kCrtcMode];
  const u32 doubled = MaxScanDouble::get(s.cr[kCrtcMaxScan]);
  // With the CGA's interleaving the row scan counter is an address bit and does not repeat rows.
  mode.repeat = CrtcRow0_n::test(crtc_mode)
                    ? ((MaxScanRow::get(s.cr[kCrtcMaxScan]) + 1u) << doubled) - 1
                    : doubled;
  mode.preset_row = std::min<u32>(PresetRowScan::get(s.cr[kCrtcPresetRow]), mode.repeat);
  mode.pan_split = !AttrModePanCompat::test(s.ar[kAttrMode]);
  mode.row_address = crtc_mode & 3;
  mode.row_shift = CrtcByteMode::test(crtc_mode) ? 15 : 14;
  return mode;
}

void decode_palette16(const VgaState& s, Palette& palette) {
  const u32 select = s.ar[kAttrColorSelect];
  const bool internal = AttrModeInternalPalette::test(s.ar[kAttrMode]);
  for (u32 i = 0; i < 16; ++i) {
    const u32 index =
        internal ? (select & 0xf) << 4 | (s.ar[i] & 0xfu) : (select & 0xc) << 4 | (s.ar[i] & 0x3fu);
    palette[i] = dac_color(s, index);
  }
}

void decode_palette256(const VgaState& s, Palette& palette) {
  for (u32 i = 0; i < 256; ++i) palette[i] = dac_color(s, i);
}

}  // namespace display
