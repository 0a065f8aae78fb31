// A guest that sets its clock again and again, which toolstacks keep with the domain: told at most
// once in a second, and the last value is told in any case.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace {

using Clock = std::chrono::steady_clock;
using xensim::Machine;

class ClockEvents : public ::testing::Test {
 protected:
  void SetUp() override {
    machine_.start();
    machine_.qmp();  // events of before are nobody's
  }
  void set_clock(int times) {
    for (int i = 0; i < times; ++i) machine_.vcpu().send_time_offset(1);
  }
  /// -1: none came in time.
  int told(xensim::u64 milliseconds) {
    const auto event = machine_.qmp().event("RTC_CHANGE", milliseconds);
    return event ? (*event)["data"]["offset"].get<int>() : -1;
  }

  Machine machine_{{.program = xensim::xenolith(), .config = {.serial = {"null"}}}};
};

TEST_F(ClockEvents, OneInASecondAndTheLast) {
  set_clock(5);
  EXPECT_EQ(told(10'000), 1);
  const auto first = Clock::now();
  EXPECT_EQ(told(10'000), 5);
  EXPECT_GE(Clock::now() - first, std::chrono::milliseconds(700));
  set_clock(2);
  EXPECT_EQ(told(10'000), 7) << "the second after the second one is not over";
  EXPECT_EQ(told(1500), -1);
  set_clock(1);
  EXPECT_EQ(told(10'000), 8);
}

// A toolstack saves the machine, and nobody is there when the second is over.
TEST_F(ClockEvents, AStopTellsTheLast) {
  set_clock(3);
  machine_.qmp().call("stop");
  const auto stopped = Clock::now();
  EXPECT_EQ(told(10'000), 1);
  EXPECT_EQ(told(10'000), 3);
  EXPECT_LT(Clock::now() - stopped, std::chrono::milliseconds(700));
  EXPECT_EQ(told(1500), -1) << "it is told once";
}

TEST_F(ClockEvents, AnEndTellsTheLast) {
  ASSERT_TRUE(xensim::enable_acpi(machine_.vcpu()));
  set_clock(4);
  machine_.vcpu().outw(0xb004, 0x2001);  // S5
  EXPECT_EQ(told(10'000), 1);
  EXPECT_EQ(told(10'000), 4);
}

}  // namespace
