// The AHCI controller of hdtype="ahci".
#include "tests/lifecycle/interchange.h"

namespace interchange {
namespace {

constexpr u64 kArea = 0x100000;  // of a port: list, received frames
constexpr u64 kAreaSize = 0x10000;
constexpr u64 kReceived = 0x400;
constexpr u64 kTables = 0x1000;  // 0x400 each
constexpr u64 kBuffer = 0x200000;

class AhciInterchange : public Interchange {
 protected:
  std::vector<xensim::Disk> disks() const override { return {{.index = 2, .cdrom = true}}; }
  /// As libxl writes it, and a CD drive that it never puts there.
  std::vector<std::string> more() const override {
    return {"-device", "ahci,id=ahci0",
            "-drive",  "if=none,id=ahcidisk-0,format=raw,cache=writeback,file=" + disk_.string(),
            "-device", "ide-hd,bus=ahci0.0,unit=0,drive=ahcidisk-0",
            "-device", "ide-cd,bus=ahci0.1"};
  }
  void SetUp() override {
    Interchange::SetUp();
    if (IsSkipped()) return;
    const auto found = xensim::find_function(functions_, 0x8086, 0x2922);
    ASSERT_TRUE(found.has_value());
    where_ = found->where;
    base_ = found->bar(5);
    cpu().set_config(where_, 4, 7, 2);
    cpu().write32(base_ + 4, 0x80000002);
    for (const unsigned port : {0u, 1u}) {
      set(port, 0x00, static_cast<u32>(area(port)));
      set(port, 0x08, static_cast<u32>(area(port) + kReceived));
      set(port, 0x18, 0x16);
      set(port, 0x10, ~0U);
      set(port, 0x14, 0x7dc0007f);
      set(port, 0x18, 0x17);
      set(port, 0x10, ~0U);
    }
  }
  static u64 area(unsigned port) { return kArea + port * kAreaSize; }
  u32 get(unsigned port, u32 offset) { return cpu().read32(base_ + 0x100 + port * 0x80 + offset); }
  void set(unsigned port, u32 offset, u32 value) {
    cpu().write32(base_ + 0x100 + port * 0x80 + offset, value);
  }
  using Frame = std::array<u8, 20>;
  static Frame frame(u8 number, u64 lba = 0, u32 count = 0, u8 feature = 0) {
    return {0x27,
            0x80,
            number,
            feature,
            static_cast<u8>(lba),
            static_cast<u8>(lba >> 8),
            static_cast<u8>(lba >> 16),
            0x40,
            0,
            0,
            0,
            0,
            static_cast<u8>(count),
            static_cast<u8>(count >> 8)};
  }
  void prepare(unsigned port, unsigned slot, const Frame& what, u64 address, u32 bytes,
               u16 flags = 0, const std::array<u8, 12>& packet = {}) {
    const u64 table = area(port) + kTables + slot * 0x400;
    std::array<u8, 0x90> text{};
    std::copy(what.begin(), what.end(), text.begin());
    std::copy(packet.begin(), packet.end(), text.begin() + 0x40);
    const u32 count = bytes - 1;
    std::memcpy(&text[0x80], &address, 8);
    std::memcpy(&text[0x8c], &count, 4);
    cpu().set_ram(table, text);
    const u64 header = area(port) + slot * 32;
    cpu().write(header, 5U | flags | (bytes != 0 ? 0x10000U : 0U), 8);
    cpu().write(header + 8, table, 8);
  }
  bool wait(unsigned port, u32 offset, u32 mask) {
    for (int i = 0; i < 200'000; ++i) {
      if ((get(port, offset) & mask) == 0) return true;
    }
    return false;
  }
  bool command(unsigned port, const Frame& what, u64 address, u32 bytes, u16 flags = 0,
               const std::array<u8, 12>& packet = {}) {
    prepare(port, 0, what, address, bytes, flags, packet);
    set(port, 0x38, 1);
    for (int i = 0; i < 200'000; ++i) {
      if ((get(port, 0x38) & 1) == 0) return true;
      if ((get(port, 0x10) & 0x40000000) != 0) return false;
    }
    return false;
  }
  void recover(unsigned port) {
    set(port, 0x18, 0x16);
    set(port, 0x10, ~0U);
    set(port, 0x18, 0x17);
  }

  u64 base_ = 0;
  xensim::PciAddress where_{};
};

TEST_P(AhciInterchange, QueueUnderWay) {
  about("AHCI disk", "a full queue under way");
  for (unsigned tag = 0; tag < 32; ++tag) {
    prepare(0, tag, frame(0x60, tag * 8, tag << 3, 8), kBuffer + tag * 4096, 4096);
  }
  set(0, 0x34, ~0U);
  set(0, 0x38, ~0U);
  move();
  EXPECT_TRUE(wait(0, 0x34, ~0U));
  EXPECT_EQ(get(0, 0x38), 0U);
  EXPECT_EQ(get(0, 0x10) & 0x40000000U, 0U);
  for (u64 sector = 0; sector < 256; ++sector) expect_sector(kBuffer + sector * 512, sector);
}

TEST_P(AhciInterchange, WritesUnderWay) {
  about("AHCI disk", "writes under way, more in the list");
  cpu().set_ram(kBuffer, std::vector<u8>(0x8000, 0x3c));
  for (unsigned slot = 0; slot < 4; ++slot) {
    prepare(0, slot, frame(0x35, 500 + slot * 64, 64), kBuffer, 0x8000, 0x40);
  }
  set(0, 0x38, 0xf);
  move();
  EXPECT_TRUE(wait(0, 0x38, 0xf));
  ASSERT_TRUE(command(0, frame(0x25, 499, 258), kBuffer, 258 * 512));
  expect_sector(kBuffer, 499);
  EXPECT_EQ(cpu().ram(kBuffer + 512, 256 * 512), std::vector<u8>(256 * 512, 0x3c));
  expect_sector(kBuffer + 257 * 512, 756);
}

TEST_P(AhciInterchange, PendingInterrupt) {
  about("AHCI disk", "a pending interrupt");
  ASSERT_TRUE(command(0, frame(0xec), kBuffer, 512));
  ASSERT_TRUE(irqs().wait_intx(where_.slot, 0, true));
  move();
  // Our process lets go of its PCI lines when it ends, and stock does not drive them again: on the
  // same domain, which it is after a soft reset only, the line is low until the next interrupt.
  const bool let_go = GetParam().from == From::kOurs && GetParam().to == To::kStock &&
                      GetParam().domain == Domain::kSame;
  EXPECT_EQ(irqs().intx(where_.slot, 0), !let_go);
  EXPECT_EQ(cpu().read32(base_ + 8), 1U);
  EXPECT_NE(get(0, 0x10) & 3, 0U);
  set(0, 0x10, ~0U);
  EXPECT_TRUE(irqs().wait_intx(where_.slot, 0, false));
  ASSERT_TRUE(command(0, frame(0x25, 40, 2), kBuffer, 1024));
  expect_sector(kBuffer + 512, 41);
}

TEST_P(AhciInterchange, FailedCommand) {
  about("AHCI disk", "an error not yet recovered from");
  EXPECT_FALSE(command(0, frame(0x25, kSectors, 1), kBuffer, 512));
  move();
  EXPECT_EQ(get(0, 0x38), 1U);
  EXPECT_EQ(get(0, 0x20), 0x0441U);
  recover(0);
  EXPECT_EQ(get(0, 0x38), 0U);
  ASSERT_TRUE(command(0, frame(0x25, 40, 1), kBuffer, 512));
  expect_sector(kBuffer, 40);
}

TEST_P(AhciInterchange, SoftwareReset) {
  about("AHCI disk", "half a software reset");
  Frame reset{0x27, 0};
  reset[15] = 4;
  prepare(0, 0, reset, 0, 0, 0x500);
  set(0, 0x38, 1);
  EXPECT_EQ(get(0, 0x38), 0U);
  move();
  reset[15] = 0;
  prepare(0, 0, reset, 0, 0);
  set(0, 0x38, 1);
  EXPECT_EQ(get(0, 0x38), 0U);
  EXPECT_EQ(get(0, 0x24), 0x00000101U);
  EXPECT_EQ(get(0, 0x10) & 1, 1U);
}

TEST_P(AhciInterchange, Messages) {
  about("AHCI", "MSI set up");
  cpu().set_config(where_, 0x84, 0xfee01000, 4);
  cpu().set_config(where_, 0x8c, 0x4051, 2);
  cpu().set_config(where_, 0x82, 1, 2);
  move();
  const u64 place = irqs().now();
  ASSERT_TRUE(command(0, frame(0x25, 40, 1), kBuffer, 512));
  const auto message = irqs().wait_msi(place);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(xensim::describe(*message), "msi fee01000 4051");
}

TEST_P(AhciInterchange, CdSense) {
  about("AHCI CD drive", "sense data to be read");
  EXPECT_FALSE(command(1, frame(0xa0), 0, 0, 0x20));
  EXPECT_EQ(get(1, 0x20), 0x2041U);
  move();
  recover(1);
  ASSERT_TRUE(command(1, frame(0xa0, 0x80000, 0, 1), kBuffer, 18, 0x20, {3, 0, 0, 0, 18}));
  EXPECT_EQ(cpu().ram(kBuffer, 18)[2], 0x02);
  EXPECT_EQ(cpu().ram(kBuffer, 18)[12], 0x3a);
}

INSTANTIATE_TEST_SUITE_P(Ways, AhciInterchange, ::testing::ValuesIn(kWays),
                         [](const auto& way) { return way.param.name(); });

}  // namespace
}  // namespace interchange
