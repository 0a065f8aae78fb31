#include "hw/emul/chipset/i8237.h"

#include <gtest/gtest.h>

#include <numeric>

#include "hw/emul/core/guest_error.h"
#include "tests/device/chipset/board.h"

namespace {

using namespace chipset_test;  // NOLINT(google-build-using-namespace)
using chipset::I8237;

/// A device that sends or takes bytes, `at_once` of them a call.
class Peripheral final : public DmaClient {
 public:
  explicit Peripheral(DmaChannel& channel) : channel_(channel) { channel.set_client(this); }

  u32 dma_transfer(u32 position, u32 size) override {
    ++calls;
    const u32 count = std::min(size - position, at_once);
    if (to_memory) {
      std::vector<u8> data(count);
      std::iota(data.begin(), data.end(), low<u8>(position));
      channel_.write_memory(position, data);
    } else {
      std::vector<u8> data(count);
      channel_.read_memory(position, data);
      taken.insert(taken.end(), data.begin(), data.end());
    }
    if (position + count == size && drop_at_end) channel_.release_request();
    return position + count;
  }

  DmaChannel& channel_;
  u32 at_once = ~u32{0};
  bool to_memory = true;
  bool drop_at_end = true;
  std::vector<u8> taken;
  int calls = 0;
};

struct Dma : ::testing::Test {
  Bench b;
  I8237 first{b.pio, b.ram, false};
  I8237 second{b.pio, b.ram, true};
  Peripheral floppy{first.channel(2)};
  Dma() {
    first.reset();
    second.reset();
  }

  /// As SeaBIOS and Linux set up channel 2: mask, flip-flop, mode, address, page, count, unmask.
  void program(u8 mode, u32 address, u32 length) {
    b.outb(0x0a, 0x06);
    b.outb(0x0c, 0);
    b.outb(0x0b, low<u8>(mode | 2));
    b.outb(0x04, low<u8>(address));
    b.outb(0x04, low<u8>(address >> 8));
    b.outb(0x81, low<u8>(address >> 16));
    b.outb(0x0c, 0);
    b.outb(0x05, low<u8>(length - 1));
    b.outb(0x05, low<u8>((length - 1) >> 8));
    b.outb(0x0a, 0x02);
  }
  u16 read16(u64 port) {
    b.outb(0x0c, 0);
    const u8 lower = b.inb(port);
    return low<u16>(lower | b.inb(port) << 8);
  }
};

TEST_F(Dma, MovesASectorToMemory) {
  program(0x44, 0x12345, 512);
  floppy.channel_.hold_request();
  EXPECT_EQ(floppy.calls, 1);
  for (u32 i = 0; i < 512; ++i) ASSERT_EQ(b.ram[0x12345 + i], low<u8>(i)) << i;
  EXPECT_EQ(b.ram[0x12345 + 512], 0);
  EXPECT_EQ(b.inb(0x08), 0x04);  // terminal count, cleared by the read
  EXPECT_EQ(b.inb(0x08), 0x00);
  EXPECT_EQ(b.inb(0x0f) & 0x04, 0x04);  // masked itself
}

TEST_F(Dma, MovesASectorFromMemory) {
  floppy.to_memory = false;
  for (u32 i = 0; i < 512; ++i) b.ram[0x8000 + i] = low<u8>(i * 3);
  program(0x48, 0x8000, 512);
  floppy.channel_.hold_request();
  ASSERT_EQ(floppy.taken.size(), 512u);
  EXPECT_EQ(floppy.taken[100], low<u8>(300));
}

TEST_F(Dma, WaitsForTheMask) {
  b.outb(0x0a, 0x06);
  floppy.channel_.hold_request();
  EXPECT_EQ(floppy.calls, 0);
  EXPECT_EQ(b.inb(0x08) & 0xf0, 0x40);  // the request shows
  program(0x44, 0x1000, 16);
  EXPECT_EQ(floppy.calls, 1);
  EXPECT_EQ(b.ram[0x100f], 15);
}

TEST_F(Dma, CurrentRegistersFollowAPartialTransfer) {
  floppy.at_once = 100;
  program(0x44, 0x1000, 512);
  floppy.channel_.hold_request();
  EXPECT_EQ(read16(0x04), 0x1000 + 100);
  EXPECT_EQ(read16(0x05), 511 - 100);
  floppy.channel_.hold_request();
  EXPECT_EQ(read16(0x05), 511 - 200);
  EXPECT_EQ(b.ram[0x1000 + 199], 199);
  floppy.channel_.release_request();
  b.outb(0x0e, 0);  // clear all masks: nobody asks
  EXPECT_EQ(floppy.calls, 2);
}

TEST_F(Dma, StaysWithinItsPage) {
  program(0x44, 0x1fff0, 32);
  floppy.channel_.hold_request();
  EXPECT_EQ(b.ram[0x1ffff], 15);
  EXPECT_EQ(b.ram[0x10000], 16);
  EXPECT_EQ(b.ram[0x20000], 0);
}

TEST_F(Dma, CountsDown) {
  program(0x64, 0x1010, 16);
  floppy.channel_.hold_request();
  EXPECT_EQ(b.ram[0x1010], 0);
  EXPECT_EQ(b.ram[0x100f], 1);
  EXPECT_EQ(b.ram[0x1001], 15);
}

TEST_F(Dma, VerifyMovesNothing) {
  program(0x40, 0x1000, 16);
  floppy.channel_.hold_request();
  EXPECT_EQ(b.ram[0x1001], 0);
  EXPECT_EQ(b.inb(0x08), 0x04);
}

TEST_F(Dma, AutoInitializeStartsOver) {
  program(0x54, 0x1000, 16);
  EXPECT_TRUE(floppy.channel_.auto_initialize());
  floppy.channel_.hold_request();
  EXPECT_EQ(b.inb(0x0f) & 0x04, 0);
  EXPECT_EQ(read16(0x04), 0x1000);
  EXPECT_EQ(read16(0x05), 15);
}

TEST_F(Dma, SecondControllerMovesWords) {
  Peripheral sound(second.channel(1));
  b.outb(0xd4, 0x05);
  b.outb(0xd8, 0);
  b.outb(0xd6, 0x45);
  b.outb(0xc4, 0x00);  // word address 0x1000 = byte address 0x2000
  b.outb(0xc4, 0x10);
  b.outb(0x8b, 0x02);
  b.outb(0xc6, 7);  // 8 words
  b.outb(0xc6, 0);
  b.outb(0xd4, 0x01);
  sound.channel_.hold_request();
  EXPECT_EQ(b.ram[0x22000], 0);
  EXPECT_EQ(b.ram[0x2200f], 15);
  EXPECT_EQ(b.ram[0x22010], 0);
  EXPECT_EQ(b.inb(0xd0), 0x02);
}

TEST_F(Dma, PageRegistersOfNoChannelAreNobody) {
  b.outb(0x81, 0x11);
  b.outb(0x82, 0x22);
  b.outb(0x83, 0x33);
  b.outb(0x87, 0x44);
  b.outb(0x8f, 0x55);
  EXPECT_EQ(b.inb(0x81), 0x11);
  EXPECT_EQ(b.inb(0x82), 0x22);
  EXPECT_EQ(b.inb(0x83), 0x33);
  EXPECT_EQ(b.inb(0x87), 0x44);
  EXPECT_EQ(b.inb(0x8f), 0x55);
  for (const u16 port : std::to_array<u16>({0x80, 0x84, 0x85, 0x86, 0x88, 0x8c, 0x8d, 0x8e})) {
    b.outb(port, 0x1f);
    EXPECT_EQ(b.inb(port), 0xff) << port;  // 1Fh at 88h would be a battery
  }
}

TEST_F(Dma, MasterClearAndDisable) {
  program(0x44, 0x1000, 16);
  b.outb(0x08, 0x04);  // controller disable
  floppy.channel_.hold_request();
  EXPECT_EQ(floppy.calls, 0);
  b.outb(0x08, 0x00);
  EXPECT_EQ(floppy.calls, 1);
  b.outb(0x0d, 0);
  EXPECT_EQ(b.inb(0x0f), 0x0f);
  EXPECT_EQ(b.inb(0x08), 0x00);
}

TEST_F(Dma, BufferBeyondMemoryIsReported) {
  program(0x44, 0x7ffff0, 16);
  const u64 errors = guest_error_count();
  floppy.channel_.hold_request();
  EXPECT_GT(guest_error_count(), errors);
  EXPECT_EQ(b.inb(0x08), 0x04);
}

TEST_F(Dma, WideAccessesAreBytes) {
  b.outw(0x82, 0x3322);
  EXPECT_EQ(b.inw(0x82), 0x3322);
  EXPECT_EQ(b.inl(0x80), 0x332200ffu | u32{b.inb(0x81)} << 8);
}

TEST_F(Dma, StateSurvives) {
  floppy.at_once = 10;
  program(0x44, 0x1000, 512);
  floppy.channel_.hold_request();
  b.outb(0x04, 0x77);  // flip-flop in the middle
  const RoundTrip trip = save_disturb_restore(first, [&] {
    floppy.channel_.release_request();
    first.reset();
    program(0x58, 0x20000, 9);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(trip.before.size(), 3u + 4 + 4 * 17);
  EXPECT_EQ(second.section().instance, 1u);
  torture(first, sizeof(I8237::State));
}

// A state whose numbers lie outside of what 16 bits can have come to is refused.
TEST_F(Dma, ImpossibleStateIsRefused) {
  std::vector<u8> image;
  encode_state(*first.section().table, first.section().state, image);
  image[7] = 0x80;  // now[0] of channel 0 negative
  I8237::State scratch;
  Bytes in = image;
  EXPECT_FALSE(decode_state(*first.section().table, &scratch, 1, in));
}

}  // namespace
