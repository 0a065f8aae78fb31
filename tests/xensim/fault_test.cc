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
using xensim::u32;
using xensim::u64;
using xensim::u8;
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

struct OddRequest {
  const char* what;
  u8 type;
  u64 address;
  u64 data;
  u32 count;
  u32 size;
  u8 flags;
};

constexpr u8 kRead = 0x20;
constexpr u8 kPointer = 0x10;
constexpr u8 kBackwards = 0x40;

// What Xen does not send: stock ends over some of it.
constexpr OddRequest kOdd[] = {
    {"type 99", 99, 0x64, 0, 1, 1, kRead},
    {"type 3", 3, 0x64, 0, 1, 1, kRead},
    {"no size", 0, 0x64, 0, 1, 0, kRead},
    {"size 3", 0, 0x64, 0, 1, 3, kRead},
    {"size 16", 0, 0x64, 0, 1, 16, kRead},
    {"size 2^31", 0, 0x64, 0, 1, 0x80000000U, kRead},
    {"no repetition", 0, 0x64, 0x10000, 0, 1, kRead | kPointer},
    {"into a hole", 0, 0x1f0, 0xb0000, 64, 2, kRead | kPointer},
    {"down below zero", 0, 0x1f0, 0x10, 64, 2, kRead | kPointer | kBackwards},
    {"to the end of the world", 0, 0x1f0, ~u64{0} - 16, 64, 2, kRead | kPointer},
    {"a port over 64 Ki", 0, 0x100000064, 0, 1, 1, kRead},
    {"memory-mapped nowhere", 1, ~u64{0} - 3, 0, 1, 8, kRead},
    {"configuration of bus 255", 2, u64{0xff00} << 32, 0, 1, 4, kRead},
    {"configuration over its end", 2, (u64{8} << 32) | 0xfff, 0, 1, 4, kRead},
};

TEST(Xenolith, RequestsThatXenDoesNotSendAreAnswered) {
  Machine machine({.program = xensim::xenolith()});
  machine.start();
  Vcpu& cpu = machine.vcpu();
  for (const OddRequest& odd : kOdd) {
    SCOPED_TRACE(odd.what);
    cpu.begin_at(0, static_cast<RequestType>(odd.type), odd.address, odd.data, odd.count, odd.size,
                 odd.flags);
    cpu.finish();
    ASSERT_EQ(cpu.inb(kProbe), kProbed);
  }
}

TEST(Xenolith, HalfAnEntryOfTheRingEndsTheDomain) {
  Machine machine({.program = xensim::xenolith()});
  machine.start();
  const auto server = machine.xen.servers.view(0);
  ASSERT_TRUE(server.has_value());
  server->ring->slots[0] = 0xa0000C01;  // eight bytes to VGA memory
  __atomic_store_n(&server->ring->pointers.write, 1U, __ATOMIC_SEQ_CST);
  machine.xen.events.raise(server->ring_port);
  EXPECT_TRUE(machine.xen.wait_shutdown(30'000));
  EXPECT_EQ(machine.xen.shutdown(), Shutdown::kCrash);
}

XENSIM_BOTH_PROGRAMS(Faults);

}  // namespace
