// Bus-master DMA as Linux's ata_piix does it, and the odd cases of descriptor tables.
#include "tests/device/ide/ide_fixture.h"

namespace ide {
namespace {

class DmaTest : public IdeTest {
 protected:
  static constexpr u32 kTable = 0x10000;
  static constexpr u32 kBuffer = 0x100000;

  std::vector<u8> memory(u32 gpa, std::size_t count) {
    std::vector<u8> bytes(count);
    EXPECT_TRUE(bench.ram.read(gpa, bytes));
    return bytes;
  }
  void fill(u32 gpa, std::size_t count, u8 value) {
    EXPECT_TRUE(bench.ram.write(gpa, std::vector<u8>(count, value)));
  }
  void start_read(u64 lba, u32 count, const std::vector<Region>& regions) {
    prd_table(kTable, regions);
    bm_setup(kPrimary, kTable, true);
    task_file_ext(kPrimary, lba, count);
    command(kPrimary, kReadDmaExt);
    bm_start(kPrimary);
  }
  void start_write(u64 lba, u32 count, const std::vector<Region>& regions) {
    prd_table(kTable, regions);
    bm_setup(kPrimary, kTable, false);
    task_file_ext(kPrimary, lba, count);
    command(kPrimary, kWriteDmaExt);
    bm_start(kPrimary);
  }
};

TEST_F(DmaTest, ReadGoesStraightToGuestPages) {
  start_read(1000, 8, {{kBuffer, 4096}});
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmActive);
  EXPECT_EQ(bench.ram.pins, 1);
  EXPECT_FALSE(bench.irq.level(14));
  disk.complete_all();
  EXPECT_EQ(bench.ram.pins, 0);
  // ata_bmdma_irq: interrupt bit, altstatus, stop, status, clear.
  EXPECT_TRUE(bench.irq.level(14));
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmInterrupt);
  EXPECT_EQ(alternate(), 0x50);
  bm_stop(kPrimary);
  EXPECT_EQ(status(), 0x50);
  EXPECT_FALSE(bench.irq.level(14));
  bench.outb(kBmBase + kBmStatus, kBmInterrupt);
  EXPECT_EQ(bm_status(kPrimary) & 7, 0);
  EXPECT_TRUE(holds(memory(kBuffer, 4096), 1000));
  EXPECT_EQ(memory(kBuffer + 4096, 1)[0], 0);
  EXPECT_EQ(disk.reads, 1);
}

TEST_F(DmaTest, WriteFromScatteredMemory) {
  fill(kBuffer, 512, 1);
  fill(kBuffer + 0x3000, 1024, 2);
  fill(kBuffer + 0x9000, 2560, 3);
  start_write(64, 8, {{kBuffer, 512}, {kBuffer + 0x3000, 1024}, {kBuffer + 0x9000, 2560}});
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(disk.bytes[64 * 512], 1);
  EXPECT_EQ(disk.bytes[65 * 512], 2);
  EXPECT_EQ(disk.bytes[67 * 512], 3);
  EXPECT_EQ(disk.bytes[72 * 512 - 1], 3);
  EXPECT_EQ(disk.bytes[72 * 512], pattern(72 * 512));
  EXPECT_EQ(disk.writes, 1);
}

TEST_F(DmaTest, EngineStartedBeforeTheCommand) {
  prd_table(kTable, {{kBuffer, 512}});
  bm_setup(kPrimary, kTable, true);
  bm_start(kPrimary);
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmActive);
  task_file(kPrimary, 3, 1);
  command(kPrimary, kReadDma);
  disk.complete_all();
  EXPECT_TRUE(holds(memory(kBuffer, 512), 3));
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmInterrupt);
}

// 2.7.3: descriptors for more than the command leaves the engine active with its interrupt bit.
TEST_F(DmaTest, LongTableStaysActive) {
  start_read(0, 1, {{kBuffer, 1024}});
  disk.complete_all();
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmActive | kBmInterrupt);
  EXPECT_EQ(memory(kBuffer + 512, 512), std::vector<u8>(512));
  bm_stop(kPrimary);
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmInterrupt);
}

TEST_F(DmaTest, ShortTableEndsWithoutAnInterrupt) {
  start_read(0, 8, {{kBuffer, 1024}});
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(bm_status(kPrimary) & 7, 0);
  EXPECT_FALSE(bench.irq.level(14));
  EXPECT_EQ(alternate(), 0x50);
  EXPECT_EQ(memory(kBuffer, 1024), std::vector<u8>(1024));
}

TEST_F(DmaTest, ZeroCountMeans64KiB) {
  start_read(200, 256, {{0x80000, 0}, {kBuffer, 0}});
  disk.complete_all();
  EXPECT_TRUE(holds(memory(0x80000, 65536), 200));
  EXPECT_TRUE(holds(memory(kBuffer, 65536), 328));
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmInterrupt);
}

TEST_F(DmaTest, TableWithoutEndStopsAfterAPage) {
  for (u32 i = 0; i < 600; ++i) {
    bench.ram.put<u32>(kTable + i * 8, kBuffer + i * 512);
    bench.ram.put<u32>(kTable + i * 8 + 4, 512);
  }
  bm_setup(kPrimary, kTable, true);
  task_file_ext(kPrimary, 0, 512);
  command(kPrimary, kReadDmaExt);
  bm_start(kPrimary);
  disk.complete_all();
  EXPECT_TRUE(holds(memory(kBuffer, 512 * 512), 0));
  EXPECT_EQ(memory(kBuffer + 512 * 512, 512), std::vector<u8>(512));
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmInterrupt);
}

TEST_F(DmaTest, TinyRegionsAreBounced) {
  std::vector<Region> regions;
  for (u32 i = 0; i < 512; ++i) regions.push_back({kBuffer + i * 4, 2});
  start_read(77, 2, regions);
  disk.complete_all();
  for (u32 i = 0; i < 512; ++i) {
    ASSERT_EQ(bench.ram.get<u8>(kBuffer + i * 4), pattern(77 * 512 + i * 2));
    ASSERT_EQ(bench.ram.get<u16>(kBuffer + i * 4 + 2), 0);
  }
  EXPECT_EQ(bench.ram.pins, 0);
}

TEST_F(DmaTest, ShortPinsBecomeSegments) {
  bench.ram.pin_limit = 700;  // not a multiple of a sector
  start_read(10, 64, {{kBuffer, 32768}});
  disk.complete_all();
  EXPECT_TRUE(holds(memory(kBuffer, 32768), 10));
  bench.ram.pin_limit = 100;
  fill(kBuffer, 32768, 0x66);
  start_write(10, 64, {{kBuffer, 32768}});
  disk.complete_all();
  EXPECT_EQ(disk.bytes[10 * 512], 0x66);
  EXPECT_EQ(disk.bytes[74 * 512 - 1], 0x66);
  EXPECT_EQ(disk.bytes[74 * 512], pattern(74 * 512));
  EXPECT_EQ(bench.ram.pins, 0);
}

TEST_F(DmaTest, LargeCommandGoesInPieces) {
  std::vector<Region> regions;
  for (u32 i = 0; i < 40; ++i) regions.push_back({kBuffer + i * 0x10000, 0});
  start_read(0, 5120, regions);  // 2.5 MiB
  disk.complete_all();
  EXPECT_TRUE(holds(memory(kBuffer, 5120 * 512), 0));
  EXPECT_EQ(disk.reads, 3);
  EXPECT_EQ(bench.irq.take_edges(14), 1);
}

TEST_F(DmaTest, ErrorsAbortAndStopTheEngine) {
  start_read(0, 1, {{kBuffer, 512}});
  disk.fail_next(EIO);
  EXPECT_TRUE(bench.irq.level(14));
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmInterrupt);
  EXPECT_EQ(status(), 0x41);
  EXPECT_EQ(bench.ram.pins, 0);
  bm_stop(kPrimary);
  start_read(kDiskSectors - 1, 2, {{kBuffer, 1024}});
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(status(), 0x41);
}

TEST_F(DmaTest, MemoryThatIsNotThere) {
  // Reads are lost,
  start_read(0, 2, {{0xf0000000, 512}, {kBuffer, 512}});
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_TRUE(holds(memory(kBuffer, 512), 1));
  bm_stop(kPrimary);
  // writes refused,
  start_write(0, 1, {{0xf0000000, 512}});
  disk.complete_all();
  EXPECT_EQ(status(), 0x41);
  EXPECT_EQ(disk.bytes[0], pattern(0));
  EXPECT_EQ(bm_status(kPrimary) & kBmActive, 0);
  bm_stop(kPrimary);
  // and a table nowhere is a bus error.
  bm_setup(kPrimary, 0xf0000000, true);
  task_file(kPrimary, 0, 1);
  command(kPrimary, kReadDma);
  bm_start(kPrimary);
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmError | kBmInterrupt);
  EXPECT_EQ(status(), 0x41);
}

TEST_F(DmaTest, BusMasteringOffReachesNoMemory) {
  bench.pci.config_write(kDevfn, pci::kCommand, 0x0001, 2);
  start_write(0, 1, {{kBuffer, 512}});
  disk.complete_all();
  EXPECT_EQ(disk.bytes[0], pattern(0));
  EXPECT_EQ(bm_status(kPrimary) & kBmError, kBmError);
}

// CVE-2023-5088: a reset in the middle of a write must not send it to sector 0.
TEST_F(DmaTest, SoftwareResetInAWriteTouchesNothingElse) {
  fill(kBuffer, 0x300000, 0xee);
  std::vector<Region> regions;
  for (u32 i = 0; i < 40; ++i) regions.push_back({kBuffer + i * 0x10000, 0});
  start_write(8192, 5120, regions);
  ASSERT_EQ(disk.pending.size(), 1u);
  bench.outb(kPrimaryControl, 0x04);
  bench.outb(kPrimaryControl, 0x00);
  EXPECT_EQ(alternate() & kStatusBsy, kStatusBsy);
  disk.complete_all();
  EXPECT_EQ(disk.writes, 1);  // the piece under way, and no further one
  EXPECT_EQ(bench.ram.pins, 0);
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bm_status(kPrimary) & kBmActive, 0);
  for (u64 i = 0; i < 8192 * 512; ++i) ASSERT_EQ(disk.bytes[i], pattern(i)) << i;
  bm_stop(kPrimary);
  bm_start(kPrimary);  // with no command: nothing
  EXPECT_TRUE(disk.pending.empty());
  bm_stop(kPrimary);
  start_read(4, 1, {{kBuffer, 512}});
  disk.complete_all();
  EXPECT_TRUE(holds(memory(kBuffer, 512), 4));
}

TEST_F(DmaTest, PciResetInAReadWritesNoMemoryLater) {
  start_read(0, 8, {{kBuffer, 4096}});
  controller->reset();
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(bench.ram.pins, 0);
  fill(kBuffer, 4096, 0x11);
  disk.complete_all();
  EXPECT_EQ(memory(kBuffer, 4096), std::vector<u8>(4096, 0x11));
  EXPECT_EQ(status(), 0x50);
}

TEST_F(DmaTest, ResetForgetsACommandThatWaitsForItsStart) {
  prd_table(kTable, {{kBuffer, 512}});
  bm_setup(kPrimary, kTable, false);
  task_file(kPrimary, 9, 1);
  command(kPrimary, kWriteDma);
  EXPECT_EQ(alternate(), 0x58);
  bench.outb(kPrimaryControl, 0x04);
  bench.outb(kPrimaryControl, 0x00);
  bm_start(kPrimary);
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(status(), 0x50);
}

TEST_F(DmaTest, StopUnderWayLetsTheCommandFinish) {
  start_read(0, 8, {{kBuffer, 4096}});
  bm_stop(kPrimary);
  EXPECT_EQ(bm_status(kPrimary) & kBmActive, kBmActive);  // memory is still in use
  bm_start(kPrimary);
  bm_stop(kPrimary);
  EXPECT_EQ(disk.pending.size(), 1u);
  disk.complete_all();
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmInterrupt);
  EXPECT_EQ(status(), 0x50);
}

TEST_F(DmaTest, RegisterBits) {
  EXPECT_EQ(bench.inb(kBmBase), 0);
  EXPECT_EQ(bench.inb(kBmBase + 2), 0);
  bench.outl(kBmBase + 4, 0xffffffff);
  EXPECT_EQ(bench.inl(kBmBase + 4), 0xfffffffcu);
  bench.outb(kBmBase + 5, 0x12);
  EXPECT_EQ(bench.inl(kBmBase + 4), 0xffff12fcu);
  EXPECT_EQ(bench.inl(kBmBase + 12), 0u);
  bench.outb(kBmBase, 0xfe);
  EXPECT_EQ(bench.inb(kBmBase), 8);
  bench.outb(kBmBase + 2, 0xff);
  EXPECT_EQ(bench.inb(kBmBase + 2), 0x60);
  EXPECT_EQ(bench.inb(kBmBase + 1), 0xff);
}

TEST_F(DmaTest, WriteCacheOffFlushesBeforeTheInterrupt) {
  bench.outb(kPrimary + kError, kDisableWriteCache);
  command(kPrimary, kSetFeatures);
  disk.complete_all();
  status();
  start_write(0, 1, {{kBuffer, 512}});
  disk.complete_all();
  EXPECT_EQ(disk.flushes, 2);
  EXPECT_EQ(status(), 0x50);
}

// ACS-2 7.9.
TEST_F(DmaTest, TrimDiscardsItsRanges) {
  fill(kBuffer, 512, 0);
  bench.ram.put<u64>(kBuffer, u64{16} << 48 | 100);
  bench.ram.put<u64>(kBuffer + 16, u64{1} << 48 | 500);
  const auto trim = [this](u8 feature) {
    prd_table(kTable, {{kBuffer, 512}});
    bm_setup(kPrimary, kTable, false);
    task_file(kPrimary, 0, 1);
    bench.outb(kPrimary + kError, feature);
    command(kPrimary, kDataSetManagement);
    bm_start(kPrimary);
    disk.complete_all();
    bm_stop(kPrimary);
    return status();
  };
  EXPECT_EQ(trim(kDsmTrim), 0x50);
  EXPECT_EQ(disk.discards, 2);
  EXPECT_EQ(disk.bytes[100 * 512], 0);
  EXPECT_EQ(disk.bytes[116 * 512 - 1], 0);
  EXPECT_EQ(disk.bytes[116 * 512], pattern(116 * 512));
  bench.ram.put<u64>(kBuffer, u64{2} << 48 | (kDiskSectors - 1));
  EXPECT_EQ(trim(kDsmTrim), 0x41);
  EXPECT_EQ(disk.discards, 2);
  EXPECT_EQ(trim(0), 0x41);
}

TEST_F(DmaTest, SlaveDriveHasItsOwnData) {
  build({disk_config(), DriveConfig{.backend = &other}, std::nullopt, std::nullopt});
  prd_table(kTable, {{kBuffer, 512}});
  bm_setup(kPrimary, kTable, false);
  fill(kBuffer, 512, 0x99);
  task_file(kPrimary, 2, 1, 1);
  command(kPrimary, kWriteDma);
  bm_start(kPrimary);
  other.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(other.bytes[1024], 0x99);
  EXPECT_EQ(disk.bytes[1024], pattern(1024));
}

}  // namespace
}  // namespace ide
