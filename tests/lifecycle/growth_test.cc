// A machine that is saved and loaded again and again keeps its size: no descriptor, no memory
// stays.
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "tests/xensim/machine.h"

namespace {

using xensim::Machine;
using xensim::u64;

u64 descriptors_of(pid_t pid) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<u64>(std::distance(begin(all), end(all)));
}

void cycle(Machine& machine, const std::string& file) {
  machine.qmp().call("stop");
  machine.qmp().call("xen-save-devices-state", {{"filename", file}, {"live", false}});
  machine.qmp().call("xen-load-devices-state", {{"filename", file}});
  machine.qmp().execute("cont");
  // It runs: a register keeps its value and answers.
  machine.vcpu().outb(0x70, 0x41);
  machine.vcpu().outb(0x71, static_cast<xensim::u8>(machine.vcpu().inb(0x71) + 1));
}

TEST(Growth, AHundredSavesAndLoads) {
  Machine machine({.program = xensim::xenolith(),
                   .config = {.disks = {{.index = 2, .cdrom = true}}, .serial = {"pty"}}});
  machine.start();
  const std::string file = machine.file("state");
  const xensim::u8 before = [&] {
    machine.vcpu().outb(0x70, 0x41);
    return machine.vcpu().inb(0x71);
  }();
  for (int i = 0; i < 10; ++i) cycle(machine, file);
  const u64 first_bytes = machine.process().figures().anonymous;
  const u64 first_descriptors = descriptors_of(machine.process().pid());
  const auto bytes = std::filesystem::file_size(file);
  for (int i = 0; i < 100; ++i) cycle(machine, file);
  ASSERT_GT(first_bytes, 0u);
  EXPECT_EQ(descriptors_of(machine.process().pid()), first_descriptors);
  // A page for each cycle would be 400 KiB.
  EXPECT_LE(machine.process().figures().anonymous, first_bytes + (128 << 10));
  EXPECT_EQ(std::filesystem::file_size(file), bytes);
  machine.vcpu().outb(0x70, 0x41);
  EXPECT_EQ(machine.vcpu().inb(0x71), static_cast<xensim::u8>(before + 110));
}

}  // namespace
