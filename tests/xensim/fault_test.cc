// What both programs do when the guest or the host breaks the rules.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "tests/xensim/both_programs.h"

namespace {

using ioreq::RequestType;
using xensim::Machine;
using xensim::Shutdown;
using xensim::Vcpu;

class Faults : public xensim::BothPrograms {};

/// The keyboard controller's status, which always says the same after reset.
constexpr xensim::u16 kProbe = 0x64;
constexpr xensim::u8 kProbed = 0x18;

// Stock follows such pointers; we do not.
TEST(Xenolith, ARingWithBadPointersEndsTheDomain) {
  Machine machine({.program = xensim::xenolith()});
  machine.start();
  const auto server = machine.xen.servers.view(0);
  ASSERT_TRUE(server.has_value());
  __atomic_store_n(&server->ring->pointers.write, 4000U, __ATOMIC_SEQ_CST);
  machine.xen.events.raise(server->ring_port);
  EXPECT_TRUE(machine.xen.wait_shutdown(30'000));
  EXPECT_EQ(machine.xen.shutdown(), Shutdown::kCrash);
  EXPECT_NE(machine.log().find("ring"), std::string::npos) << machine.log();
}

TEST_P(Faults, AStormOfEventsIsSurvived) {
  Machine machine({.program = GetParam(), .config = {.vcpus = 2}});
  machine.start();
  machine.xen.events.storm(2000);
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_EQ(machine.vcpu(i % 2).inb(kProbe), kProbed);
  }
  EXPECT_EQ(machine.qmp().call("query-status")["status"], "running");
}

TEST_P(Faults, XenstoredGoneLeavesTheGuestRunning) {
  Machine machine({.program = GetParam()});
  machine.start();
  machine.xenstored.stop();
  EXPECT_EQ(machine.vcpu().inb(kProbe), kProbed);
}

TEST_P(Faults, NoEventChannelIsAnErrorLine) {
  Machine machine({.program = GetParam()});
  machine.xen.events.fail_binds(1000);
  machine.spawn();
  const auto status = machine.process().wait();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFEXITED(*status)) << *status;
  EXPECT_NE(WEXITSTATUS(*status), 0);
  EXPECT_FALSE(machine.log().empty());
}

TEST_P(Faults, NoPagesForTheServerIsAnErrorLine) {
  Machine machine({.program = GetParam()});
  machine.xen.servers.refuse_pages(true);
  machine.spawn();
  const auto status = machine.process().wait();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFEXITED(*status)) << *status;
  EXPECT_NE(WEXITSTATUS(*status), 0);
  EXPECT_FALSE(machine.log().empty());
}

TEST_P(Faults, AKilledProcessLeavesItsServerAndTheGuestStuck) {
  Machine machine({.program = GetParam()});
  machine.start();
  machine.process().signal(SIGKILL);
  ASSERT_TRUE(machine.process().wait().has_value());
  EXPECT_TRUE(machine.xen.servers.exists(0)) << "Xen keeps the server of a killed process";
  EXPECT_THROW(machine.vcpu().inb(kProbe), xensim::Stuck);
}

TEST_P(Faults, SeveralCpusAtOnce) {
  Machine machine({.program = GetParam(), .config = {.vcpus = 4}});
  machine.start();
  std::vector<std::thread> guests;
  std::atomic<unsigned> wrong{0};
  for (unsigned number = 0; number < 4; ++number) {
    guests.emplace_back([&, number] {
      for (int i = 0; i < 500; ++i) {
        if (machine.vcpu(number).inb(kProbe) != kProbed) ++wrong;
      }
    });
  }
  for (std::thread& guest : guests) guest.join();
  EXPECT_EQ(wrong, 0U);
}

XENSIM_BOTH_PROGRAMS(Faults);

}  // namespace
