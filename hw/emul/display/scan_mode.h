// How the card scans its memory out, decoded from the registers: everything the renderers need to
// know, and nothing that a guest could make them trip over. Two equal modes draw alike, so
// inequality is what calls for a full redraw.
#pragma once

#include <array>

#include "hw/emul/display/vga_state.h"

namespace display {

/// 0x00RRGGBB each; 16-colour modes use the first 16.
using Palette = std::array<u32, 256>;

struct TextMode {
  u32 columns = 0, rows = 0;
  u32 cell_width = 8;    // dots of a character: 8 or 9
  u32 cell_height = 16;  // glyph rows, 1..32
  bool double_width = false;
  bool double_scan = false;
  u32 start = 0;               // byte address of the first character
  u32 line_offset = 0;         // bytes from row to row
  u32 line_compare = 0;        // scan line after which the address restarts at 0
  u32 pan = 0;                 // dots to the left
  bool pan_split = true;       // ... also below the line compare
  u32 preset_row = 0;          // glyph rows cut off at the top
  std::array<u32, 2> fonts{};  // byte address in plane 2, by attribute bit 3
  bool blink = false;          // attribute bit 7 blinks
  bool line_graphics = false;  // ninth dot of c0..df repeats the eighth
  u32 underline_row = 31;

  u32 width() const { return columns * cell_width * (double_width ? 2 : 1); }
  u32 height() const { return rows * cell_height * (double_scan ? 2 : 1); }
  bool operator==(const TextMode&) const = default;
};

struct TextCursor {
  u32 address = 0;  // byte address of the character
  u32 first = 0, last = 0;
  bool on = false;
  bool operator==(const TextCursor&) const = default;
};

enum class PixelFormat : u8 { kPlanar16, kCga4, kIndexed8, kRgb555, kRgb565, kRgb888, kXrgb8888 };

struct GraphicsMode {
  PixelFormat format = PixelFormat::kPlanar16;
  bool big_endian = false;    // direct colour formats
  bool double_width = false;  // each pixel twice
  u8 plane_mask = 0xf;
  u32 width = 0, height = 0;  // of the picture; width counts doubled pixels
  u32 start = 0;              // byte address
  u32 line_offset = 0;        // bytes from row to row
  u32 line_compare = 0;
  u32 repeat = 0;      // extra scan lines a row
  u32 preset_row = 0;  // of those, skipped on the first row
  u32 pan = 0;         // pixels to the left
  bool pan_split = true;
  u8 row_address = 3;  // CR17 bits 0 and 1, active-low address replacement
  u8 row_shift = 0;    // where row scan bit 0 goes: byte address bit 14 or 15

  /// Memory pixels a line shows (before doubling), with what panning brings in.
  u32 source_pixels() const { return (double_width ? width / 2 : width) + pan; }
  u32 line_bytes() const;
  bool operator==(const GraphicsMode&) const = default;
};

/// Pictures larger than this are not shown: a 16-colour mode could otherwise make a small card ask
/// the host for most of a gigabyte.
inline constexpr u64 kMaxPixels = u64{64} << 20;
/// Text screens larger than this are transient register values.
inline constexpr u32 kMaxCells = 160 * 100;

/// The sequencer as the display and the memory window see it: DISPI modes replace some of it.
u8 effective_seq(const VgaState& s, Sequencer reg);
inline bool dispi_enabled(const VgaState& s) {
  return DispiEnabled::test(s.vbe_regs[kDispiEnable]);
}

TextMode decode_text(const VgaState& s);
TextCursor decode_cursor(const VgaState& s);
GraphicsMode decode_graphics(const VgaState& s);
/// The colours of text, planar and CGA modes (16), or of 256-colour modes.
void decode_palette16(const VgaState& s, Palette& palette);
void decode_palette256(const VgaState& s, Palette& palette);

}  // namespace display
