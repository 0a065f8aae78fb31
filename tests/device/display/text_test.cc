// Text modes, dot by dot.
#include "tests/device/display/screen_bench.h"

namespace bench {
namespace {

constexpr u32 kBlack = 0x000000;
constexpr u32 kGrey = 0xaaaaaa;    // attribute 7
constexpr u32 kBlue = 0x0000aa;    // attribute 1
constexpr u32 kYellow = 0xffff55;  // attribute 14
constexpr i64 kCursorHalf = kNsPerSecond * 16 / 60;

class TextScreen : public testing::Test {
 protected:
  void start(const ModeTable& mode) {
    b.set_mode(mode);
    b.crtc(0x0a, 0x20);  // no cursor unless a test wants one
    b.clock.advance(kCursorHalf * 4 - b.clock.now_ns() % (kCursorHalf * 4));
  }
  ScreenBench b;
};

TEST_F(TextScreen, GlyphColoursAndNinthDot) {
  start(kMode03);
  b.glyph('A', {0x81, 0xff});
  b.glyph(0xc4, {0x81});
  b.put(0, 0, 'A', 0x1e);
  b.put(1, 0, '\xc4', 0x07);
  b.refresh();
  ASSERT_EQ(b.screen.width, 720u);
  ASSERT_EQ(b.screen.height, 400u);
  EXPECT_EQ(b.screen.at(0, 0), kYellow);
  EXPECT_EQ(b.screen.at(1, 0), kBlue);
  EXPECT_EQ(b.screen.at(7, 0), kYellow);
  EXPECT_EQ(b.screen.at(8, 0), kBlue) << "the ninth dot is paper";
  EXPECT_EQ(b.screen.at(7, 1), kYellow);
  EXPECT_EQ(b.screen.at(0, 2), kBlue);
  EXPECT_EQ(b.screen.at(9 + 8, 0), kGrey) << "line graphics go on";
  EXPECT_EQ(b.screen.at(9 + 1, 0), kBlack);
  EXPECT_TRUE(b.screen.slack_intact());
}

TEST_F(TextScreen, TheViewerIsToldOnceThatTheGuestDraws) {
  start(kMode03);
  b.put(0, 0, 'A', 0x07);
  EXPECT_EQ(b.screen.stirs, 0) << "nobody looks yet";
  b.refresh();
  b.put(1, 0, 'B', 0x07);
  b.put(2, 0, 'C', 0x07);
  EXPECT_EQ(b.screen.stirs, 1);
  b.refresh();
  b.crtc(0x0e, 0x01);
  EXPECT_EQ(b.screen.stirs, 2) << "the cursor moved";
  b.refresh();
  b.refresh();
  EXPECT_EQ(b.screen.stirs, 2);
}

TEST_F(TextScreen, EightDots) {
  start(kMode03);
  b.seq(1, 0x01);
  b.attr(0x13, 0x00);
  b.glyph('B', {0x01});
  b.put(1, 0, 'B', 0x07);
  b.refresh();
  ASSERT_EQ(b.screen.width, 640u);
  EXPECT_EQ(b.screen.at(15, 0), kGrey);
}

TEST_F(TextScreen, FortyColumns) {
  start(kMode01);
  b.text_columns = 40;
  b.glyph('C', {0xc0});
  b.put(1, 1, 'C', 0x07);
  b.refresh();
  ASSERT_EQ(b.screen.width, 720u);
  for (u32 x = 18; x < 22; ++x) EXPECT_EQ(b.screen.at(x, 16), kGrey) << x;
  EXPECT_EQ(b.screen.at(22, 16), kBlack);
}

TEST_F(TextScreen, SecondFontByAttributeBit3) {
  start(kMode03);
  b.glyph('D', {0xff});
  b.seq(3, 0x04);  // bit 3 set: font at 16 KiB in plane 2; clear: font 0
  b.video.memory[(0x4000 + 'D' * 32 + 1) * 4 + 2] = 0xff;
  b.put(0, 0, 'D', 0x07);
  b.put(1, 0, 'D', 0x0f);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kGrey);
  EXPECT_EQ(b.screen.at(0, 1), kBlack);
  EXPECT_EQ(b.screen.at(9, 0), kBlack);
  EXPECT_EQ(b.screen.at(9, 1), 0xffffffu);
}

TEST_F(TextScreen, BlinkAttributeOrBrightPaper) {
  start(kMode03);
  b.glyph('E', {0x80});
  b.put(0, 0, 'E', 0x97);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kGrey);
  EXPECT_EQ(b.screen.at(1, 0), kBlue);
  b.clock.advance(kCursorHalf * 2);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kBlue) << "the dark half";
  b.attr(0x10, 0x04);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kGrey);
  EXPECT_EQ(b.screen.at(1, 0), 0x5555ffu) << "paper with intensity";
}

TEST_F(TextScreen, CursorShapeBlinkAndMove) {
  start(kMode03);
  b.put(2, 1, ' ', 0x07);
  b.put(3, 1, ' ', 0x07);
  b.crtc(0x0e, 0);
  b.crtc(0x0f, 82);
  b.crtc(0x0a, 13);
  b.crtc(0x0b, 14);
  b.refresh();
  EXPECT_EQ(b.screen.at(18, 16 + 12), kBlack);
  EXPECT_EQ(b.screen.at(18, 16 + 13), kGrey);
  EXPECT_EQ(b.screen.at(26, 16 + 14), kGrey);
  EXPECT_EQ(b.screen.at(18, 16 + 15), kBlack);
  b.screen.take();
  b.refresh();
  EXPECT_TRUE(b.screen.take().empty()) << "nothing changed";
  b.clock.advance(kCursorHalf);
  b.refresh();
  EXPECT_EQ(b.screen.at(18, 16 + 13), kBlack);
  EXPECT_EQ(b.screen.take(), (std::vector<Rect>{{18, 16, 9, 16}}));
  b.clock.advance(kCursorHalf);
  b.crtc(0x0f, 83);
  b.refresh();
  EXPECT_EQ(b.screen.at(18, 16 + 13), kBlack);
  EXPECT_EQ(b.screen.at(27, 16 + 13), kGrey);
}

TEST_F(TextScreen, MonochromeUnderline) {
  start(kMode07);
  b.put(0, 0, ' ', 0x01);
  b.put(1, 0, ' ', 0x07);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 13), 0x000055u);
  EXPECT_EQ(b.screen.at(8, 13), 0x000055u);
  EXPECT_EQ(b.screen.at(0, 12), kBlack);
  EXPECT_EQ(b.screen.at(9, 13), kBlack);
}

TEST_F(TextScreen, OnlyChangedCellsAreReported) {
  start(kMode03);
  b.refresh();
  b.screen.take();
  b.put(5, 3, 'x', 0x17);
  b.put(7, 3, 'x', 0x17);
  b.refresh();
  EXPECT_EQ(b.screen.take(), (std::vector<Rect>{{45, 48, 27, 16}}));
}

TEST_F(TextScreen, NewFontAndPaletteRedrawEverything) {
  start(kMode03);
  b.put(0, 0, 'F', 0x07);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kBlack);
  b.glyph('F', {0x80});
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kGrey);
  b.dac(7, 63, 0, 0);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0xff0000u);
}

TEST_F(TextScreen, StartAddressScrolls) {
  start(kMode03);
  b.glyph('G', {0x80});
  b.put(0, 1, 'G', 0x07);
  b.crtc(0x0d, 80);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kGrey);
}

TEST_F(TextScreen, PanningPresetRowAndSplit) {
  start(kMode03);
  b.glyph('H', {0x00, 0x00, 0x10});
  b.put(0, 0, 'H', 0x07);
  b.attr(0x13, 0x02);  // three dots to the left
  b.crtc(0x08, 0x02);  // two rows up
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kGrey);
  EXPECT_EQ(b.screen.at(1, 0), kBlack);
  b.attr(0x10, 0x2c);  // panning stops at the split
  b.crtc(0x07, 0x0f);  // line compare 99
  b.crtc(0x09, 0x0f);
  b.crtc(0x18, 99);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kGrey);
  EXPECT_EQ(b.screen.at(3, 100 + 2), kGrey) << "from address 0 again, unpanned";
  EXPECT_TRUE(b.screen.slack_intact());
}

TEST_F(TextScreen, DoubleScan) {
  start(kMode03);
  b.crtc(0x09, 0x80 | 7);  // 8-row glyphs, each twice
  b.crtc(0x18, 0xff);
  b.crtc(0x07, 0x1f);
  b.crtc(0x09, 0xc0 | 7);
  b.glyph('I', {0x00, 0x80});
  b.put(0, 1, 'I', 0x07);
  b.refresh();
  ASSERT_EQ(b.screen.height, 400u);
  EXPECT_EQ(b.screen.at(0, 16 + 1), kBlack);
  EXPECT_EQ(b.screen.at(0, 16 + 2), kGrey);
  EXPECT_EQ(b.screen.at(0, 16 + 3), kGrey);
  EXPECT_EQ(b.screen.at(0, 16 + 4), kBlack);
}

TEST_F(TextScreen, TextLines) {
  start(kMode03);
  const std::string word = "login:";
  for (u32 i = 0; i < word.size(); ++i) b.put(i, 24, word[i], 0x07);
  b.put(2, 0, '\xdb', 0x07);
  const auto lines = b.vga.vga().text_lines();
  ASSERT_EQ(lines.size(), 25u);
  EXPECT_EQ(lines[24], "login:");
  EXPECT_EQ(lines[0], "  █");
  EXPECT_EQ(lines[1], "");
  b.set_mode(kMode13);
  EXPECT_TRUE(b.vga.vga().text_lines().empty());
}

TEST_F(TextScreen, BlankedScreenIsBlackAndComesBack) {
  start(kMode03);
  b.glyph('J', {0x80});
  b.put(0, 0, 'J', 0x07);
  b.refresh();
  b.seq(1, 0x20);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kBlack);
  b.seq(1, 0x00);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), kGrey);
  EXPECT_EQ(b.screen.resizes, 1);
}

TEST_F(TextScreen, BlankedScreenHasTheSizeOfTheLastModeForANewViewer) {
  start(kMode03);
  b.refresh();
  b.seq(1, 0x20);
  b.vga.screen().idle();
  FakeScreen late;
  b.vga.screen().refresh(late, true);
  EXPECT_EQ(late.width, 720u);
  EXPECT_EQ(late.height, 400u);
  EXPECT_EQ(late.at(719, 399), kBlack);
}

TEST(TextScreenHostile, EveryCrtcValueStaysInside) {
  ScreenBench b(1);
  b.set_mode(kMode03);
  for (unsigned reg = 0; reg < 25; ++reg) {
    for (const u8 value : {u8{0x00}, u8{0x01}, u8{0x7f}, u8{0x80}, u8{0xff}}) {
      b.crtc(0x11, 0);
      b.crtc(low<u8>(reg), value);
      b.refresh();
      EXPECT_TRUE(b.screen.slack_intact());
    }
    b.crtc(0x11, 0);
    b.crtc(low<u8>(reg), kMode03.crtc[reg]);
  }
}

}  // namespace
}  // namespace bench
