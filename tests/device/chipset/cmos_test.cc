#include "hw/emul/chipset/cmos.h"

#include <gtest/gtest.h>

#include "tests/device/chipset/board.h"

namespace {

using namespace chipset_test;  // NOLINT(google-build-using-namespace)
using chipset::Cmos;
using chipset::CmosSetup;
using chipset::FloppyType;

struct CmosRam : ::testing::Test {
  Bench b;
  Cmos cmos{b.pio};

  u8 cell(u8 index) {
    b.outb(0x70, index);
    return b.inb(0x71);
  }
  u32 cells(std::initializer_list<u8> indexes) {
    u32 value = 0;
    unsigned shift = 0;
    for (const u8 index : indexes) {
      value |= u32{cell(index)} << shift;
      shift += 8;
    }
    return value;
  }
};

TEST_F(CmosRam, IndexAndData) {
  b.outb(0x70, 0x8e);  // NMI mask is not part of the index
  b.outb(0x71, 0xa5);
  EXPECT_EQ(b.inb(0x70), 0xff);  // write-only
  EXPECT_EQ(cell(0x0e), 0xa5);
  b.outw(0x70, 0x5a0e);  // index and data in one go
  EXPECT_EQ(cell(0x0e), 0x5a);
  b.outb(0x70, 0x7f);
  b.outb(0x71, 1);
  EXPECT_EQ(cell(0x7f), 1);
}

TEST_F(CmosRam, MemoryOfAMachineWithFiveGigabytes) {
  ASSERT_TRUE(cmos.configure({.ram_below_4g = 0xf0000000, .ram_above_4g = u64{0x50000000}}));
  EXPECT_EQ(cells({0x15, 0x16}), 640u);
  EXPECT_EQ(cells({0x17, 0x18}), 0xffffu);
  EXPECT_EQ(cells({0x30, 0x31}), 0xffffu);
  EXPECT_EQ(cells({0x34, 0x35}), 0xef00u);
  EXPECT_EQ(cells({0x5b, 0x5c, 0x5d}), 0x5000u);
}

TEST_F(CmosRam, MemoryOfSmallMachines) {
  ASSERT_TRUE(cmos.configure({.ram_below_4g = u64{8} << 20}));
  EXPECT_EQ(cells({0x17, 0x18}), 7u * 1024);
  EXPECT_EQ(cells({0x34, 0x35}), 0u);
  ASSERT_TRUE(cmos.configure({.ram_below_4g = 512 << 10}));
  EXPECT_EQ(cells({0x15, 0x16}), 512u);
  EXPECT_EQ(cells({0x17, 0x18}), 0u);
}

// SeaBIOS: nibbles 1 floppy, 2 disk, 3 CD-ROM, 4 network.
TEST_F(CmosRam, BootOrder) {
  ASSERT_TRUE(cmos.configure({.boot_order = "cda"}));
  EXPECT_EQ(cell(0x3d), 0x32);
  EXPECT_EQ(cell(0x38), 0x10);
  ASSERT_TRUE(cmos.configure({.boot_order = "n", .floppy_signature_check = false}));
  EXPECT_EQ(cell(0x3d), 0x04);
  EXPECT_EQ(cell(0x38), 0x01);
  ASSERT_TRUE(cmos.set_boot_order("bd"));
  EXPECT_EQ(cell(0x3d), 0x31);
  ASSERT_TRUE(cmos.set_boot_order(""));
  EXPECT_EQ(cell(0x3d), 0x00);
}

TEST_F(CmosRam, BadBootOrdersAreNamed) {
  ASSERT_TRUE(cmos.configure({.boot_order = "dc"}));
  const auto four = cmos.configure({.ram_below_4g = 1 << 30, .boot_order = "cdan"});
  ASSERT_FALSE(four);
  EXPECT_NE(four.error().message.find("cdan"), std::string::npos);
  const auto letter = cmos.set_boot_order("cx");
  ASSERT_FALSE(letter);
  EXPECT_NE(letter.error().message.find("'x'"), std::string::npos);
  EXPECT_EQ(cell(0x3d), 0x23);  // as before
  EXPECT_EQ(cells({0x17, 0x18}), 0u);
}

TEST_F(CmosRam, DisksAndFloppies) {
  CmosSetup setup;
  setup.disks[0] = chipset::DiskGeometry{1023, 16, 63, 1};
  setup.disks[3] = chipset::DiskGeometry{100, 4, 17, 2};
  setup.floppies = {FloppyType::k1440K, FloppyType::kNone};
  ASSERT_TRUE(cmos.configure(setup));
  EXPECT_EQ(cell(0x12), 0xf0);
  EXPECT_EQ(cell(0x19), 47);
  EXPECT_EQ(cells({0x1b, 0x1c}), 1023u);
  EXPECT_EQ(cell(0x1d), 16);
  EXPECT_EQ(cells({0x1e, 0x1f}), 0xffffu);
  EXPECT_EQ(cell(0x20), 0xc8);
  EXPECT_EQ(cells({0x21, 0x22}), 1023u);
  EXPECT_EQ(cell(0x23), 63);
  EXPECT_EQ(cell(0x39), 0x81);
  EXPECT_EQ(cell(0x10), 0x40);
  EXPECT_EQ(cell(0x14), 0x07);

  setup.floppies = {FloppyType::k1440K, FloppyType::k1200K};
  setup.disks = {};
  setup.disks[1] = chipset::DiskGeometry{20, 4, 17, 0};
  ASSERT_TRUE(cmos.configure(setup));
  EXPECT_EQ(cell(0x10), 0x42);
  EXPECT_EQ(cell(0x14), 0x47);
  EXPECT_EQ(cell(0x12), 0x0f);
  EXPECT_EQ(cell(0x1a), 47);
  EXPECT_EQ(cell(0x26), 4);
  EXPECT_EQ(cell(0x29), 0xc0);

  ASSERT_TRUE(cmos.configure({}));
  EXPECT_EQ(cell(0x12), 0);
  EXPECT_EQ(cell(0x14), 0x06);  // FPU and mouse
}

TEST_F(CmosRam, CenturyHasTwoNames) {
  ASSERT_TRUE(cmos.configure({.cpus = 4}));
  EXPECT_EQ(cell(0x32), 0x20);
  EXPECT_EQ(cell(0x37), 0x20);
  b.outb(0x70, 0x37);
  b.outb(0x71, 0x19);
  EXPECT_EQ(cell(0x32), 0x19);
  EXPECT_EQ(cell(0x5f), 3);
}

TEST_F(CmosRam, ClockRegistersSayThatTheClockIsGood) {
  EXPECT_EQ(cells({0x0a, 0x0b, 0x0c, 0x0d}), 0x80000226u);
}

TEST_F(CmosRam, ResetKeepsTheRam) {
  b.outw(0x70, 0x7750);
  b.outw(0x70, 0x050f);
  cmos.reset();
  EXPECT_EQ(cell(0x50), 0x77);
  EXPECT_EQ(cell(0x0f), 0x00);
  b.outw(0x70, 0xfe0f);  // "resume from sleep"
  cmos.reset();
  EXPECT_EQ(cell(0x0f), 0xfe);
}

TEST_F(CmosRam, StateSurvives) {
  ASSERT_TRUE(cmos.configure({.ram_below_4g = 1 << 30}));
  b.outb(0x70, 0x34);
  const RoundTrip trip = save_disturb_restore(cmos, [&] {
    b.outw(0x70, 0x1115);
    b.outb(0x70, 0x60);
  });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(trip.before.size(), 128u + 1 + 28 + 8 + 8 + 24 + 4 + 4 + 8 + 8 + 8 + 8 + 8);
  EXPECT_EQ(b.inb(0x71), cmos.get(0x34));
  torture(cmos, sizeof(Cmos::State));
}

}  // namespace
