// Registers as a driver sees them. IBM VGA technical reference, chapter 2.
#include "tests/device/display/screen_bench.h"

namespace bench {
namespace {

TEST(VgaRegisters, ResetValues) {
  ScreenBench b;
  EXPECT_EQ(b.inb(0x3cc), 0x00);
  EXPECT_EQ(b.inb(0x3c0), 0x00);
  EXPECT_EQ(b.inb(0x3c4), 0x00);
  EXPECT_EQ(b.inb(0x3ce), 0x00);
  EXPECT_EQ(b.dispi(display::kDispiId), 0xb0c5);
  EXPECT_EQ(b.dispi(display::kDispiEnable), 0);
  EXPECT_EQ(b.dispi(display::kDispiMemory64k), 256);
}

TEST(VgaRegisters, ResetForgetsEverything) {
  ScreenBench b;
  b.set_mode(kMode12);
  b.dispi_mode(800, 600, 32);
  b.vga.reset();
  EXPECT_EQ(b.inb(0x3cc), 0x00);
  EXPECT_EQ(b.dispi(display::kDispiXres), 0);
  EXPECT_EQ(b.dispi(display::kDispiId), 0xb0c5);
}

TEST(VgaRegisters, IndexedRegistersMaskBitsThatDoNotExist) {
  ScreenBench b;
  b.outb(0x3c4, 0xff);
  EXPECT_EQ(b.inb(0x3c4), 0x07);
  b.seq(1, 0xff);
  EXPECT_EQ(b.inw(0x3c4), 0x3d01);
  b.gfx(5, 0xff);
  EXPECT_EQ(b.inw(0x3ce), 0x7b05);
  b.outb(0x3ce, 0xff);
  EXPECT_EQ(b.inb(0x3ce), 0x0f);
}

TEST(VgaRegisters, AttributeFlipFlop) {
  ScreenBench b;
  b.outb(0x3c2, 0x01);
  b.inb(0x3da);
  b.outb(0x3c0, 0x33);  // palette source and index 13h
  EXPECT_EQ(b.inb(0x3c0), 0x00) << "the data half of the cycle";
  b.outb(0x3c0, 0xff);
  EXPECT_EQ(b.inb(0x3c0), 0x33);
  EXPECT_EQ(b.inb(0x3c1), 0x0f) << "panning has four bits";
  b.outb(0x3c0, 0x05);
  b.inb(0x3da);  // back to index
  b.outb(0x3c0, 0x06);
  b.inb(0x3da);
  EXPECT_EQ(b.inb(0x3c0), 0x06);
  b.outb(0x3c0, 0x12);
  b.inb(0x3da);
  b.outb(0x3c0, 0x1f);  // no such register
  EXPECT_EQ(b.inb(0x3c1), 0x00);
}

TEST(VgaRegisters, IoAddressSelectHidesTheOtherCrtc) {
  ScreenBench b;
  b.outb(0x3c2, 0x01);
  b.outw(0x3d4, 0x5513);
  EXPECT_EQ(b.inb(0x3d5), 0x55);
  EXPECT_EQ(b.inb(0x3b5), 0xff);
  b.outb(0x3b4, 0x12);
  EXPECT_EQ(b.inb(0x3d4), 0x13);
  b.outb(0x3c2, 0x00);
  EXPECT_EQ(b.inb(0x3d5), 0xff);
  EXPECT_EQ(b.inb(0x3b5), 0x55);
  EXPECT_EQ(b.inb(0x3da), 0xff);
  EXPECT_NE(b.inb(0x3ba), 0xff);
}

TEST(VgaRegisters, CrtcWriteProtection) {
  ScreenBench b;
  b.outb(0x3c2, 0x01);
  b.crtc(0x00, 0x11);
  b.crtc(0x07, 0x00);
  b.crtc(0x11, 0x80);
  b.crtc(0x00, 0x22);
  b.crtc(0x07, 0xff);
  b.outb(0x3d4, 0x00);
  EXPECT_EQ(b.inb(0x3d5), 0x11);
  b.outb(0x3d4, 0x07);
  EXPECT_EQ(b.inb(0x3d5), 0x10) << "line compare bit 8 is not protected";
}

TEST(VgaRegisters, DacReadAndWriteSequence) {
  ScreenBench b;
  b.outb(0x3c8, 0xff);
  for (const int v : {1, 2, 3, 4, 5, 6}) b.outb(0x3c9, low<u8>(v));  // 255, then wraps to 0
  EXPECT_EQ(b.inb(0x3c8), 0x01);
  EXPECT_EQ(b.inb(0x3c7), 0x00) << "DAC state: write";
  b.outb(0x3c7, 0xff);
  EXPECT_EQ(b.inb(0x3c7), 0x03) << "DAC state: read";
  for (const int v : {1, 2, 3, 4, 5, 6}) EXPECT_EQ(b.inb(0x3c9), v);
}

TEST(VgaRegisters, IncompleteDacTripletChangesNothing) {
  ScreenBench b;
  b.dac(7, 10, 20, 30);
  b.outb(0x3c8, 7);
  b.outb(0x3c9, 63);
  b.outb(0x3c9, 63);
  b.outb(0x3c7, 7);
  EXPECT_EQ(b.inb(0x3c9), 10);
}

TEST(VgaRegisters, RetraceBitsAlternateSoThatEveryWaitEnds) {
  ScreenBench b;
  b.outb(0x3c2, 0x01);
  const u8 first = b.inb(0x3da);
  const u8 second = b.inb(0x3da);
  EXPECT_EQ(first ^ second, 0x09);
}

TEST(VgaRegisters, DispiPortsAre16BitsWide) {
  ScreenBench b;
  b.outw(0x1ce, 0);
  EXPECT_EQ(b.inw(0x1ce), 0);
  EXPECT_EQ(b.inw(0x1cf), 0xb0c5);
  EXPECT_EQ(b.inw(0x1d0), 0xb0c5);
  EXPECT_EQ(b.inb(0x1cf), 0xff);
  b.outb(0x1cf, 0xc0);
  EXPECT_EQ(b.inw(0x1d0), 0xb0c5);
  b.outl(0x1ce, 0xb0c40000);  // index and data in one store
  EXPECT_EQ(b.inw(0x1cf), 0xb0c4);
}

TEST(VgaRegisters, DispiIdTakesKnownVersionsOnly) {
  ScreenBench b;
  b.dispi(display::kDispiId, 0xb0c2);
  EXPECT_EQ(b.dispi(display::kDispiId), 0xb0c2);
  b.dispi(display::kDispiId, 0xb0c6);
  EXPECT_EQ(b.dispi(display::kDispiId), 0xb0c2);
}

TEST(VgaRegisters, DispiCapabilities) {
  ScreenBench b;
  b.dispi(display::kDispiEnable, 0x02);
  EXPECT_EQ(b.dispi(display::kDispiXres), 16000);
  EXPECT_EQ(b.dispi(display::kDispiYres), 12000);
  EXPECT_EQ(b.dispi(display::kDispiBpp), 32);
}

TEST(VgaRegisters, DispiBendsNonsense) {
  ScreenBench b;
  b.dispi_mode(1023, 0, 17);
  EXPECT_EQ(b.dispi(display::kDispiXres), 1016);
  EXPECT_EQ(b.dispi(display::kDispiYres), 1);
  EXPECT_EQ(b.dispi(display::kDispiBpp), 8);
  EXPECT_EQ(b.dispi(display::kDispiVirtWidth), 1016);
  b.dispi(display::kDispiXres, 0xffff);
  b.dispi(display::kDispiYres, 0xffff);
  EXPECT_EQ(b.dispi(display::kDispiXres), 16000);
  EXPECT_EQ(b.dispi(display::kDispiYres), (16u << 20) / 16000) << "what memory holds";
  b.dispi(display::kDispiYoffset, 0xffff);
  EXPECT_EQ(b.dispi(display::kDispiYoffset), 0) << "the picture would end outside";
}

TEST(VgaRegisters, DispiVirtualSize) {
  ScreenBench b;
  b.dispi_mode(800, 600, 32);
  b.dispi(display::kDispiVirtWidth, 1024);
  EXPECT_EQ(b.dispi(display::kDispiVirtHeight), (16u << 20) / 4096);
  b.dispi(display::kDispiYoffset, 600);
  EXPECT_EQ(b.dispi(display::kDispiYoffset), 600);
}

TEST(VgaRegisters, DispiClearsTheScreenUnlessAskedNotTo) {
  ScreenBench b;
  b.video.memory[100] = 0x55;
  b.dispi(display::kDispiXres, 640);
  b.dispi(display::kDispiYres, 480);
  b.dispi(display::kDispiBpp, 8);
  b.dispi(display::kDispiEnable, 0xc1);
  EXPECT_EQ(b.video.memory[100], 0x55);
  b.dispi(display::kDispiEnable, 0x00);
  b.video.memory[640 * 480] = 0x66;
  b.dispi(display::kDispiEnable, 0x41);
  EXPECT_EQ(b.video.memory[100], 0x00);
  EXPECT_EQ(b.video.memory[640 * 480], 0x66);
}

}  // namespace
}  // namespace bench
