// A guest drives the devices of both programs.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>

#include "tests/xensim/ata.h"
#include "tests/xensim/both_programs.h"
#include "tests/xensim/firmware.h"

namespace {

using xensim::Machine;
using xensim::Shutdown;
using xensim::u16;
using xensim::u32;
using xensim::u64;
using xensim::u8;
using xensim::Vcpu;

constexpr u64 kSectors = 2048;

class Devices : public xensim::BothPrograms {
 protected:
  void SetUp() override {
    BothPrograms::SetUp();
    if (IsSkipped()) return;
    folder_ = std::filesystem::temp_directory_path() /
              ("xensim-disk-" + std::to_string(::getpid()) + "-" + GetParam().name);
    xensim::make_disk(folder_, kSectors);
    machine_ = std::make_unique<Machine>(
        xensim::MachineOptions{.program = GetParam(), .config = {.disks = {{.path = folder_}}}});
    machine_->start();
  }
  void TearDown() override {
    machine_.reset();
    std::filesystem::remove(folder_);
  }

  Vcpu& cpu() { return machine_->vcpu(); }
  auto& irqs() { return machine_->xen.interrupts; }

  u8 wait_ready(u8 wanted) { return xensim::ata_wait(cpu(), wanted); }
  void command(u8 number, u64 lba, u8 count) { xensim::ata_command(cpu(), number, lba, count); }

  std::filesystem::path folder_;
  std::unique_ptr<Machine> machine_;
};

TEST_P(Devices, BootOrderIsInTheCmosRam) {
  cpu().outb(0x70, 0x3d);
  EXPECT_EQ(cpu().inb(0x71), 0x32);  // disk, then CD
  cpu().outb(0x70, 0x38);
  EXPECT_EQ(cpu().inb(0x71) & 0xf0, 0x10);  // then floppy
}

TEST_P(Devices, IdentifyByPio) {
  const u64 before = irqs().now();
  command(0xec, 0, 0);
  EXPECT_EQ(wait_ready(0x08) & 0x89, 0x08);
  ASSERT_TRUE(irqs().wait(
      [&] { return !irqs().since(before).empty(); }));  // it was raised, reading took it back
  EXPECT_EQ(xensim::describe(irqs().since(before).front()), "isa 14 1");
  cpu().ins(0x1f0, 2, 0x10000, 256);
  const std::vector<u8> identity = cpu().ram(0x10000, 512);
  u32 sectors = 0;
  std::memcpy(&sectors, &identity[120], 4);
  EXPECT_EQ(sectors, kSectors);
  EXPECT_EQ(std::string(identity.begin() + 54, identity.begin() + 64), "EQUMH RADD");
}

TEST_P(Devices, StringReadsGoBackwards) {
  command(0x20, 5, 1);
  ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().ins(0x1f0, 2, 0x20000 + 510, 256, true);
  const std::vector<u8> sector = cpu().ram(0x20000, 512);
  for (u64 i = 0; i < 512; i += 2) {
    ASSERT_EQ(sector[510 - i], xensim::disk_byte(5 * 512 + i)) << i;
    ASSERT_EQ(sector[511 - i], xensim::disk_byte(5 * 512 + i + 1)) << i;
  }
}

class Dma : public Devices {
 protected:
  void SetUp() override {
    Devices::SetUp();
    if (IsSkipped()) return;
    functions_ = xensim::set_up_pci(cpu());
    const auto ide = xensim::find_function(functions_, 0x8086, 0x7010);
    ASSERT_TRUE(ide.has_value());
    cpu().set_config(ide->where, 4, 5, 2);  // ports, bus master
    base_ = static_cast<u16>(ide->bar(4));
    ASSERT_NE(base_, 0);
  }
  /// Reads sectors by DMA; the bus master's status.
  u8 read(u64 lba, u8 sectors, u64 address) {
    const u32 table[2] = {static_cast<u32>(address), 0x80000000U | u32{sectors} * 512};
    cpu().set_ram(0x8000, {reinterpret_cast<const u8*>(table), sizeof table});
    cpu().outl(static_cast<u16>(base_ + 4), 0x8000);
    cpu().outb(static_cast<u16>(base_ + 2), 6);
    command(0xc8, lba, sectors);
    cpu().outb(base_, 9);
    EXPECT_TRUE(irqs().wait_isa(14, true));
    const u8 status = cpu().inb(static_cast<u16>(base_ + 2));
    cpu().outb(base_, 0);
    cpu().inb(0x1f7);
    EXPECT_TRUE(irqs().wait_isa(14, false));
    return status;
  }

  std::vector<xensim::PciFunction> functions_;
  u16 base_ = 0;
};

TEST_P(Dma, ReadsSectors) {
  EXPECT_EQ(read(100, 4, 0x30000) & 7, 4);
  const std::vector<u8> got = cpu().ram(0x30000, 4 * 512);
  for (u64 i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], xensim::disk_byte(100 * 512 + i)) << i;
}

TEST_P(Dma, GoesOnAfterAPageThatWasBallooned) {
  EXPECT_EQ(read(8, 8, 0x40000) & 7, 4);
  cpu().balloon_out(0x40, 1);
  if (GetParam().name == "stock") {
    // It waits for ever for a mapping, and fails an assertion when the guest stops the transfer.
    cpu().outb(static_cast<u16>(base_ + 2), 6);
    command(0xc8, 8, 8);
    cpu().outb(base_, 9);
    EXPECT_EQ(cpu().inb(static_cast<u16>(base_ + 2)) & 5, 1);
    EXPECT_THROW(cpu().outb(base_, 0), xensim::Stuck);
    return;
  }
  read(8, 8, 0x40000);  // whatever it says, it is not the end
  EXPECT_TRUE(machine_->alive());
  EXPECT_EQ(read(16, 1, 0x50000) & 7, 4);
  EXPECT_EQ(cpu().ram(0x50000, 1)[0], xensim::disk_byte(16 * 512));
}

TEST_P(Dma, VideoMemoryIsAtItsBar) {
  const auto vga = xensim::find_function(functions_, 0x1234, 0x1111);
  ASSERT_TRUE(vga.has_value());
  const u64 frame = vga->bar(0) / xensim::kPageSize;
  EXPECT_TRUE(machine_->xen.memory.is_ram(vga->bar(0)));
  EXPECT_TRUE(machine_->xen.memory.is_ram(vga->bar(0) + (16 << 20) - 1));
  EXPECT_FALSE(machine_->xen.memory.is_ram(vga->bar(0) + (16 << 20)));
  bool pinned = false;
  for (const xensim::Extent& extent : machine_->xen.pinned()) {
    pinned = pinned || (extent.first == frame && extent.what == 6);
  }
  EXPECT_TRUE(pinned) << "write-back caching is not pinned";
}

TEST_P(Dma, PowerOffIsKnownBeforeTheAnswer) {
  ASSERT_TRUE(xensim::enable_acpi(cpu()));
  machine_->qmp();  // events are for who listens
  EXPECT_FALSE(machine_->xen.shutdown());
  cpu().outw(0xb004, 0x2001);  // S5
  EXPECT_EQ(machine_->xen.shutdown(), Shutdown::kPowerOff);
  EXPECT_TRUE(machine_->qmp().event("SHUTDOWN").has_value());
  EXPECT_EQ(machine_->qmp().call("query-status")["status"], "shutdown");
  EXPECT_TRUE(machine_->alive());
}

TEST_P(Devices, ResetIsARebootOfTheDomain) {
  cpu().outb(0xcf9, 2);
  EXPECT_FALSE(machine_->xen.shutdown());
  cpu().outb(0xcf9, 6);
  EXPECT_TRUE(machine_->xen.wait_shutdown(30'000));
  EXPECT_EQ(machine_->xen.shutdown(), Shutdown::kReboot);
}

TEST_P(Dma, WhatItWritesIsToldWhileTheDirtyLogIsOn) {
  EXPECT_EQ(read(8, 8, 0x40000) & 7, 4);
  EXPECT_TRUE(machine_->xen.modified().empty()) << "nobody wants to know";
  machine_->qmp().call("xen-set-global-dirty-log", {{"enable", true}});
  EXPECT_EQ(read(8, 16, 0x60000) & 7, 4);
  std::set<u64> told;
  for (const xensim::Extent& extent : machine_->xen.modified()) {
    for (u64 i = 0; i < extent.count; ++i) told.insert(extent.first + i);
  }
  EXPECT_TRUE(told.contains(0x60));
  EXPECT_TRUE(told.contains(0x61));
}

XENSIM_BOTH_PROGRAMS(Devices);
XENSIM_BOTH_PROGRAMS(Dma);

}  // namespace
