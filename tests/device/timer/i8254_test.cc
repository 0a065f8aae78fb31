#include "hw/emul/timer/i8254.h"

#include <gtest/gtest.h>

#include "hw/emul/core/state_codec.h"
#include "hw/emul/timer/speaker.h"
#include "tests/bench/bench.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)

constexpr i64 kMs = 1'000'000;
/// Nanoseconds after which `ticks` of the 1193182 Hz clock have surely passed.
constexpr i64 after(i64 ticks) {
  return (ticks * kNsPerSecond + 1193181) / 1193182;
}

struct Timer8254 : ::testing::Test {
  Timer8254() { pit.reset(); }
  Bench b;
  timer::I8254 pit{b.pio, b.irq.line(0), b.clock};
  timer::Speaker speaker{b.pio, pit};

  void program(u8 control, u16 count) {
    b.outb(0x43, control);
    const u16 port = static_cast<u16>(0x40 + (control >> 6));
    if ((control & 0x10) != 0) b.outb(port, low<u8>(count));
    if ((control & 0x20) != 0) b.outb(port, low<u8>(count >> 8));
  }
  u16 count(unsigned counter) {
    b.outb(0x43, low<u8>(counter << 6));  // latch
    const u8 first = b.inb(0x40 + counter);
    return low<u16>(first | b.inb(0x40 + counter) << 8);
  }
};

TEST_F(Timer8254, SquareWaveAfterReset) {
  b.clock.advance(54 * kMs);
  EXPECT_EQ(b.irq.take_edges(0), 1);  // high from the first change it drives
  b.clock.advance(1000 * kMs);
  EXPECT_EQ(b.irq.take_edges(0), 19) << "18.2 Hz, the first of them at 54.9 ms";
}

TEST_F(Timer8254, Mode0RisesOnceWhenTheCountHasRunOut) {
  program(0x30, 1000);
  EXPECT_FALSE(b.irq.level(0));
  b.clock.advance(after(1000) - 1000);
  EXPECT_FALSE(b.irq.level(0));
  b.clock.advance(1001);
  EXPECT_TRUE(b.irq.level(0));
  b.clock.advance(1000 * kMs);
  EXPECT_TRUE(b.irq.level(0));
  EXPECT_EQ(b.irq.take_edges(0), 1);
  program(0x30, 1000);
  EXPECT_FALSE(b.irq.level(0)) << "a new count lowers OUT";
}

TEST_F(Timer8254, Mode2InterruptsAtItsRate) {
  program(0x34, 11932);  // 100 Hz
  b.irq.take_edges(0);
  b.clock.advance(10 * kNsPerSecond + 5 * kMs);
  EXPECT_EQ(b.irq.take_edges(0), 1000);
}

TEST_F(Timer8254, Mode2NeverLosesAnEdgeToRounding) {
  program(0x34, 2);  // as fast as it goes
  b.irq.take_edges(0);
  b.clock.advance(kNsPerSecond + after(3));
  EXPECT_EQ(b.irq.take_edges(0), 1193182 / 2 + 1);
}

TEST_F(Timer8254, Mode3HasHalfOfEachRoundHigh) {
  program(0x36, 1000);
  EXPECT_TRUE(b.irq.level(0));
  b.clock.advance(after(500) + 1);
  EXPECT_FALSE(b.irq.level(0));
  b.clock.advance(after(500) + 1);
  EXPECT_TRUE(b.irq.level(0));
}

TEST_F(Timer8254, Mode4StrobesOnce) {
  program(0x38, 100);
  b.irq.take_edges(0);
  b.clock.advance(10 * kMs);
  EXPECT_EQ(b.irq.take_edges(0), 1);
  EXPECT_FALSE(b.irq.level(0));
}

TEST_F(Timer8254, ModesSixAndSevenAreTwoAndThree) {
  program(0x3c, 11932);  // "Control Word Format": M2 does not count
  b.irq.take_edges(0);
  b.clock.advance(kNsPerSecond + 5 * kMs);
  EXPECT_EQ(b.irq.take_edges(0), 100);
}

TEST_F(Timer8254, LatchedCountStaysWhileTheCounterRuns) {
  program(0x74, 1000);  // counter 1
  b.clock.advance(after(100));
  b.outb(0x43, 0x40);
  b.clock.advance(after(100));
  b.outb(0x43, 0x40);  // ignored: the first has not been read
  EXPECT_EQ(b.inb(0x41) | b.inb(0x41) << 8, 900);
  EXPECT_EQ(count(1), 800);
}

TEST_F(Timer8254, LowAndHighByteAlone) {
  program(0x54, 200);  // low byte only
  b.clock.advance(after(50));
  EXPECT_EQ(b.inb(0x41), 150);
  program(0x64, 0x0400);  // high byte only
  b.clock.advance(after(0x100));
  EXPECT_EQ(b.inb(0x41), 3);
}

TEST_F(Timer8254, ReadBackLatchesStatusThenCount) {
  program(0xb6, 1000);
  b.outb(0x43, 0xc8);  // status and count of counter 2
  EXPECT_EQ(b.inb(0x42), 0xb6) << "OUT high, both bytes, mode 3";
  EXPECT_EQ(b.inb(0x42) | b.inb(0x42) << 8, 1000);
}

TEST_F(Timer8254, CountsInDecimal) {
  program(0x75, 0x1000);  // BCD
  EXPECT_EQ(count(1), 0x1000);
  b.clock.advance(after(1));
  EXPECT_EQ(count(1), 0x0999);
  program(0x71, 0);  // mode 0, BCD: 10000
  b.clock.advance(after(1));
  EXPECT_EQ(count(1), 0x9999);
}

TEST_F(Timer8254, ZeroIsTheLongestCount) {
  program(0x70, 0);
  b.clock.advance(after(1));
  EXPECT_EQ(count(1), 0xffff);
}

TEST_F(Timer8254, ControlPortCannotBeRead) {
  EXPECT_EQ(b.inb(0x43), 0);
}

TEST_F(Timer8254, SpeakerGateStartsTheWaveOver) {
  program(0xb6, 1000);
  b.outb(0x61, 3);
  b.clock.advance(after(600));
  EXPECT_EQ(b.inb(0x61) & 0x23, 0x03);
  b.outb(0x61, 0);
  b.outb(0x61, 1);
  EXPECT_EQ(b.inb(0x61) & 0x23, 0x21);
}

TEST_F(Timer8254, RefreshBitChangesWithEveryRead) {
  const u8 first = b.inb(0x61);
  EXPECT_EQ((first ^ b.inb(0x61)) & 0x10, 0x10);
}

TEST_F(Timer8254, StateSurvives) {
  program(0x34, 5000);
  b.outb(0x43, 0x00);
  const auto trip = save_disturb_restore(pit, [this] { program(0x30, 7); });
  EXPECT_EQ(trip.before, trip.after);
  b.irq.take_edges(0);
  b.clock.advance(kNsPerSecond + 3 * kMs);
  EXPECT_EQ(b.irq.take_edges(0), 239);
  const auto section = pit.section();
  torture_restore(*section.table, trip.before, sizeof(timer::I8254::State), 200);
  b.outb(0x61, 2);
  b.inb(0x61);
  const auto port = save_disturb_restore(speaker, [this] { b.outb(0x61, 0); });
  EXPECT_EQ(port.before, port.after);
}

/// From a hostile stream: no guest had it, and no host has the time to make up for all of it.
TEST_F(Timer8254, AChangeLongOverdueIsNotMadeUpFor) {
  program(0x30, 2);
  b.clock.advance(i64{1} << 61);
  program(0x34, 2);
  auto& state = *static_cast<timer::I8254::State*>(pit.section().state);
  state.channels[0].next_transition_time = 0;
  pit.after_restore();
  b.irq.take_edges(0);
  b.clock.advance(kMs);
  EXPECT_LE(b.irq.take_edges(0), 1193182 / 2 + 600);
}

TEST_F(Timer8254, TimesThatCannotBeAddedToAreRefused) {
  for (const bool load : {false, true}) {
    const auto section = pit.section();
    auto state = *static_cast<timer::I8254::State*>(section.state);
    auto& channel = state.channels[0];
    (load ? channel.count_load_time : channel.next_transition_time) = i64{1} << 62;
    std::vector<u8> image;
    encode_state(*section.table, &state, image);
    Bytes in = image;
    EXPECT_FALSE(decode_state(*section.table, &state, section.table->version, in)) << load;
  }
}

TEST_F(Timer8254, RubbishIsHarmless) {
  u32 seed = 1;
  for (int i = 0; i < 20000; ++i) {
    seed = seed * 1664525 + 1013904223;
    const u16 port = static_cast<u16>(0x40 + (seed >> 8) % 4);
    if ((seed & 1) != 0) {
      b.outb((seed & 2) != 0 ? port : 0x61, low<u8>(seed >> 16));
    } else {
      b.inw(port);
    }
    if (i % 64 == 0) b.clock.advance(100'000);
  }
  pit.reset();
  b.irq.take_edges(0);
  b.clock.advance(1000 * kMs);
  EXPECT_EQ(b.irq.take_edges(0), 19);
}

}  // namespace
