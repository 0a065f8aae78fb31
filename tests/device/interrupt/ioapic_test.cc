#include "hw/emul/interrupt/ioapic.h"

#include <gtest/gtest.h>

#include "tests/bench/bench.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)

constexpr u64 kBase = 0xfec00000;

struct Apic : ::testing::Test {
  Apic() { apic.reset(); }
  Bench b;
  interrupt::IoApic apic{b.mmio, b.msi, [] { return u8{0x77}; }};

  u32 get(u8 index) {
    b.poke(kBase, index, 1);
    return low<u32>(b.peek(kBase + 0x10, 4));
  }
  void set(u8 index, u32 value) {
    b.poke(kBase, index, 4);
    b.poke(kBase + 0x10, value, 4);
  }
  void entry(unsigned pin, u64 value) {
    set(low<u8>(0x11 + pin * 2), low<u32>(value >> 32));
    set(low<u8>(0x10 + pin * 2), low<u32>(value));
  }
  void pulse(unsigned pin) {
    apic.set_irq(pin, true);
    apic.set_irq(pin, false);
  }
};

TEST_F(Apic, Registers) {
  EXPECT_EQ(get(1), 0x00170020U) << "version 20h, 24 entries";
  EXPECT_EQ(get(0), 0U);
  set(0, 0x0f000000);
  EXPECT_EQ(get(0), 0x0f000000U);
  EXPECT_EQ(get(2), 0x0f000000U);
  for (unsigned pin = 0; pin < 24; ++pin) {
    EXPECT_EQ(get(low<u8>(0x10 + pin * 2)), 0x10000U) << "masked";
  }
  EXPECT_EQ(get(0x40), 0U) << "no such entry";
  EXPECT_EQ(b.peek(kBase, 1), 0x40U);
  EXPECT_EQ(b.peek(kBase + 0x10, 1), 0U) << "the window takes doublewords";
}

TEST_F(Apic, AnEdgeBecomesAMessage) {
  entry(4, u64{3} << 56 | 0x41);
  pulse(4);
  ASSERT_EQ(b.msi.sent.size(), 1U);
  EXPECT_EQ(b.msi.sent[0].first, 0xfee00000U | 3 << 12);
  EXPECT_EQ(b.msi.sent[0].second, 0x41U);
}

TEST_F(Apic, AMaskedEdgeIsLost) {
  pulse(4);
  entry(4, 0x41);
  EXPECT_TRUE(b.msi.sent.empty());
}

TEST_F(Apic, IsaInterruptZeroIsOnPinTwo) {
  entry(2, 0x30);
  pulse(0);
  ASSERT_EQ(b.msi.sent.size(), 1U);
  EXPECT_EQ(b.msi.sent[0].second, 0x30U);
}

TEST_F(Apic, ALevelWaitsForTheEndOfTheLast) {
  entry(10, 0x8000 | 0x55);
  apic.set_irq(10, true);
  EXPECT_EQ(b.msi.sent.size(), 1U);
  EXPECT_EQ(b.msi.sent[0].second, 0x8055U);
  EXPECT_EQ(get(0x10 + 20), 0xc055U) << "remote IRR";
  pulse(11);
  EXPECT_EQ(b.msi.sent.size(), 1U);
  b.poke(kBase + 0x40, 0x55, 4);  // EOI register
  EXPECT_EQ(b.msi.sent.size(), 2U) << "still high";
  apic.set_irq(10, false);
  b.poke(kBase + 0x40, 0x55, 4);
  EXPECT_EQ(b.msi.sent.size(), 2U);
  EXPECT_EQ(get(0x10 + 20), 0x8055U);
}

TEST_F(Apic, MakingALevelAnEdgeEndsIt) {
  entry(10, 0x8000 | 0x55);
  apic.set_irq(10, true);
  set(0x10 + 20, 0x10055);  // masked, edge
  set(0x10 + 20, 0x08055);
  EXPECT_EQ(b.msi.sent.size(), 2U);
}

TEST_F(Apic, UnmaskingALevelThatIsHighSendsIt) {
  entry(10, 0x18055);
  apic.set_irq(10, true);
  EXPECT_TRUE(b.msi.sent.empty());
  entry(10, 0x8055);
  EXPECT_EQ(b.msi.sent.size(), 1U);
}

TEST_F(Apic, ExtIntAsksThe8259) {
  entry(1, 0x700);
  pulse(1);
  ASSERT_EQ(b.msi.sent.size(), 1U);
  EXPECT_EQ(b.msi.sent[0].second, 0x777U);
}

TEST_F(Apic, StateSurvives) {
  entry(5, u64{1} << 56 | 0x8031);
  apic.set_irq(5, true);
  const auto trip = save_disturb_restore(apic, [this] { entry(5, 0x10000); });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(trip.before.size(), 2U + 8 + 4 + 24 * 8);
  torture_restore(*apic.section().table, trip.before, sizeof(interrupt::IoApic::State), 200);
}

TEST_F(Apic, RubbishIsHarmless) {
  u32 seed = 5;
  for (int i = 0; i < 50000; ++i) {
    seed = seed * 1664525 + 1013904223;
    b.poke(kBase + (seed >> 8) % 0x1000, seed, 1U << seed % 3);
    set(low<u8>(seed >> 16), seed * 17);
    apic.set_irq((seed >> 3) % 40, (seed & 1) != 0);
    b.msi.sent.clear();
  }
  apic.reset();
  EXPECT_EQ(get(0x10), 0x10000U);
}

}  // namespace
