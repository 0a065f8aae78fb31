// Every mode that a guest sets, drawn as a driver draws, against a picture that was looked at once.
//
//     XENOLITH_RECORD=FOLDER build/tests/display/test_pictures    writes them anew
#include <cstdlib>
#include <functional>

#include "tests/device/display/cirrus_bench.h"
#include "tests/device/display/screen_bench.h"
#include "tests/display/png.h"

namespace bench {
namespace {

pictures::Picture shown(const FakeScreen& screen) {
  pictures::Picture picture{screen.width, screen.height, {}};
  for (u32 y = 0; y < screen.height; ++y) {
    for (u32 x = 0; x < screen.width; ++x) picture.pixels.push_back(screen.at(x, y));
  }
  return picture;
}

/// Seven segments for 0 to f, then shades, then lines that go on in the ninth dot.
std::vector<u8> glyph_of(u32 code) {
  if (code >= 0xc0 && code < 0xe0) {
    std::vector<u8> line(16);
    line[7] = line[8] = 0xff;
    if (code % 2 != 0) std::fill(line.begin() + 8, line.end(), u8(0x18));
    line[8] = 0xff;
    return line;
  }
  if (code >= 0xb0 && code < 0xc0) {
    std::vector<u8> shade(16);
    for (u32 y = 0; y < 16; ++y) shade[y] = y % 2 != 0 ? 0xaa : 0x55;
    return shade;
  }
  constexpr u8 kSegments[] = {0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07,
                              0x7f, 0x6f, 0x77, 0x7c, 0x39, 0x5e, 0x79, 0x71};
  const u8 on = kSegments[code % 16];
  std::vector<u8> rows(16);
  const auto add = [&](u32 first, u32 last, int bits) {
    for (u32 y = first; y <= last; ++y) rows[y] = u8(rows[y] | bits);
  };
  if ((on & 0x01) != 0) add(2, 2, 0x7c);
  if ((on & 0x02) != 0) add(2, 7, 0x06);
  if ((on & 0x04) != 0) add(7, 12, 0x06);
  if ((on & 0x08) != 0) add(12, 12, 0x7c);
  if ((on & 0x10) != 0) add(7, 12, 0xc0);
  if ((on & 0x20) != 0) add(2, 7, 0xc0);
  if ((on & 0x40) != 0) add(7, 7, 0x7c);
  return rows;
}

void draw_text(ScreenBench& b, const ModeTable& mode, u32 columns) {
  b.set_mode(mode);
  b.text_columns = columns;
  for (u32 code = 0; code < 256; ++code) b.glyph(u8(code), glyph_of(code));
  for (u32 row = 0; row < 25; ++row) {
    for (u32 column = 0; column < columns; ++column) {
      const u32 code = row < 18 ? column % 16 : row < 20 ? 0xb0 : 0xc0 + column % 32;
      b.put(column, row, static_cast<char>(code), u8(row * 10 + column / 5));
    }
  }
  b.crtc(0x0e, 0x01);  // the cursor
  b.crtc(0x0f, 0x10);
  // A moment at which all that blinks is there.
  constexpr i64 kPeriod = kNsPerSecond * 64 / 60;
  b.clock.advance(kPeriod - b.clock.now_ns() % kPeriod);
}
/// Rings and a diagonal, `colours` of them.
u32 figure(u32 x, u32 y, u32 colours) {
  const u32 dx = x > 160 ? x - 160 : 160 - x, dy = y > 100 ? y - 100 : 100 - y;
  return x == y ? colours - 1 : (dx * dx + dy * dy) / 900 % colours;
}
void draw_planes(ScreenBench& b, const ModeTable& mode, u32 width, u32 height) {
  b.set_mode(mode);
  for (u32 plane = 0; plane < 4; ++plane) {
    b.seq(2, u8(1U << plane));
    for (u32 y = 0; y < height; ++y) {
      for (u32 x = 0; x < width; x += 8) {
        u32 bits = 0;
        for (u32 i = 0; i < 8; ++i) bits = bits << 1 | (figure(x + i, y, 16) >> plane & 1);
        b.poke(0xa0000 + (y * width + x) / 8, bits, 1);
      }
    }
  }
}
void draw_cga(ScreenBench& b, const ModeTable& mode, u32 bits) {
  b.set_mode(mode);
  const u32 width = 640 / bits, each = 8 / bits;
  for (u32 y = 0; y < 200; ++y) {
    for (u32 x = 0; x < width; x += each) {
      u32 byte = 0;
      for (u32 i = 0; i < each; ++i) byte = byte << bits | figure(x + i, y, 1U << bits);
      b.poke(0xb8000 + y % 2 * 0x2000 + y / 2 * 80 + x / each, byte, 1);
    }
  }
}
void draw_palette(const std::function<void(u8, u8, u8, u8)>& set) {
  for (u32 i = 0; i < 256; ++i) set(u8(i), u8(i & 0x3f), u8(i * 3 & 0x3f), u8(i * 7 & 0x3f));
}
void draw_chained(ScreenBench& b) {
  b.set_mode(kMode13);
  draw_palette([&](u8 i, u8 red, u8 green, u8 blue) { b.dac(i, red, green, blue); });
  for (u32 y = 0; y < 200; ++y) {
    for (u32 x = 0; x < 320; ++x) b.poke(0xa0000 + y * 320 + x, figure(x, y, 200), 1);
  }
}
/// Mode X: 320x240, unchained.
void draw_unchained(ScreenBench& b) {
  b.set_mode(kMode13);
  draw_palette([&](u8 i, u8 red, u8 green, u8 blue) { b.dac(i, red, green, blue); });
  b.seq(4, 0x06);
  b.crtc(0x11, 0x2c);
  b.crtc(0x06, 0x0d);
  b.crtc(0x07, 0x3e);
  b.crtc(0x09, 0x41);
  b.crtc(0x12, 0xdf);
  b.crtc(0x14, 0x00);
  b.crtc(0x17, 0xe3);
  for (u32 plane = 0; plane < 4; ++plane) {
    b.seq(2, u8(1U << plane));
    for (u32 y = 0; y < 240; ++y) {
      for (u32 x = plane; x < 320; x += 4) b.poke(0xa0000 + y * 80 + x / 4, figure(x, y, 200), 1);
    }
  }
}
/// A pixel of a ramp in each colour, in the mode's format.
u32 ramp(u32 x, u32 y, u32 depth) {
  const u32 level = x * 255 / 639;
  const u32 red = y / 64 % 2 == 0 ? level : 0, green = y / 128 % 2 == 0 ? level : 0;
  const u32 blue = y / 256 % 2 == 0 ? level : 255 - level;
  switch (depth) {
    case 8: return (x / 10 + y / 30) % 256;
    case 15: return red >> 3 << 10 | green >> 3 << 5 | blue >> 3;
    case 16: return red >> 3 << 11 | green >> 2 << 5 | blue >> 3;
    default: return red << 16 | green << 8 | blue;
  }
}
template <typename AnyBench>
void draw_ramps(AnyBench& b, u32 height, u32 depth) {
  const u32 bytes = (depth + 7) / 8;
  for (u32 y = 0; y < height; ++y) {
    for (u32 x = 0; x < 640; ++x) {
      for (u32 i = 0; i < bytes; ++i) {
        b.video.template poke<u8>((y * 640 + x) * bytes + i, u8(ramp(x, y, depth) >> (i * 8)));
      }
    }
  }
}
void draw_dispi(ScreenBench& b, u16 depth) {
  b.dispi_mode(640, 480, depth);
  draw_palette([&](u8 i, u8 red, u8 green, u8 blue) { b.dac(i, red, green, blue); });
  draw_ramps(b, 480, depth);
}

using Vga = std::function<void(ScreenBench&)>;
struct VgaScene {
  const char* name;
  Vga draw;
};
void PrintTo(const VgaScene& scene, std::ostream* out) {
  *out << scene.name;
}
const VgaScene kVgaScenes[] = {
    {"text-80x25-9dots", [](ScreenBench& b) { draw_text(b, kMode03, 80); }},
    {"text-80x25-8dots",
     [](ScreenBench& b) {
       draw_text(b, kMode03, 80);
       b.seq(1, 0x01);
       b.attr(0x13, 0x00);
     }},
    {"text-40x25", [](ScreenBench& b) { draw_text(b, kMode01, 40); }},
    {"text-monochrome", [](ScreenBench& b) { draw_text(b, kMode07, 80); }},
    {"text-bright-backgrounds",
     [](ScreenBench& b) {
       draw_text(b, kMode03, 80);
       b.attr(0x10, 0x04);
     }},
    {"text-block-cursor",
     [](ScreenBench& b) {
       draw_text(b, kMode03, 80);
       b.crtc(0x0a, 0x00);
       b.crtc(0x0b, 0x0f);
     }},
    {"text-scrolled-and-split",
     [](ScreenBench& b) {
       draw_text(b, kMode03, 80);
       b.crtc(0x0d, 160);
       b.crtc(0x08, 0x05);
       b.attr(0x13, 0x03);
       b.crtc(0x18, 0x2c);
       b.crtc(0x07, 0x1f);
       b.crtc(0x09, 0x0f);
     }},
    {"cga-4-colours", [](ScreenBench& b) { draw_cga(b, kMode04, 2); }},
    {"cga-2-colours", [](ScreenBench& b) { draw_cga(b, kMode06, 1); }},
    {"planes-320x200", [](ScreenBench& b) { draw_planes(b, kMode0d, 320, 200); }},
    {"planes-640x480", [](ScreenBench& b) { draw_planes(b, kMode12, 640, 480); }},
    {"planes-panned-and-split",
     [](ScreenBench& b) {
       draw_planes(b, kMode12, 640, 480);
       b.attr(0x13, 0x05);
       b.crtc(0x0d, 80);
       b.crtc(0x18, 0x2c);
       b.crtc(0x07, 0x3e);
       b.crtc(0x09, 0x00);
     }},
    {"chained-320x200", draw_chained},
    {"unchained-320x240", draw_unchained},
    {"dispi-8", [](ScreenBench& b) { draw_dispi(b, 8); }},
    {"dispi-15", [](ScreenBench& b) { draw_dispi(b, 15); }},
    {"dispi-16", [](ScreenBench& b) { draw_dispi(b, 16); }},
    {"dispi-24", [](ScreenBench& b) { draw_dispi(b, 24); }},
    {"dispi-32", [](ScreenBench& b) { draw_dispi(b, 32); }},
};

/// Compares, or records.
void expect_golden(const std::string& name, const FakeScreen& screen) {
  const pictures::Picture picture = shown(screen);
  EXPECT_TRUE(screen.slack_intact());
  if (const char* into = std::getenv("XENOLITH_RECORD"); into != nullptr) {
    ASSERT_TRUE(pictures::write_png(std::string(into) + "/" + name + ".png", picture));
    return;
  }
  const char* folder = std::getenv("XENOLITH_PICTURES");
  const auto golden = pictures::read_png(
      std::string(folder != nullptr ? folder : "tests/display/golden") + "/" + name + ".png");
  ASSERT_TRUE(golden.has_value()) << name << ".png is missing";
  ASSERT_EQ(picture.width, golden->width);
  ASSERT_EQ(picture.height, golden->height);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    ASSERT_EQ(picture.pixels[i], golden->pixels[i])
        << "at " << i % picture.width << ", " << i / picture.width;
  }
}

class VgaPicture : public testing::TestWithParam<VgaScene> {};
TEST_P(VgaPicture, IsAsItWas) {
  ScreenBench b;
  GetParam().draw(b);
  b.refresh();
  expect_golden(std::string("vga-") + GetParam().name, b.screen);
}
INSTANTIATE_TEST_SUITE_P(Modes, VgaPicture, testing::ValuesIn(kVgaScenes), [](const auto& tested) {
  std::string name = tested.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

struct CirrusScene {
  const char* name;
  u8 sr7;
  u8 dac;
  u32 depth;
  bool large_cursor;
};
void PrintTo(const CirrusScene& scene, std::ostream* out) {
  *out << scene.name;
}
constexpr CirrusScene kCirrusScenes[] = {{"8", 0x01, 0x00, 8, false},
                                         {"15", 0x07, 0xf0, 15, true},
                                         {"16", 0x07, 0xe1, 16, false},
                                         {"24", 0x05, 0xe5, 24, true},
                                         {"32", 0x09, 0xe5, 32, false}};

class CirrusPictures : public testing::TestWithParam<CirrusScene> {};
/// Ramps, a rectangle of the engine's, and an arrow over both.
TEST_P(CirrusPictures, AreAsTheyWere) {
  const CirrusScene& scene = GetParam();
  const u32 bytes = (scene.depth + 7) / 8;
  CirrusBench b;
  b.set_mode(scene.sr7, 640 * bytes, scene.dac);
  draw_palette([&](u8 i, u8 red, u8 green, u8 blue) { b.color(i, red, green, blue); });
  draw_ramps(b, 480, scene.depth);
  const u8 pattern[] = {0x18, 0x3c, 0x7e, 0xff, 0xff, 0x7e, 0x3c, 0x18};
  std::copy(std::begin(pattern), std::end(pattern), b.video.memory.begin() + 0x200000);
  b.blit({.width = 200 * bytes,
          .height = 120,
          .dst = (100 * 640 + 60) * bytes,
          .src = 0x200000,
          .dst_pitch = 640 * bytes,
          .mode = u8(0xc0 | (bytes - 1) << 4),
          .foreground = 0x00ffffff,
          .background = 0x00804020});
  const u64 at = (4 << 20) - (16 << 10);
  const u32 size = scene.large_cursor ? 64 : 32;
  const auto add = [&](u64 to, u8 bit) { b.video.memory[to] = u8(b.video.memory[to] | bit); };
  for (u32 y = 0; y < size; ++y) {
    for (u32 x = 0; x < size; ++x) {
      const u8 bit = u8(0x80 >> x % 8);
      const u64 line = at + y * (size == 64 ? 16 : 4) + x / 8;
      if (x <= y && x + y < size) {
        if (x != 0 && x != y) add(line, bit);
        add(line + (size == 64 ? 8 : 128), bit);
      } else if (x + y == size) {
        add(line, bit);  // inverted
      }
    }
  }
  b.seq(0x12, 0x02);
  b.color(0, 0, 0, 0);
  b.color(15, 0x3f, 0x3f, 0x3f);
  b.seq(0x10, 240 >> 3);
  b.seq(0x11, 200 >> 3);
  b.seq(0x13, 0);
  b.seq(0x12, scene.large_cursor ? 5 : 1);
  b.refresh();
  expect_golden(std::string("cirrus-") + scene.name, b.screen);
}
INSTANTIATE_TEST_SUITE_P(Depths, CirrusPictures, testing::ValuesIn(kCirrusScenes),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace bench
