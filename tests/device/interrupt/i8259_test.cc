#include "hw/emul/interrupt/i8259.h"

#include <gtest/gtest.h>

#include "tests/bench/bench.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)
using interrupt::PicPair;

struct Pics : ::testing::Test {
  Pics() {
    start(0x20, 0x30, 0x04);
    start(0xa0, 0x38, 0x02);
  }
  Bench b;
  PicPair pics{b.pio, b.irq.line(99)};

  void start(u16 port, u8 vector, u8 cascade, u8 icw4 = 0x01) {
    b.outb(port, 0x11);
    b.outb(port + 1U, vector);
    b.outb(port + 1U, cascade);
    b.outb(port + 1U, icw4);
    b.outb(port + 1U, 0);
  }
  void pulse(unsigned irq) {
    pics.set_irq(irq, true);
    pics.set_irq(irq, false);
  }
  bool interrupted() { return b.irq.level(99); }
  u8 irr(u16 port) {
    b.outb(port, 0x0a);
    return b.inb(port);
  }
  u8 isr(u16 port) {
    b.outb(port, 0x0b);
    return b.inb(port);
  }
};

TEST_F(Pics, AnEdgeIsKeptUntilItIsTaken) {
  pulse(3);
  EXPECT_TRUE(interrupted());
  EXPECT_EQ(irr(0x20), 0x08);
  EXPECT_EQ(pics.acknowledge(), 0x33);
  EXPECT_FALSE(interrupted());
  EXPECT_EQ(isr(0x20), 0x08);
  b.outb(0x20, 0x20);  // EOI
  EXPECT_EQ(isr(0x20), 0);
}

TEST_F(Pics, PrioritiesAndMask) {
  pulse(5);
  pulse(1);
  EXPECT_EQ(pics.acknowledge(), 0x31);
  EXPECT_FALSE(interrupted()) << "5 waits for 1";
  pulse(0);
  EXPECT_TRUE(interrupted()) << "0 does not";
  b.outb(0x21, 0x01);
  EXPECT_FALSE(interrupted());
  EXPECT_EQ(b.inb(0x21), 0x01);
  b.outb(0x20, 0x61);  // specific EOI of 1
  EXPECT_EQ(pics.acknowledge(), 0x35);
}

TEST_F(Pics, SlaveComesThroughInputTwo) {
  pulse(12);
  EXPECT_EQ(irr(0x20), 0x04);
  EXPECT_EQ(pics.acknowledge(), 0x3c);
  EXPECT_EQ(isr(0x20), 0x04);
  EXPECT_EQ(isr(0xa0), 0x10);
}

TEST_F(Pics, NothingThereIsSpurious) {
  EXPECT_EQ(pics.acknowledge(), 0x37);
  EXPECT_EQ(isr(0x20), 0);
}

TEST_F(Pics, LevelsByEdgeLevelRegister) {
  b.outb(0x4d0, 0xff);
  b.outb(0x4d1, 0xff);
  EXPECT_EQ(b.inb(0x4d0), 0xf8) << "0, 1, 2 are edges";
  EXPECT_EQ(b.inb(0x4d1), 0xde) << "8, 13 are edges";
  pics.set_irq(11, true);
  EXPECT_EQ(pics.acknowledge(), 0x3b);
  b.outb(0xa0, 0x20);
  b.outb(0x20, 0x20);
  EXPECT_TRUE(interrupted()) << "still high";
  pics.set_irq(11, false);
  EXPECT_EQ(irr(0xa0), 0);
}

TEST_F(Pics, RotationAndSetPriority) {
  b.outb(0x20, 0xc3);  // 3 is lowest, 4 first
  pulse(3);
  pulse(4);
  EXPECT_EQ(pics.acknowledge(), 0x34);
  b.outb(0x20, 0xa0);  // rotate on EOI: 5 first
  pulse(4);
  EXPECT_EQ(pics.acknowledge(), 0x33);
}

TEST_F(Pics, AutomaticEoi) {
  start(0x20, 0x40, 0x04, 0x03);
  pulse(6);
  EXPECT_EQ(pics.acknowledge(), 0x46);
  EXPECT_EQ(isr(0x20), 0);
}

TEST_F(Pics, SpecialMaskModeLetsOthersThrough) {
  pulse(1);
  EXPECT_EQ(pics.acknowledge(), 0x31);
  b.outb(0x21, 0x02);
  b.outb(0x20, 0x68);
  pulse(6);
  EXPECT_EQ(pics.acknowledge(), 0x36);
}

TEST_F(Pics, PollTakesAnInterrupt) {
  pulse(7);
  b.outb(0x20, 0x0c);
  EXPECT_EQ(b.inb(0x20), 0x87);
  EXPECT_EQ(isr(0x20), 0x80);
  b.outb(0x20, 0x0c);
  EXPECT_EQ(b.inb(0x20), 0);
}

TEST_F(Pics, SingleModeHasNoThirdWord) {
  b.outb(0x20, 0x13);
  b.outb(0x21, 0x50);
  b.outb(0x21, 0x01);
  b.outb(0x21, 0xa5);
  EXPECT_EQ(b.inb(0x21), 0xa5);
}

TEST_F(Pics, StateSurvives) {
  pulse(4);
  b.outb(0x21, 0x80);
  const auto trip = save_disturb_restore(pics.master(), [this] { b.outb(0x20, 0x11); });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(trip.before.size(), 16U);
  EXPECT_TRUE(interrupted());
  torture_restore(*pics.master().section().table, trip.before, sizeof(interrupt::I8259::State),
                  200);
}

TEST_F(Pics, RubbishIsHarmless) {
  u32 seed = 3;
  for (int i = 0; i < 50000; ++i) {
    seed = seed * 1664525 + 1013904223;
    constexpr u16 kPorts[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1};
    b.outb(kPorts[(seed >> 8) % 6], low<u8>(seed >> 16));
    b.inb(kPorts[(seed >> 12) % 6]);
    pics.set_irq((seed >> 4) % 20, (seed & 1) != 0);
    if (seed % 7 == 0) pics.acknowledge();
  }
  start(0x20, 0x30, 0x04);
  b.outb(0x4d0, 0);
  pulse(1);
  EXPECT_TRUE(interrupted());
}

}  // namespace
