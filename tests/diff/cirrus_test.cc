// The Cirrus of libxl's plain xl.cfg: pictures of every depth with the hardware cursor, blits whose
// source comes through the window and the aperture, the BARs.
#include <fmt/format.h>

#include <algorithm>

#include "tests/diff/dice.h"
#include "tests/diff/screen_script.h"

namespace diff {
namespace {

GuestConfig with_cirrus() {
  GuestConfig config;
  config.video = xensim::Video::kCirrus;
  config.video_mb = 8;
  return config;
}

/// Packed pixels at 640x480.
inline constexpr VgaMode kPackedMode = {
    0xe3,
    {0x03, 0x01, 0x0f, 0x00, 0x0e},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x50, 0x40, 0xe7, 0x04, 0xe3, 0xff},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0f, 0xff},
    {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
     0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x41, 0x00, 0x0f, 0x00}};

struct Depth {
  const char* name;
  u32 sr7;
  u32 dac;
  u32 bytes;
  unsigned colour_bits;
};
constexpr Depth kDepths[] = {
    {"8 bits", 0x01, 0x00, 1, 6},  {"15 bits", 0x07, 0xf0, 2, 5},
    {"16 bits", 0x07, 0xe1, 2, 5}, {"16 bits, double clock", 0x03, 0xe1, 2, 5},
    {"24 bits", 0x05, 0xe5, 3, 8}, {"32 bits", 0x09, 0xe5, 4, 8}};

class Card {
 public:
  explicit Card(Pair& pair) : pair_(pair) {
    pair_.set_up_pci();
    memory_ = pair_.bar(0x1013, 0x00b8, 0);
    registers_ = pair_.bar(0x1013, 0x00b8, 1);
  }
  u64 memory() const { return memory_; }
  u64 aperture() const { return memory_ + (16 << 20); }
  void seq(u32 index, u32 value) { indexed(0x3c4, index, value); }
  void gfx(u32 index, u32 value) { indexed(0x3ce, index, value); }
  void crtc(u32 index, u32 value) { indexed(0x3d4, index, value); }

  void set(const Depth& depth) {
    seq(6, 0x12);
    pair_.in(0x3c8);
    for (int i = 0; i < 4; ++i) pair_.in(0x3c6);
    pair_.out(0x3c6, depth.dac);
    set_mode(pair_, kPackedMode);
    seq(7, depth.sr7);
    const u32 pitch = 640 * depth.bytes / 8;
    crtc(0x13, pitch & 0xff);
    crtc(0x1b, 0x22 | (pitch >> 8) << 4);
    gfx(9, 0);  // stock has no banks before
    gfx(5, 0x40);
  }
  /// A picture in the first megabyte and a quarter.
  void draw(u32 bytes) {
    std::vector<u8> picture(640 * 480 * bytes);
    for (std::size_t i = 0; i < picture.size(); ++i) {
      picture[i] = static_cast<u8>(i / 7 ^ i / 640 * 3);
    }
    pair_.set_ram(memory_, picture);
  }
  void cursor(bool large, u32 x, u32 y) {
    std::vector<u8> bits(1024);
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<u8>(i * 37 ^ i >> 3);
    pair_.set_ram(memory_ + (4 << 20) - (16 << 10), bits);
    seq(0x12, 0x02);
    for (const u32 index : {0U, 15U}) {
      pair_.out(0x3c8, index);
      for (u32 i = 0; i < 3; ++i) pair_.out(0x3c9, index * 3 + i * 9);
    }
    seq(0x10 | (x & 7) << 5, x >> 3);
    seq(0x11 | (y & 7) << 5, y >> 3);
    seq(0x13, 0);
    seq(0x12, large ? 5 : 1);
  }
  void wide(u32 offset, u32 value, u32 bytes) {
    for (u32 i = 0; i < bytes; ++i) {
      pair_.write(registers_ + 0x100 + offset + i, value >> (i * 8) & 0xff, 1);
    }
  }
  u64 status() { return pair_.read(registers_ + 0x140, 1); }

 private:
  void indexed(u16 port, u32 index, u32 value) {
    pair_.out(port, index);
    pair_.out(static_cast<u16>(port + 1), value);
  }

  Pair& pair_;
  u64 memory_ = 0;
  u64 registers_ = 0;
};

TEST(Cirrus, PicturesOfEveryDepth) {
  Pair pair("cirrus-pictures", with_cirrus());
  DIFF_START(pair);
  Card card(pair);
  ASSERT_NE(card.memory(), 0U);
  for (const Depth& depth : kDepths) {
    pair.at(depth.name);
    card.set(depth);
    card.draw(depth.bytes);
    screen(pair, depth.colour_bits);
    pair.at(fmt::format("{}, small cursor", depth.name));
    card.cursor(false, 33, 20);
    screen(pair, std::min(depth.colour_bits, 6U));
    pair.at(fmt::format("{}, large cursor at the edge", depth.name));
    card.cursor(true, 610, 450);
    screen(pair, std::min(depth.colour_bits, 6U));
    card.seq(0x12, 0);
  }
  pair.at("start address");
  card.set(kDepths[0]);
  for (const u32 start : {0x12345U, 0x8000U, 0xfff00U}) {
    card.crtc(0x0c, start >> 8 & 0xff);
    card.crtc(0x0d, start & 0xff);
    card.crtc(0x1b, 0x22 | (start >> 16 & 1) | (start >> 17 & 3) << 2);
    card.crtc(0x1d, (start >> 19 & 1) << 7);
    screen(pair);
  }
}

TEST(Cirrus, VgaModes) {
  Pair pair("cirrus-vga-modes", with_cirrus());
  DIFF_START(pair);
  Card card(pair);
  set_mode(pair, kTextMode);
  font(pair);
  pair.out(0x3d4, 0x0a);
  pair.out(0x3d5, 0x2d);
  for (u64 cell = 0; cell < 80 * 25; ++cell) {
    u64 glyph = cell * 7 & 0xff;
    if (glyph >= 0xb0 && glyph < 0xc0) glyph ^= 0x40;
    pair.write(0xb8000 + cell * 2, glyph | (cell / 3 & 0x7f) << 8, 2);
  }
  pair.read(0xb8000, 2);
  pair.at("text");
  screen(pair);
  set_mode(pair, kPlanarMode);
  for (u64 at = 0; at < 80 * 20; ++at) pair.write(0xa0000 + at, at * 11, 1);
  pair.read(0xa0000, 1);
  pair.at("planes");
  screen(pair);
  set_mode(pair, kChainedMode);
  for (u64 at = 0; at < 320 * 6; ++at) pair.write(0xa0000 + at, at * 11, 1);
  pair.read(0xa0000, 1);
  pair.at("256 colours");
  screen(pair);
}

TEST(Cirrus, BlitsFromTheProcessor) {
  for_each_seed({.seeds = 2, .steps = 60}, [](u32 seed, u32 steps) {
    Pair pair("cirrus-blits", with_cirrus());
    DIFF_START(pair);
    Card card(pair);
    card.set(kDepths[0]);
    card.draw(1);
    Dice dice(seed);
    for (u32 step = 0; step < steps && !pair.lost(); ++step) {
      pair.at(fmt::format("seed {} step {}", seed, step));
      const u32 bytes = dice.between(1, 4);
      const bool expand = dice.one_in(2);
      const bool transparent = expand && dice.one_in(2);
      card.wide(0x00, dice.any(), 4);
      card.wide(0x04, dice.any(), 4);
      card.wide(0x08, dice.below(90) + bytes - 1, 2);
      card.wide(0x0a, dice.below(10), 2);
      card.wide(0x0c, 640, 2);
      card.wide(0x10, dice.below(640 * 300), 3);
      card.wide(0x17, dice.below(8), 1);
      card.wide(0x18, 4 | (bytes - 1) << 4 | (expand ? 0x80 : 0) | (transparent ? 8 : 0), 1);
      card.wide(0x1a, dice.of({0x0d, 0x59, 0xda, 0x05, 0x6d}), 1);
      card.wide(0x1b, dice.of({0, 2}), 1);
      card.wide(0x40, 0, 1);
      card.wide(0x40, 2, 1);
      const u64 to = dice.one_in(2) ? card.aperture() : 0xa0000;
      for (u32 i = 0; i < 2000 && card.status() != 0; ++i) {
        if (dice.one_in(4)) {
          pair.stos(to, dice.any(), 4, 8);
        } else {
          pair.write(to, dice.any(), 4);
        }
      }
      // A word of the graphics controller brings video memory back under its BAR.
      card.gfx(5, 0x40);
      if (step % 20 == 19) pair.ram(card.memory(), 640 * 310);
    }
    card.gfx(5, 0x40);
    pair.ram(card.memory(), 640 * 480);
    screen(pair);
  });
}

}  // namespace
}  // namespace diff
