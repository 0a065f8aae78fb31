// A bench with a VGA card in it: video memory in a vector, a surface that remembers what it was
// told, and mode tables as the VGA BIOS sets them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hw/emul/display/std_vga.h"
#include "tests/bench/bench.h"

namespace bench {

/// Video memory whose guest-side writes tests announce with touch().
class FakeVideo final : public VideoMemory {
 public:
  explicit FakeVideo(std::size_t size) : memory(size), dirty((size + 4095) / 4096) {}

  MutableBytes bytes() override { return memory; }
  void map_at(Gpa gpa) override { mapped_at = gpa; }
  void unmap() override { mapped_at = 0; }
  void mark_dirty(u64 offset, u64 length) override {
    ASSERT_LE(offset + length, memory.size());
    for (u64 page = offset / 4096; page <= (offset + length - 1) / 4096; ++page) dirty[page] = true;
  }
  void take_dirty(u64 offset, u64 length, MutableBytes bitmap) override {
    ASSERT_EQ(offset % 4096, 0u);
    ASSERT_LE(offset + length, memory.size());
    ASSERT_GE(bitmap.size() * 8, length / 4096);
    ++asked;
    const bool all = offset != tracked_offset || length != tracked_length;
    tracked_offset = offset;
    tracked_length = length;
    for (u64 i = 0; i < length / 4096; ++i) {
      if (all || dirty[offset / 4096 + i]) bitmap[i / 8] = low<u8>(bitmap[i / 8] | 1u << (i % 8));
      dirty[offset / 4096 + i] = false;
    }
  }
  void stop_tracking() override { tracked_length = 0; }

  /// The guest stores through BAR 0.
  template <typename T>
  void poke(u64 offset, T value) {
    store_le<T>(&memory.at(offset), value);
    dirty[offset / 4096] = true;
  }

  std::vector<u8> memory;
  std::vector<bool> dirty;
  Gpa mapped_at = 0;
  u64 tracked_offset = 0, tracked_length = 0;
  int asked = 0;
};

/// A viewer. The surface has slack behind each row, filled with a pattern that must survive.
class FakeScreen final : public DisplaySink {
 public:
  static constexpr u32 kSlack = 3;
  static constexpr u32 kPattern = 0xdeadbeef;

  Surface resize(u32 new_width, u32 new_height) override {
    width = new_width;
    height = new_height;
    pixels.assign(std::size_t{width + kSlack} * height, kPattern);
    ++resizes;
    return {reinterpret_cast<u8*>(pixels.data()), width, height, (width + kSlack) * 4};
  }
  void update(const Rect& rect) override {
    EXPECT_LE(rect.x + rect.width, width);
    EXPECT_LE(rect.y + rect.height, height);
    EXPECT_GT(rect.width * rect.height, 0u);
    updates.push_back(rect);
  }
  void stirred() override { ++stirs; }

  u32 at(u32 x, u32 y) const { return pixels.at(std::size_t{y} * (width + kSlack) + x); }
  bool slack_intact() const {
    for (u32 y = 0; y < height; ++y) {
      for (u32 x = width; x < width + kSlack; ++x) {
        if (at(x, y) != kPattern) return false;
      }
    }
    return true;
  }
  std::vector<Rect> take() { return std::exchange(updates, {}); }

  u32 width = 0, height = 0;
  std::vector<u32> pixels;
  std::vector<Rect> updates;
  int resizes = 0;
  int stirs = 0;
};

/// Register values of a BIOS mode: miscellaneous, sequencer 1..4, CRTC 0..18, attribute 0..14,
/// graphics 0..8 (IBM VGA BIOS, video parameter table).
struct ModeTable {
  u8 misc;
  std::array<u8, 4> seq;
  std::array<u8, 25> crtc;
  std::array<u8, 21> attr;
  std::array<u8, 9> gfx;
};
extern const ModeTable kMode03;  // 80x25 text, 9x16
extern const ModeTable kMode01;  // 40x25 text
extern const ModeTable kMode04;  // 320x200, 4 colours
extern const ModeTable kMode06;  // 640x200, 2 colours
extern const ModeTable kMode07;  // 80x25 text, monochrome
extern const ModeTable kMode0d;  // 320x200, 16 colours
extern const ModeTable kMode12;  // 640x480, 16 colours
extern const ModeTable kMode13;  // 320x200, 256 colours

class ScreenBench : public Bench {
 public:
  explicit ScreenBench(u32 vgamem_mb = 16, display::StdVgaConfig config = {})
      : video(display::vgamem_bytes(vgamem_mb)),
        vga(pci, pci::devfn(2, 0), video, clock, with_memory(std::move(config), vgamem_mb)) {}

  void seq(u8 index, u8 value) { outw(0x3c4, low<u16>(index | value << 8)); }
  void gfx(u8 index, u8 value) { outw(0x3ce, low<u16>(index | value << 8)); }
  void crtc(u8 index, u8 value) { outw(crtc_port, low<u16>(index | value << 8)); }
  void attr(u8 index, u8 value);
  void dac(u8 index, u8 r, u8 g, u8 b);
  void set_mode(const ModeTable& mode);
  void dispi(u16 index, u16 value);
  u16 dispi(u16 index);
  void dispi_mode(u16 width, u16 height, u16 bpp);
  /// A character and its attribute, as a guest stores it in text mode.
  void put(u32 column, u32 row, char character, u8 attribute);
  /// A glyph of font 0 through plane 2, as the BIOS loads it.
  void glyph(u8 character, const std::vector<u8>& rows);
  void refresh(bool full = false) { vga.screen().refresh(screen, full); }

  FakeVideo video;
  display::StdVga vga;
  FakeScreen screen;
  u16 crtc_port = 0x3d4;
  u32 text_columns = 80;

 private:
  static display::StdVgaConfig with_memory(display::StdVgaConfig config, u32 vgamem_mb) {
    config.vgamem_mb = vgamem_mb;
    return config;
  }
};

}  // namespace bench
