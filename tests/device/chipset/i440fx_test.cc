#include <gtest/gtest.h>

#include "tests/device/chipset/board.h"

namespace {

using namespace chipset_test;  // NOLINT(google-build-using-namespace)
using chipset::I440fx;
using chipset::ShadowSegment;

class Shadows final : public chipset::ShadowListener {
 public:
  void shadow_changed(const ShadowSegment& segment) override { seen[segment.base] = segment; }
  void smram_changed(bool enabled, bool open) override {
    smram_enabled = enabled;
    smram_open = open;
  }
  std::map<u32, ShadowSegment> seen;
  bool smram_enabled = false;
  bool smram_open = false;
};

struct HostBridge : ::testing::Test {
  PciBench b;
  Shadows shadows;
  I440fx bridge{b.pci, u64{1008} << 20, &shadows};
  HostBridge() { bridge.reset(); }
};

TEST_F(HostBridge, IsWhatFirmwareLooksFor) {
  EXPECT_EQ(b.cfg(0, 0x00, 4), 0x12378086u);
  EXPECT_EQ(b.cfg(0, 0x08, 1), 0x02u);
  EXPECT_EQ(b.cfg(0, 0x0a, 2), 0x0600u);
  EXPECT_EQ(b.cfg(0, 0x2c, 4), 0x11001af4u);  // SeaBIOS knows the machine by this
  EXPECT_EQ(b.cfg(0, 0x57, 1), 1008u / 8);
  EXPECT_EQ(b.cfg(0, 0x72, 1), 0x02u);  // 3.2.22
  EXPECT_EQ(b.cfg(0, 0x59, 1), 0x00u);
}

TEST_F(HostBridge, RamSizeEndsAt255) {
  Bench other;
  const I440fx big(other.pci, u64{5} << 30);
  EXPECT_EQ(big.config_get(0x57, 1), 255u);
}

// 3.2.18: firmware turns shadow RAM on for the BIOS area, then write-protects it.
TEST_F(HostBridge, PamReachesTheListener) {
  EXPECT_EQ(shadows.seen.size(), 13u);
  b.set_cfg(0, 0x59, 0x30, 1);
  EXPECT_TRUE(shadows.seen[0xf0000].read_ram);
  EXPECT_TRUE(shadows.seen[0xf0000].write_ram);
  EXPECT_EQ(shadows.seen[0xf0000].length, 0x10000u);
  b.set_cfg(0, 0x59, 0x10, 1);
  EXPECT_TRUE(shadows.seen[0xf0000].read_ram);
  EXPECT_FALSE(shadows.seen[0xf0000].write_ram);
  // PAM1..PAM4 in one write: C0000h to DFFFFh.
  b.set_cfg(0, 0x5a, 0x3333, 2);
  b.set_cfg(0, 0x5c, 0x21, 1);
  EXPECT_TRUE(shadows.seen[0xc0000].read_ram);
  EXPECT_TRUE(shadows.seen[0xcc000].write_ram);
  EXPECT_TRUE(shadows.seen[0xd0000].read_ram);
  EXPECT_FALSE(shadows.seen[0xd0000].write_ram);
  EXPECT_FALSE(shadows.seen[0xd4000].read_ram);
  EXPECT_TRUE(shadows.seen[0xd4000].write_ram);
  EXPECT_EQ(shadows.seen[0xec000].base, 0xec000u);
}

TEST_F(HostBridge, SmramReachesTheListener) {
  b.set_cfg(0, 0x72, 0x4a, 1);
  EXPECT_TRUE(shadows.smram_enabled);
  EXPECT_TRUE(shadows.smram_open);
  b.set_cfg(0, 0x72, 0x0a, 1);
  EXPECT_FALSE(shadows.smram_open);
}

TEST_F(HostBridge, ResetTakesShadowsBack) {
  b.set_cfg(0, 0x58, 0x33333300, 4);
  EXPECT_TRUE(shadows.seen[0xf0000].read_ram);
  bridge.reset();
  EXPECT_EQ(b.cfg(0, 0x58, 4), 0u);
  EXPECT_FALSE(shadows.seen[0xf0000].read_ram);
  EXPECT_EQ(b.cfg(0, 0x57, 1), 126u);
}

TEST_F(HostBridge, StateSurvives) {
  b.set_cfg(0, 0x59, 0x30, 1);
  const RoundTrip trip = save_disturb_restore(bridge, [&] {
    bridge.reset();
    b.set_cfg(0, 0x60, 0x11223344, 4);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(trip.before.size(), 4u + 256 + 16 + 1);  // PCIDevice v2, one unused byte
  EXPECT_TRUE(shadows.seen[0xf0000].write_ram);
  torture(bridge, sizeof(I440fx::State));
}

// PCI 3.0, 3.2.2.3.2: the latch is CONFADD only as a doubleword.
TEST_F(HostBridge, LatchIsADoubleword) {
  b.outl(0xcf8, 0x80000000);
  EXPECT_EQ(b.inl(0xcf8), 0x80000000u);
  b.outb(0xcf8, 0x55);
  b.outw(0xcfa, 0x5555);
  EXPECT_EQ(b.inl(0xcf8), 0x80000000u);
  EXPECT_EQ(b.inb(0xcf8), 0xff);
  EXPECT_EQ(b.inw(0xcfa), 0xffff);
  EXPECT_EQ(b.inb(0xcfb), 0xff);
}

TEST_F(HostBridge, DataPortNeedsTheEnableBitAndBusZero) {
  b.outl(0xcf8, 0x00000000);
  EXPECT_EQ(b.inl(0xcfc), 0xffffffffu);
  b.outl(0xcf8, 0x80010000);  // bus 1
  EXPECT_EQ(b.inl(0xcfc), 0xffffffffu);
  b.outl(0xcf8, 0x80000060);
  b.outl(0xcfc, 0xaabbccdd);
  b.outl(0xcf8, 0x00000060);
  b.outl(0xcfc, 0);  // goes nowhere
  EXPECT_EQ(b.cfg(0, 0x60, 4), 0xaabbccddu);
}

// Not in the data sheet, but what QEMU's clients do.
TEST_F(HostBridge, LowBitsOfTheLatchSelectTheLane) {
  b.set_cfg(0, 0x60, 0x11223344, 4);
  b.outl(0xcf8, 0x80000002);
  EXPECT_EQ(b.inw(0xcfc), 0x1237);
  b.outl(0xcf8, 0x80000061);
  EXPECT_EQ(b.inb(0xcfc), 0x33);
  EXPECT_EQ(b.inb(0xcfe), 0x11) << "both are joined by or";
  b.outb(0xcfc, 0x99);
  EXPECT_EQ(b.cfg(0, 0x60, 4), 0x11229944u);
  b.set_cfg(0, 0xfc, 0x55667788, 4);
  b.outl(0xcf8, 0x800000fe);
  EXPECT_EQ(b.inl(0xcfc), 0x5566u) << "there is nothing behind the last register";
  b.outl(0xcfc, 0xffffaabb);
  EXPECT_EQ(b.cfg(0, 0xfc, 4), 0xaabb7788u);
  EXPECT_EQ(b.cfg(0, 0, 4), 0x12378086u);
}

TEST_F(HostBridge, DataPortTakesAllWidthsAndLanes) {
  b.set_cfg(0, 0x60, 0x11223344, 4);
  EXPECT_EQ(b.cfg(0, 0x61, 1), 0x33u);
  EXPECT_EQ(b.cfg(0, 0x62, 2), 0x1122u);
  EXPECT_EQ(b.cfg(0, 0x61, 2), 0x2233u);
  b.set_cfg(0, 0x63, 0x99, 1);
  EXPECT_EQ(b.cfg(0, 0x60, 4), 0x99223344u);
}

TEST_F(HostBridge, DataAccessesThatLeaveTheDoublewordAreCut) {
  b.set_cfg(0, 0x60, 0x11223344, 4);
  EXPECT_EQ(b.cfg(0, 0x63, 2), 0xff11u);
  EXPECT_EQ(b.cfg(0, 0x61, 4), 0xff112233u);
}

TEST_F(HostBridge, AbsentFunctionsReadAllOnes) {
  EXPECT_EQ(b.cfg(pci::devfn(5, 0), 0, 4), 0xffffffffu);
  EXPECT_EQ(b.cfg(pci::devfn(0, 1), 0, 2), 0xffffu);
  b.set_cfg(pci::devfn(31, 7), 0x40, 1, 4);
  EXPECT_EQ(b.cfg(pci::devfn(31, 7), 0x40, 1), 0xffu);
}

TEST_F(HostBridge, LatchIsSavedWhereTheMachineTypeHasIt) {
  b.outl(0xcf8, 0x80001234);
  const RoundTrip trip = save_disturb_restore(b.ports, [&] { b.outl(0xcf8, 1); });
  EXPECT_EQ(trip.before, (std::vector<u8>{0x80, 0x00, 0x12, 0x34}));
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(b.inl(0xcf8), 0x80001234u);
  Bench other;
  chipset::PciConfigPorts quiet(other.pci, false);
  EXPECT_EQ(quiet.section().table, nullptr);
}

}  // namespace
