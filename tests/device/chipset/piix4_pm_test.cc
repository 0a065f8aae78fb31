#include "hw/emul/chipset/piix4_pm.h"

#include <gtest/gtest.h>

#include "tests/device/chipset/board.h"

namespace {

using namespace chipset_test;  // NOLINT(google-build-using-namespace)
using chipset::Piix4Pm;
using chipset::Piix4PmType;

constexpr u8 kPm = pci::devfn(1, 3);

class Nobody final : public IoHandler {
 public:
  u64 io_read(u32, u64, unsigned width) override { return all_ones(width); }
  void io_write(u32, u64, u64, unsigned) override {}
};

struct PowerManagement : ::testing::Test {
  PciBench b;
  FakePower power;
  FakeSlots slots;
  Nobody nobody;
  ScopedRegion serial{b.pio, {.base = 0x3f8, .length = 8, .name = "serial", .handler = &nobody}};
  Piix4Pm pm{b.pci, kPm, {b.clock, b.irq.line(9), power, slots}};

  PowerManagement() { pm.reset(); }
  /// As hvmloader does.
  void enable() {
    b.set_cfg(kPm, 0x40, 0xb001, 4);
    b.set_cfg(kPm, 0x80, 0x01, 1);
  }
};

TEST_F(PowerManagement, HasTheDataSheetsResetValues) {
  EXPECT_EQ(b.cfg(kPm, 0x00, 4), 0x71138086u);
  EXPECT_EQ(b.cfg(kPm, 0x06, 2), 0x0280u);
  EXPECT_EQ(b.cfg(kPm, 0x08, 4), 0x06800003u);  // hvmloader insists on the class
  EXPECT_EQ(b.cfg(kPm, 0x3d, 1), 1u);
  EXPECT_EQ(b.cfg(kPm, 0x40, 4), 0x00000001u);
  EXPECT_EQ(b.cfg(kPm, 0x58, 4), 0x02000000u);
  EXPECT_EQ(b.cfg(kPm, 0x80, 1), 0u);
  EXPECT_EQ(b.cfg(kPm, 0x90, 4), 0xb101u);
  EXPECT_EQ(b.cfg(kPm, 0xd2, 1), 0x09u);
  EXPECT_EQ(b.cfg(kPm, 0x5f, 1), 0x10u);  // no parallel port here
  EXPECT_EQ(b.cfg(kPm, 0x63, 1), 0x60u);
  EXPECT_EQ(b.cfg(kPm, 0x67, 1), 0x08u);  // one serial port
}

TEST_F(PowerManagement, RangeFollowsItsBase) {
  EXPECT_EQ(b.inw(0xb004), 0xffff);
  enable();
  EXPECT_EQ(b.inw(0xb004), 0x0000);
  b.set_cfg(kPm, 0x40, 0x1f41, 4);
  EXPECT_EQ(b.inw(0xb004), 0xffff);
  EXPECT_EQ(b.inw(0x1f44), 0x0000);
  b.set_cfg(kPm, 0x80, 0, 1);
  EXPECT_EQ(b.inw(0x1f44), 0xffff);
  pm.reset();
  b.set_cfg(kPm, 0x40, 0x0001, 4);
  b.set_cfg(kPm, 0x80, 1, 1);  // base 0 decodes nothing
  EXPECT_EQ(b.inw(0x0004), 0xffff);
}

// hvmloader stops if SCI_EN is not set right after the command (ACPI 3.0, 4.7.2.5).
TEST_F(PowerManagement, ApmCommandEnablesAcpi) {
  enable();
  EXPECT_EQ(b.inw(0xb004) & 1, 0);
  b.outb(0xb2, 0xf1);
  EXPECT_EQ(b.inw(0xb004) & 1, 1);
  EXPECT_EQ(b.inb(0xb2), 0xf1);
  b.outb(0xb2, 0xf0);
  EXPECT_EQ(b.inw(0xb004) & 1, 0);
  b.outw(0xb2, 0x5a42);
  EXPECT_EQ(b.inb(0xb3), 0x5a);
  EXPECT_EQ(b.inw(0xb2), 0x5a42);
  EXPECT_EQ(b.inw(0xb004) & 1, 0);
}

TEST_F(PowerManagement, AcpiOnlyMachinesStartEnabled) {
  PciBench other;
  Piix4Pm modern(other.pci, kPm, {other.clock, other.irq.line(9), power, slots},
                 {.acpi_only = true});
  modern.reset();
  EXPECT_EQ(modern.pm1_control() & 1, 1);
  other.outb(0xb2, 0xf0);
  EXPECT_EQ(modern.pm1_control() & 1, 1);
}

// 7.2.3: SLP_TYP is kept, SLP_EN reads 0. S5 is 0 (and S4 in Xen's DSDT), S3 is 1.
TEST_F(PowerManagement, SleepStates) {
  enable();
  b.outb(0xb2, 0xf1);
  b.outw(0xb004, 0x0401);
  EXPECT_EQ(power.suspends, 0);
  b.outw(0xb004, 0x2401);
  EXPECT_EQ(power.suspends, 1);
  EXPECT_EQ(b.inw(0xb004), 0x0401);
  b.outw(0xb004, 0x2001);
  EXPECT_EQ(power.offs, 1);
  b.outw(0xb004, 0x2001 | 2 << 10);
  EXPECT_EQ(power.offs, 2);
  b.outw(0xb004, 0x2001 | 5 << 10);
  EXPECT_EQ(power.offs, 2);
  EXPECT_EQ(power.suspends, 1);
}

TEST_F(PowerManagement, SleepByBytes) {
  enable();
  b.outb(0xb004, 0x01);
  EXPECT_EQ(b.inw(0xb004), 0x0001);
  b.outb(0xb005, 0x24);
  EXPECT_EQ(power.suspends, 1);
  EXPECT_EQ(b.inw(0xb004), 0x0401);
  EXPECT_EQ(b.inb(0xb005), 0x04);
}

// ACPI 3.0, 4.7.3.3: 3.579545 MHz, 24 bits.
TEST_F(PowerManagement, TimerCounts) {
  enable();
  const u32 before = b.inl(0xb008);
  b.clock.advance(kNsPerSecond);
  EXPECT_EQ((b.inl(0xb008) - before) & 0xffffff, 3579545u);
  b.clock.advance(4 * kNsPerSecond);
  EXPECT_LT(b.inl(0xb008), u32{1} << 24);
  EXPECT_EQ(b.inb(0xb00b), 0);
  const u32 now = b.inl(0xb008);
  EXPECT_EQ(b.inw(0xb00a), now >> 16);
  b.outl(0xb008, 0);  // read-only
  EXPECT_EQ(b.inl(0xb008), now);
}

TEST_F(PowerManagement, TimerOverflowInterrupts) {
  enable();
  b.outw(0xb000, 0xffff);
  EXPECT_EQ(b.inw(0xb000) & 1, 0);
  b.outw(0xb002, 0x0001);
  EXPECT_FALSE(b.irq.level(9));
  EXPECT_GE(b.clock.next_deadline(), 0);
  b.clock.advance(3 * kNsPerSecond);  // half a period is 2.34 s
  EXPECT_TRUE(b.irq.level(9));
  EXPECT_EQ(b.inw(0xb000) & 1, 1);
  b.outw(0xb000, 0x0001);
  EXPECT_FALSE(b.irq.level(9));
  b.outw(0xb002, 0);
  EXPECT_EQ(b.clock.next_deadline(), -1);  // an idle guest wakes nobody
}

TEST_F(PowerManagement, PowerButtonNeedsItsEnable) {
  enable();
  b.outw(0xb000, 0xffff);
  pm.press_power_button();
  EXPECT_FALSE(b.irq.level(9));
  b.outl(0xb000, 0x0100 << 16);
  pm.press_power_button();
  EXPECT_TRUE(b.irq.level(9));
  EXPECT_EQ(b.inw(0xb000), 0x0100);
  b.outb(0xb001, 0x01);
  EXPECT_FALSE(b.irq.level(9));
  pm.woken(chipset::WakeReason::kOther);
  EXPECT_EQ(b.inw(0xb000), 0x8100);
}

TEST_F(PowerManagement, UnknownRegistersReadAllOnes) {
  enable();
  EXPECT_EQ(b.inl(0xb00c), 0xffffffffu);
  EXPECT_EQ(b.inb(0xb03f), 0xff);
  b.outl(0xb010, 0);
  EXPECT_EQ(b.inl(0xb010), 0xffffffffu);
}

// ACPI 3.0, 4.7.4.1.
TEST_F(PowerManagement, GeneralPurposeEvents) {
  b.outw(0xafe2, 0x0002);
  EXPECT_EQ(b.inl(0xafe0), 0x00020000u);
  pm.pci_slot_plugged(5);
  EXPECT_TRUE(b.irq.level(9));
  EXPECT_EQ(b.inb(0xafe0), 0x02);
  b.outb(0xafe0, 0x04);  // another's bit
  EXPECT_TRUE(b.irq.level(9));
  b.outb(0xafe0, 0x02);
  EXPECT_FALSE(b.irq.level(9));
  EXPECT_TRUE(pm.cpu_plugged(1));
  EXPECT_FALSE(b.irq.level(9));  // not enabled
  b.outb(0xafe2, 0x06);
  EXPECT_TRUE(b.irq.level(9));
  EXPECT_EQ(b.irq.take_edges(9), 2);
}

// Xen's _E01: read up and down, handle, eject with 1 << slot; reads leave "up" alone.
TEST_F(PowerManagement, PciHotplugAsXensDsdtDoesIt) {
  pm.pci_slot_plugged(6);
  EXPECT_EQ(b.inl(0xae00), 1u << 6);
  EXPECT_EQ(b.inl(0xae00), 1u << 6);
  EXPECT_EQ(b.inl(0xae0c), ~u32{0x3});
  pm.pci_slot_eject_requested(6);
  EXPECT_EQ(b.inl(0xae04), 1u << 6);
  EXPECT_TRUE(pm.pci_slot_eject_pending(6));
  b.outl(0xae08, 1u << 6);
  EXPECT_EQ(slots.ejected, std::vector<unsigned>{6});
  EXPECT_EQ(b.inl(0xae00), 0u);
  EXPECT_EQ(b.inl(0xae04), 0u);
  EXPECT_FALSE(pm.pci_slot_eject_pending(6));
}

TEST_F(PowerManagement, PciHotplugNonsense) {
  b.outl(0xae08, 0);
  b.outl(0xae08, 1u << 1);  // the south bridge
  EXPECT_TRUE(slots.ejected.empty());
  b.outl(0xae10, 0x12345678);  // no bridges: stays on bus 0
  EXPECT_EQ(b.inl(0xae10), 0u);
  EXPECT_EQ(b.inl(0xae14), 0u);
  EXPECT_EQ(b.inl(0xae08), 0u);
  EXPECT_EQ(b.inb(0xae00), 0xff);  // doublewords only
  EXPECT_EQ(b.inl(0xae02), 0xffffffffu);
  b.outb(0xae08, 0xff);
  EXPECT_TRUE(slots.ejected.empty());
}

TEST_F(PowerManagement, ResetFinishesPendingEjects) {
  pm.pci_slot_eject_requested(7);
  pm.reset();
  EXPECT_EQ(slots.ejected, std::vector<unsigned>{7});
  EXPECT_EQ(b.inl(0xae04), 0u);
}

TEST_F(PowerManagement, BridgeModeTakesEventsByReading) {
  PciBench other;
  Piix4Pm modern(other.pci, kPm, {other.clock, other.irq.line(9), power, slots},
                 {.bridge_hotplug = true});
  modern.reset();
  modern.pci_slot_plugged(4);
  EXPECT_EQ(other.inl(0xae00), 1u << 4);
  EXPECT_EQ(other.inl(0xae00), 0u);
  other.outl(0xae10, 3);
  EXPECT_EQ(other.inl(0xae10), 3u);
  modern.pci_slot_plugged(4);
  EXPECT_EQ(other.inl(0xae00), 0u);  // of bus 3
}

TEST_F(PowerManagement, CpuBitmap) {
  EXPECT_TRUE(pm.cpu_present(0));
  EXPECT_TRUE(pm.cpu_present(1));
  EXPECT_EQ(b.inb(0xaf00), 0x03);
  EXPECT_TRUE(pm.cpu_plugged(9));
  EXPECT_EQ(b.inb(0xaf01), 0x02);
  EXPECT_EQ(b.inb(0xafe0), 0x04);
  EXPECT_TRUE(pm.cpu_plugged(127));
  EXPECT_EQ(b.inb(0xaf0f), 0x80);
  EXPECT_FALSE(pm.cpu_plugged(256));
  EXPECT_EQ(b.inl(0xaf00), 0x00000203u);
  b.outb(0xaf00, 0x00);  // would start another interface on QEMU
  EXPECT_EQ(b.inb(0xaf00), 0x03);
  pm.reset();
  EXPECT_EQ(b.inb(0xaf00), 0x03);
}

TEST_F(PowerManagement, StateSurvives) {
  enable();
  b.outb(0xb2, 0xf1);
  b.outb(0xb3, 0x33);
  b.outw(0xb000, 0xffff);
  b.outl(0xb000, 0x0121 << 16);
  b.outw(0xafe2, 0x0006);
  pm.pci_slot_eject_requested(0x1a);
  pm.pci_slot_plugged(0x18);
  const RoundTrip trip = save_disturb_restore(pm, [&] {
    pm.reset();
    b.outw(0xafe2, 0x0001);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_TRUE(b.irq.level(9));
  EXPECT_EQ(b.inw(0xb002), 0x0121);
  EXPECT_EQ(b.inl(0xae04), 1u << 0x1a);
  EXPECT_GE(b.clock.next_deadline(), 0);
  // PCIDevice, PM1, APM, timer, GPE, one bus's slots; then "piix4_pm/memhp" with a selector.
  EXPECT_EQ(trip.before.size(), 276u + 6 + 2 + 16 + 4 + 8 + (2 + 14 + 4 + 4));
  torture(pm, sizeof(Piix4Pm::State));
}

// A status of 05xxh follows the function's struct in the stream and looks like a subsection.
TEST_F(PowerManagement, StatusThatLooksLikeASubsectionIsRead) {
  enable();
  b.outw(0xb000, 0xffff);
  b.outw(0xb002, 0x0100);
  pm.press_power_button();
  pm.woken(chipset::WakeReason::kClock);
  b.outw(0xb000, 0x8000);
  EXPECT_EQ(b.inw(0xb000), 0x0500);
  const RoundTrip trip = save_disturb_restore(pm, [&] { pm.reset(); });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(b.inw(0xb000), 0x0500);
}

TEST_F(PowerManagement, StateOfModernMachinesSurvives) {
  PciBench other;
  Piix4Pm modern(other.pci, kPm, {other.clock, other.irq.line(9), power, slots},
                 {.acpi_only = true, .saves_smbus = true, .bridge_hotplug = true});
  modern.reset();
  other.outb(0xb105, 0x77);
  modern.pci_slot_eject_requested(3);
  const RoundTrip trip = save_disturb_restore(modern, [&] {
    other.outl(0xae08, 1u << 3);
    other.outb(0xb105, 0);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(other.inb(0xb105), 0x77);
  EXPECT_EQ(other.inl(0xae04), 1u << 3);
}

}  // namespace
