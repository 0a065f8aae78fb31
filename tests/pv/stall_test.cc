// Storage that does not answer for a while: the guest waits, nothing is lost, and nobody spins.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/pv/disk_front.h"

namespace {

using pv::u32;
using pv::u64;

/// The one that knows the image's format, a child of the device model.
pid_t storage_of(pid_t program) {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", program));
  pid_t child = 0;
  while (children >> child) {
    std::ifstream name(fmt::format("/proc/{}/comm", child));
    std::string text;
    if (name >> text && text.find("qemu-storage") != std::string::npos) return child;
  }
  return 0;
}

/// Clock ticks that the process has used.
u64 used_ticks(pid_t program) {
  std::ifstream stat(fmt::format("/proc/{}/stat", program));
  std::string line;
  std::getline(stat, line);
  std::istringstream rest(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) rest >> skipped;
  u64 user = 0, system = 0;
  rest >> user >> system;
  return user + system;
}

TEST(PvStall, AFullRingWaitsForStorageAndLosesNothing) {
  xensim::Machine machine({.program = xensim::xenolith(), .config = {}});
  const std::string image = machine.file("stall.qcow2");
  ASSERT_EQ(std::system(("qemu-img create -q -f qcow2 " + image + " 16M").c_str()), 0);
  pv::DiskFront disk(machine, {.params = "qcow2:" + image});
  disk.add();
  machine.start();
  ASSERT_TRUE(disk.connect(2)) << disk.error() << machine.log();
  const pid_t storage = storage_of(machine.process().pid());
  ASSERT_GT(storage, 0);
  ASSERT_EQ(::kill(storage, SIGSTOP), 0);

  const u32 size = disk.ring().size();
  for (u32 i = 0; i < size; ++i) {
    *disk.data(i) = static_cast<pv::u8>(i + 1);
    disk.ring().put(1, i, u64{i} * 16, disk.pages(i, 1));
  }
  disk.push();
  EXPECT_TRUE(disk.wait(1, 300).empty());
  const u64 before = used_ticks(machine.process().pid());
  EXPECT_TRUE(disk.wait(1, 1000).empty());
  // A tick is 10 ms; one that spins would use a hundred.
  EXPECT_LE(used_ticks(machine.process().pid()) - before, 20U);
  // The monitor answers meanwhile.
  machine.qmp().call("query-status");

  ASSERT_EQ(::kill(storage, SIGCONT), 0);
  const auto answers = disk.wait(size);
  ASSERT_EQ(answers.size(), size);
  for (const auto& answer : answers) EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(disk.one(0, u64{size - 1} * 16, disk.pages(300, 1)).status, 0);
  EXPECT_EQ(*disk.data(300), static_cast<pv::u8>(size));
}

}  // namespace
