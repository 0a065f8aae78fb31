#include "hw/emul/rtc/mc146818.h"

#include <gtest/gtest.h>

#include "hw/emul/core/state_codec.h"
#include "tests/bench/bench.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)

constexpr i64 kMs = 1'000'000;
constexpr i64 kUip = 8 * kNsPerSecond / 32768;
constexpr i64 kStart = 1'709'251'198;  // 2024-02-29 23:59:58, a Thursday

struct Clock146818 : ::testing::Test {
  Clock146818() { rtc.reset(); }
  Bench b;
  rtc::Mc146818 rtc{b.pio, b.irq.line(8), b.clock, kStart};

  u8 get(u8 cell) {
    b.outb(0x70, cell);
    return b.inb(0x71);
  }
  void set(u8 cell, u8 value) {
    b.outb(0x70, cell);
    b.outb(0x71, value);
  }
  std::string shown() {
    std::string text;
    for (const u8 cell :
         std::initializer_list<u8>{0x32, 0x09, 0x08, 0x07, 0x06, 0x04, 0x02, 0x00}) {
      constexpr char kDigits[] = "0123456789abcdef";
      const u8 value = get(cell);
      text += kDigits[value >> 4];
      text += kDigits[value & 15];
      text += ' ';
    }
    return text;
  }
};

TEST_F(Clock146818, ShowsTheTimeInBcd) {
  EXPECT_EQ(shown(), "20 24 02 29 05 23 59 58 ");
  EXPECT_EQ(get(0x0a), 0x26);
  EXPECT_EQ(get(0x0b), 0x02);
  EXPECT_EQ(get(0x0d), 0x80);
  EXPECT_EQ(b.inb(0x70), 0xff);
}

TEST_F(Clock146818, GoesOverTheEndOfFebruary) {
  b.clock.advance(2 * kNsPerSecond);
  EXPECT_EQ(shown(), "20 24 03 01 06 00 00 00 ");
}

TEST_F(Clock146818, BinaryAndTwelveHours) {
  set(0x0b, 0x04);
  EXPECT_EQ(get(0x04), 0x80 | 11);
  EXPECT_EQ(get(0x02), 59);
  EXPECT_EQ(get(0x09), 24);
  b.clock.advance(2 * kNsPerSecond);
  EXPECT_EQ(get(0x04), 12) << "midnight is twelve";
}

TEST_F(Clock146818, TakesATimeInSetMode) {
  set(0x0b, 0x82);
  b.clock.advance(5 * kNsPerSecond);
  for (const auto& [cell, value] : std::initializer_list<std::pair<u8, u8>>{{0x00, 0x30},
                                                                            {0x02, 0x15},
                                                                            {0x04, 0x08},
                                                                            {0x07, 0x31},
                                                                            {0x08, 0x12},
                                                                            {0x09, 0x99},
                                                                            {0x32, 0x19}}) {
    set(cell, value);
  }
  EXPECT_EQ(get(0x00), 0x30) << "stands still";
  set(0x0b, 0x02);
  b.clock.advance(10 * kNsPerSecond);
  EXPECT_EQ(shown(), "19 99 12 31 06 08 15 40 ");
}

TEST_F(Clock146818, CenturyHasTwoNames) {
  set(0x37, 0x19);
  EXPECT_EQ(get(0x32), 0x19);
}

TEST_F(Clock146818, UpdateInProgressShows244Microseconds) {
  b.clock.advance(kNsPerSecond - kUip - 1);
  EXPECT_EQ(get(0x0a), 0x26);
  b.clock.advance(1);
  EXPECT_EQ(get(0x0a), 0xa6);
  b.clock.advance(kUip - 1);
  EXPECT_EQ(get(0x0a), 0xa6);
  EXPECT_EQ(get(0x00), 0x58);
  b.clock.advance(1);
  EXPECT_EQ(get(0x0a), 0x26);
  EXPECT_EQ(get(0x00), 0x59);
}

TEST_F(Clock146818, FirstUpdateHalfASecondAfterTheDividerIsReleased) {
  set(0x0a, 0x76);
  b.clock.advance(7 * kNsPerSecond);
  EXPECT_EQ(get(0x00), 0x58) << "held in reset";
  set(0x0a, 0x26);
  get(0x0c);
  b.clock.advance(kNsPerSecond / 2 - 1);
  EXPECT_EQ(get(0x00), 0x58);
  EXPECT_EQ(get(0x0c) & 0x10, 0);
  b.clock.advance(1);
  EXPECT_EQ(get(0x00), 0x59);
  EXPECT_EQ(get(0x0c) & 0x10, 0x10);
}

TEST_F(Clock146818, UpdateInterrupt) {
  set(0x0b, 0x12);
  b.clock.advance(kNsPerSecond - 1);
  EXPECT_FALSE(b.irq.level(8));
  b.clock.advance(1);
  EXPECT_TRUE(b.irq.level(8));
  EXPECT_EQ(get(0x0c) & 0x90, 0x90);
  EXPECT_FALSE(b.irq.level(8)) << "reading register C ends it";
  EXPECT_EQ(get(0x0c), 0);
  b.clock.advance(kNsPerSecond);
  EXPECT_TRUE(b.irq.level(8));
}

TEST_F(Clock146818, PeriodicInterrupt) {
  set(0x0b, 0x42);  // 1024 Hz
  int edges = 0;
  for (int i = 0; i < 2000; ++i) {
    b.clock.advance(500'000);
    edges += b.irq.take_edges(8);
    get(0x0c);
  }
  EXPECT_EQ(edges, 1024);
  set(0x0a, 0x2f);  // 2 Hz
  b.clock.advance(kNsPerSecond / 2 + kMs);
  EXPECT_EQ(b.irq.take_edges(8), 1);
}

TEST_F(Clock146818, AlarmWithAndWithoutDontCares) {
  set(0x01, 0x00);
  set(0x03, 0x01);
  set(0x05, 0xc0);  // any hour
  set(0x0b, 0x22);
  b.clock.advance(62 * kNsPerSecond - 1);
  EXPECT_FALSE(b.irq.level(8));
  b.clock.advance(1);
  EXPECT_TRUE(b.irq.level(8));
  EXPECT_EQ(shown(), "20 24 03 01 06 00 01 00 ");
  EXPECT_EQ(get(0x0c) & 0xa0, 0xa0);
  b.irq.take_edges(8);
  set(0x05, 0x23);  // once a day
  b.clock.advance(23 * 3600 * kNsPerSecond - 1);
  EXPECT_EQ(b.irq.take_edges(8), 0);
  b.clock.advance(1);
  EXPECT_EQ(b.irq.take_edges(8), 1);
}

TEST_F(Clock146818, AnAlarmThatCannotBeNeverComes) {
  set(0x01, 0x61);
  set(0x0b, 0x22);
  b.clock.advance(3 * 86400 * kNsPerSecond);
  EXPECT_EQ(b.irq.take_edges(8), 0);
}

TEST_F(Clock146818, EnablingAFlagThatIsUpInterruptsAtOnce) {
  b.clock.advance(2 * kNsPerSecond);
  EXPECT_FALSE(b.irq.level(8));
  set(0x0b, 0x12);
  EXPECT_TRUE(b.irq.level(8));
  set(0x0b, 0x02);
  EXPECT_FALSE(b.irq.level(8));
}

TEST_F(Clock146818, ResetKeepsTimeAndRam) {
  set(0x0b, 0x72);
  set(0x40, 0x5a);
  set(0x0f, 0x05);
  b.clock.advance(kNsPerSecond);
  rtc.reset();
  EXPECT_FALSE(b.irq.level(8));
  EXPECT_EQ(get(0x0b), 0x12);
  EXPECT_EQ(get(0x40), 0x5a);
  EXPECT_EQ(get(0x0f), 0);
  EXPECT_EQ(get(0x00), 0x59);
}

TEST_F(Clock146818, StateSurvives) {
  set(0x0b, 0x42);
  set(0x7f, 0x11);
  const auto trip = save_disturb_restore(rtc, [this] {
    set(0x7f, 0x22);
    set(0x0a, 0x70);
  });
  EXPECT_EQ(trip.before, trip.after);
  b.clock.advance(kNsPerSecond / 100);
  EXPECT_TRUE(b.irq.level(8));
  const auto section = rtc.section();
  torture_restore(*section.table, trip.before, sizeof(rtc::Mc146818::State), 200);
}

/// From a hostile stream: no guest had it, and no host has the time to make up for all of it.
TEST_F(Clock146818, AnInterruptLongOverdueIsNotMadeUpFor) {
  b.clock.advance(i64{1} << 61);
  set(0x0a, 0x23);  // 8192 Hz
  set(0x0b, 0x42);
  auto& state = *static_cast<rtc::Mc146818::State*>(rtc.section().state);
  state.next_periodic_time = 0;
  rtc.after_restore();
  int interrupts = 0;
  for (int i = 0; i < 10; ++i) {
    b.clock.advance(kNsPerSecond / 8192);
    if ((get(0x0c) & 0x40) != 0) ++interrupts;
  }
  EXPECT_GE(interrupts, 9);
  EXPECT_GT(state.next_periodic_time, b.clock.now_ns());
}

TEST_F(Clock146818, ATimeThatCannotBeAddedToIsRefused) {
  const auto section = rtc.section();
  auto state = *static_cast<rtc::Mc146818::State*>(section.state);
  state.next_periodic_time = i64{1} << 62;
  std::vector<u8> image;
  encode_state(*section.table, &state, image);
  Bytes in = image;
  EXPECT_FALSE(decode_state(*section.table, &state, section.table->version, in));
}

TEST_F(Clock146818, RubbishIsHarmless) {
  u32 seed = 7;
  for (int i = 0; i < 20000; ++i) {
    seed = seed * 1664525 + 1013904223;
    set(low<u8>((seed >> 24) % 16 != 15 ? (seed >> 8) % 14 : 0x32), low<u8>(seed >> 16));
    get(low<u8>((seed >> 4) % 14));
    b.clock.advance(seed % 4'000'000);
  }
  set(0x0a, 0x26);
  set(0x0b, 0x12);
  get(0x0c);
  b.irq.take_edges(8);
  b.clock.advance(kNsPerSecond);
  EXPECT_EQ(b.irq.take_edges(8), 1);
}

}  // namespace
