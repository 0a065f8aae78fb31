// One line of memory to one line of pixels, a function a format.

#include <algorithm>

#include "hw/emul/display/graphics_renderer.h"

namespace display {
namespace {

template <bool Twice>
void put(u32*& to, u32 color) {
  *to++ = color;
  if constexpr (Twice) *to++ = color;
}

/// The bits of a byte spread to the low bits of eight nibbles: bit 7 ends in the highest nibble.
constexpr std::array<u32, 256> make_spread() {
  std::array<u32, 256> table{};
  for (u32 byte = 0; byte < 256; ++byte) {
    for (u32 bit = 0; bit < 8; ++bit) table[byte] |= (byte >> bit & 1) << (bit * 4);
  }
  return table;
}
constexpr std::array<u32, 256> kSpread = make_spread();

/// A mask over the four plane bytes of a word.
constexpr u32 plane_bytes(u8 planes) {
  u32 mask = 0;
  for (u32 plane = 0; plane < 4; ++plane) {
    if ((planes >> plane & 1) != 0) mask |= 0xffu << (plane * 8);
  }
  return mask;
}

template <bool Twice>
void planar16(const u8* from, u32 pixels, const Palette& palette, u8 planes, u32* to) {
  const u32 mask = plane_bytes(planes);
  for (u32 x = 0; x < pixels; x += 8, from += 4) {
    const u32 word = core::load_le<u32>(from) & mask;
    const u32 nibbles = kSpread[word & 0xff] | kSpread[word >> 8 & 0xff] << 1 |
                        kSpread[word >> 16 & 0xff] << 2 | kSpread[word >> 24] << 3;
    for (int shift = 28; shift >= 0; shift -= 4) put<Twice>(to, palette[nibbles >> shift & 0xf]);
  }
}

/// Shift register in CGA mode: planes 0 and 2 hold the first four pixels, two bits each, planes 1
/// and 3 the next four; the higher plane gives the upper colour bits.
template <bool Twice>
void cga4(const u8* from, u32 pixels, const Palette& palette, u8 planes, u32* to) {
  const u32 mask = plane_bytes(planes);
  for (u32 x = 0; x < pixels; x += 8, from += 4) {
    const u32 word = core::load_le<u32>(from) & mask;
    for (u32 half = 0; half < 2; ++half) {
      const u32 lower = word >> (half * 8) & 0xff;
      const u32 upper = word >> (half * 8 + 16) & 0xff;
      for (int shift = 6; shift >= 0; shift -= 2) {
        put<Twice>(to, palette[(lower >> shift & 3) | (upper >> shift & 3) << 2]);
      }
    }
  }
}

template <bool Twice>
void indexed8(const u8* from, u32 pixels, const Palette& palette, u32* to) {
  for (u32 x = 0; x < pixels; ++x) put<Twice>(to, palette[from[x]]);
}

template <bool Big>
u16 load16(const u8* from) {
  return core::low<u16>(Big ? from[0] << 8 | from[1] : from[1] << 8 | from[0]);
}

/// `bits` wide levels to eight, so that full is full.
constexpr u32 widen(u32 level, unsigned bits) {
  return level << (8 - bits) | level >> (2 * bits - 8);
}

template <bool Big>
void rgb555(const u8* from, u32 pixels, u32* to) {
  for (u32 x = 0; x < pixels; ++x, from += 2) {
    const u32 v = load16<Big>(from);
    *to++ = widen(v >> 10 & 0x1f, 5) << 16 | widen(v >> 5 & 0x1f, 5) << 8 | widen(v & 0x1f, 5);
  }
}

template <bool Big>
void rgb565(const u8* from, u32 pixels, u32* to) {
  for (u32 x = 0; x < pixels; ++x, from += 2) {
    const u32 v = load16<Big>(from);
    *to++ = widen(v >> 11, 5) << 16 | widen(v >> 5 & 0x3f, 6) << 8 | widen(v & 0x1f, 5);
  }
}

template <bool Big>
void rgb888(const u8* from, u32 pixels, u32* to) {
  for (u32 x = 0; x < pixels; ++x, from += 3) {
    const u32 a = from[0];
    const u32 b = from[1];
    const u32 c = from[2];
    *to++ = Big ? a << 16 | b << 8 | c : c << 16 | b << 8 | a;
  }
}

template <bool Big>
void xrgb8888(const u8* from, u32 pixels, u32* to) {
  for (u32 x = 0; x < pixels; ++x, from += 4) {
    const u32 v = core::load_le<u32>(from);
    *to++ = (Big ? __builtin_bswap32(v) : v) & 0xffffff;
  }
}

template <bool Twice>
void palette_line(const GraphicsMode& mode, const u8* from, u32 pixels, const Palette& palette,
                  u32* to) {
  switch (mode.format) {
    case PixelFormat::kPlanar16: planar16<Twice>(from, pixels, palette, mode.plane_mask, to); break;
    case PixelFormat::kCga4: cga4<Twice>(from, pixels, palette, mode.plane_mask, to); break;
    default: indexed8<Twice>(from, pixels, palette, to); break;
  }
}

template <bool Big>
void direct_line(const GraphicsMode& mode, const u8* from, u32 pixels, u32* to) {
  switch (mode.format) {
    case PixelFormat::kRgb555: rgb555<Big>(from, pixels, to); break;
    case PixelFormat::kRgb565: rgb565<Big>(from, pixels, to); break;
    case PixelFormat::kRgb888: rgb888<Big>(from, pixels, to); break;
    default: xrgb8888<Big>(from, pixels, to); break;
  }
}

}  // namespace

void draw_scanline(const GraphicsMode& mode, const u8* from, u32 pixels, const Palette& palette,
                   u32* to) {
  if (mode.format <= PixelFormat::kIndexed8) {
    if (mode.double_width) {
      palette_line<true>(mode, from, pixels, palette, to);
    } else {
      palette_line<false>(mode, from, pixels, palette, to);
    }
  } else if (mode.big_endian) {
    direct_line<true>(mode, from, pixels, to);
  } else {
    direct_line<false>(mode, from, pixels, to);
  }
}

}  // namespace display
