// The PCI card around the VGA: header, BARs, ROM, saved state.
#include <random>

#include "hw/emul/core/state_codec.h"
#include "tests/device/display/screen_bench.h"

namespace bench {
namespace {

constexpr u8 kSlot = pci::devfn(2, 0);
constexpr u64 kMmio = 0xf3000000;

void enable(ScreenBench& b) {
  b.pci.config_write(kSlot, 0x10, 0xf2000000, 4);
  b.pci.config_write(kSlot, 0x18, kMmio, 4);
  b.pci.config_write(kSlot, 0x04, 3, 2);
}

TEST(StdVga, Header) {
  ScreenBench b;
  EXPECT_EQ(b.pci.config_read(kSlot, 0x00, 4), 0x11111234u);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x08, 4), 0x03000002u);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x2c, 4), 0x11001af4u);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x3d, 1), 0u) << "no interrupt pin";
}

TEST(StdVga, MemoryBarIsPrefetchableAndFollowsDecoding) {
  ScreenBench b;
  b.pci.config_write(kSlot, 0x10, 0xffffffff, 4);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x10, 4), 0xff000008u);
  b.pci.config_write(kSlot, 0x10, 0xf2000000, 4);
  EXPECT_EQ(b.video.mapped_at, 0u);
  b.pci.config_write(kSlot, 0x04, 2, 2);
  EXPECT_EQ(b.video.mapped_at, 0xf2000000u);
  b.pci.config_write(kSlot, 0x10, 0xe0000000, 4);
  EXPECT_EQ(b.video.mapped_at, 0xe0000000u);
  b.pci.config_write(kSlot, 0x04, 0, 2);
  EXPECT_EQ(b.video.mapped_at, 0u);
}

TEST(StdVga, MemorySizes) {
  EXPECT_EQ(display::vgamem_bytes(16), 16u << 20);
  EXPECT_EQ(display::vgamem_bytes(0), 1u << 20);
  EXPECT_EQ(display::vgamem_bytes(24), 32u << 20);
  EXPECT_EQ(display::vgamem_bytes(4096), 512u << 20);
}

TEST(StdVga, RomBar) {
  display::StdVgaConfig config;
  config.rom.assign(40000, 0x5a);
  ScreenBench b(16, config);
  b.pci.config_write(kSlot, 0x30, 0xfffff800, 4);
  EXPECT_EQ(b.pci.config_read(kSlot, 0x30, 4), 0xffff0000u) << "64 KiB";
  b.pci.config_write(kSlot, 0x30, 0xf4000001, 4);
  b.pci.config_write(kSlot, 0x04, 2, 2);
  EXPECT_EQ(b.peek(0xf4000000, 4), 0x5a5a5a5au);
}

TEST(StdVga, MmioPorts) {
  ScreenBench b;
  enable(b);
  b.poke(kMmio + 0x402, 0x01, 1);  // 3c2
  EXPECT_EQ(b.inb(0x3cc), 0x01);
  b.poke(kMmio + 0x404, 0x0f02, 2);  // sequencer 2
  EXPECT_EQ(b.inb(0x3c5), 0x0f);
  EXPECT_EQ(b.peek(kMmio + 0x404, 2), 0x0f02u);
  b.poke(kMmio + 0x414, 0x77130055, 4);
  EXPECT_EQ(b.peek(kMmio + 0x500, 2), 0xb0c5u);
  EXPECT_EQ(b.peek(kMmio + 0x501, 1), 0xb0u);
}

TEST(StdVga, MmioDispi) {
  ScreenBench b;
  enable(b);
  b.poke(kMmio + 0x502, 640, 2);
  b.poke(kMmio + 0x504, 480 | 32u << 16, 4);
  EXPECT_EQ(b.dispi(display::kDispiXres), 640);
  EXPECT_EQ(b.dispi(display::kDispiYres), 480);
  EXPECT_EQ(b.dispi(display::kDispiBpp), 32);
  EXPECT_EQ(b.peek(kMmio + 0x514, 2), 256u) << "memory in 64 KiB";
  EXPECT_EQ(b.peek(kMmio + 0x516, 2), 0xffffu);
  b.poke(kMmio + 0x514, 0xffffffff, 4);
}

TEST(StdVga, ExtendedRegisters) {
  ScreenBench b;
  enable(b);
  EXPECT_EQ(b.peek(kMmio + 0x600, 4), 8u);
  EXPECT_EQ(b.peek(kMmio + 0x604, 4), 0x1e1e1e1eu);
  b.poke(kMmio + 0x604, 0x12345678, 4);
  EXPECT_EQ(b.peek(kMmio + 0x604, 4), 0x1e1e1e1eu);
  EXPECT_EQ(b.peek(kMmio + 0x000, 4), 0xffffffffu) << "no EDID in this machine type";
  EXPECT_EQ(b.peek(kMmio + 0xffc, 4), 0xffffffffu);
}

TEST(StdVga, EdidWhenAskedFor) {
  display::StdVgaConfig config;
  config.edid = true;
  ScreenBench b(16, config);
  enable(b);
  EXPECT_EQ(b.peek(kMmio, 8), 0x00ffffffffffff00u);
  u8 sum = 0;
  for (u64 i = 0; i < 128; ++i) sum = low<u8>(sum + b.peek(kMmio + i, 1));
  EXPECT_EQ(sum, 0);
  EXPECT_EQ(b.peek(kMmio + 56, 1), 1280u & 0xff);
  EXPECT_EQ(b.peek(kMmio + 58, 1) >> 4, 1280u >> 8);
}

TEST(StdVga, EveryMmioOffsetAndWidth) {
  ScreenBench b;
  enable(b);
  for (u64 at = 0; at < 0x1000; ++at) {
    for (const unsigned width : {1u, 2u, 4u, 8u}) {
      b.peek(kMmio + at, width);
      b.poke(kMmio + at, ~u64{0}, width);
    }
  }
  b.refresh();
  EXPECT_GT(b.screen.width, 0u);
}

TEST(StdVga, StateSurvivesSaveAndRestore) {
  ScreenBench b;
  enable(b);
  b.set_mode(kMode13);
  b.dac(3, 1, 2, 3);
  b.dispi_mode(800, 600, 24);
  b.dispi(display::kDispiBank, 3);
  b.poke(0xa0000, 0x42, 1);
  const auto trip = save_disturb_restore(b.vga, [&] {
    b.vga.reset();
    b.set_mode(kMode03);
    b.dac(3, 9, 9, 9);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(b.dispi(display::kDispiXres), 800);
  EXPECT_EQ(b.video.mapped_at, 0xf2000000u);
  EXPECT_EQ(b.peek(0xa0000, 1), 0x42u) << "bank and chain-4 are back";
  b.refresh();
  EXPECT_EQ(b.screen.width, 800u);
}

TEST(StdVga, StreamLayout) {
  ScreenBench b;
  std::vector<u8> image;
  const StateSection section = b.vga.section();
  EXPECT_EQ(section.id, "vga");
  encode_state(*section.table, section.state, image);
  // PCIDevice: version, config, four pins. vga: latch 4, sr 1+8, gr 1+16, ar 1+21+4, cr 1+256,
  // msr fcr st00 st01, dac 4+3+768, bank 4, vbe 1+2+20+12.
  EXPECT_EQ(image.size(), 4u + 256 + 16 + 4 + 9 + 17 + 26 + 257 + 4 + 775 + 4 + 35);
  enable(b);
  b.poke(kMmio + 0x604, 0xbebebebe, 4);
  std::vector<u8> big;
  encode_state(*section.table, section.state, big);
  const std::string tail(big.end() - 16, big.end());
  EXPECT_EQ(tail, std::string("\x0avga.endian\0\0\0\1\1", 16)) << "a subsection only when needed";
}

TEST(StdVga, BigEndianSurvives) {
  ScreenBench b;
  enable(b);
  b.poke(kMmio + 0x604, 0xbebebebe, 4);
  const auto trip = save_disturb_restore(b.vga, [&] { b.vga.reset(); });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(b.peek(kMmio + 0x604, 4), 0xbebebebeu);
}

TEST(StdVga, BentStreams) {
  ScreenBench b;
  b.dispi_mode(800, 600, 32);
  std::vector<u8> image;
  const StateSection section = b.vga.section();
  encode_state(*section.table, section.state, image);
  torture_restore(*section.table, image, sizeof(display::StdVga::State), 500);
}

TEST(StdVga, RestoredNonsenseStaysInsideMemory) {
  ScreenBench b(1);
  b.dispi_mode(640, 480, 32);
  std::vector<u8> image;
  const StateSection section = b.vga.section();
  encode_state(*section.table, section.state, image);
  std::minstd_rand random(3);
  int accepted = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<u8> bent = image;
    // The VGA's own part, and of that mostly the DISPI fields at the end.
    const std::size_t from = round % 2 == 0 ? bent.size() - 39 : 276;
    for (int i = 0; i < 3; ++i) bent[from + random() % (bent.size() - from)] = low<u8>(random());
    display::StdVga::State scratch;
    Bytes in = bent;
    if (!decode_state(*section.table, &scratch, section.table->version, in)) continue;
    ++accepted;
    *static_cast<display::StdVga::State*>(section.state) = scratch;
    b.vga.after_restore();
    b.refresh();
    for (const u64 at : {0xa0000u, 0xaffffu, 0xb8000u, 0xbffffu}) {
      b.poke(at, 0x55, 1);
      b.peek(at, 1);
    }
    ASSERT_TRUE(b.screen.slack_intact());
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace bench
