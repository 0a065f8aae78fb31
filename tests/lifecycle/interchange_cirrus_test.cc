// The Cirrus, in the middle of what its BIOS and drivers do.
#include "tests/lifecycle/interchange.h"

namespace interchange {
namespace {

class CirrusInterchange : public Interchange {
 protected:
  void configure(xensim::GuestConfig& config) override {
    config.video = xensim::Video::kCirrus;
    config.video_mb = 8;
  }
  void indexed(u16 port, u8 index, u8 value) {
    cpu().outb(port, index);
    cpu().outb(static_cast<u16>(port + 1), value);
  }
  u8 at(u16 port, u8 index) {
    cpu().outb(port, index);
    return cpu().inb(static_cast<u16>(port + 1));
  }
  u64 memory() { return xensim::find_function(functions_, 0x1013, 0x00b8)->bar(0); }
  u64 registers() { return xensim::find_function(functions_, 0x1013, 0x00b8)->bar(1); }
  /// 640x480, 32 bits a pixel.
  void set_packed_mode() {
    cpu().outb(0x3c2, 0xe3);
    indexed(0x3c4, 1, 0x01);
    indexed(0x3c4, 2, 0x0f);
    indexed(0x3c4, 4, 0x0e);
    indexed(0x3c4, 6, 0x12);
    indexed(0x3c4, 7, 0x09);
    indexed(0x3ce, 5, 0x40);
    indexed(0x3ce, 6, 0x05);
    indexed(0x3d4, 0x11, 0x0c);
    indexed(0x3d4, 0x01, 79);
    indexed(0x3d4, 0x07, 0x3e);
    indexed(0x3d4, 0x09, 0x40);
    indexed(0x3d4, 0x12, 0xdf);
    indexed(0x3d4, 0x13, 0x40);
    indexed(0x3d4, 0x17, 0xe3);
    indexed(0x3d4, 0x18, 0xff);
    indexed(0x3d4, 0x1b, 0x32);
    (void)cpu().inb(0x3da);
    cpu().outb(0x3c0, 0x20);
  }
};

TEST_P(CirrusInterchange, RegistersAndColours) {
  about("Cirrus", "colours of blits, a locked DAC");
  cpu().outb(0x3c2, 0xe3);  // the CRTC is at 3d4
  indexed(0x3ce, 0x00, 0xa5);
  indexed(0x3ce, 0x01, 0x5a);
  indexed(0x3ce, 0x15, 0x77);
  indexed(0x3c4, 0x0e, 0x4a);
  indexed(0x3d4, 0x1d, 0x40);
  (void)cpu().inb(0x3c8);
  for (int i = 0; i < 3; ++i) (void)cpu().inb(0x3c6);
  cpu().outb(0x3c8, 9);
  cpu().outb(0x3c9, 0x2a);  // a third of a colour
  move();
  EXPECT_EQ(cpu().inb(0x3c6), 0xff);
  cpu().outb(0x3c6, 0xe1);  // the fourth read was there
  for (int i = 0; i < 4; ++i) EXPECT_EQ(cpu().inb(0x3c6), 0xff);
  EXPECT_EQ(cpu().inb(0x3c6), 0xe1);
  cpu().outb(0x3c9, 0x15);
  cpu().outb(0x3c9, 0x3f);
  cpu().outb(0x3c7, 9);
  EXPECT_EQ(cpu().inb(0x3c9), 0x2a);
  EXPECT_EQ(cpu().inb(0x3c9), 0x15);
  EXPECT_EQ(at(0x3ce, 0x00), 0xa5);
  EXPECT_EQ(at(0x3ce, 0x01), 0x5a);
  EXPECT_EQ(at(0x3ce, 0x15), 0x77);
  EXPECT_EQ(at(0x3c4, 0x0e), 0x4a);
  EXPECT_EQ(at(0x3d4, 0x1d), 0x40);
  EXPECT_EQ(at(0x3d4, 0x27), 0xb8);
}

TEST_P(CirrusInterchange, LinearPicture) {
  about("Cirrus", "a linear picture");
  set_packed_mode();
  cpu().write32(memory() + 0x1234, 0x00abcdef);
  move();
  EXPECT_EQ(cpu().read32(memory() + 0x1234), 0x00abcdefU);
  cpu().write32(memory() + 0x1238, 0x00123456);
  const Picture picture = take_picture();
  EXPECT_EQ(picture.size, "640x480");
  EXPECT_EQ(picture.pixel(0x1234 / 4), 0xabcdefU);
  EXPECT_EQ(picture.pixel(0x1238 / 4), 0x123456U);
  // The engine has the same memory.
  cpu().write8(registers() + 0x108, 3);
  cpu().write8(registers() + 0x109, 0);
  cpu().write8(registers() + 0x10a, 0);
  cpu().write8(registers() + 0x10b, 0);
  cpu().write8(registers() + 0x10d, 0x0a);
  cpu().write8(registers() + 0x10f, 0x0a);
  cpu().write8(registers() + 0x111, 0x20);
  cpu().write8(registers() + 0x114, 0x34);
  cpu().write8(registers() + 0x115, 0x12);
  cpu().write8(registers() + 0x11a, 0x0d);
  cpu().write8(registers() + 0x140, 0x02);
  EXPECT_EQ(cpu().read32(memory() + 0x2000), 0x00abcdefU);
}

TEST_P(CirrusInterchange, BankedWindow) {
  about("Cirrus", "a bank of the window");
  set_packed_mode();
  indexed(0x3ce, 0x0b, 0x21);
  indexed(0x3ce, 0x09, 0x05);
  indexed(0x3ce, 0x0a, 0x81);
  cpu().write32(0xa0010, 0x11223344);
  cpu().write32(0xa8010, 0x55667788);
  (void)cpu().read8(0xa0010);
  move();
  EXPECT_EQ(cpu().read32(0xa0010), 0x11223344U);
  EXPECT_EQ(cpu().read32(0xa8010), 0x55667788U);
  EXPECT_EQ(cpu().read32(memory() + 0x14010), 0x11223344U);
  EXPECT_EQ(cpu().read32(memory() + 0x204010), 0x55667788U);
}

// Registers lie in the BAR: what is not them is drawn by us.
TEST_P(CirrusInterchange, RegistersInTheMemoryBar) {
  about("Cirrus", "registers at the end of memory");
  set_packed_mode();
  cpu().write32(memory() + 0x1234, 0x00abcdef);
  indexed(0x3c4, 0x17, 0x44);
  // Stock's memory stays there, in front of the registers.
  if (GetParam().from == From::kOurs) {
    cpu().write8(memory() + (4 << 20) - 256 + 8, 0x1f);
    EXPECT_EQ(at(0x3ce, 0x20), 0x1f);
  }
  move();
  if (GetParam().to == To::kStock) return;  // it draws from a placeholder
  EXPECT_EQ(cpu().read32(memory() + 0x1234), 0x00abcdefU);
  cpu().write8(memory() + (4 << 20) - 256 + 8, 0x17);
  EXPECT_EQ(at(0x3ce, 0x20), 0x17);
  cpu().write32(memory() + 0x1238, 0x00123456);
  const Picture picture = take_picture();
  EXPECT_EQ(picture.pixel(0x1234 / 4), 0xabcdefU);
  EXPECT_EQ(picture.pixel(0x1238 / 4), 0x123456U);
  indexed(0x3c4, 0x17, 0x00);
  EXPECT_EQ(cpu().read32(memory() + 0x1238), 0x00123456U);
}

// What of a blit was to come is not in a stream. Nobody waits for the engine afterwards.
TEST_P(CirrusInterchange, ABlitThatWaitsForItsSource) {
  about("Cirrus", "a blit from the processor");
  if (GetParam().to == To::kStock) GTEST_SKIP() << "stock stays busy for ever";
  set_packed_mode();
  cpu().write32(memory() + 0x1234, 0x00abcdef);
  const auto put = [&](u64 offset, u8 value) { cpu().write8(registers() + 0x100 + offset, value); };
  put(0x08, 15);
  put(0x0a, 3);
  put(0x0d, 0x0a);
  put(0x18, 0x04);
  put(0x1a, 0x0d);
  put(0x40, 0x02);
  EXPECT_NE(cpu().read8(registers() + 0x140), 0);
  cpu().write32(memory() + (16 << 20), 0x01020304);
  move();
  EXPECT_EQ(cpu().read8(registers() + 0x140), 0);
  EXPECT_EQ(cpu().read32(memory() + 0x1234), 0x00abcdefU);
}

INSTANTIATE_TEST_SUITE_P(Ways, CirrusInterchange, ::testing::ValuesIn(kWays),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace
}  // namespace interchange
