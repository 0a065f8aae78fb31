// The printer port as a BIOS and a guest driver use it.
#include "hw/emul/serial/parallel.h"

#include <gtest/gtest.h>

#include "tests/bench/bench.h"

namespace {

using namespace bench;             // NOLINT(google-build-using-namespace)
using namespace serial::lpt_regs;  // NOLINT(google-build-using-namespace)

class Parallel : public testing::Test {
 protected:
  u8 in(unsigned reg) { return bench_.inb(0x378 + reg); }
  void out(unsigned reg, u8 value) { bench_.outb(0x378 + reg, value); }
  void strobe(u8 byte, u8 extra = 0) {
    out(DATA, byte);
    out(CONTROL, low<u8>(0x0d | extra));
    out(CONTROL, low<u8>(0x0c | extra));
  }

  Bench bench_;
  FakeChar paper_;
  serial::Parallel port_{bench_.pio, serial::kParallelBase, bench_.irq.line(7), paper_};
};

TEST_F(Parallel, ResetValues) {
  EXPECT_EQ(in(DATA), 0xff);
  EXPECT_EQ(in(STATUS), 0xd9);
  EXPECT_EQ(in(CONTROL), 0xcc);
  for (unsigned reg = 3; reg < 8; ++reg) EXPECT_EQ(in(reg), 0xff) << "no EPP";
}

TEST_F(Parallel, PrintsOnTheStrobe) {
  for (const char c : std::string_view("page")) {
    ASSERT_TRUE(status::Busy_n::test(in(STATUS)));
    strobe(static_cast<u8>(c));
    EXPECT_FALSE(status::Busy_n::test(in(STATUS))) << "busy right after the strobe";
    EXPECT_FALSE(status::Ack_n::test(in(STATUS))) << "then the acknowledge pulse";
  }
  EXPECT_EQ(paper_.sent, "page");
}

TEST_F(Parallel, HoldingTheStrobePrintsOnce) {
  out(DATA, 'x');
  out(CONTROL, 0x0d);
  out(CONTROL, 0x0d);
  EXPECT_EQ(paper_.sent, "x");
}

TEST_F(Parallel, InterruptsAfterTheByteAndClearsOnStatus) {
  strobe('i', control::IrqEnable::kMask);
  EXPECT_TRUE(bench_.irq.level(7));
  in(STATUS);
  EXPECT_FALSE(bench_.irq.level(7));
}

TEST_F(Parallel, InitMakesThePrinterReady) {
  strobe('x');
  out(CONTROL, 0x08);
  EXPECT_EQ(in(STATUS), 0xd8);
}

TEST_F(Parallel, StaysBusyWhileTheBackEndIsFull) {
  paper_.room = 0;
  strobe('s');
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(status::Busy_n::test(in(STATUS)));
  paper_.room = 1;
  paper_.client->writable();
  EXPECT_EQ(paper_.sent, "s");
  in(STATUS);
  in(STATUS);
  EXPECT_TRUE(status::Busy_n::test(in(STATUS)));
}

TEST_F(Parallel, InputDirectionReadsTheIdleLines) {
  out(DATA, 0x12);
  EXPECT_EQ(in(DATA), 0x12);
  out(CONTROL, control::Input::kMask | 0x0c);
  EXPECT_EQ(in(DATA), 0xff);
}

TEST_F(Parallel, WideAccessesAreSplit) {
  bench_.outl(0x378, 0x000c0044);
  EXPECT_EQ(in(DATA), 0x44);
  EXPECT_EQ(in(CONTROL), 0xcc);
}

TEST_F(Parallel, StateSurvivesARoundTrip) {
  strobe('q', control::IrqEnable::kMask);
  const RoundTrip trip = save_disturb_restore(port_, [&] { port_.reset(); });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_TRUE(bench_.irq.level(7));
  torture_restore(serial::Parallel::kTable, trip.before, sizeof(serial::Parallel::State), 500);
}

}  // namespace
