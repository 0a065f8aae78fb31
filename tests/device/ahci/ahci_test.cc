// The controller as Linux's ahci driver sees it: probe, commands, errors, resets, interrupts.
#include "tests/device/ahci/ahci_fixture.h"

namespace ahci {
namespace {

TEST_F(AhciTest, ConfigurationSpaceIsAnIch9s) {
  const auto config = [this](u8 reg, unsigned width) {
    return bench.pci.config_read(kDevfn, reg, width);
  };
  EXPECT_EQ(config(0, 4), 0x29228086u);
  EXPECT_EQ(config(8, 4), 0x01060102u);
  EXPECT_EQ(config(0x3d, 1), 1u);
  EXPECT_EQ(config(0x34, 1), 0x80u);
  EXPECT_EQ(config(0x80, 4), 0x0080a805u);
  EXPECT_EQ(config(0x90, 1), 0x40u);
  EXPECT_EQ(config(0xa8, 4), 0x00100012u);
  EXPECT_EQ(config(0xac, 4), 0x48u);
  EXPECT_EQ(config(0x06, 2) & 0x10, 0x10u);
  bench.pci.config_write(kDevfn, 0xa8, 0xffffffff, 4);
  EXPECT_EQ(config(0xa8, 4), 0x00100012u);
}

TEST_F(AhciTest, HostRegisters) {
  EXPECT_EQ(host(kCap), 0xc0141f05u);
  EXPECT_EQ(host(kGhc), 0x80000000u);
  EXPECT_EQ(host(kPi), 0x3fu);
  EXPECT_EQ(host(kVs), 0x10000u);
  set_host(kCap, 0);
  set_host(kPi, 0);
  EXPECT_EQ(host(kCap), 0xc0141f05u);
  EXPECT_EQ(host(kPi), 0x3fu);
}

TEST_F(AhciTest, IndexAndDataPorts) {
  bench.outl(kIndexPort + 0x10, 0x10c);
  EXPECT_EQ(bench.inl(kIndexPort + 0x10), 0x10cu);
  bench.outl(kIndexPort + 0x14, 0x1234);
  EXPECT_EQ(port(0, kPxFbu), 0x1234u);
  EXPECT_EQ(bench.inl(kIndexPort + 0x14), 0x1234u);
  EXPECT_EQ(bench.inl(kIndexPort), 0u);
}

TEST_F(AhciTest, LinksAndSignatures) {
  EXPECT_EQ(port(0, kPxSsts), 0x113u);
  EXPECT_EQ(port(1, kPxSsts), 0x113u);
  EXPECT_EQ(port(2, kPxSsts), 0u);
  EXPECT_EQ(port(0, kPxSig), 0xffffffffu) << "no frame has been received";
  EXPECT_EQ(port(0, kPxTfd), 0x7fu);
  start_port(0);
  start_port(1);
  EXPECT_EQ(port(0, kPxSig), 0x00000101u);
  EXPECT_EQ(port(1, kPxSig), 0xeb140101u);
  EXPECT_EQ(port(0, kPxTfd), 0x0130u);
  EXPECT_EQ(port(1, kPxTfd), 0x0170u);
  EXPECT_EQ(*frame(0, 0x40), 0x34);
  EXPECT_EQ(port(0, kPxCmd), 0xc017u);
}

TEST_F(AhciTest, EnginesWithoutMemoryDoNotStart) {
  set_port(0, kPxClb, 0x40000000);
  set_port(0, kPxCmd, 0x07);
  EXPECT_EQ(port(0, kPxCmd), 0x06u);
  set_port(0, kPxFb, 0x40000000);
  set_port(0, kPxCmd, 0x16);
  EXPECT_EQ(port(0, kPxCmd), 0x06u);
}

TEST_F(AhciTest, IdentifyTellsOfTheQueue) {
  start_port(0);
  set_port(0, kPxIs, ~0u);
  ASSERT_TRUE(command(register_frame(0xec, 0, 0), {{kData, 512}}));
  EXPECT_EQ(bench.ram.get<u16>(kData), 0x0040);
  EXPECT_EQ(bench.ram.get<u16>(kData + 2 * 75), 31);
  EXPECT_EQ(bench.ram.get<u16>(kData + 2 * 76), 0x100);
  std::string serial;
  for (unsigned i = 20; i < 40; ++i) serial += static_cast<char>(bench.ram[kData + (i ^ 1)]);
  EXPECT_EQ(serial, "QM00005             ");
  EXPECT_EQ(moved(0, 0), 512u);
  // PIO setup, then the register frame: both interrupt.
  EXPECT_EQ(port(0, kPxIs), kPss | kDhrs);
  EXPECT_EQ(*frame(0, 0x20), 0x5f);
  EXPECT_EQ(*frame(0, 0x22), 0x58);
  EXPECT_EQ(load_le<u16>(frame(0, 0x30)), 512);
  EXPECT_EQ(*frame(0, 0x42), 0x50);
  EXPECT_EQ(port(0, kPxTfd), 0x50u);
  EXPECT_TRUE(intx());
  EXPECT_EQ(host(kIs), 1u);
  set_port(0, kPxIs, port(0, kPxIs));
  EXPECT_FALSE(intx());
  EXPECT_EQ(host(kIs), 0u);
}

TEST_F(AhciTest, ReadDmaIntoScatteredMemory) {
  start_port(0);
  ASSERT_TRUE(command(register_frame(0x25, 1000, 16),
                      {{kData, 512}, {kData + 0x1000, 7168}, {kData + 0x4000, 512}}));
  expect_disk(kData, 1000, 512);
  expect_disk(kData + 0x1000, 1001, 7168);
  expect_disk(kData + 0x4000, 1015, 512);
  EXPECT_EQ(moved(0, 0), 8192u);
  EXPECT_EQ(port(0, kPxTfd), 0x50u);
  EXPECT_EQ(bench.ram.pins, 0);
}

// Pieces of any even size: sectors begin and end in the middle of them.
TEST_F(AhciTest, ReadDmaIntoOddPieces) {
  start_port(0);
  ASSERT_TRUE(
      command(register_frame(0x25, 5, 2), {{kData, 100}, {kData + 100, 400}, {kData + 500, 524}}));
  expect_disk(kData, 5, 1024);
}

TEST_F(AhciTest, LongReadGoesInPieces) {
  start_port(0);
  ASSERT_TRUE(command(register_frame(0x25, 0, 4096), {{kData, 0x200000}}));
  expect_disk(kData, 0, 0x200000);
  EXPECT_GE(disk.reads, 2);
}

TEST_F(AhciTest, WriteDma) {
  start_port(0);
  for (u64 i = 0; i < 1024; ++i) bench.ram[kData + i] = low<u8>(i * 3);
  ASSERT_TRUE(command(register_frame(0x35, 77, 2), {{kData, 1024}}, kWriteFlag));
  for (u64 i = 0; i < 1024; ++i) ASSERT_EQ(disk.bytes[77 * 512 + i], low<u8>(i * 3));
  EXPECT_EQ(disk.bytes[76 * 512], pattern(76 * 512));
}

TEST_F(AhciTest, ReadAndWriteByPio) {
  start_port(0);
  ASSERT_TRUE(command(register_frame(0x24, 9, 3), {{kData, 1536}}));
  expect_disk(kData, 9, 1536);
  EXPECT_EQ(moved(0, 0), 1536u);
  std::fill_n(&bench.ram[kData], 1024, u8{0x5a});
  ASSERT_TRUE(command(register_frame(0x34, 20, 2), {{kData, 1024}}, kWriteFlag));
  EXPECT_EQ(disk.bytes[20 * 512], 0x5a);
  EXPECT_EQ(disk.bytes[21 * 512 + 511], 0x5a);
  EXPECT_EQ(disk.bytes[22 * 512], pattern(22 * 512));
}

TEST_F(AhciTest, ManyCommandsInTheListRunInOrderOfSlots) {
  start_port(0);
  for (unsigned slot = 0; slot < 32; ++slot) {
    prepare(0, slot, register_frame(0x25, slot * 10, 1), {{kData + slot * 512, 512}});
  }
  set_port(0, kPxCi, ~0u);
  EXPECT_EQ(port(0, kPxCi), ~0u);
  disk.complete_all();
  EXPECT_EQ(port(0, kPxCi), 0u);
  for (unsigned slot = 0; slot < 32; ++slot) expect_disk(kData + slot * 512, slot * 10, 512);
}

TEST_F(AhciTest, FlushAndTrim) {
  start_port(0);
  ASSERT_TRUE(command(register_frame(0xea, 0, 0)));
  EXPECT_EQ(disk.flushes, 1);
  bench.ram.put<u64>(kData, u64{8} << 48 | 100);
  ASSERT_TRUE(command(register_frame(0x06, 0, 1, 1), {{kData, 512}}, kWriteFlag));
  EXPECT_EQ(disk.discards, 1);
}

TEST_F(AhciTest, ErrorStopsTheListUntilTheGuestStartsItAgain) {
  start_port(0);
  set_port(0, kPxIs, ~0u);
  prepare(0, 0, register_frame(0x25, kDiskSectors, 1), {{kData, 512}});
  prepare(0, 1, register_frame(0x25, 3, 1), {{kData, 512}});
  set_port(0, kPxCi, 3);
  disk.complete_all();
  EXPECT_EQ(port(0, kPxCi), 3u);
  EXPECT_EQ(port(0, kPxIs), kTfes | kDhrs);
  EXPECT_EQ(port(0, kPxTfd), 0x0441u);
  EXPECT_EQ(moved(0, 0), 0u);
  recover(0);
  EXPECT_EQ(port(0, kPxCi), 0u);
  ASSERT_TRUE(command(register_frame(0x25, 3, 1), {{kData, 512}}));
  expect_disk(kData, 3, 512);
}

TEST_F(AhciTest, FailedReadOfTheDisk) {
  start_port(0);
  prepare(0, 4, register_frame(0x25, 3, 1), {{kData, 512}});
  issue(0, 4);
  disk.fail_next(EIO);
  EXPECT_EQ(port(0, kPxCi), 0x10u);
  EXPECT_EQ(port(0, kPxTfd), 0x0441u);
  EXPECT_TRUE((port(0, kPxIs) & kTfes) != 0);
  EXPECT_EQ(bench.ram.pins, 0);
}

TEST_F(AhciTest, LinkResetBringsTheSignatureAgain) {
  start_port(0);
  ASSERT_TRUE(command(register_frame(0xec, 0, 0), {{kData, 512}}));
  stop_list(0);
  set_port(0, kPxSctl, 0x301);
  set_port(0, kPxSctl, 0x300);
  EXPECT_EQ(port(0, kPxSig), 0x00000101u);
  EXPECT_EQ(port(0, kPxTfd), 0x0130u);
  EXPECT_EQ(port(0, kPxSsts), 0x113u);
  EXPECT_EQ(port(0, kPxSctl), 0x300u);
}

/// As ahci_do_softreset: two frames, the first with "clear busy".
TEST_F(AhciTest, SoftwareReset) {
  start_port(1);
  set_port(1, kPxIs, ~0u);
  Frame frame{0x27, 0};
  frame[15] = 0x04;
  prepare(1, 0, frame, {}, 0x500);
  issue(1, 0);
  EXPECT_EQ(port(1, kPxCi), 0u);
  frame[15] = 0;
  prepare(1, 0, frame, {});
  issue(1, 0);
  EXPECT_EQ(port(1, kPxCi), 0u);
  EXPECT_EQ(port(1, kPxSig), 0xeb140101u);
  EXPECT_EQ(port(1, kPxIs), kDhrs);
}

TEST_F(AhciTest, ControllerReset) {
  start_port(0);
  set_host(kGhc, kGhcReset | kGhcInterruptEnable);
  EXPECT_EQ(host(kGhc), kGhcAhciEnable);
  EXPECT_EQ(port(0, kPxCmd), 0x06u);
  EXPECT_EQ(port(0, kPxIs), 0u);
  EXPECT_EQ(port(0, kPxIe), 0u);
  EXPECT_EQ(port(0, kPxSig), 0xffffffffu);
  EXPECT_FALSE(intx());
}

// CVE-2023-5088: a reset in the middle of a long write writes nothing to the beginning of the disk.
TEST_F(AhciTest, ResetInTheMiddleOfAWrite) {
  start_port(0);
  prepare(0, 0, register_frame(0x35, 2000, 4096), {{kData, 0x200000}}, kWriteFlag);
  std::fill_n(&bench.ram[kData], 0x200000, u8{0xee});
  issue(0, 0);
  ASSERT_EQ(disk.pending.size(), 1u);
  stop_list(0);
  set_port(0, kPxSctl, 0x301);
  set_port(0, kPxSctl, 0x300);
  EXPECT_EQ(port(0, kPxTfd) & 0x80, 0x80u) << "busy until the disk has let go";
  disk.complete_all();
  EXPECT_EQ(port(0, kPxTfd), 0x0130u);
  EXPECT_EQ(disk.writes, 1) << "the next piece is not begun";
  EXPECT_EQ(disk.bytes[0], pattern(0));
  EXPECT_EQ(disk.bytes[1999 * 512], pattern(1999 * 512));
  EXPECT_EQ(bench.ram.pins, 0);
  start_port(0);
  ASSERT_TRUE(command(register_frame(0x25, 1, 1), {{kData, 512}}));
  expect_disk(kData, 1, 512);
}

TEST_F(AhciTest, MessagesInsteadOfThePin) {
  bench.pci.config_write(kDevfn, kMsiAddress, 0xfee01000, 4);
  bench.pci.config_write(kDevfn, kMsiData, 0x4051, 2);
  bench.pci.config_write(kDevfn, kMsiControl, 0x71, 2);
  EXPECT_EQ(bench.pci.config_read(kDevfn, kMsiControl, 2), 0x81u) << "one message";
  start_port(0);
  set_port(0, kPxIs, ~0u);
  bench.msi.sent.clear();
  ASSERT_TRUE(command(register_frame(0x25, 3, 1), {{kData, 512}}));
  EXPECT_FALSE(intx());
  ASSERT_EQ(bench.msi.sent.size(), 1u);
  EXPECT_EQ(bench.msi.sent[0], (std::pair<u64, u32>{0xfee01000, 0x4051}));
  // Nothing new: no message. When it is told, and something is left: one.
  ASSERT_TRUE(command(register_frame(0x25, 3, 1), {{kData, 512}}));
  EXPECT_EQ(bench.msi.sent.size(), 1u);
  set_host(kIs, 1);
  EXPECT_EQ(bench.msi.sent.size(), 2u);
  set_port(0, kPxIs, ~0u);
  set_host(kIs, 1);
  EXPECT_EQ(bench.msi.sent.size(), 2u);
}

TEST_F(AhciTest, TheLineFollowsTheMasks) {
  start_port(0);
  ASSERT_TRUE(command(register_frame(0xec, 0, 0), {{kData, 512}}));
  EXPECT_TRUE(intx());
  set_host(kGhc, kGhcAhciEnable);
  EXPECT_FALSE(intx());
  set_host(kGhc, kGhcAhciEnable | kGhcInterruptEnable);
  EXPECT_TRUE(intx());
  set_port(0, kPxIe, 0);
  EXPECT_FALSE(intx());
}

TEST_F(AhciTest, InquiryByPioAndReadByDma) {
  start_port(1);
  ASSERT_TRUE(packet({ide::kInquiry, 0, 0, 0, 36}, {{kData, 36}}, false));
  EXPECT_EQ(bench.ram[kData], 0x05);
  EXPECT_EQ(moved(1, 0), 36u);
  // The disc that lies there has come with the drive: no attention.
  ASSERT_TRUE(packet({ide::kRead10, 0, 0, 0, 0, 16, 0, 0, 3}, {{kData, 3 * 2048}}, true));
  expect_disk(kData, 16 * 4, 3 * 2048, 77);
  EXPECT_EQ(moved(1, 0), 3u * 2048);
}

TEST_F(AhciTest, ReadOfTheDiscByPioInBlocksOfTheByteCount) {
  start_port(1);
  ASSERT_TRUE(packet({ide::kRead10, 0, 0, 0, 0, 20, 0, 0, 2}, {{kData, 4096}}, false, 0x200));
  expect_disk(kData, 20 * 4, 4096, 77);
}

TEST_F(AhciTest, CheckConditionAndSense) {
  start_port(1);
  cd.medium = false;
  EXPECT_FALSE(packet({ide::kTestUnitReady}, {}, false));
  EXPECT_EQ(port(1, kPxTfd), 0x2041u);
  EXPECT_TRUE((port(1, kPxIs) & kTfes) != 0);
  recover(1);
  ASSERT_TRUE(packet({ide::kRequestSense, 0, 0, 0, 18}, {{kData, 18}}, false));
  EXPECT_EQ(bench.ram[kData + 2], 0x02);
  EXPECT_EQ(bench.ram[kData + 12], 0x3a);
}

// More data than descriptors: the rest is lost, the command ends.
TEST_F(AhciTest, PacketWithTooFewDescriptors) {
  start_port(1);
  bench.ram[kData + 2048] = 0x11;
  ASSERT_TRUE(packet({ide::kRead10, 0, 0, 0, 0, 16, 0, 0, 3}, {{kData, 2048}}, true));
  expect_disk(kData, 16 * 4, 2048, 77);
  EXPECT_EQ(bench.ram[kData + 2048], 0x11);
}

TEST_F(AhciTest, DetachedDiskIsNoLongerThere) {
  start_port(0);
  prepare(0, 0, register_frame(0x25, 1, 1), {{kData, 512}});
  prepare(0, 1, queued_frame(false, 1, 1, 1), {{kData, 512}});
  set_port(0, kPxSact, 2);
  set_port(0, kPxCi, 3);
  controller->detach_drive(0);
  controller->detach_drive(0);
  EXPECT_FALSE(controller->has_drive(0));
  EXPECT_TRUE(controller->has_drive(1));
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(disk.listener, nullptr);
  EXPECT_EQ(port(0, kPxSsts), 0u);
  issue(0, 0);
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(bench.ram.pins, 0);
}

}  // namespace
}  // namespace ahci
