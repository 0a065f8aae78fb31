// Both device models on the simulated Xen, started with libxl's command line.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/xensim/both_programs.h"

namespace {

using xensim::Json;
using xensim::Machine;

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

XENSIM_BOTH_PROGRAMS(Start);

}  // namespace
