// What a person sees: the screen after a guest has drawn, as screendump writes it.
#include <fmt/format.h>

#include "tests/diff/screen_script.h"

namespace diff {
namespace {

TEST(Screen, Text) {
  Pair pair("screen-text");
  DIFF_START(pair);
  pair.set_up_pci();
  set_mode(pair, kTextMode);
  font(pair);
  for (u64 cell = 0; cell < 80 * 25; ++cell) {
    u64 glyph = cell * 7 & 0xff;
    if (glyph >= 0xb0 && glyph < 0xc0) glyph ^= 0x40;  // their ninth dot is below
    pair.write(0xb8000 + cell * 2, glyph | (cell / 3 & 0x7f) << 8, 2);
  }
  pair.read(0xb8000, 2);
  pair.at("no cursor");
  pair.out(0x3d4, 0x0a);
  pair.out(0x3d5, 0x2d);
  screen(pair);
  const auto crtc = [&](u32 index, u32 value) {
    pair.out(0x3d4, index);
    pair.out(0x3d5, value);
  };
  pair.at("start address");
  crtc(0x0d, 80);
  screen(pair);
  crtc(0x0d, 0);
  pair.at("ninth dot of shades");
  for (u64 cell = 0; cell < 16; ++cell) pair.write(0xb8000 + cell * 2, 0x07b0 + cell, 2);
  screen(pair);
  for (u64 cell = 0; cell < 16; ++cell) pair.write(0xb8000 + cell * 2, 0x0741 + cell, 2);
  pair.at("eight lines a cell");
  crtc(0x09, 0x47);
  screen(pair);
  pair.at("fourteen");
  crtc(0x09, 0x4d);
  screen(pair);
  crtc(0x09, 0x4f);
  // Right after another height: stock does not draw again for this bit alone.
  pair.at("line graphics off");
  attributes(pair, {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39,
                    0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x00, 0x00, 0x0f, 0x08});
  screen(pair);
  pair.at("screen off");
  pair.ours().vcpu().inb(0x3da);
  pair.stock().vcpu().inb(0x3da);
  pair.out(0x3c0, 0x00);
  screen(pair);
}

TEST(Screen, Planes) {
  Pair pair("screen-planes");
  DIFF_START(pair);
  pair.set_up_pci();
  set_mode(pair, kPlanarMode);
  for (u32 plane = 0; plane < 4; ++plane) {
    pair.out(0x3c4, 2);
    pair.out(0x3c5, 1U << plane);
    for (u64 at = 0; at < 80 * 480; at += 4) {
      pair.write(0xa0000 + at, at * (plane * 2 + 1) * 0x01010133, 4);
    }
  }
  pair.read(0xa0000, 1);
  pair.at("640x480");
  screen(pair);
  pair.at("panned");
  pair.out(0x3d4, 0x0d);
  pair.out(0x3d5, 0x28);
  screen(pair);
  pair.at("split");
  pair.out(0x3d4, 0x18);
  pair.out(0x3d5, 0x64);
  pair.out(0x3d4, 0x07);
  pair.out(0x3d5, 0x2e);
  screen(pair);
}

TEST(Screen, Chained256) {
  Pair pair("screen-256");
  DIFF_START(pair);
  pair.set_up_pci();
  set_mode(pair, kChainedMode);
  for (u64 at = 0; at < 320 * 200; at += 4) pair.write(0xa0000 + at, at * 0x04030201 + at / 320, 4);
  pair.read(0xa0000, 1);
  screen(pair);
}

TEST(Screen, LinearFrameBuffer) {
  Pair pair("screen-linear");
  DIFF_START(pair);
  pair.set_up_pci();
  const u64 video = pair.bar(0x1234, 0x1111, 0);
  ASSERT_NE(video, 0U);
  palette(pair);
  attributes(pair, {});
  std::vector<u8> pattern(640 * 480 * 4);
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<u8>(i * 31 + i / 641);
  pair.set_ram(video, pattern);
  for (const u32 depth : {8U, 15U, 16U, 24U, 32U}) {
    pair.at(fmt::format("{} bits", depth));
    const unsigned bits = depth == 8 ? 6 : depth < 24 ? 5 : 8;
    const u32 values[][2] = {{4, 0}, {1, 640}, {2, 400}, {3, depth}, {4, 0x41 | 0x80}};
    for (const auto& one : values) {
      pair.out(0x1ce, one[0], 2);
      pair.out(0x1d0, one[1], 2);
    }
    screen(pair, bits);
    pair.at(fmt::format("{} bits, moved", depth));
    pair.out(0x1ce, 9, 2);
    pair.out(0x1d0, 30, 2);
    screen(pair, bits);
    pair.at(fmt::format("{} bits, other lines", depth));
    pair.out(0x1ce, 6, 2);
    pair.out(0x1d0, 704, 2);
    screen(pair, bits);
  }
}

}  // namespace
}  // namespace diff
