// The hard disk by PIO, as a BIOS and an operating system's probing drive it.
#include "tests/device/ide/ide_fixture.h"

namespace ide {
namespace {

using AtaTest = IdeTest;

TEST_F(AtaTest, ConfigurationSpaceSaysLegacyIde) {
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0, 4), 0x70108086u);
  EXPECT_EQ(bench.pci.config_read(kDevfn, 8, 4), 0x01018000u);
  EXPECT_EQ(bench.pci.config_read(kDevfn, pci::kStatus, 2), 0x0280u);
  EXPECT_EQ(bench.pci.config_read(kDevfn, pci::bar_register(4), 4), 0xc001u);
  bench.pci.config_write(kDevfn, 0x40, 0x8000, 2);
  bench.pci.config_write(kDevfn, 0x42, 0x8000, 2);
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x40, 4), 0x80008000u);
  bench.pci.config_write(kDevfn, pci::bar_register(4), 0xffffffff, 4);
  EXPECT_EQ(bench.pci.config_read(kDevfn, pci::bar_register(4), 4), 0xfffffff1u);
}

// Linux's ata_piix looks at bit 15 of a channel's IDETIM when it wakes up from S3, where no
// firmware has set it again.
TEST_F(AtaTest, ChannelsStayEnabledOverAReset) {
  bench.pci.config_write(kDevfn, 0x40, 0x8000, 2);
  bench.pci.config_write(kDevfn, 0x42, 0xc033, 2);
  bench.pci.config_write(kDevfn, 0x44, 0x5a, 1);
  controller->reset();
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x40, 4), 0xc0338000u);
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x44, 1), 0x5au);
  EXPECT_EQ(bench.pci.config_read(kDevfn, pci::kCommand, 2), 0u);
}

// ATA/ATAPI-7 volume 1, 5 and table 11: the signature after power-on.
TEST_F(AtaTest, TaskFileAfterPowerOnIsTheSignature) {
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bench.inb(kPrimary + kSectorCount), 1);
  EXPECT_EQ(bench.inb(kPrimary + kLbaLow), 1);
  EXPECT_EQ(bench.inb(kPrimary + kLbaMid), 0);
  EXPECT_EQ(bench.inb(kPrimary + kLbaHigh), 0);
  EXPECT_EQ(bench.inb(kSecondary + kLbaMid), 0x14);
  EXPECT_EQ(bench.inb(kSecondary + kLbaHigh), 0xeb);
}

TEST_F(AtaTest, IdentifyHasTheNamesThatGuestsKnow) {
  const std::vector<u8> data = identify(kPrimary, kIdentifyDevice);
  EXPECT_TRUE(bench.irq.level(14));
  EXPECT_EQ(status(), 0x50);
  EXPECT_FALSE(bench.irq.level(14));
  EXPECT_EQ(text(data, 27, 20), "QEMU HARDDISK");
  EXPECT_EQ(text(data, 10, 10), "QM00001");
  EXPECT_EQ(text(data, 23, 4), "2.5+");
  EXPECT_EQ(word(data, 0), 0x0040);
  EXPECT_EQ(word(data, 1), 20);  // 20480 / (16 * 63)
  EXPECT_EQ(word(data, 3), 16);
  EXPECT_EQ(word(data, 6), 63);
  EXPECT_EQ(word(data, 47), 0x8010);
  EXPECT_EQ(word(data, 49), 0x0b00);
  EXPECT_EQ(word(data, 59), 0x0110);
  EXPECT_EQ(word(data, 60), kDiskSectors);
  EXPECT_EQ(word(data, 80), 0x00f0);
  EXPECT_EQ(word(data, 82), 0x4021);
  EXPECT_EQ(word(data, 83), 0x7400);
  EXPECT_EQ(word(data, 85), 0x4021);
  EXPECT_EQ(word(data, 86), 0x3400);
  EXPECT_EQ(word(data, 88), 0x203f);
  EXPECT_EQ(word(data, 93), 0x6001);
  EXPECT_EQ(word(data, 100), kDiskSectors);
  EXPECT_EQ(word(data, 106), 0x6000);
  EXPECT_EQ(word(data, 169), 1);
}

TEST_F(AtaTest, SerialNumbersFollowTheCable) {
  build({disk_config(), std::nullopt, std::nullopt, DriveConfig{.backend = &other}});
  EXPECT_EQ(text(identify(kSecondary, kIdentifyDevice, 1), 10, 10), "QM00004");
  DriveConfig named{.backend = &other, .serial = "ABC", .model = "Disk", .firmware = "9"};
  build({named, std::nullopt, std::nullopt, std::nullopt});
  const std::vector<u8> data = identify(kPrimary, kIdentifyDevice);
  EXPECT_EQ(text(data, 10, 10), "ABC");
  EXPECT_EQ(text(data, 27, 20), "Disk");
  EXPECT_EQ(text(data, 23, 4), "9");
}

TEST_F(AtaTest, SizesBeyondLba28AreInWords100) {
  disk.bytes.clear();
  class Huge final : public BlockBackend {
   public:
    bool has_medium() const override { return true; }
    BlockInfo info() const override { return {.sectors = u64{1} << 33}; }
    void submit(BlockRequest& request) override { last = &request; }
    void drain() override {
      if (last != nullptr) std::exchange(last, nullptr)->done(0);
    }
    void set_listener(BlockListener* /*listener*/) override {}
    void tray_locked(bool /*locked*/) override {}
    void tray_moved(bool /*open*/) override {}
    BlockRequest* last = nullptr;
  } huge;
  build({DriveConfig{.backend = &huge}, std::nullopt, std::nullopt, std::nullopt});
  const std::vector<u8> data = identify(kPrimary, kIdentifyDevice);
  EXPECT_EQ(word(data, 1), 16383);
  EXPECT_EQ(word(data, 60) | word(data, 61) << 16, (1 << 28) - 1);
  EXPECT_EQ(word(data, 102), 2);
  task_file_ext(kPrimary, (u64{1} << 33) - 1, 1);
  command(kPrimary, kReadSectorsExt);
  ASSERT_NE(huge.last, nullptr);
  EXPECT_EQ(huge.last->sector, (u64{1} << 33) - 1);
  huge.drain();
  EXPECT_EQ(status(), 0x58);
  controller.reset();
}

// SeaBIOS: nIEN set, READ SECTORS, poll for DRQ, rep insw a sector at a time.
TEST_F(AtaTest, BiosReadsManySectorsWithOneRequest) {
  bench.outb(kPrimaryControl, 0x0a);
  task_file(kPrimary, 100, 63);
  command(kPrimary, kReadSectors);
  EXPECT_EQ(alternate(), 0xd0);  // no data before the disk has answered
  EXPECT_EQ(take(kPrimary, 4), std::vector<u8>(4));
  disk.complete_all();
  std::vector<u8> all;
  for (int i = 0; i < 63; ++i) {
    ASSERT_EQ(status(), 0x58) << i;
    const std::vector<u8> one = take(kPrimary, 512);
    all.insert(all.end(), one.begin(), one.end());
  }
  EXPECT_EQ(status(), 0x50);
  EXPECT_TRUE(holds(all, 100));
  EXPECT_EQ(disk.reads, 1);
  EXPECT_FALSE(bench.irq.level(14));  // nIEN
  EXPECT_EQ(bench.inb(kPrimary + kLbaLow), 163);
  EXPECT_EQ(bench.inb(kPrimary + kSectorCount), 0);
}

TEST_F(AtaTest, EachBlockOfAPioReadInterrupts) {
  task_file(kPrimary, 7, 3);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(bench.irq.level(14)) << i;
    EXPECT_EQ(status(), 0x58);
    EXPECT_TRUE(holds(take(kPrimary, 512, 4), 7u + static_cast<u64>(i)));
  }
  EXPECT_FALSE(bench.irq.level(14));
  EXPECT_EQ(bench.irq.take_edges(14), 3);
}

TEST_F(AtaTest, ReadMultipleHasBlocksOfItsSetting) {
  bench.outb(kPrimary + kSectorCount, 8);
  command(kPrimary, kSetMultipleMode);
  EXPECT_EQ(status(), 0x50);
  task_file(kPrimary, 0, 20);
  command(kPrimary, kReadMultiple);
  disk.complete_all();
  EXPECT_EQ(status(), 0x58);
  EXPECT_TRUE(holds(take(kPrimary, 8 * 512), 0));
  EXPECT_EQ(status(), 0x58);
  EXPECT_TRUE(holds(take(kPrimary, 8 * 512), 8));
  EXPECT_EQ(status(), 0x58);
  EXPECT_TRUE(holds(take(kPrimary, 4 * 512), 16));
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bench.irq.take_edges(14), 1 + 3);
  for (const u8 bad : {u8{3}, u8{32}, u8{255}}) {
    bench.outb(kPrimary + kSectorCount, bad);
    command(kPrimary, kSetMultipleMode);
    EXPECT_EQ(status(), 0x41);
    EXPECT_EQ(bench.inb(kPrimary + kError), kErrorAbrt);
  }
}

TEST_F(AtaTest, LongReadsAreFetchedInBuffers) {
  task_file_ext(kPrimary, 10, 1000);
  command(kPrimary, kReadSectorsExt);
  std::vector<u8> all;
  while (all.size() < 1000 * 512) {
    disk.complete_all();
    ASSERT_EQ(alternate(), 0x58);
    const std::vector<u8> one = take(kPrimary, 512);
    all.insert(all.end(), one.begin(), one.end());
  }
  EXPECT_TRUE(holds(all, 10));
  EXPECT_EQ(disk.reads, 4);
  EXPECT_EQ(status(), 0x50);
}

TEST_F(AtaTest, ReadErrorInTheMiddleComesAfterTheGoodBlocks) {
  task_file(kPrimary, 50, 3);
  command(kPrimary, kReadSectors);
  disk.fail_next(EIO);  // the three together
  disk.complete_all();  // the first alone
  EXPECT_EQ(status(), 0x58);
  EXPECT_TRUE(holds(take(kPrimary, 512), 50));
  disk.fail_next(EIO);
  EXPECT_EQ(status(), 0x41);
  EXPECT_EQ(bench.inb(kPrimary + kError), kErrorAbrt);
  EXPECT_EQ(bench.inb(kPrimary + kLbaLow), 51);
}

TEST_F(AtaTest, ReadsUpToTheEndAndNotBeyond) {
  task_file(kPrimary, kDiskSectors - 2, 4);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  EXPECT_TRUE(holds(take(kPrimary, 512), kDiskSectors - 2));
  EXPECT_TRUE(holds(take(kPrimary, 512), kDiskSectors - 1));
  EXPECT_EQ(status(), 0x41);
  task_file(kPrimary, kDiskSectors, 1);
  command(kPrimary, kReadSectors);
  EXPECT_EQ(status(), 0x41);
  EXPECT_TRUE(disk.pending.empty());
}

TEST_F(AtaTest, WritesGoOutBlockByBlock) {
  task_file(kPrimary, 30, 2);
  command(kPrimary, kWriteSectors);
  EXPECT_EQ(status(), 0x58);  // the first block without an interrupt
  EXPECT_FALSE(bench.irq.level(14));
  give(kPrimary, std::vector<u8>(512, 0xa5));
  EXPECT_EQ(status(), 0xd0);
  disk.complete_all();
  EXPECT_TRUE(bench.irq.level(14));
  EXPECT_EQ(status(), 0x58);
  give(kPrimary, std::vector<u8>(512, 0x5a));
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(disk.bytes[30 * 512], 0xa5);
  EXPECT_EQ(disk.bytes[31 * 512 + 511], 0x5a);
  EXPECT_EQ(disk.bytes[32 * 512], pattern(32 * 512));
  EXPECT_EQ(disk.flushes, 0);
}

TEST_F(AtaTest, WriteMultipleAndSingleWordAccess) {
  task_file(kPrimary, 0, 16);
  command(kPrimary, kWriteMultiple);
  for (u32 i = 0; i < 16 * 256; ++i) bench.outw(kPrimary, low<u16>(i));
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  for (u32 i = 0; i < 16 * 256; ++i) ASSERT_EQ(load_le<u16>(&disk.bytes[i * 2]), low<u16>(i));
}

TEST_F(AtaTest, WriteErrorAborts) {
  task_file(kPrimary, 0, 1);
  command(kPrimary, kWriteSectors);
  give(kPrimary, std::vector<u8>(512));
  disk.fail_next(ENOSPC);
  EXPECT_EQ(status(), 0x41);
}

TEST_F(AtaTest, FlushWaitsForTheBackEnd) {
  command(kPrimary, kFlushCache);
  EXPECT_EQ(alternate() & kStatusBsy, kStatusBsy);
  EXPECT_FALSE(bench.irq.level(14));
  disk.complete_all();
  EXPECT_EQ(disk.flushes, 1);
  EXPECT_TRUE(bench.irq.level(14));
  EXPECT_EQ(status(), 0x50);
  command(kPrimary, kFlushCacheExt);
  disk.fail_next(EIO);
  EXPECT_EQ(status(), 0x41);
}

// Volume 1, 6.49.2: with the cache off a write is done when it is durable.
TEST_F(AtaTest, WriteCacheOffFlushesEachWrite) {
  identify(kPrimary, kIdentifyDevice);
  bench.outb(kPrimary + kError, kDisableWriteCache);
  command(kPrimary, kSetFeatures);
  disk.complete_all();
  EXPECT_EQ(disk.flushes, 1);
  EXPECT_EQ(word(identify(kPrimary, kIdentifyDevice), 85), 0x4001);
  task_file(kPrimary, 3, 1);
  command(kPrimary, kWriteSectors);
  give(kPrimary, std::vector<u8>(512, 1));
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(disk.flushes, 2);
  bench.outb(kPrimary + kError, kEnableWriteCache);
  command(kPrimary, kSetFeatures);
  EXPECT_EQ(word(identify(kPrimary, kIdentifyDevice), 85), 0x4021);
}

TEST_F(AtaTest, TransferModeShowsInIdentify) {
  identify(kPrimary, kIdentifyDevice);
  const auto set = [this](u8 mode) {
    bench.outb(kPrimary + kError, kSetTransferMode);
    bench.outb(kPrimary + kSectorCount, mode);
    command(kPrimary, kSetFeatures);
    return status();
  };
  EXPECT_EQ(set(0x42), 0x50);
  EXPECT_EQ(word(identify(kPrimary, kIdentifyDevice), 88), 0x043f);
  EXPECT_EQ(set(0x22), 0x50);
  const std::vector<u8> data = identify(kPrimary, kIdentifyDevice);
  EXPECT_EQ(word(data, 63), 0x0407);
  EXPECT_EQ(word(data, 88), 0x003f);
  EXPECT_EQ(set(0x0c), 0x50);
  EXPECT_EQ(set(0x88), 0x41);
}

// Volume 1, 6.22 (ATA-5): CHS, then INITIALIZE DEVICE PARAMETERS, as DOS does.
TEST_F(AtaTest, ChsAddressing) {
  select(kPrimary, 0xa0 | 2);  // head 2
  bench.outb(kPrimary + kSectorCount, 1);
  bench.outb(kPrimary + kLbaLow, 5);
  bench.outb(kPrimary + kLbaMid, 3);
  bench.outb(kPrimary + kLbaHigh, 0);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  EXPECT_TRUE(holds(take(kPrimary, 512), (3 * 16 + 2) * 63 + 4));
  select(kPrimary, 0xa0 | 3);  // 4 heads of 17 sectors
  bench.outb(kPrimary + kSectorCount, 17);
  command(kPrimary, kInitDeviceParameters);
  EXPECT_EQ(status(), 0x50);
  select(kPrimary, 0xa0 | 1);
  bench.outb(kPrimary + kSectorCount, 1);
  bench.outb(kPrimary + kLbaLow, 17);
  bench.outb(kPrimary + kLbaMid, 9);
  bench.outb(kPrimary + kLbaHigh, 0);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  EXPECT_TRUE(holds(take(kPrimary, 512), (9 * 4 + 1) * 17 + 16));
  EXPECT_EQ(bench.inb(kPrimary + kLbaLow), 1);  // on to the next track
  EXPECT_EQ(bench.inb(kPrimary + kDevice) & 0xf, 2);
  const std::vector<u8> data = identify(kPrimary, kIdentifyDevice);
  EXPECT_EQ(word(data, 3), 16);
  EXPECT_EQ(word(data, 55), 4);
  EXPECT_EQ(word(data, 56), 17);
}

TEST_F(AtaTest, InitParametersRefusesZeroSectors) {
  bench.outb(kPrimary + kSectorCount, 0);
  command(kPrimary, kInitDeviceParameters);
  EXPECT_EQ(status(), 0x41);
  // Sector 0 of the first track is before the disk.
  select(kPrimary, 0xa0);
  bench.outb(kPrimary + kSectorCount, 1);
  bench.outb(kPrimary + kLbaLow, 0);
  bench.outb(kPrimary + kLbaMid, 0);
  bench.outb(kPrimary + kLbaHigh, 0);
  command(kPrimary, kReadSectors);
  EXPECT_EQ(status(), 0x41);
}

TEST_F(AtaTest, HobShowsThePreviousContents) {
  task_file_ext(kPrimary, 0x665544332211, 0x8877);
  bench.outb(kPrimaryControl, 0x80);
  EXPECT_EQ(bench.inb(kPrimary + kSectorCount), 0x88);
  EXPECT_EQ(bench.inb(kPrimary + kLbaLow), 0x44);
  EXPECT_EQ(bench.inb(kPrimary + kLbaMid), 0x55);
  EXPECT_EQ(bench.inb(kPrimary + kLbaHigh), 0x66);
  bench.outb(kPrimary + kLbaHigh, 0x33);  // any write ends it
  EXPECT_EQ(bench.inb(kPrimary + kLbaLow), 0x11);
}

TEST_F(AtaTest, CommandsWithoutData) {
  for (const u8 opcode : {kRecalibrate, kSeek, kIdle, kStandby, kSleep, kIdleImmediate,
                          kStandbyImmediate, kIdleOld, kSecurityFreezeLock}) {
    command(kPrimary, opcode);
    EXPECT_TRUE(bench.irq.level(14)) << int{opcode};
    EXPECT_EQ(status() & ~kStatusDsc, 0x40) << int{opcode};
  }
  command(kPrimary, kCheckPowerMode);
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bench.inb(kPrimary + kSectorCount), 0xff);
  task_file(kPrimary, 0, 1);
  command(kPrimary, kReadNativeMax);
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bench.inb(kPrimary + kLbaLow) | bench.inb(kPrimary + kLbaMid) << 8, kDiskSectors - 1);
  task_file(kPrimary, kDiskSectors - 1, 1);
  command(kPrimary, kVerify);
  EXPECT_EQ(status(), 0x50);
  task_file(kPrimary, kDiskSectors - 1, 2);
  command(kPrimary, kVerify);
  EXPECT_EQ(status(), 0x41);
  for (const u8 opcode : {u8{kNop}, u8{0xc0}, u8{0xf1}, u8{0xf6}, u8{0x03}, u8{kPacket},
                          u8{kIdentifyPacketDevice}, u8{kDeviceReset}}) {
    command(kPrimary, opcode);
    EXPECT_EQ(status(), 0x41) << int{opcode};
    EXPECT_EQ(bench.inb(kPrimary + kError), kErrorAbrt) << int{opcode};
  }
}

TEST_F(AtaTest, DiagnosticPasses) {
  select(kPrimary, 0xa5);
  command(kPrimary, kExecuteDiagnostic);
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bench.inb(kPrimary + kError), 1);
  EXPECT_EQ(bench.inb(kPrimary + kDevice), 0xa0);
  EXPECT_EQ(bench.inb(kPrimary + kSectorCount), 1);
}

// Volume 1, 6.54.
TEST_F(AtaTest, Smart) {
  const auto smart = [this](u8 feature, u8 sector, u8 high = kSmartHigh) {
    bench.outb(kPrimary + kError, feature);
    bench.outb(kPrimary + kLbaLow, sector);
    bench.outb(kPrimary + kLbaMid, kSmartMid);
    bench.outb(kPrimary + kLbaHigh, high);
    command(kPrimary, kSmart);
    return status();
  };
  const auto sum = [](const std::vector<u8>& data) {
    return std::accumulate(data.begin(), data.end(), 0u) & 0xff;
  };
  EXPECT_EQ(smart(kSmartReadData, 0, 0), 0x41);
  EXPECT_EQ(smart(kSmartReadData, 0), 0x58);
  std::vector<u8> data = take(kPrimary, 512);
  EXPECT_EQ(data[2], 1);
  EXPECT_EQ(sum(data), 0u);
  EXPECT_EQ(smart(kSmartReadThresholds, 0), 0x58);
  data = take(kPrimary, 512);
  EXPECT_EQ(data[3], 6);
  EXPECT_EQ(sum(data), 0u);
  EXPECT_EQ(smart(kSmartReturnStatus, 0), 0x50);
  EXPECT_EQ(bench.inb(kPrimary + kLbaMid), kSmartMid);
  EXPECT_EQ(smart(kSmartDisable, 0), 0x50);
  EXPECT_EQ(smart(kSmartReadData, 0), 0x41);
  EXPECT_EQ(smart(kSmartEnable, 0), 0x50);
  EXPECT_EQ(smart(kSmartAutosave, 0xf1), 0x50);
  EXPECT_EQ(smart(kSmartAutosave, 0x12), 0x41);
  EXPECT_EQ(smart(kSmartReadLog, 0x01), 0x58);
  EXPECT_EQ(sum(take(kPrimary, 512)), 0u);
  EXPECT_EQ(smart(kSmartReadLog, 0x55), 0x41);
}

TEST_F(AtaTest, AbsentDrives) {
  select(kPrimary, 0xb0);
  EXPECT_EQ(status(), 0);
  EXPECT_EQ(bench.inb(kPrimary + kError), 0);
  command(kPrimary, kIdentifyDevice);  // nobody hears it
  EXPECT_EQ(status(), 0);
  EXPECT_FALSE(bench.irq.level(14));
  select(kPrimary, 0xa0);
  EXPECT_EQ(status(), 0x50);

  build({std::nullopt, std::nullopt, std::nullopt, std::nullopt});
  for (unsigned reg = 1; reg < 8; ++reg) EXPECT_EQ(bench.inb(kPrimary + reg), 0) << reg;
  EXPECT_EQ(alternate(), 0);
  EXPECT_EQ(bench.inw(kPrimary), 0);

  build({std::nullopt, disk_config(), std::nullopt, std::nullopt});
  select(kPrimary, 0xa0);
  command(kPrimary, kIdentifyDevice);
  EXPECT_EQ(status(), 0x41);
  EXPECT_EQ(text(identify(kPrimary, kIdentifyDevice, 1), 10, 10), "QM00002");
}

// SeaBIOS ata_reset(): SRST with nIEN, release, wait for not busy, look at the signature.
TEST_F(AtaTest, SoftwareResetShowsTheSignature) {
  task_file(kPrimary, 0x123456, 9);
  bench.outb(kPrimaryControl, 0x0e);
  bench.outb(kPrimaryControl, 0x0a);
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bench.inb(kPrimary + kSectorCount), 1);
  EXPECT_EQ(bench.inb(kPrimary + kLbaLow), 1);
  EXPECT_EQ(bench.inb(kPrimary + kLbaMid), 0);
  EXPECT_EQ(bench.inb(kPrimary + kError), 1);
  bench.outb(kSecondaryControl, 0x04);
  bench.outb(kSecondaryControl, 0x00);
  EXPECT_EQ(status(kSecondary), 0);  // a packet device is not ready before its first command
  EXPECT_EQ(bench.inb(kSecondary + kLbaHigh), 0xeb);
}

TEST_F(AtaTest, SoftwareResetWaitsForARead) {
  task_file(kPrimary, 5, 1);
  command(kPrimary, kReadSectors);
  bench.outb(kPrimaryControl, 0x04);
  bench.outb(kPrimaryControl, 0x00);
  EXPECT_EQ(alternate() & kStatusBsy, kStatusBsy);
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bench.inb(kPrimary + kSectorCount), 1);
  EXPECT_EQ(bench.inw(kPrimary), 0);  // no data
  task_file(kPrimary, 5, 1);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  EXPECT_TRUE(holds(take(kPrimary, 512), 5));
}

TEST_F(AtaTest, OddWidths) {
  EXPECT_EQ(bench.inw(kPrimary + kSectorCount), 0x0101);  // two byte registers
  EXPECT_EQ(bench.inl(kPrimary + kLbaMid) >> 24, 0x50u);
  task_file(kPrimary, 9, 1);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  EXPECT_EQ(bench.inb(kPrimary), pattern(9 * 512));  // a byte takes a word
  EXPECT_EQ(bench.inw(kPrimary), pattern(9 * 512 + 2) | pattern(9 * 512 + 3) << 8);
  std::vector<u8> rest = take(kPrimary, 508);
  EXPECT_EQ(rest[0], pattern(9 * 512 + 4));
  EXPECT_EQ(status(), 0x50);
}

TEST_F(AtaTest, StringAccessEqualsSingleOnes) {
  const auto read = [this](bool strings) {
    task_file(kPrimary, 40, 3);
    command(kPrimary, kReadSectors);
    disk.complete_all();
    std::vector<u8> data(2000);
    if (strings) {
      bench.pio.read_string(kPrimary, 2, data);
    } else {
      for (std::size_t i = 0; i < data.size(); i += 2) {
        store_le(&data[i], bench.inw(kPrimary));
      }
    }
    EXPECT_EQ(status(), 0x50);
    return data;
  };
  EXPECT_EQ(read(true), read(false));
}

TEST_F(AtaTest, PciResetPutsEverythingBack) {
  task_file(kPrimary, 5, 8);
  command(kPrimary, kReadSectors);
  controller->reset();
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(bench.inb(kPrimary + kStatus), 0x50);
  EXPECT_EQ(bench.pci.config_read(kDevfn, pci::kCommand, 2), 0u);
  EXPECT_EQ(bench.inb(kBmBase), 0xff);  // decodes nowhere, not at port 0 either
  EXPECT_EQ(bench.inb(0), 0xff);
  EXPECT_FALSE(bench.irq.level(14));
}

TEST_F(AtaTest, ResizedDiskShowsItsNewSize) {
  identify(kPrimary, kIdentifyDevice);
  disk.bytes.resize(disk.bytes.size() + 1024 * 512);
  disk.listener->resized();
  EXPECT_EQ(word(identify(kPrimary, kIdentifyDevice), 60), kDiskSectors + 1024);
}

TEST_F(AtaTest, DetachedDriveIsGoneAndStaysGone) {
  task_file(kPrimary, 5, 1);
  command(kPrimary, kReadSectors);
  controller->detach_drive(0);
  controller->detach_drive(0);
  controller->detach_drive(1);
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(disk.listener, nullptr);
  EXPECT_FALSE(controller->has_drive(0));
  EXPECT_EQ(status(), 0);
  EXPECT_TRUE(controller->has_drive(2));
  EXPECT_TRUE(controller->is_cdrom(2));
}

TEST(Geometry, FollowsThePartitionTable) {
  EXPECT_EQ(guess_geometry(20480), (Geometry{20, 16, 63, Translation::kNone}));
  EXPECT_EQ(guess_geometry(1024 * 1008), (Geometry{1024, 16, 63, Translation::kNone}));
  EXPECT_EQ(guess_geometry(1025 * 1008), (Geometry{1025, 16, 63, Translation::kLba}));
  EXPECT_EQ(guess_geometry(u64{1} << 40), (Geometry{16383, 16, 63, Translation::kLba}));
  EXPECT_EQ(guess_geometry(1), (Geometry{2, 16, 63, Translation::kNone}));
  std::vector<u8> boot(512);
  boot[510] = 0x55;
  boot[511] = 0xaa;
  boot[0x1be + 5] = 7;   // 8 heads
  boot[0x1be + 6] = 17;  // 17 sectors
  boot[0x1be + 12] = 1;  // not empty
  EXPECT_EQ(guess_geometry(20480, boot), (Geometry{150, 8, 17, Translation::kNone}));
  boot[0x1be + 5] = 254;
  boot[0x1be + 6] = 63;
  EXPECT_EQ(guess_geometry(4000000, boot), (Geometry{3968, 16, 63, Translation::kLarge}));
  EXPECT_EQ(guess_geometry(u64{1} << 30, boot).translation, Translation::kLba);
  boot[0x1be + 6] = 0;  // no sectors: not to be divided by
  EXPECT_EQ(guess_geometry(20480, boot), (Geometry{20, 16, 63, Translation::kNone}));
}

}  // namespace
}  // namespace ide
