// Both device models on the simulated Xen, started with libxl's command line.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/xensim/both_programs.h"

namespace {

using xensim::Json;
using xensim::Machine;
using xensim::u64;

class Start : public xensim::BothPrograms {};

TEST_P(Start, RunsAndAnswersTheMonitor) {
  Machine machine({.program = GetParam()});
  machine.start();
  EXPECT_TRUE(machine.qmp().greeting()["QMP"].contains("version"));
  EXPECT_EQ(machine.qmp().call("query-status")["status"], "running");
  EXPECT_EQ(machine.qmp().call("cont"), Json::object());
}

TEST_P(Start, TheChipsetIsThere) {
  Machine machine({.program = GetParam()});
  machine.start();
  xensim::Vcpu& cpu = machine.vcpu();
  EXPECT_EQ(cpu.config({.slot = 0}, 0, 4), 0x12378086U);
  EXPECT_EQ(cpu.config({.slot = 1}, 0, 4), 0x70008086U);
  EXPECT_EQ(cpu.config({.slot = 1, .function = 1}, 0, 4), 0x70108086U);
  EXPECT_EQ(cpu.config({.slot = 1, .function = 3}, 0, 4), 0x71138086U);
  EXPECT_EQ(cpu.config({.slot = 2}, 0, 4), 0x00015853U);
  EXPECT_EQ(cpu.config({.slot = 3}, 0, 4), 0x11111234U);
  EXPECT_EQ(cpu.config({.slot = 31}, 0, 4), 0xffffffffU);
}

TEST_P(Start, SighupEndsIt) {
  Machine machine({.program = GetParam()});
  machine.start();
  // Only a main loop that answers has its handlers in place.
  machine.qmp().call("query-status");
  const auto status = machine.stop();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFEXITED(*status)) << *status;
  EXPECT_EQ(WEXITSTATUS(*status), 0);
  EXPECT_FALSE(machine.xen.servers.exists(0)) << "its ioreq server is left";
}

// Ours refuses to run restricted; until it does not, this is the simulator's test.
TEST(Stock, RestrictedItWaitsForCont) {
  if (!xensim::stock().present()) GTEST_SKIP() << "stock is not installed";
  Machine machine({.program = xensim::stock(), .config = {.restrict = true}});
  machine.start();
  EXPECT_EQ(machine.qmp().call("query-status")["status"], "prelaunch");
  machine.qmp().call("cont");
  EXPECT_EQ(machine.qmp().call("query-status")["status"], "running");
  EXPECT_EQ(machine.vcpu().config({.slot = 1}, 0, 4), 0x70008086U);
}

TEST_P(Start, NotMoreThanTheGuestsMemoryIsTaken) {
  Machine machine({.program = GetParam()});
  const u64 before = machine.xen.memory.pages();
  machine.start();
  EXPECT_GE(machine.xen.memory.pages(), before + (16 << 20) / xensim::kPageSize);
  EXPECT_LE(machine.xen.memory.pages(), machine.xen.memory.max_pages());
}

TEST_P(Start, WithoutXenstoredItEndsWithALine) {
  Machine machine({.program = GetParam()});
  machine.xenstored.stop();
  machine.spawn();
  const auto status = machine.process().wait();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFEXITED(*status)) << *status;
  EXPECT_NE(WEXITSTATUS(*status), 0);
  EXPECT_FALSE(machine.log().empty());
}

TEST_P(Start, AnotherStartAfterAnEnd) {
  Machine machine({.program = GetParam()});
  machine.start();
  machine.process().signal(SIGKILL);
  ASSERT_TRUE(machine.process().wait().has_value());
  // The dead one's server still has its ranges; the newest is asked first.
  machine.respawn();
  EXPECT_TRUE(machine.xen.servers.exists(1));
  EXPECT_EQ(machine.vcpu().config({.slot = 1}, 0, 4), 0x70008086U);
}

XENSIM_BOTH_PROGRAMS(Start);

}  // namespace
