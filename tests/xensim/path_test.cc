// The ways of an access: latches, ring, ranges, and the messages that Xen sends by itself.
#include <gtest/gtest.h>

#include "tests/xensim/both_programs.h"
#include "tests/xensim/firmware.h"

namespace {

using xensim::Machine;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;
using xensim::Vcpu;

class Paths : public xensim::BothPrograms {
 protected:
  void SetUp() override {
    BothPrograms::SetUp();
    if (IsSkipped()) return;
    machine_ = std::make_unique<Machine>(xensim::MachineOptions{.program = GetParam()});
    machine_->start();
  }
  Vcpu& cpu() { return machine_->vcpu(); }
  /// Planar mode: all planes, whole bytes.
  void set_up_vga() {
    cpu().outb(0x3c2, 0x67);
    for (const auto& [index, value] : std::vector<std::pair<int, int>>{{2, 15}, {4, 6}}) {
      cpu().outw(0x3c4, static_cast<u16>(value << 8 | index));
    }
    for (const auto& [index, value] : std::vector<std::pair<int, int>>{
             {0, 0}, {1, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 5}, {8, 255}}) {
      cpu().outw(0x3ce, static_cast<u16>(value << 8 | index));
    }
  }

  std::unique_ptr<Machine> machine_;
};

TEST_P(Paths, TheConfigurationLatchIsReadFromTheDeviceModel) {
  cpu().outl(0xcf8, 0x80000800);
  EXPECT_EQ(cpu().inl(0xcf8), 0x80000800U);
  EXPECT_EQ(cpu().inw(0xcfc), 0x8086);
  EXPECT_EQ(cpu().inw(0xcfe), 0x7000);
  cpu().outl(0xcf8, 0x00000800);
  EXPECT_EQ(cpu().inl(0xcfc), 0xffffffffU);
}

TEST_P(Paths, NobodyAnswersOutsideOfTheRanges) {
  const u64 before = cpu().counters.dropped;
  EXPECT_EQ(cpu().inb(0x1234), 0xff);
  EXPECT_EQ(cpu().inl(0x1234), 0xffffffffU);
  EXPECT_EQ(cpu().read32(0xe0000000), 0xffffffffU);
  cpu().outb(0x1234, 1);
  EXPECT_EQ(cpu().counters.dropped, before + 4);
}

TEST_P(Paths, WritesToVgaMemoryAreBufferedAndInOrder) {
  set_up_vga();
  const u64 before = cpu().counters.buffered;
  for (u32 i = 0; i < 5000; ++i) cpu().write8(0xa0000 + i, static_cast<u8>(i * 3));
  EXPECT_GT(cpu().counters.buffered, before + 500);
  for (u32 i = 0; i < 5000; i += 7) {
    ASSERT_EQ(cpu().read8(0xa0000 + i), static_cast<u8>(i * 3)) << i;
  }
}

TEST_P(Paths, WideAndRepeatedVgaAccesses) {
  set_up_vga();
  cpu().write(0xa0100, 0x8877665544332211, 8);
  EXPECT_EQ(cpu().read32(0xa0104), 0x88776655U);
  EXPECT_EQ(cpu().read(0xa0100, 8), 0x8877665544332211U);
  cpu().stos(0xa0ff0, 0x5a, 1, 32);  // over a page
  EXPECT_EQ(cpu().read16(0xa0fff), 0x5a5a);
  EXPECT_EQ(cpu().read8(0xa100f), 0x5a);
  std::vector<u8> pattern(300);
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<u8>(i);
  cpu().set_ram(0x10f80, pattern);  // over a page, too
  cpu().movs_to_device(0xa2000, 0x10f80, 4, 75);
  EXPECT_EQ(cpu().read32(0xa2000 + 296 - 256), 0x2b2a2928U);
  cpu().movs_from_device(0x20000, 0xa2000, 4, 75);
  EXPECT_EQ(cpu().ram(0x20000, 300), pattern);
}

TEST_P(Paths, ATimeOffsetTakesTwoSlotsAndDisturbsNothing) {
  cpu().send_time_offset(-3600);
  EXPECT_EQ(cpu().inb(0x64), 0x18);
  const auto server = machine_->xen.servers.view(0);
  EXPECT_EQ(server->ring->pointers.read, server->ring->pointers.write);
}

TEST_P(Paths, InvalidateIsAnswered) {
  cpu().send_invalidate();
  EXPECT_EQ(cpu().inb(0x64), 0x18);
}

TEST_P(Paths, SleepingWaitsNeedTheNotification) {
  Machine machine({.program = GetParam(), .config = {.domain = 9}, .vcpu = {.spin_ns = 0}});
  machine.start();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(machine.vcpu().inb(0x64), 0x18);
  EXPECT_GT(machine.vcpu().counters.slept, 0U);
}

TEST_P(Paths, TwoGuestsAreApart) {
  Machine other({.program = GetParam(), .config = {.domain = 9}});
  other.start();
  cpu().outb(0x70, 0x40);
  cpu().outb(0x71, 0x11);
  other.vcpu().outb(0x70, 0x40);
  other.vcpu().outb(0x71, 0x22);
  EXPECT_EQ(cpu().inb(0x71), 0x11);
  EXPECT_EQ(other.vcpu().inb(0x71), 0x22);
}

TEST_P(Paths, TheRomLockIsAMemoryType) {
  const auto functions = xensim::set_up_pci(cpu());
  ASSERT_TRUE(xensim::find_function(functions, 0x5853, 0x0001).has_value());
  cpu().write8(0xc0000, 0x11);
  cpu().outb(0x10, 1);
  cpu().write8(0xc0000, 0x22);
  EXPECT_EQ(cpu().read8(0xc0000), 0x11);
  cpu().outb(0x10, 0);
  cpu().write8(0xc0000, 0x33);
  EXPECT_EQ(cpu().read8(0xc0000), 0x33);
}

XENSIM_BOTH_PROGRAMS(Paths);

}  // namespace
