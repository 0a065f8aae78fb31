// Graphics modes, pixel by pixel.
#include <random>

#include "tests/device/display/screen_bench.h"

namespace bench {
namespace {

TEST(GraphicsScreen, Mode12Planar) {
  ScreenBench b;
  b.set_mode(kMode12);
  b.seq(2, 0x01);
  b.poke(0xa0000, 0x80, 1);
  b.seq(2, 0x0c);
  b.poke(0xa0000 + 80, 0x01, 1);
  b.refresh();
  ASSERT_EQ(b.screen.width, 640u);
  ASSERT_EQ(b.screen.height, 480u);
  EXPECT_EQ(b.screen.at(0, 0), 0x0000aau);  // colour 1
  EXPECT_EQ(b.screen.at(1, 0), 0x000000u);
  EXPECT_EQ(b.screen.at(7, 1), 0xff5555u);  // colour 12
  EXPECT_TRUE(b.screen.slack_intact());
}

TEST(GraphicsScreen, Mode0dDoublesBothWays) {
  ScreenBench b;
  b.set_mode(kMode0d);
  b.seq(2, 0x04);
  b.poke(0xa0000 + 40, 0x40, 1);
  b.refresh();
  ASSERT_EQ(b.screen.width, 640u);
  ASSERT_EQ(b.screen.height, 400u);
  for (u32 y = 2; y < 4; ++y) {
    EXPECT_EQ(b.screen.at(1, y), 0x000000u);
    EXPECT_EQ(b.screen.at(2, y), 0xaa0000u);
    EXPECT_EQ(b.screen.at(3, y), 0xaa0000u);
    EXPECT_EQ(b.screen.at(4, y), 0x000000u);
  }
  EXPECT_EQ(b.screen.at(2, 1), 0x000000u);
  EXPECT_EQ(b.screen.at(2, 4), 0x000000u);
}

TEST(GraphicsScreen, Mode13) {
  ScreenBench b;
  b.set_mode(kMode13);
  b.dac(200, 63, 32, 0);
  b.poke(0xa0000 + 320 * 3 + 5, 200, 1);
  b.refresh();
  ASSERT_EQ(b.screen.width, 640u);
  ASSERT_EQ(b.screen.height, 400u);
  for (u32 y = 6; y < 8; ++y) {
    EXPECT_EQ(b.screen.at(9, y), 0u);
    EXPECT_EQ(b.screen.at(10, y), 0xff8200u);
    EXPECT_EQ(b.screen.at(11, y), 0xff8200u);
    EXPECT_EQ(b.screen.at(12, y), 0u);
  }
}

TEST(GraphicsScreen, ModeXUnchained) {
  ScreenBench b;
  b.set_mode(kMode13);
  b.seq(4, 0x06);
  b.crtc(0x11, 0);
  b.crtc(0x14, 0x00);
  b.crtc(0x17, 0xe3);
  b.dac(9, 0, 63, 0);
  b.seq(2, 0x08);              // pixel 3 of each four
  b.poke(0xa0000 + 80, 9, 1);  // second row
  b.refresh();
  EXPECT_EQ(b.screen.at(6, 2), 0x00ff00u);
  EXPECT_EQ(b.screen.at(7, 3), 0x00ff00u);
  EXPECT_EQ(b.screen.at(5, 2), 0u);
}

TEST(GraphicsScreen, Cga4InterleavesRows) {
  ScreenBench b;
  b.set_mode(kMode04);
  b.poke(0xb8000, 0x1b, 1);           // colours 0 1 2 3
  b.poke(0xb8000 + 0x2000, 0xc0, 1);  // the second row
  b.poke(0xb8000 + 80, 0x40, 1);      // the third
  b.refresh();
  ASSERT_EQ(b.screen.width, 640u);
  ASSERT_EQ(b.screen.height, 400u);
  const u32 one = b.screen.at(2, 0);
  const u32 two = b.screen.at(4, 0);
  const u32 three = b.screen.at(6, 0);
  EXPECT_EQ(b.screen.at(0, 0), 0u);
  EXPECT_EQ(one, 0x00ffaau);
  EXPECT_EQ(two, 0xaa55aau);
  EXPECT_EQ(three, 0xaaffaau);
  EXPECT_EQ(b.screen.at(0, 2), three);
  EXPECT_EQ(b.screen.at(1, 3), three);
  EXPECT_EQ(b.screen.at(0, 4), one);
}

TEST(GraphicsScreen, Cga2Colours) {
  ScreenBench b;
  b.set_mode(kMode06);
  b.poke(0xb8000, 0x80, 1);
  b.poke(0xb8000 + 0x2000, 0x01, 1);
  b.refresh();
  ASSERT_EQ(b.screen.width, 640u);
  EXPECT_EQ(b.screen.at(0, 0), 0xaaffaau);
  EXPECT_EQ(b.screen.at(1, 0), 0u);
  EXPECT_EQ(b.screen.at(7, 2), 0xaaffaau);
}

TEST(GraphicsScreen, LineCompareSplitsTheScreen) {
  ScreenBench b;
  b.set_mode(kMode12);
  b.poke(0xa0000, 0xff, 1);
  b.crtc(0x0c, 0x40);  // upper part elsewhere
  b.crtc(0x07, 0x2e);
  b.crtc(0x09, 0x00);
  b.crtc(0x18, 200);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0u);
  EXPECT_EQ(b.screen.at(0, 200), 0u);
  EXPECT_EQ(b.screen.at(0, 201), 0xffffffu);
}

TEST(GraphicsScreen, PanningMovesLeft) {
  ScreenBench b;
  b.set_mode(kMode12);
  b.poke(0xa0000, 0x10, 1);       // pixel 3
  b.poke(0xa0000 + 80, 0x80, 1);  // the word after the first line
  b.crtc(0x13, 0x28);
  b.attr(0x13, 0x03);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0xffffffu);
  EXPECT_EQ(b.screen.at(637, 0), 0xffffffu) << "brought in from the right";
  EXPECT_TRUE(b.screen.slack_intact());
}

TEST(GraphicsScreen, OnlyWrittenPixelsAreReported) {
  ScreenBench b;
  b.dispi_mode(1024, 768, 32);
  b.refresh();
  b.refresh();
  b.screen.take();
  b.refresh();
  EXPECT_TRUE(b.screen.take().empty());
  b.video.poke<u32>((100 * 1024 + 7) * 4, 0xff123456);
  b.video.poke<u32>((101 * 1024 + 9) * 4, 0x00654321);
  b.refresh();
  EXPECT_EQ(b.screen.take(), (std::vector<Rect>{{7, 100, 3, 2}}));
  EXPECT_EQ(b.screen.at(7, 100), 0x123456u);
  EXPECT_EQ(b.screen.at(9, 101), 0x654321u);
  b.video.poke<u32>((100 * 1024 + 7) * 4, 0x00123456);
  b.refresh();
  EXPECT_TRUE(b.screen.take().empty()) << "the unused byte does not show";
}

TEST(GraphicsScreen, FullRefreshReportsEverything) {
  ScreenBench b;
  b.dispi_mode(640, 480, 32);
  b.refresh();
  b.screen.take();
  b.refresh(true);
  EXPECT_EQ(b.screen.take(), (std::vector<Rect>{{0, 0, 640, 480}}));
}

TEST(GraphicsScreen, IdleStopsWatchingAndRedrawsLater) {
  ScreenBench b;
  b.dispi_mode(640, 480, 32);
  b.refresh();
  EXPECT_EQ(b.video.tracked_length, 640u * 480 * 4);
  b.vga.screen().idle();
  EXPECT_EQ(b.video.tracked_length, 0u);
  store_le<u32>(&b.video.memory[0], 0x00ff00);  // seen by nobody
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0x00ff00u);
  b.set_mode(kMode03);
  b.dispi(display::kDispiEnable, 0);
  b.set_mode(kMode03);
  b.refresh();
  EXPECT_EQ(b.video.tracked_length, 0u) << "text needs no watching";
}

struct Depth {
  u16 bpp;
  std::vector<u8> bytes;  // of one pixel
  u32 color;
};

class DispiDepth : public testing::TestWithParam<Depth> {};

TEST_P(DispiDepth, OnePixel) {
  const Depth& depth = GetParam();
  ScreenBench b;
  b.dispi_mode(800, 600, depth.bpp);
  b.dac(0x42, 0x3f, 0x20, 0x00);
  const u64 line = depth.bpp == 15 ? 1600 : 800u * depth.bpp / 8;
  const u64 at = 5 * line + 3 * depth.bytes.size();
  std::copy(depth.bytes.begin(), depth.bytes.end(), b.video.memory.begin() + static_cast<i64>(at));
  b.refresh();
  ASSERT_EQ(b.screen.width, 800u);
  ASSERT_EQ(b.screen.height, 600u);
  EXPECT_EQ(b.screen.at(3, 5), depth.color);
  EXPECT_EQ(b.screen.at(2, 5), 0u);
  EXPECT_EQ(b.screen.at(4, 5), 0u);
  EXPECT_EQ(b.screen.at(3, 4), 0u);
}

INSTANTIATE_TEST_SUITE_P(Formats, DispiDepth,
                         testing::Values(Depth{8, {0x42}, 0xff8200},
                                         Depth{15, {0x1f, 0x7c}, 0xff00ff},
                                         Depth{16, {0xe0, 0xff}, 0xffff00},
                                         Depth{24, {0x11, 0x22, 0x33}, 0x332211},
                                         Depth{32, {0x11, 0x22, 0x33, 0x44}, 0x332211}));

TEST(Dispi, Planar4) {
  ScreenBench b;
  b.set_mode(kMode12);
  b.dispi_mode(800, 600, 4);
  b.gfx(5, 0x00);
  b.gfx(8, 0xff);
  b.seq(4, 0x06);
  b.seq(2, 0x02);
  b.poke(0xa0000 + 100, 0x80, 1);
  b.refresh();
  ASSERT_EQ(b.screen.width, 800u);
  EXPECT_EQ(b.screen.at(0, 1), 0x00aa00u);
}

TEST(Dispi, EightBitDac) {
  ScreenBench b;
  b.dispi_mode(640, 480, 8);
  b.dispi(display::kDispiEnable, 0x61);
  b.dac(1, 0x81, 0x42, 0x17);
  b.video.poke<u8>(0, 1);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0x814217u);
}

TEST(Dispi, VirtualWidthAndOffsets) {
  ScreenBench b;
  b.dispi_mode(640, 480, 32);
  b.dispi(display::kDispiVirtWidth, 1000);
  b.dispi(display::kDispiXoffset, 11);
  b.dispi(display::kDispiYoffset, 13);
  b.video.poke<u32>((13 * 1000 + 11) * 4, 0xabcdef);
  b.video.poke<u32>((14 * 1000 + 11) * 4, 0x123456);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0xabcdefu);
  EXPECT_EQ(b.screen.at(0, 1), 0x123456u);
}

TEST(Dispi, BigEndianFrameBuffer) {
  ScreenBench b;
  b.dispi_mode(640, 480, 32);
  b.pci.config_write(pci::devfn(2, 0), 0x18, 0xf0001000, 4);
  b.pci.config_write(pci::devfn(2, 0), 0x04, 2, 2);
  b.poke(0xf0001604, 0xbebebebe, 4);
  EXPECT_EQ(b.peek(0xf0001604, 4), 0xbebebebeu);
  b.video.poke<u32>(0, 0x44332211);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0x223344u);
}

TEST(Dispi, LargestPictures) {
  ScreenBench b(64);
  b.dispi_mode(16000, 1000, 32);
  EXPECT_EQ(b.dispi(display::kDispiYres), 1000);
  b.video.poke<u32>((999 * 16000 + 15999) * 4, 0x00beef);
  b.refresh();
  ASSERT_EQ(b.screen.width, 16000u);
  EXPECT_EQ(b.screen.at(15999, 999), 0x00beefu);
}

TEST(Dispi, PicturesBeyondReasonAreNotShown) {
  ScreenBench b(128);
  b.refresh();
  b.dispi_mode(16000, 12000, 4);
  EXPECT_EQ(b.dispi(display::kDispiYres), 12000);
  b.refresh();
  EXPECT_LE(u64{b.screen.width} * b.screen.height, display::kMaxPixels);
}

// CVE-2017-13672, CVE-2018-5683: scan-out that leaves video memory.
TEST(GraphicsHostile, RandomRegistersNeverLeaveMemory) {
  ScreenBench b(1);
  std::minstd_rand random(42);
  for (int round = 0; round < 400; ++round) {
    const ModeTable* tables[] = {&kMode03, &kMode04, &kMode06, &kMode0d, &kMode12, &kMode13};
    b.dispi(display::kDispiEnable, 0);
    b.set_mode(*tables[random() % 6]);
    b.crtc(0x11, 0);
    for (int i = 0; i < 6; ++i) b.crtc(low<u8>(random() % 25), low<u8>(random()));
    b.gfx(5, low<u8>(random()));
    b.gfx(6, low<u8>(random()));
    b.seq(1, low<u8>(random() & 0xdf));
    b.attr(0x13, low<u8>(random()));
    if (round % 3 == 0) {
      const u16 depths[] = {4, 8, 15, 16, 24, 32};
      b.dispi_mode(low<u16>(random() % 2000), low<u16>(random() % 2000), depths[random() % 6]);
      b.dispi(display::kDispiVirtWidth, low<u16>(random()));
      b.dispi(display::kDispiXoffset, low<u16>(random()));
      b.dispi(display::kDispiYoffset, low<u16>(random()));
      b.crtc(low<u8>(random() % 25), low<u8>(random()));
    }
    b.refresh();
    b.video.dirty[random() % b.video.dirty.size()] = true;
    b.refresh();
    ASSERT_TRUE(b.screen.slack_intact()) << "round " << round;
  }
}

TEST(GraphicsHostile, StartAddressAtTheEndWraps) {
  ScreenBench b(1);
  b.dispi_mode(640, 400, 8);
  b.dispi(display::kDispiEnable, 0);
  b.set_mode(kMode13);
  b.crtc(0x0c, 0xff);
  b.crtc(0x0d, 0xff);
  b.crtc(0x13, 0xff);
  b.crtc(0x18, 0);
  b.refresh();
  b.refresh();
  EXPECT_TRUE(b.screen.slack_intact());
}

}  // namespace
}  // namespace bench
