// Cirrus CL-GD5446: header, register files, apertures, pictures, cursor, saved state.
#include <random>

#include "hw/emul/core/state_codec.h"
#include "tests/device/display/cirrus_bench.h"

namespace bench {
namespace {

constexpr u8 kSlot = CirrusBench::kSlot;
constexpr u64 kMemoryBar = CirrusBench::kMemoryBar;
constexpr u64 kRegisterBar = CirrusBench::kRegisterBar;

TEST(Cirrus, Header) {
  CirrusBench b;
  EXPECT_EQ(b.pci.config_read(kSlot, 0x00, 4), 0x00b81013u);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x08, 4), 0x03000000u);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x2c, 4), 0x11001af4u);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x3d, 1), 0u) << "no interrupt pin";
  b.pci.config_write(kSlot, 0x10, 0xffffffff, 4);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x10, 4), 0xfe000008u) << "32 MiB";
  b.pci.config_write(kSlot, 0x14, 0xffffffff, 4);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x14, 4), 0xfffff000u) << "4 KiB";
}

TEST(Cirrus, RegistersAtPowerOn) {
  CirrusBench b;
  EXPECT_EQ(b.seq(0x06), 0x0f);
  EXPECT_EQ(b.seq(0x0f), 0x98);
  EXPECT_EQ(b.seq(0x15), 0x04);
  EXPECT_EQ(b.seq(0x17), 0x20);
  EXPECT_EQ(b.seq(0x1f), 0x2d);
  EXPECT_EQ(b.gfx(0x18), 0x0f);
  EXPECT_EQ(b.crtc(0x27), 0xb8);
}

TEST(Cirrus, NoDispiPorts) {
  CirrusBench b;
  b.outw(0x1ce, 0);
  EXPECT_EQ(b.inw(0x1d0), 0xffff);
}

TEST(Cirrus, UnlockSays12hOrFh) {
  CirrusBench b;
  b.seq(6, 0x12);
  EXPECT_EQ(b.seq(6), 0x12);
  b.seq(6, 0xfa);  // 12h in the bits that count
  EXPECT_EQ(b.seq(6), 0x12);
  b.seq(6, 0x00);
  EXPECT_EQ(b.seq(6), 0x0f);
}

TEST(Cirrus, SequencerRegisters) {
  CirrusBench b;
  b.seq(0x0e, 0x4a);  // a clock
  b.seq(0x1e, 0x3c);
  EXPECT_EQ(b.seq(0x0e), 0x4a);
  EXPECT_EQ(b.seq(0x1e), 0x3c);
  b.seq(0x17, 0xff);
  EXPECT_EQ(b.seq(0x17), 0xe7) << "the bus is read-only";
  b.seq(0x20, 0x55);
  EXPECT_EQ(b.seq(0x20), 0xff);
  b.seq(0x05, 0x55);
  EXPECT_EQ(b.seq(0x05), 0x00);
}

TEST(Cirrus, CrtcReadsBackAttributeState) {
  CirrusBench b;
  b.inb(0x3da);
  EXPECT_EQ(b.crtc(0x24), 0x00);
  b.outb(0x3c0, 0x33);
  EXPECT_EQ(b.crtc(0x24), 0x80);
  EXPECT_EQ(b.crtc(0x26), 0x33);
  b.crtc(0x27, 0x00);
  EXPECT_EQ(b.crtc(0x27), 0xb8) << "read-only";
  b.crtc(0x1d, 0x80);
  EXPECT_EQ(b.crtc(0x1d), 0x80);
  EXPECT_EQ(b.crtc(0x30), 0xff);
}

TEST(Cirrus, CrtcProtectionHolds) {
  CirrusBench b;
  b.crtc(0x11, 0x00);
  b.crtc(0x01, 79);
  b.crtc(0x11, 0x80);
  b.crtc(0x01, 10);
  EXPECT_EQ(b.crtc(0x01), 79);
}

TEST(Cirrus, GraphicsRegistersKeepEightBitsOfColours) {
  CirrusBench b;
  b.gfx(0, 0xa5);
  b.gfx(1, 0x5a);
  EXPECT_EQ(b.gfx(0), 0xa5);
  EXPECT_EQ(b.gfx(1), 0x5a);
  b.gfx(0x21, 0xff);
  EXPECT_EQ(b.gfx(0x21), 0x1f);
  b.gfx(0x2a, 0xff);
  EXPECT_EQ(b.gfx(0x2a), 0x3f);
  EXPECT_EQ(b.gfx(0x3a), 0xff);
}

TEST(Cirrus, HiddenDacAfterFourReads) {
  CirrusBench b;
  b.hidden_dac(0xe1);
  b.inb(0x3c8);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(b.inb(0x3c6), 0xff);
  EXPECT_EQ(b.inb(0x3c6), 0xe1);
  b.outb(0x3c6, 0x00);  // too early
  b.inb(0x3c8);
  for (int i = 0; i < 4; ++i) b.inb(0x3c6);
  EXPECT_EQ(b.inb(0x3c6), 0xe1);
}

TEST(Cirrus, CursorColoursBehindTheDac) {
  CirrusBench b;
  b.color(3, 1, 2, 3);
  b.seq(0x12, 0x02);
  b.color(3, 0x11, 0x12, 0x13);
  b.outb(0x3c7, 3);
  EXPECT_EQ(b.inb(0x3c9), 0x11);
  EXPECT_EQ(b.inb(0x3c9), 0x12);
  EXPECT_EQ(b.inb(0x3c9), 0x13);
  b.seq(0x12, 0x00);
  b.outb(0x3c7, 3);
  EXPECT_EQ(b.inb(0x3c9), 1);
}

TEST(Cirrus, RegistersInTheSecondBar) {
  CirrusBench b;
  b.poke(kRegisterBar + 0x04, 0x0e, 1);
  b.poke(kRegisterBar + 0x05, 0x77, 1);
  EXPECT_EQ(b.seq(0x0e), 0x77);
  EXPECT_EQ(b.peek(kRegisterBar + 0x05, 1), 0x77u);
  b.poke(kRegisterBar + 0x108, 0x01234567, 4);  // width and height of blits
  EXPECT_EQ(b.gfx(0x20), 0x67);
  EXPECT_EQ(b.gfx(0x21), 0x45 & 0x1f);
  EXPECT_EQ(b.gfx(0x22), 0x23);
  EXPECT_EQ(b.gfx(0x23), 0x01);
  EXPECT_EQ(b.peek(kRegisterBar + 0x108, 4), 0x01230567u);
  b.poke(kRegisterBar + 0x100, 0xddccbbaa, 4);
  EXPECT_EQ(b.gfx(0x00), 0xaa);
  EXPECT_EQ(b.gfx(0x10), 0xbb);
  EXPECT_EQ(b.gfx(0x12), 0xcc);
  EXPECT_EQ(b.gfx(0x14), 0xdd);
  EXPECT_EQ(b.peek(kRegisterBar + 0x119, 1), 0xffu);
  EXPECT_EQ(b.peek(kRegisterBar + 0xffc, 4), 0xffffffffu);
}

TEST(Cirrus, RegistersAtB8000) {
  CirrusBench b;
  b.set_mode(0x01);
  EXPECT_EQ(b.peek(0xb8040, 1), 0xffu);
  b.seq(0x17, 0x04);
  b.poke(0xb8008, 0x1f, 1);
  EXPECT_EQ(b.gfx(0x20), 0x1f);
  EXPECT_EQ(b.peek(0xb8008, 1), 0x1fu);
  EXPECT_EQ(b.peek(0xb8100, 1), 0xffu);
  b.seq(0x07, 0x00);
  b.poke(0xb8008, 0x2f, 1);
  EXPECT_EQ(b.gfx(0x20), 0x1f) << "a VGA mode has no registers there";
}

TEST(Cirrus, RegistersAtTheEndOfTheFirstBar) {
  CirrusBench b;
  b.set_mode(0x01);
  const u64 at = kMemoryBar + (4 << 20) - 256;
  EXPECT_EQ(b.video.mapped_at, kMemoryBar);
  b.seq(0x17, 0x44);
  EXPECT_EQ(b.video.mapped_at, 0u) << "video memory makes room";
  b.poke(at + 8, 0x33, 1);
  EXPECT_EQ(b.gfx(0x20), 0x33);
  EXPECT_EQ(b.peek(at + 8, 1), 0x33u);
  b.poke(at - 2, 0x44332211, 4);  // over the border
  EXPECT_EQ(b.video.memory[(4 << 20) - 258], 0x11);
  EXPECT_EQ(b.gfx(0x00), 0x33) << "the third byte is the first register's";
  EXPECT_EQ(b.gfx(0x10), 0x44);
  b.poke(kMemoryBar + 0x1000, 0x5a, 1);
  EXPECT_EQ(b.video.memory[0x1000], 0x5a);
  b.seq(0x17, 0x00);
  EXPECT_EQ(b.video.mapped_at, kMemoryBar);
}

TEST(Cirrus, BanksOfTheWindow) {
  CirrusBench b;
  b.set_mode(0x01);
  b.gfx(0x0b, 0x00);
  b.gfx(0x09, 0x10);  // 4 KiB each
  b.poke(0xa0123, 0x11, 1);
  EXPECT_EQ(b.video.memory[0x10123], 0x11);
  b.poke(0xa8123, 0x22, 1);
  EXPECT_EQ(b.video.memory[0x18123], 0x22) << "one bank of 64 KiB";
  b.gfx(0x0b, 0x21);  // two, of 16 KiB steps
  b.gfx(0x09, 0x01);
  b.gfx(0x0a, 0x20);
  b.poke(0xa0000, 0x33, 1);
  b.poke(0xa8000, 0x44, 1);
  EXPECT_EQ(b.video.memory[0x4000], 0x33);
  EXPECT_EQ(b.video.memory[0x80000], 0x44);
  EXPECT_EQ(b.peek(0xa8000, 1), 0x44u);
  EXPECT_EQ(b.peek(0xa7ffe, 4) >> 16, u64{load_le<u16>(&b.video.memory[0x80000])})
      << "one access over both";
  EXPECT_EQ(b.peek(0xb0000, 1), 0xffu);
}

// Flaws of others: a bank behind the end of memory (CVE-2016-3710's sibling).
TEST(Cirrus, BanksBeyondMemoryAreNothing) {
  CirrusBench b;
  b.set_mode(0x01);
  b.gfx(0x0b, 0x20);
  b.gfx(0x09, 0xff);  // 3fc000: 16 KiB are left
  b.poke(0xa3fff, 0x55, 1);
  EXPECT_EQ(b.video.memory[0x3fffff], 0x55);
  b.poke(0xa4000, 0x66, 1);
  EXPECT_EQ(b.peek(0xa4000, 1), 0xffu);
  b.poke(0xa8000, 0x66, 1);
  EXPECT_EQ(b.peek(0xa8000, 1), 0xffu);
  EXPECT_EQ(b.video.memory[0], 0x00);
  std::vector<u8> block(0x10000, 0x77);
  b.mmio.write_block(0xa0000, 4, block);
  b.mmio.read_block(0xa0000, 4, block);
  EXPECT_EQ(block[0x3fff], 0x77);
  EXPECT_EQ(block[0x4000], 0xff);
}

TEST(Cirrus, AddressesOfEightAndSixteenBytes) {
  CirrusBench b;
  b.set_mode(0x01);
  b.gfx(0x0b, 0x02);
  EXPECT_EQ(b.video.mapped_at, 0u);
  b.poke(0xa0003, 0x11, 1);
  EXPECT_EQ(b.video.memory[24], 0x11);
  b.poke(kMemoryBar + 5, 0x22, 1);
  EXPECT_EQ(b.video.memory[40], 0x22);
  EXPECT_EQ(b.peek(kMemoryBar + 5, 1), 0x22u);
  b.gfx(0x0b, 0x14);
  b.poke(kMemoryBar + 2, 0x33, 1);
  EXPECT_EQ(b.video.memory[32], 0x33);
  EXPECT_EQ(b.peek(0xa0002, 1), 0x33u);
}

TEST(Cirrus, WriteModesFourAndFive) {
  CirrusBench b;
  b.set_mode(0x01);
  b.gfx(0x00, 0xbb);
  b.gfx(0x01, 0xff);
  b.gfx(0x0b, 0x04);
  b.gfx(0x05, 0x44);
  EXPECT_EQ(b.video.mapped_at, 0u);
  std::fill_n(b.video.memory.begin(), 64, u8{0x11});
  b.poke(0xa0008, 0xa5, 1);
  const u8 four[] = {0xff, 0x11, 0xff, 0x11, 0x11, 0xff, 0x11, 0xff};
  for (u32 i = 0; i < 8; ++i) EXPECT_EQ(b.video.memory[8 + i], four[i]) << i;
  b.gfx(0x05, 0x45);
  b.poke(kMemoryBar + 16, 0xa5, 1);
  const u8 five[] = {0xff, 0xbb, 0xff, 0xbb, 0xbb, 0xff, 0xbb, 0xff};
  for (u32 i = 0; i < 8; ++i) EXPECT_EQ(b.video.memory[16 + i], five[i]) << i;
  // 16 bits a pixel.
  b.gfx(0x10, 0xb1);
  b.gfx(0x11, 0xf1);
  b.gfx(0x0b, 0x14);
  b.poke(0xa0002, 0x80, 1);
  EXPECT_EQ(load_le<u16>(&b.video.memory[32]), 0xf1ff);
  EXPECT_EQ(load_le<u16>(&b.video.memory[34]), 0xb1bb);
  // The last pixels wrap.
  b.gfx(0x0b, 0x04);
  b.poke(kMemoryBar + 0x3fffff, 0xc0, 1);
  EXPECT_EQ(b.video.memory[0x3fffff], 0xff);
  EXPECT_EQ(b.video.memory[0], 0xff);
}

TEST(Cirrus, VgaModesStayVga) {
  CirrusBench b;
  b.seq(7, 0x00);
  b.seq(2, 0x0f);
  b.seq(4, 0x06);
  b.gfx(6, 0x05);
  b.gfx(5, 0x00);
  b.gfx(8, 0xff);
  b.poke(0xa0010, 0x42, 1);
  for (u32 plane = 0; plane < 4; ++plane) EXPECT_EQ(b.video.memory[0x40 + plane], 0x42);
}

TEST(Cirrus, MemoryFollowsTheBar) {
  CirrusBench b(8);
  EXPECT_EQ(b.video.mapped_at, kMemoryBar);
  b.pci.config_write(kSlot, 0x04, 0, 2);
  EXPECT_EQ(b.video.mapped_at, 0u);
  b.pci.config_write(kSlot, 0x10, 0xe0000000, 4);
  b.pci.config_write(kSlot, 0x04, 2, 2);
  EXPECT_EQ(b.video.mapped_at, 0xe0000000u);
  b.seq(0x17, 0x44);
  b.pci.config_write(kSlot, 0x10, 0xe4000000, 4);
  EXPECT_EQ(b.video.mapped_at, 0u) << "registers are in it";
  b.poke(0xe4000000, 0x12, 1);
  EXPECT_EQ(b.video.memory[0], 0x12);
  b.seq(0x17, 0x00);
  EXPECT_EQ(b.video.mapped_at, 0xe4000000u);
  b.card.reset();
  EXPECT_EQ(b.video.mapped_at, 0u);
}

// ---- pictures -------------------------------------------------------------------------------

TEST(CirrusPicture, EightBits) {
  CirrusBench b;
  b.set_mode(0x01);
  b.color(5, 0x3f, 0, 0x20);
  b.video.poke<u8>(640 * 3 + 7, 5);
  b.refresh();
  EXPECT_EQ(b.screen.width, 640u);
  EXPECT_EQ(b.screen.height, 480u);
  EXPECT_EQ(b.screen.at(7, 3), 0xff0082u);
}

struct Depth {
  u8 sr7;
  u8 dac;
  u32 bytes;
  u32 raw;
  u32 shown;
};
class CirrusDepth : public testing::TestWithParam<Depth> {};
TEST_P(CirrusDepth, IsShown) {
  const Depth& depth = GetParam();
  CirrusBench b;
  b.set_mode(depth.sr7, 640 * depth.bytes, depth.dac);
  for (u32 i = 0; i < depth.bytes; ++i) {
    b.video.poke<u8>(640 * depth.bytes * 3 + 7 * depth.bytes + i, low<u8>(depth.raw >> (i * 8)));
  }
  b.refresh();
  ASSERT_EQ(b.screen.width, 640u);
  EXPECT_EQ(b.screen.at(7, 3), depth.shown);
  EXPECT_EQ(b.screen.at(6, 3), 0u);
  EXPECT_EQ(b.screen.at(7, 4), 0u);
}
INSTANTIATE_TEST_SUITE_P(All, CirrusDepth,
                         testing::Values(Depth{0x07, 0x00, 2, 0x7c1f, 0xff00ff},
                                         Depth{0x07, 0x01, 2, 0xf81f, 0xff00ff},
                                         Depth{0x03, 0xc1, 2, 0x07e0, 0x00ff00},
                                         Depth{0x05, 0x05, 3, 0x123456, 0x123456},
                                         Depth{0x09, 0x05, 4, 0x99123456, 0x123456}));

TEST(CirrusPicture, StartOfTwentyBits) {
  CirrusBench b;
  b.set_mode(0x01);
  b.color(9, 0x3f, 0x3f, 0x3f);
  b.crtc(0x0c, 0x12);
  b.crtc(0x0d, 0x34);
  b.crtc(0x1b, 0x22 | 0x0d);
  b.crtc(0x1d, 0x00);
  b.video.poke<u8>(0x71234 * 4, 9);
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0xffffffu);
  b.crtc(0x1b, 0x22);
  b.crtc(0x1d, 0x80);
  b.video.poke<u8>(0x81234 * 4 + 1, 9);
  b.refresh();
  EXPECT_EQ(b.screen.at(1, 0), 0xffffffu);
}

// Flaws of others: CVE-2017-13672, a start address and a pitch beyond memory.
TEST(CirrusPicture, StartAndPitchAtTheirEnds) {
  CirrusBench b;
  for (const int sr7 : {0x00, 0x01, 0x05, 0x07, 0x09}) {
    b.set_mode(low<u8>(sr7));
    b.crtc(0x0c, 0xff);
    b.crtc(0x0d, 0xff);
    b.crtc(0x13, 0xff);
    b.crtc(0x1b, 0xff);
    b.crtc(0x1d, 0xff);
    b.crtc(0x01, 0xff);
    b.crtc(0x12, 0xff);
    b.crtc(0x07, 0xff);
    b.crtc(0x1a, 0x01);
    b.crtc(0x18, 0x10);
    b.refresh(true);
    EXPECT_EQ(b.screen.height, 2048u) << "interlaced";
    EXPECT_TRUE(b.screen.slack_intact());
  }
}

// Flaws of others: CVE-2016-9603, the picture's size changes while a blit waits for its source.
TEST(CirrusPicture, ResizedDuringABlit) {
  CirrusBench b;
  b.set_mode(0x01);
  b.refresh();
  b.blit({.width = 64, .height = 4, .mode = 0x04});
  b.send(std::vector<u8>(100, 0x11));
  b.crtc(0x01, 39);
  b.refresh();
  b.send(std::vector<u8>(156, 0x11));
  b.refresh();
  EXPECT_EQ(b.screen.width, 320u);
  EXPECT_FALSE(b.busy());
  EXPECT_EQ(b.video.memory[640 * 3 + 63], 0x11);
}

TEST(CirrusPicture, OnlyWrittenLinesAreReported) {
  CirrusBench b;
  b.set_mode(0x01);
  b.color(1, 0x3f, 0x3f, 0x3f);
  b.refresh();
  b.screen.take();
  b.refresh();
  EXPECT_TRUE(b.screen.take().empty());
  b.blit({.width = 16,
          .height = 2,
          .dst = 640 * 100 + 32,
          .mode = 0xc0,
          .extension = 0x04,
          .foreground = 1});
  b.refresh();
  const auto updates = b.screen.take();
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0], (Rect{.x = 32, .y = 100, .width = 16, .height = 2}));
}

TEST(CirrusPicture, BlitsStirTheViewer) {
  CirrusBench b;
  b.set_mode(0x01);
  b.blit({.width = 4, .height = 4});
  b.refresh();
  const int before = b.screen.stirs;
  b.poke(CirrusBench::kBlitRegisters + 0x40, 0x02, 1);
  EXPECT_EQ(b.screen.stirs, before + 1);
}

// ---- the cursor -----------------------------------------------------------------------------

void show_cursor(CirrusBench& b, bool large, u32 x, u32 y) {
  b.seq(0x12, 0x02);
  b.color(0, 0x3f, 0, 0);
  b.color(15, 0, 0x3f, 0);
  b.seq(low<u8>(0x10 | (x & 7) << 5), low<u8>(x >> 3));
  b.seq(low<u8>(0x11 | (y & 7) << 5), low<u8>(y >> 3));
  b.seq(0x13, 0x00);
  b.seq(0x12, large ? 0x05 : 0x01);
}

TEST(CirrusCursor, SmallOne) {
  CirrusBench b;
  b.set_mode(0x01);
  b.color(1, 0, 0, 0x3f);
  std::fill_n(b.video.memory.begin(), 640 * 480, u8{1});
  const u64 at = (4 << 20) - (16 << 10);
  b.video.memory[at + 0] = 0x50;        // plane 0 of the first line
  b.video.memory[at + 128 + 0] = 0x30;  // plane 1
  show_cursor(b, false, 101, 50);
  b.refresh();
  EXPECT_EQ(b.screen.at(101, 50), 0x0000ffu) << "the picture";
  EXPECT_EQ(b.screen.at(102, 50), 0xffff00u) << "inverted";
  EXPECT_EQ(b.screen.at(103, 50), 0xff0000u) << "colour 0";
  EXPECT_EQ(b.screen.at(104, 50), 0x00ff00u) << "colour 15";
  EXPECT_EQ(b.screen.at(105, 50), 0x0000ffu);
  EXPECT_EQ(b.screen.at(104, 51), 0x0000ffu);
}

TEST(CirrusCursor, LargeOneMovesAndGoes) {
  CirrusBench b;
  b.set_mode(0x09, 640 * 4);
  const u64 at = (4 << 20) - (16 << 10) + 63 * 16;
  b.video.memory[at + 7] = 0x01;  // the last pixel of the last line
  b.video.memory[at + 15] = 0x01;
  show_cursor(b, true, 200, 100);
  b.refresh();
  EXPECT_EQ(b.screen.at(263, 163), 0x00ff00u);
  show_cursor(b, true, 576, 400);
  b.refresh();
  EXPECT_EQ(b.screen.at(263, 163), 0u) << "gone from where it was";
  EXPECT_EQ(b.screen.at(639, 463), 0x00ff00u);
  b.seq(0x12, 0x00);
  b.refresh();
  EXPECT_EQ(b.screen.at(639, 463), 0u);
  EXPECT_TRUE(b.screen.slack_intact());
}

TEST(CirrusCursor, NewPatternIsSeen) {
  CirrusBench b;
  b.set_mode(0x01);
  show_cursor(b, false, 0, 0);
  b.refresh();
  const u64 at = (4 << 20) - (16 << 10);
  b.video.memory[at] = 0x80;
  b.video.memory[at + 128] = 0x80;
  b.refresh();
  EXPECT_EQ(b.screen.at(0, 0), 0x00ff00u);
}

TEST(CirrusCursor, BeyondThePicture) {
  CirrusBench b;
  b.set_mode(0x01);
  std::fill_n(b.video.memory.end() - (16 << 10), 16 << 10, u8{0xff});
  for (const u32 x : {600u, 639u, 640u, 2047u}) {
    for (const u32 y : {470u, 479u, 480u, 2047u}) {
      show_cursor(b, true, x, y);
      b.seq(0x13, 0xff);
      b.refresh();
      ASSERT_TRUE(b.screen.slack_intact()) << x << " " << y;
    }
  }
}

// ---- saved state ----------------------------------------------------------------------------

TEST(CirrusState, StreamLayout) {
  CirrusBench b;
  std::vector<u8> image;
  const StateSection section = b.card.section();
  EXPECT_EQ(section.id, "cirrus_vga");
  encode_state(*section.table, section.state, image);
  // PCIDevice: version, config, four pins. Latch 4, sr 1+256, gr 1+2+254, ar 1+21+4, cr 1+256,
  // msr fcr st00 st01, dac 4+3+768, bank 4, hidden dac 2, cursor 8.
  EXPECT_EQ(image.size(), 4u + 256 + 16 + 4 + 257 + 257 + 26 + 257 + 4 + 775 + 4 + 2 + 8);
}

TEST(CirrusState, SurvivesSaveAndRestore) {
  CirrusBench b;
  b.set_mode(0x05, 640 * 3, 0xc5);
  b.gfx(0x00, 0xa5);
  b.gfx(0x0b, 0x20);
  b.gfx(0x09, 0x03);
  b.poke(0xa0000, 0x42, 1);
  b.seq(0x12, 0x02);
  b.color(15, 7, 8, 9);
  b.seq(0x12, 0x01);
  b.seq(0x70, 0x11);
  const auto trip = save_disturb_restore(b.card, [&] {
    b.card.reset();
    b.seq(0x12, 0x02);
    b.color(15, 1, 1, 1);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(b.video.mapped_at, kMemoryBar);
  EXPECT_EQ(b.gfx(0x00), 0xa5);
  EXPECT_EQ(b.peek(0xa0000, 1), 0x42u) << "the bank is back";
  b.seq(0x12, 0x03);
  b.outb(0x3c7, 15);
  EXPECT_EQ(b.inb(0x3c9), 7) << "the cursor's colours are in the stream, too";
}

TEST(CirrusState, ABlitThatWaitsIsOver) {
  CirrusBench b;
  b.set_mode(0x01);
  b.blit({.width = 16, .height = 2, .mode = 0x04});
  EXPECT_TRUE(b.busy());
  save_disturb_restore(b.card, [] {});
  EXPECT_FALSE(b.busy()) << "a driver must not wait for ever";
  EXPECT_EQ(b.video.mapped_at, kMemoryBar);
}

TEST(CirrusState, BentStreams) {
  CirrusBench b;
  std::vector<u8> image;
  const StateSection section = b.card.section();
  encode_state(*section.table, section.state, image);
  torture_restore(*section.table, image, sizeof(display::CirrusPciState), 500);
}

TEST(CirrusState, RestoredNonsenseStaysInsideMemory) {
  CirrusBench b;
  b.set_mode(0x01);
  std::vector<u8> image;
  const StateSection section = b.card.section();
  encode_state(*section.table, section.state, image);
  std::minstd_rand random(5);
  int accepted = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<u8> bent = image;
    for (int i = 0; i < 8; ++i) bent[276 + random() % (bent.size() - 276)] = low<u8>(random());
    display::CirrusPciState scratch;
    Bytes in = bent;
    if (!decode_state(*section.table, &scratch, section.table->version, in)) continue;
    ++accepted;
    *static_cast<display::CirrusPciState*>(section.state) = scratch;
    b.card.after_restore();
    b.refresh();
    for (const u64 at : {0xa0000u, 0xaffffu, 0xb8000u, 0xb80ffu, 0xbffffu}) {
      b.poke(at, 0x55, 1);
      b.peek(at, 1);
    }
    for (const u64 at : {u64{0}, u64{0x3fffff}}) {
      b.poke(kMemoryBar + at, 0x55, 1);
      b.peek(kMemoryBar + at, 1);
    }
    ASSERT_TRUE(b.screen.slack_intact());
  }
  EXPECT_GT(accepted, 0);
}

TEST(Cirrus, EveryRegisterOffsetAndWidth) {
  CirrusBench b;
  b.set_mode(0x01);
  for (u64 at = 0; at < 0x200; ++at) {
    for (const unsigned width : {1u, 2u, 4u, 8u}) {
      b.peek(kRegisterBar + at, width);
      b.poke(kRegisterBar + at, 0x0102030405060708, width);
    }
  }
  b.refresh();
  EXPECT_TRUE(b.screen.slack_intact());
}

}  // namespace
}  // namespace bench
