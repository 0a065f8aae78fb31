// A machine that is saved and loaded again and again keeps its size: no descriptor, no memory
// stays.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/xensim/machine.h"

namespace {

using xensim::Machine;
using xensim::u64;

struct Size {
  u64 private_kib = 0;
  u64 descriptors = 0;
};

Size size_of(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  Size size;
  std::ifstream rollup(proc + "/smaps_rollup");
  for (std::string word; rollup >> word;) {
    u64 kib = 0;
    if (word == "Private_Dirty:" && rollup >> kib) size.private_kib = kib;
  }
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator(proc + "/fd")) {
    ++size.descriptors;
  }
  return size;
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
  const Size first = size_of(machine.process().pid());
  const auto bytes = std::filesystem::file_size(file);
  for (int i = 0; i < 100; ++i) cycle(machine, file);
  const Size last = size_of(machine.process().pid());
  ASSERT_GT(first.private_kib, 0u);
  EXPECT_EQ(last.descriptors, first.descriptors);
  // A page for each cycle would be 400 KiB.
  EXPECT_LE(last.private_kib, first.private_kib + 128);
  EXPECT_EQ(std::filesystem::file_size(file), bytes);
  machine.vcpu().outb(0x70, 0x41);
  EXPECT_EQ(machine.vcpu().inb(0x71), static_cast<xensim::u8>(before + 110));
}

}  // namespace
