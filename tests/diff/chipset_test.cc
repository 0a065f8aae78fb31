// Bridges, DMA controller, CMOS RAM, power management, hot-plug blocks, ports that nobody has.
#include <array>

#include <fmt/format.h>

#include "tests/diff/script.h"

namespace diff {
namespace {

constexpr PciAddress kBoard[] = {{0, 0}, {1, 0}, {1, 1}, {1, 3}, {2, 0}, {3, 0}, {4, 0}, {31, 7}};

TEST(Pci, EveryByteAfterReset) {
  Pair pair("pci-reset");
  DIFF_START(pair);
  for (const PciAddress where : kBoard) {
    for (unsigned reg = 0; reg < 256; ++reg) pair.config(where, reg, 1);
  }
}

TEST(Pci, WhatCanBeWritten) {
  Pair pair("pci-masks");
  DIFF_START(pair);
  for (const PciAddress where : kBoard) {
    for (unsigned reg = 0; reg < 256; ++reg) {
      // Not the command registers, which would map everything everywhere, nor PAM and SMRAM.
      if ((reg & ~1U) == 4 || (where.slot == 0 && reg >= 0x59 && reg <= 0x72)) continue;
      for (const u32 value : {0xffU, 0x00U, 0xa5U}) {
        const u32 before = pair.config(where, reg, 1);
        pair.set_config(where, reg, value, 1);
        pair.config(where, reg, 1);
        pair.set_config(where, reg, before, 1);
      }
      pair.config(where, reg, 1);
    }
  }
  pair.interrupts();
}

TEST(Pci, BarsAndCommand) {
  Pair pair("pci-bars");
  DIFF_START(pair);
  pair.set_up_pci();
  for (const auto& one : pair.functions()) {
    pair.config(one.where, 4, 2);
    for (unsigned reg = 0x10; reg < 0x34; reg += 4) {
      const u32 before = pair.config(one.where, reg);
      pair.set_config(one.where, 4, 0, 2);
      pair.set_config(one.where, reg, 0xffffffff);
      pair.config(one.where, reg);
      pair.set_config(one.where, reg, before);
    }
    pair.set_config(one.where, 4, 0x547, 2);
    pair.config(one.where, 4, 2);
    pair.set_config(one.where, 4, 7, 2);
    pair.set_config(one.where, 6, 0xffff, 2);
    pair.config(one.where, 6, 2);
  }
}

TEST(Pci, MechanismOne) {
  Pair pair("pci-mechanism");
  DIFF_START(pair);
  for (const unsigned reg : {0x00U, 0x01U, 0x02U, 0x03U, 0x3eU, 0x3fU, 0xfcU}) {
    for (const unsigned size : {1U, 2U, 4U}) {
      if ((reg & 3) + size > 4) continue;
      for (const PciAddress where : kBoard) pair.config(where, reg, size);
    }
  }
}

TEST(Chipset, InterruptRoutes) {
  Pair pair("piix3-routes");
  DIFF_START(pair);
  for (unsigned link = 0; link < 4; ++link) {
    for (const u32 value : {0x80U, 0x05U, 0x0aU, 0x0bU, 0x8bU, 0x0fU, 0x00U, 0x7fU}) {
      pair.set_config({1, 0}, 0x60 + link, value, 1);
      pair.config({1, 0}, 0x60 + link, 1);
    }
    pair.same("route", std::to_string(pair.ours().xen.interrupts.route(link)),
              std::to_string(pair.stock().xen.interrupts.route(link)));
  }
  pair.interrupts();
}

TEST(Chipset, DmaController) {
  Pair pair("i8237");
  DIFF_START(pair);
  for (const u16 base : {u16{0x00}, u16{0xc0}}) {
    const unsigned step = base == 0 ? 1 : 2;
    const auto port = [&](unsigned reg) { return static_cast<u16>(base + reg * step); };
    pair.out(port(13), 0);
    for (unsigned channel = 0; channel < 4; ++channel) {
      pair.out(port(12), 0);
      pair.out(port(channel * 2), 0x34 + channel);
      pair.out(port(channel * 2), 0x12);
      pair.out(port(channel * 2 + 1), 0xff);
      pair.out(port(channel * 2 + 1), 0x01 + channel);
      pair.out(port(12), 0);
      for (int i = 0; i < 4; ++i) pair.in(port(channel * 2));
      for (int i = 0; i < 3; ++i) pair.in(port(channel * 2 + 1));
      pair.out(port(11), 0x44 | channel);
      pair.out(port(10), channel);
      pair.out(port(9), 4 | channel);
      pair.in(port(8));
      pair.out(port(9), channel);
      pair.in(port(8));
    }
    for (unsigned reg = 8; reg < 16; ++reg) pair.in(port(reg));
    pair.out(port(15), 0x05);
    pair.in(port(15));
    pair.out(port(14), 0);
    pair.in(port(15));
    pair.out(port(8), 0x04);
    pair.in(port(8));
    pair.out(port(13), 0);
    for (unsigned reg = 0; reg < 16; ++reg) pair.in(port(reg));
  }
  for (u16 page = 0x80; page < 0x90; ++page) {
    pair.in(page);
    pair.out(page, 0x5a ^ page);
    pair.in(page);
  }
}

TEST(Chipset, CmosRam) {
  Pair pair("cmos", {.memory_mb = 96, .vcpus = 2, .boot = "dc"});
  DIFF_START(pair);
  for (unsigned index = 0x0e; index < 0x80; ++index) {
    pair.at("cell " + std::to_string(index));
    pair.out(0x70, index);
    pair.in(0x71);
  }
  for (unsigned index = 0x0e; index < 0x80; ++index) {
    pair.at("written cell " + std::to_string(index));
    pair.out(0x70, index);
    pair.out(0x71, index ^ 0xa5);
    pair.in(0x71);
    pair.in(0x70);
  }
}

TEST(Chipset, PowerManagement) {
  Pair pair("piix4-pm");
  DIFF_START(pair);
  pair.set_up_pci();
  xensim::enable_acpi(pair.ours().vcpu());
  xensim::enable_acpi(pair.stock().vcpu());
  for (const u16 port : {u16{0xb2}, u16{0xb3}}) {
    pair.out(port, 0x5a);
    pair.in(port);
  }
  const u16 pm = 0xb000;
  for (u16 reg = 0; reg < 64; ++reg) {
    if (reg >= 8 && reg < 12) continue;  // the timer
    pair.in(static_cast<u16>(pm + reg));
  }
  pair.out(pm + 2, 0x0121, 2);
  pair.in(pm + 2, 2);
  pair.out(pm, 0xffff, 2);
  pair.in(pm, 2);
  pair.out(pm + 4, 0x0001, 2);
  pair.in(pm + 4, 2);
  pair.out(pm + 4, 0x1c00, 2);  // a sleep state without the enable bit
  pair.in(pm + 4, 2);
  pair.interrupts();
  pair.at("power button");
  pair.monitor("system_powerdown");
  pair.in(pm, 2);  // Xen's, like the timer
  pair.interrupts();
  pair.out(pm, 0x100, 2);
  pair.in(pm, 2);
  pair.interrupts();
  pair.at("gpe");
  for (u16 reg = 0; reg < 4; ++reg) {
    pair.in(static_cast<u16>(0xafe0 + reg));
    pair.out(static_cast<u16>(0xafe0 + reg), 0xff);
    pair.in(static_cast<u16>(0xafe0 + reg));
  }
  pair.at("PCI hot-plug");
  for (u16 port = 0xae00; port < 0xae18; ++port) pair.in(port);
  for (u16 port = 0xae00; port < 0xae14; port += 4) pair.in(port, 4);
  pair.at("CPU hot-plug");
  for (u16 port = 0xaf00; port < 0xaf20; ++port) pair.in(port);
  pair.at("SMBus");
  for (u16 port = 0xb100; port < 0xb110; ++port) pair.in(port);
  pair.out(0xb104, 0xa1);
  pair.out(0xb102, 0x48);
  pair.in(0xb100);
  pair.out(0xb100, 0xff);
  pair.in(0xb100);
}

/// Firmware that starts after it finds a wake-up, not a start.
TEST(Chipset, MarkOfASleep) {
  Pair pair("sleep-mark");
  DIFF_START(pair);
  pair.set_up_pci();
  xensim::enable_acpi(pair.ours().vcpu());
  xensim::enable_acpi(pair.stock().vcpu());
  pair.out(0x70, 0x0f);
  pair.out(0x71, 0x05);
  pair.monitor("query-status");  // who is not connected hears no event
  pair.out(0xb004, 0x2401, 2);   // SLP_EN, SLP_TYP of S3
  for (xensim::Machine* machine : {&pair.ours(), &pair.stock()}) {
    EXPECT_TRUE(machine->qmp().event("SUSPEND")) << machine->program().name;
  }
  pair.monitor("system_wakeup");
  pair.at("awake");
  pair.out(0x70, 0x0f);
  EXPECT_EQ(pair.in(0x71), 0xfeU);
}

TEST(Chipset, ProcessorPlugged) {
  Pair pair("cpu-plug", {.vcpus = 4, .extra = {"-smp", "1,maxcpus=4"}});
  DIFF_START(pair);
  pair.set_up_pci();
  xensim::enable_acpi(pair.ours().vcpu());
  xensim::enable_acpi(pair.stock().vcpu());
  pair.out(0xafe2, 0x04);
  pair.in(0xaf00);
  pair.monitor("device_add", {{"driver", "qemu32-i386-cpu"},
                              {"id", "cpu-1"},
                              {"socket-id", 1},
                              {"core-id", 0},
                              {"thread-id", 0}});
  pair.in(0xaf00);
  pair.in(0xafe0);
  pair.interrupts();
  pair.out(0xafe0, 0x04);
  pair.in(0xafe0);
  pair.interrupts();
}

TEST(Chipset, NobodysPorts) {
  Pair pair("unmapped");
  DIFF_START(pair);
  for (const u16 port :
       {u16{0x94},  u16{0xe0},  u16{0x100}, u16{0x1ef}, u16{0x220}, u16{0x2e8}, u16{0x300},
        u16{0x388}, u16{0x4d0}, u16{0x4d1}, u16{0x510}, u16{0x511}, u16{0x514}, u16{0x402},
        u16{0xe9},  u16{0x92},  u16{0xcf9}, u16{0xcfa}, u16{0x505}, u16{0x600}, u16{0x3e8}}) {
    for (const unsigned size : {1U, 2U, 4U}) pair.in(port, size);
  }
  for (const u64 address :
       {0xd0000000ULL, 0xfd000000ULL, 0xfed40000ULL, 0xfffff000ULL, 0x100000000ULL}) {
    for (const unsigned size : {1U, 2U, 4U, 8U}) pair.read(address, size);
    pair.write(address, 0x1234, 4);
    pair.read(address, 4);
  }
}

TEST(Chipset, PortsOfTheSystem) {
  Pair pair("system-ports");
  DIFF_START(pair);
  pair.in(0x92);
  pair.out(0x92, 0x02);
  pair.in(0x92);
  pair.out(0x92, 0x00);
  pair.in(0x92);
  pair.out(0xcf9, 0x02);
  pair.in(0xcf9);
  pair.out(0xcf9, 0x00);
  pair.in(0xcf9);
  pair.out(0xe9, 'x');
  pair.out(0x80, 0x55);
  pair.in(0x80);
  pair.interrupts();
}

}  // namespace
}  // namespace diff
