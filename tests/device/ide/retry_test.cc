// A machine that stops for an error of its disk (rerror=stop, werror=stop): the guest sees nothing
// of it, and the command goes on when the machine does, here or where its state was taken to.
#include "hw/emul/core/state_codec.h"
#include "tests/device/ide/ide_fixture.h"

namespace ide {
namespace {

constexpr u32 kTable = 0x1000;
constexpr u32 kMemory = 0x20000;

class RetryTest : public IdeTest {
 protected:
  void fail(bench::FakeDisk& of, bool by_policy = true) {
    ASSERT_FALSE(of.pending.empty());
    EXPECT_EQ(of.pending.front()->by_policy, by_policy);
    of.fail_next(by_policy ? core::kRetryLater : EIO);
  }
  /// Stops and goes on, here or, `moved`, by a stream in a controller that was reset.
  void go_on(bool moved) {
    controller->pause();
    EXPECT_TRUE(disk.pending.empty());
    if (moved) {
      const StateSection section = controller->section();
      std::vector<u8> image;
      encode_state(*section.table, section.state, image);
      const i32 status = static_cast<State*>(section.state)->bus[0].error_status |
                         static_cast<State*>(section.state)->bus[1].error_status;
      EXPECT_NE(status, 0);
      controller->reset();
      auto scratch = std::make_unique<State>(*static_cast<State*>(section.state));
      Bytes in = image;
      ASSERT_TRUE(decode_state(*section.table, scratch.get(), section.table->version, in));
      *static_cast<State*>(section.state) = *scratch;
      controller->after_restore();
    }
    controller->resume();
  }
};

class RetryBothWays : public RetryTest, public ::testing::WithParamInterface<bool> {};

TEST_P(RetryBothWays, PioReadOfOneSector) {
  task_file(kPrimary, 20, 1);
  command(kPrimary, kReadSectors);
  fail(disk);
  EXPECT_EQ(alternate(), 0xd0);
  EXPECT_FALSE(bench.irq.level(14));
  go_on(GetParam());
  EXPECT_EQ(alternate(), 0xd0);
  disk.complete_all();
  EXPECT_EQ(status(), 0x58);
  EXPECT_TRUE(holds(take(kPrimary, 512), 20));
}

// What was only read ahead fails quietly; the block that the guest waits for goes by policy.
TEST_P(RetryBothWays, PioReadStopsAtTheBlockThatFails) {
  task_file(kPrimary, 20, 3);
  command(kPrimary, kReadSectors);
  fail(disk, false);
  disk.complete_all();
  EXPECT_TRUE(holds(take(kPrimary, 512), 20));
  fail(disk);
  go_on(GetParam());
  disk.complete_all();
  EXPECT_EQ(status(), 0x58);
  EXPECT_TRUE(holds(take(kPrimary, 512), 21));
  disk.complete_all();
  EXPECT_TRUE(holds(take(kPrimary, 512), 22));
  EXPECT_EQ(status(), 0x50);
}

TEST_P(RetryBothWays, PioWrite) {
  task_file(kPrimary, 30, 2);
  command(kPrimary, kWriteSectors);
  give(kPrimary, std::vector<u8>(512, 0x31));
  fail(disk);
  EXPECT_EQ(alternate(), 0xd0);
  go_on(GetParam());
  disk.complete_all();
  EXPECT_EQ(status(), 0x58);
  give(kPrimary, std::vector<u8>(512, 0x32));
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(disk.bytes[30 * 512], 0x31);
  EXPECT_EQ(disk.bytes[31 * 512], 0x32);
}

TEST_P(RetryBothWays, DmaRead) {
  prd_table(kTable, {{kMemory, 4096}});
  bm_setup(kPrimary, kTable, true);
  task_file(kPrimary, 40, 8);
  command(kPrimary, kReadDma);
  bm_start(kPrimary);
  fail(disk);
  EXPECT_EQ(bm_status(kPrimary) & 0x05, 0x01);
  EXPECT_EQ(alternate() & 0x81, 0);
  go_on(GetParam());
  disk.complete_all();
  EXPECT_EQ(bm_status(kPrimary) & 0x05, 0x04);
  EXPECT_EQ(status(), 0x50);
  std::vector<u8> got(4096);
  ASSERT_TRUE(bench.ram.read(kMemory, got));
  EXPECT_TRUE(holds(got, 40));
}

// 2.5 MiB are three pieces; the second fails, and all of it comes again.
TEST_P(RetryBothWays, DmaWriteInTheMiddle) {
  constexpr u32 kSectors = 5120;
  std::vector<Region> regions;
  for (u32 at = 0; at < kSectors * 512; at += 65536) regions.push_back({kMemory, 65536});
  const std::vector<u8> data(65536, 0x66);
  ASSERT_TRUE(bench.ram.write(kMemory, data));
  prd_table(kTable, regions);
  bm_setup(kPrimary, kTable, false);
  task_file_ext(kPrimary, 1000, kSectors);
  command(kPrimary, kWriteDmaExt);
  bm_start(kPrimary);
  // The first by hand: its end starts the second.
  BlockRequest* const first = disk.pending.front();
  disk.pending.clear();
  first->done(0);
  fail(disk);
  go_on(GetParam());
  ASSERT_FALSE(disk.pending.empty());
  EXPECT_EQ(disk.pending.front()->sector, 1000u);
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bm_status(kPrimary) & 0x05, 0x04);
  EXPECT_EQ(disk.bytes[1000 * 512], 0x66);
  EXPECT_EQ(disk.bytes[(1000 + kSectors) * 512 - 1], 0x66);
}

TEST_P(RetryBothWays, Flush) {
  select(kPrimary, 0xe0);
  command(kPrimary, kFlushCache);
  fail(disk);
  EXPECT_EQ(alternate() & 0x80, 0x80);
  go_on(GetParam());
  EXPECT_EQ(disk.pending.size(), 1u);
  disk.complete_all();
  EXPECT_EQ(disk.flushes, 1);
  EXPECT_EQ(status(), 0x50);
}

TEST_P(RetryBothWays, Trim) {
  std::vector<u8> ranges(512);
  store_le<u64>(ranges.data(), u64{8} << 48 | 100);
  ASSERT_TRUE(bench.ram.write(kMemory, ranges));
  prd_table(kTable, {{kMemory, 512}});
  bm_setup(kPrimary, kTable, false);
  task_file(kPrimary, 0, 1);
  bench.outb(kPrimary + kError, 1);
  command(kPrimary, kDataSetManagement);
  bm_start(kPrimary);
  fail(disk);
  go_on(GetParam());
  disk.complete_all();
  EXPECT_EQ(disk.discards, 1);
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(disk.bytes[100 * 512], 0);
}

TEST_P(RetryBothWays, WriteWithoutCacheWhoseFlushFails) {
  bench.outb(kPrimary + kError, kDisableWriteCache);
  command(kPrimary, kSetFeatures);
  disk.complete_all();
  const int before = disk.flushes;
  task_file(kPrimary, 50, 1);
  command(kPrimary, kWriteSectors);
  give(kPrimary, std::vector<u8>(512, 0x55));
  BlockRequest* const write = disk.pending.front();
  disk.pending.clear();
  write->done(0);
  fail(disk);
  go_on(GetParam());
  ASSERT_FALSE(disk.pending.empty());
  EXPECT_EQ(disk.pending.front()->op, BlockOp::kWrite);
  disk.complete_all();
  EXPECT_EQ(disk.flushes, before + 1);
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(disk.bytes[50 * 512], 0x55);
}

TEST_P(RetryBothWays, PacketReadByDma) {
  prd_table(kTable, {{kMemory, 4096}});
  bm_setup(kSecondary, kTable, true);
  select(kSecondary, 0xa0);
  bench.outb(kSecondary + kError, 1);
  command(kSecondary, kPacket);
  give(kSecondary, {kRead10, 0, 0, 0, 0, 30, 0, 0, 2, 0, 0, 0});
  bm_start(kSecondary);
  fail(cd);
  go_on(GetParam());
  cd.complete_all();
  EXPECT_EQ(status(kSecondary), 0x50);
  EXPECT_EQ(bm_status(kSecondary) & 0x05, 0x04);
  std::vector<u8> got(4096);
  ASSERT_TRUE(bench.ram.read(kMemory, got));
  EXPECT_TRUE(holds(got, 30 * 4, 77));
}

INSTANTIATE_TEST_SUITE_P(Ide, RetryBothWays, ::testing::Bool(),
                         [](const auto& moved) { return moved.param ? "Moved" : "Here"; });

TEST_F(RetryTest, AResetForgetsWhatWaits) {
  task_file(kPrimary, 20, 1);
  command(kPrimary, kReadSectors);
  fail(disk);
  bench.outb(kPrimaryControl, 0x04);
  bench.outb(kPrimaryControl, 0x00);
  EXPECT_EQ(status(), 0x50);
  go_on(false);
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(status(), 0x50);
}

TEST_F(RetryTest, PacketReadByPioIsAnErrorAtOnce) {
  select(kSecondary, 0xa0);
  bench.outb(kSecondary + kError, 0);
  bench.outb(kSecondary + kLbaMid, 0xfe);
  bench.outb(kSecondary + kLbaHigh, 0xff);
  command(kSecondary, kPacket);
  give(kSecondary, {kRead10, 0, 0, 0, 0, 30, 0, 0, 2, 0, 0, 0});
  fail(cd, false);
  EXPECT_EQ(status(kSecondary) & 0x89, 0x01);
}

}  // namespace
}  // namespace ide
