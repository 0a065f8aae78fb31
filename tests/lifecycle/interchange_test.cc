// Devices other than the screen.
#include "tests/lifecycle/interchange.h"

namespace interchange {
namespace {

TEST_P(Interchange, Nothing) {
  about("machine", "nothing");
  cpu().outb(0x70, 0x40);
  cpu().outb(0x71, 0x5a);
  move();
  EXPECT_EQ(cell(0x40), 0x5a);
  command(0xec, 0, 0);
  EXPECT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().ins(0x1f0, 2, 0x10000, 256);
}

TEST_P(Interchange, PciConfiguration) {
  about("PCI", "configuration of all functions");
  std::map<std::pair<unsigned, unsigned>, u32> before;
  cpu().set_config({1, 0}, 0x60, 0x05, 1);
  cpu().set_config({1, 0}, 0x63, 0x0b, 1);
  for (const auto& one : functions_) {
    for (unsigned reg = 0; reg < 0x100; reg += 4)
      before[{one.where.slot * 8U + one.where.function, reg}] = cpu().config(one.where, reg, 4);
  }
  move();
  for (const auto& one : functions_) {
    for (unsigned reg = 0; reg < 0x100; reg += 4) {
      EXPECT_EQ(cpu().config(one.where, reg, 4),
                (before[{one.where.slot * 8U + one.where.function, reg}]))
          << int{one.where.slot} << "." << int{one.where.function} << " " << reg;
    }
  }
}

// One card is in use, the guest has been asked for another: the new process has both on its command
// line.
TEST_P(Interchange, CardsThatCame) {
  about("PCI", "one card in use, one to go");
  for (const int number : {0, 1}) {
    machine_->qmp().call("device_add", {{"driver", "xen-pvdevice"},
                                        {"id", "pv" + std::to_string(number)},
                                        {"addr", std::to_string(6 + number)},
                                        {"device-id", 0xc000 + number}});
  }
  cpu().set_config({6, 0}, 0x14, 0xf8000000, 4);
  cpu().set_config({6, 0}, 0x04, 2, 2);
  machine_->qmp().call("device_del", {{"id", "pv1"}});
  machine_->set_extra({"-device", "xen-pvdevice,id=pv0,addr=6,device-id=0xc000", "-device",
                       "xen-pvdevice,id=pv1,addr=7,device-id=0xc001"});
  move();
  EXPECT_EQ(cpu().config({6, 0}, 0, 4), 0xc0005853U);
  EXPECT_EQ(cpu().config({6, 0}, 0x14, 4), 0xf8000008U);
  EXPECT_EQ(cpu().config({6, 0}, 4, 2), 2U);
  EXPECT_EQ(cpu().config({7, 0}, 0, 4), 0xc0015853U);
  EXPECT_EQ(cpu().inl(0xae04), 1U << 7);
  cpu().outl(0xae08, 1U << 7);
  EXPECT_EQ(cpu().config({7, 0}, 0, 4), 0xffffffffU);
  const auto event = machine_->qmp().event("DEVICE_DELETED");
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ((*event)["data"]["device"], "pv1");
  EXPECT_EQ(cpu().config({6, 0}, 0, 4), 0xc0005853U);
}

TEST_P(Interchange, ReadByPio) {
  about("IDE disk", "a read by PIO");
  command(0x20, 100, 4);
  ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().ins(0x1f0, 2, 0x20000, 100);
  move();
  cpu().ins(0x1f0, 2, 0x20000 + 200, 156);
  expect_sector(0x20000, 100);
  for (u64 sector = 1; sector < 4; ++sector) {
    ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08) << sector;
    cpu().ins(0x1f0, 2, 0x20000 + sector * 512, 256);
    expect_sector(0x20000 + sector * 512, 100 + sector);
  }
  EXPECT_EQ(wait_ready(0x40) & 0xc9, 0x40);
}

TEST_P(Interchange, WriteByPio) {
  about("IDE disk", "a write by PIO");
  command(0x30, 200, 2);
  ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().set_ram(0x20000, std::vector<u8>(1024, 0x3c));
  cpu().outs(0x1f0, 2, 0x20000, 30);
  move();
  cpu().outs(0x1f0, 2, 0x20000, 226);
  ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
  cpu().outs(0x1f0, 2, 0x20000, 256);
  EXPECT_EQ(wait_ready(0x40) & 0xc9, 0x40);
  for (u64 sector = 199; sector < 203; ++sector) {
    command(0x20, sector, 1);
    ASSERT_EQ(wait_ready(0x08) & 0x89, 0x08);
    cpu().ins(0x1f0, 2, 0x30000, 256);
    if (sector == 199 || sector == 202) {
      expect_sector(0x30000, sector);
    } else {
      EXPECT_EQ(cpu().ram(0x30000, 512), std::vector<u8>(512, 0x3c)) << sector;
    }
  }
}

TEST_P(Interchange, BusMasterSetUp) {
  about("IDE disk", "a bus master set up");
  cpu().set_config({1, 1}, 4, 5, 2);
  const auto ide = xensim::find_function(functions_, 0x8086, 0x7010);
  const u16 base = static_cast<u16>(ide->bar(4));
  const u32 table[2] = {0x30000, 0x80000000U | 2048};
  cpu().set_ram(0x8000, {reinterpret_cast<const u8*>(table), sizeof table});
  cpu().outl(static_cast<u16>(base + 4), 0x8000);
  cpu().outb(static_cast<u16>(base + 2), 6);
  command(0xc8, 40, 4);  // the drive waits for the bus master
  move();
  EXPECT_EQ(cpu().inl(static_cast<u16>(base + 4)), 0x8000U);
  cpu().outb(base, 9);
  EXPECT_TRUE(irqs().wait_isa(14, true));
  EXPECT_EQ(cpu().inb(static_cast<u16>(base + 2)) & 7, 4);
  cpu().outb(base, 0);
  EXPECT_EQ(cpu().inb(0x1f7) & 0xc9, 0x40);
  for (u64 sector = 0; sector < 4; ++sector) expect_sector(0x30000 + sector * 512, 40 + sector);
}

TEST_P(Interchange, PendingDiskInterrupt) {
  about("IDE disk", "a pending interrupt");
  command(0xec, 0, 0);
  ASSERT_TRUE(irqs().wait_isa(14, true));
  move();
  EXPECT_TRUE(irqs().isa(14)) << "nobody has read the status yet";
  EXPECT_EQ(cpu().inb(0x1f7) & 0x89, 0x08);
  EXPECT_TRUE(irqs().wait_isa(14, false));
}

TEST_P(Interchange, KeyboardCommand) {
  about("8042", "a command without its parameter");
  cpu().outb(0x64, 0x60);  // the command byte is to come
  move();
  cpu().outb(0x60, 0x45);
  cpu().outb(0x64, 0x20);
  EXPECT_EQ(cpu().inb(0x64) & 1, 1);
  EXPECT_EQ(cpu().inb(0x60), 0x45);
  cpu().outb(0x60, 0xed);  // lamps: a keyboard command with a parameter
  EXPECT_EQ(cpu().inb(0x60), 0xfa);
}

TEST_P(Interchange, KeyboardParameter) {
  about("keyboard", "a command without its parameter");
  cpu().outb(0x60, 0xf3);
  EXPECT_EQ(cpu().inb(0x60), 0xfa);
  move();
  cpu().outb(0x60, 0x20);
  EXPECT_EQ(cpu().inb(0x60), 0xfa);
  cpu().outb(0x60, 0xee);
  EXPECT_EQ(cpu().inb(0x60), 0xee);
}

TEST_P(Interchange, KeysInTheQueue) {
  about("keyboard", "keys in the queue");
  cpu().outb(0x64, 0x60);
  cpu().outb(0x60, 0x43);
  for (const bool down : {true, false}) {
    machine_->qmp().call(
        "input-send-event",
        {{"events",
          {{{"type", "key"},
            {"data", {{"down", down}, {"key", {{"type", "qcode"}, {"data", "a"}}}}}}}}});
  }
  for (int i = 0; i < 100'000 && (cpu().inb(0x64) & 1) == 0; ++i) continue;
  move();
  EXPECT_EQ(cpu().inb(0x64) & 1, 1);
  EXPECT_EQ(cpu().inb(0x60), 0x1e);
  EXPECT_EQ(cpu().inb(0x60), 0x9e);
  EXPECT_EQ(cpu().inb(0x64) & 1, 0);
}

TEST_P(Interchange, SerialLine) {
  about("serial line", "a pending interrupt");
  cpu().outb(0x3fb, 0x83);
  cpu().outb(0x3f8, 12);
  cpu().outb(0x3f9, 0);
  cpu().outb(0x3fb, 0x1b);
  cpu().outb(0x3fc, 0x0b);
  cpu().outb(0x3ff, 0x77);
  cpu().outb(0x3fa, 0xc1);
  cpu().outb(0x3f9, 0x02);  // an interrupt is pending now
  move();
  EXPECT_EQ(cpu().inb(0x3fa), 0xc2);
  EXPECT_EQ(cpu().inb(0x3fb), 0x1b);
  EXPECT_EQ(cpu().inb(0x3fc), 0x0b);
  EXPECT_EQ(cpu().inb(0x3ff), 0x77);
  cpu().outb(0x3fb, 0x9b);
  EXPECT_EQ(cpu().inb(0x3f8), 12);
}

TEST_P(Interchange, DmaAddressHalfWritten) {
  about("8237", "half an address");
  cpu().outb(0x0c, 0);
  cpu().outb(0x04, 0x34);
  move();
  cpu().outb(0x04, 0x12);
  EXPECT_EQ(cpu().inb(0x04), 0x34);
  EXPECT_EQ(cpu().inb(0x04), 0x12);
}

TEST_P(Interchange, PowerManagement) {
  about("PIIX4 PM", "GPE and APM set up");
  ASSERT_TRUE(xensim::enable_acpi(cpu()));
  cpu().outb(0xafe2, 0x05);
  cpu().outb(0xb3, 0x42);
  move();
  EXPECT_EQ(cpu().inb(0xafe2), 0x05);
  EXPECT_EQ(cpu().inb(0xb3), 0x42);
  cpu().outw(0xb004, 0x2001);  // S5
  EXPECT_EQ(machine_->xen.shutdown(), xensim::Shutdown::kPowerOff);
}

TEST_P(Interchange, BackAgain) {
  about("machine", "three moves");
  cpu().outb(0x70, 0x41);
  cpu().outb(0x71, 0xa5);
  for (int i = 0; i < 3; ++i) move();
  EXPECT_EQ(cell(0x41), 0xa5);
}

TEST_P(Interchange, MouseParameter) {
  about("mouse", "a command without its parameter");
  const auto tell = [this](u8 byte) {
    cpu().outb(0x64, 0xd4);
    cpu().outb(0x60, byte);
    EXPECT_EQ(cpu().inb(0x60), 0xfa);
  };
  tell(0xf3);
  move();
  tell(80);
  tell(0xe9);
  (void)cpu().inb(0x60);
  (void)cpu().inb(0x60);
  EXPECT_EQ(cpu().inb(0x60), 80);
}

TEST_P(Interchange, FloppyCommand) {
  about("floppy", "half a command");
  cpu().outb(0x3f2, 0x0c);
  cpu().outb(0x3f5, 0x03);  // SPECIFY
  cpu().outb(0x3f5, 0xcf);
  move();
  cpu().outb(0x3f5, 0x06);
  cpu().outb(0x3f5, 0x0e);  // DUMPREG
  std::array<u8, 10> results{};
  for (u8& one : results) {
    EXPECT_EQ(cpu().inb(0x3f4) & 0xc0, 0xc0);
    one = cpu().inb(0x3f5);
  }
  EXPECT_EQ(results[4], 0x0c);
  EXPECT_EQ(results[5], 0x07);
}

TEST_P(Interchange, FloppyResult) {
  about("floppy", "half a result");
  cpu().outb(0x3f2, 0x0c);
  cpu().outb(0x3f5, 0x03);
  cpu().outb(0x3f5, 0xbf);
  cpu().outb(0x3f5, 0x0a);
  cpu().outb(0x3f5, 0x0e);
  for (int i = 0; i < 4; ++i) (void)cpu().inb(0x3f5);
  move();
  EXPECT_EQ(cpu().inb(0x3f4) & 0xd0, 0xd0);
  EXPECT_EQ(cpu().inb(0x3f5), 0x0b);
  EXPECT_EQ(cpu().inb(0x3f5), 0x0b);
}

/// MODE SENSE: the packet is half there when the guest moves.
TEST_P(Interchange, CdPacket) {
  about("IDE CD drive", "half a packet");
  cpu().outb(0x176, 0xa0);
  cpu().outb(0x171, 0);
  cpu().outb(0x174, 0);
  cpu().outb(0x175, 2);
  cpu().outb(0x177, 0xa0);
  const auto wait_data = [this] {
    for (int i = 0; i < 100'000; ++i) {
      if ((cpu().inb(0x376) & 0x88) == 0x08) return true;
    }
    return false;
  };
  ASSERT_TRUE(wait_data());
  cpu().outw(0x170, 0x0012);  // INQUIRY
  cpu().outw(0x170, 0x0000);
  move();
  cpu().outw(0x170, 0x0024);
  for (int i = 0; i < 3; ++i) cpu().outw(0x170, 0);
  ASSERT_TRUE(wait_data());
  EXPECT_EQ(cpu().inw(0x170) & 0xff, 0x05) << "a CD drive";
}

TEST_P(Interchange, PlatformDevice) {
  about("xen platform", "a ROM opened for writing");
  const u8 before = cpu().inb(0x10);
  cpu().outb(0x10, static_cast<u8>(before ^ 1));
  const u8 changed = cpu().inb(0x10);
  move();
  EXPECT_EQ(cpu().inb(0x10), changed);
}

TEST_P(Interchange, InterruptRoutes) {
  about("PIIX3", "A20 and routes set up");
  cpu().set_config({1, 0}, 0x61, 0x0a, 1);
  cpu().outb(0x92, 0x02);
  move();
  EXPECT_EQ(cpu().config({1, 0}, 0x61, 1), 0x0aU);
  EXPECT_EQ(cpu().inb(0x92) & 0x02, 0x02);
}

INSTANTIATE_TEST_SUITE_P(Ways, Interchange, ::testing::ValuesIn(kWays),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace
}  // namespace interchange
