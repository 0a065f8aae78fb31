// The memory window: IBM VGA, graphics controller; every byte the guest stores and reads back.
#include <random>

#include "tests/device/display/screen_bench.h"

namespace bench {
namespace {

/// Mode 12h's memory path: planar, 64 KiB at a0000.
class PlanarWindow : public testing::Test {
 protected:
  PlanarWindow() : b(1) { b.set_mode(kMode12); }
  u32 planes(u64 address) { return load_le<u32>(&b.video.memory[address * 4]); }
  void set_planes(u64 address, u32 value) { store_le<u32>(&b.video.memory[address * 4], value); }
  void load_latch(u32 value) {
    set_planes(0xffff, value);
    b.peek(0xaffff, 1);
  }
  ScreenBench b;
};

TEST_F(PlanarWindow, WriteMode0GoesToEnabledPlanes) {
  b.poke(0xa0005, 0x5a, 1);
  EXPECT_EQ(planes(5), 0x5a5a5a5au);
  b.seq(2, 0x05);
  b.poke(0xa0005, 0xff, 1);
  EXPECT_EQ(planes(5), 0x5aff5affu);
}

TEST_F(PlanarWindow, WriteMode0RotateSetResetAndFunction) {
  load_latch(0xf0f0f0f0);
  b.gfx(3, 0x04);  // rotate right by 4
  b.poke(0xa0000, 0x1e, 1);
  EXPECT_EQ(planes(0), 0xe1e1e1e1u);
  b.gfx(0, 0x02);
  b.gfx(1, 0x03);  // planes 0 and 1 from set/reset: 0 and 1
  b.poke(0xa0000, 0x1e, 1);
  EXPECT_EQ(planes(0), 0xe1e1ff00u);
  b.gfx(1, 0x00);
  for (const auto& [function, expected] : {std::pair<u8, u8>{1, 0x30}, {2, 0xfc}, {3, 0xcc}}) {
    b.gfx(3, low<u8>(function << 3));
    b.poke(0xa0001, 0x3c, 1);
    EXPECT_EQ(planes(1) & 0xff, expected) << "function " << int{function};
  }
}

TEST_F(PlanarWindow, BitMaskKeepsLatchedBits) {
  load_latch(0x11223344);
  b.gfx(8, 0x0f);
  b.poke(0xa0002, 0xff, 1);
  EXPECT_EQ(planes(2), 0x1f2f3f4fu);
}

TEST_F(PlanarWindow, WriteMode1CopiesTheLatches) {
  load_latch(0xdeadbeef);
  b.gfx(5, 0x01);
  b.poke(0xa0007, 0x00, 1);
  EXPECT_EQ(planes(7), 0xdeadbeefu);
}

TEST_F(PlanarWindow, WriteMode2ExpandsAColour) {
  load_latch(0);
  b.gfx(5, 0x02);
  b.gfx(8, 0x80);
  b.poke(0xa0000, 0x0a, 1);
  EXPECT_EQ(planes(0), 0x80008000u);
}

TEST_F(PlanarWindow, WriteMode3MasksWithTheData) {
  load_latch(0);
  b.gfx(5, 0x03);
  b.gfx(0, 0x05);
  b.gfx(1, 0x00);  // set/reset counts regardless
  b.gfx(8, 0x3f);
  b.poke(0xa0000, 0xf0, 1);
  EXPECT_EQ(planes(0), 0x00300030u);
}

TEST_F(PlanarWindow, ReadMode0SelectsAPlane) {
  set_planes(3, 0x44332211);
  for (u8 plane = 0; plane < 4; ++plane) {
    b.gfx(4, plane);
    EXPECT_EQ(b.peek(0xa0003, 1), 0x11u * (plane + 1));
  }
}

TEST_F(PlanarWindow, ReadMode1ComparesColours) {
  set_planes(0, 0x000f33ff);  // pixels: planes 3..0
  b.gfx(5, 0x08);
  b.gfx(2, 0x03);
  b.gfx(7, 0x0f);
  EXPECT_EQ(b.peek(0xa0000, 1), 0x30u) << "exactly colour 3";
  b.gfx(7, 0x02);
  EXPECT_EQ(b.peek(0xa0000, 1), 0x33u) << "only plane 1 matters";
}

TEST_F(PlanarWindow, WideAccessesAreBytesInOrder) {
  b.poke(0xa0010, 0x44332211, 4);
  EXPECT_EQ(planes(0x10), 0x11111111u);
  EXPECT_EQ(planes(0x13), 0x44444444u);
  EXPECT_EQ(b.peek(0xa0010, 4), 0x44332211u);
  b.gfx(5, 0x01);
  b.poke(0xa0020, 0, 1);
  EXPECT_EQ(planes(0x20), 0x44444444u) << "the last byte read stays in the latches";
}

TEST_F(PlanarWindow, BlocksEqualTheirBytes) {
  std::minstd_rand random(7);
  for (int round = 0; round < 300; ++round) {
    b.seq(2, low<u8>(random()));
    b.gfx(0, low<u8>(random()));
    b.gfx(1, round % 3 == 0 ? u8{0} : low<u8>(random()));
    b.gfx(2, low<u8>(random()));
    b.gfx(3, round % 2 == 0 ? u8{0} : low<u8>(random()));
    b.gfx(4, low<u8>(random()));
    b.gfx(5, low<u8>(random() & 0x1b));
    b.gfx(7, low<u8>(random()));
    b.gfx(8, round % 2 == 0 ? u8{0xff} : low<u8>(random()));
    b.seq(4, low<u8>(random()));
    load_latch(low<u32>(random()));
    std::vector<u8> data(64);
    for (u8& byte : data) byte = low<u8>(random());
    const std::vector<u8> before = b.video.memory;
    const u64 at = 0xa0000 + random() % 0x200;
    b.mmio.write_block(at, 1, data);
    const std::vector<u8> after = b.video.memory;
    b.video.memory = before;
    for (u64 i = 0; i < data.size(); ++i) b.poke(at + i, data[i], 1);
    ASSERT_EQ(b.video.memory, after) << "round " << round;
    std::vector<u8> block(64);
    b.mmio.read_block(at, 4, block);
    for (u64 i = 0; i < block.size(); ++i) ASSERT_EQ(block[i], b.peek(at + i, 1)) << round;
  }
}

TEST(VgaWindow, TextModeStoresCharacterAndAttribute) {
  ScreenBench b;
  b.set_mode(kMode03);
  b.poke(0xb8000, 0x1f41, 2);
  b.poke(0xb8002, 0x2f42, 2);
  EXPECT_EQ(load_le<u32>(&b.video.memory[0]), 0x00001f41u);
  EXPECT_EQ(load_le<u32>(&b.video.memory[4]), 0x00002f42u);
  EXPECT_EQ(b.peek(0xb8000, 4), 0x2f421f41u);
  EXPECT_EQ(b.peek(0xa0000, 4), 0xffffffffu) << "not decoded in this map";
  EXPECT_EQ(b.peek(0xb7fff, 2), 0x41ffu) << "across the edge";
}

TEST(VgaWindow, Chain4AndBanks) {
  ScreenBench b;
  b.dispi_mode(640, 480, 8);
  b.poke(0xa0003, 0x77, 1);
  EXPECT_EQ(b.video.memory[3], 0x77);
  b.dispi(display::kDispiBank, 2);
  b.poke(0xa0003, 0x1122334455667788, 8);
  EXPECT_EQ(load_le<u64>(&b.video.memory[0x20003]), 0x1122334455667788u);
  EXPECT_EQ(b.peek(0xa0003, 8), 0x1122334455667788u);
  EXPECT_EQ(b.peek(0xb0000, 1), 0xffu);
}

TEST(VgaWindow, UnchainedPlanesInterleave) {
  ScreenBench b;
  b.set_mode(kMode13);
  b.seq(4, 0x06);  // mode X: chain-4 off
  b.seq(2, 0x02);
  b.poke(0xa0001, 0x99, 1);
  EXPECT_EQ(b.video.memory[1 * 4 + 1], 0x99);
}

TEST(VgaWindow, WritesAreReportedDirty) {
  ScreenBench b;
  b.set_mode(kMode12);
  std::fill(b.video.dirty.begin(), b.video.dirty.end(), false);
  b.poke(0xa0000 + 1024, 1, 1);
  EXPECT_FALSE(b.video.dirty[0]);
  EXPECT_TRUE(b.video.dirty[1]) << "address 1024 of each plane is byte 4096";
}

// CVE-2016-3710: a bank set in one mode, the window used in another.
TEST(VgaWindowHostile, BankBeyondMemoryInEveryMemoryMode) {
  ScreenBench b(1);
  b.dispi_mode(640, 480, 8);
  b.dispi(display::kDispiBank, 0xffff);
  EXPECT_EQ(b.dispi(display::kDispiBank), 15);
  for (const u8 chain : {u8{0x0e}, u8{0x06}}) {
    for (const u8 mode : {u8{0x00}, u8{0x10}}) {
      b.dispi(display::kDispiEnable, 0x41);
      b.dispi(display::kDispiBank, 15);
      b.seq(4, chain);
      b.gfx(5, mode);
      for (u64 at : {0xa0000u, 0xa7fffu, 0xafff8u, 0xaffffu, 0xb0000u, 0xb7fffu, 0xbfff8u}) {
        for (unsigned width : {1u, 2u, 4u, 8u}) {
          b.poke(at, 0x5555555555555555, width);
          b.peek(at, width);
        }
      }
      b.dispi(display::kDispiEnable, 0x00);
      b.seq(4, chain);
    }
  }
  std::vector<u8> block(0x20000, 0xaa);
  b.mmio.write_block(0xa0000, 4, block);
  b.mmio.read_block(0xa0000, 4, block);
  SUCCEED();
}

TEST(VgaWindowHostile, BlockLargerThanTheMappedPart) {
  ScreenBench b;
  b.set_mode(kMode03);
  std::vector<u8> block(0x20000, 0x20);
  b.mmio.write_block(0xa0000, 4, block);
  EXPECT_EQ(b.video.memory[0x8000 * 2 - 4], 0x20);
  EXPECT_EQ(b.video.memory[0x8000 * 2], 0x00);
  b.mmio.read_block(0xa0000, 4, block);
  EXPECT_EQ(block[0], 0xff);
  EXPECT_EQ(block[0x18000], 0x20);
}

}  // namespace
}  // namespace bench
