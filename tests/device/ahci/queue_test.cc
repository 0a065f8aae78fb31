// Native command queueing.
#include "tests/device/ahci/ahci_fixture.h"

namespace ahci {
namespace {

class QueueTest : public AhciTest {
 protected:
  void SetUp() override {
    build();
    start_port(0);
    set_port(0, kPxIs, ~0u);
  }
  void queue(unsigned tag, bool write, u64 lba, u32 count, const std::vector<Piece>& pieces,
             bool fua = false) {
    prepare(0, tag, queued_frame(write, tag, lba, count, fua), pieces, write ? kWriteFlag : 0);
    set_port(0, kPxSact, 1u << tag);
    issue(0, tag);
  }
  u32 log_page(u8 page) {
    Frame frame = register_frame(0x2f, page, 1);
    return command(frame, {{kData + 0x10000, 512}}) ? bench.ram[kData + 0x10000] : ~0u;
  }
};

TEST_F(QueueTest, ThirtyTwoReadsAreUnderWayTogether) {
  for (unsigned tag = 0; tag < 32; ++tag)
    queue(tag, false, tag * 16, 8, {{kData + tag * 4096, 4096}});
  EXPECT_EQ(port(0, kPxCi), 0u) << "the drive has taken them";
  EXPECT_EQ(port(0, kPxSact), ~0u);
  EXPECT_EQ(disk.pending.size(), 32u);
  EXPECT_EQ(port(0, kPxIs), 0u);
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 0u);
  EXPECT_EQ(port(0, kPxIs), kSdbs);
  EXPECT_TRUE(intx());
  for (unsigned tag = 0; tag < 32; ++tag) expect_disk(kData + tag * 4096, tag * 16, 4096);
  EXPECT_EQ(*frame(0, 0x58), 0xa1);
  EXPECT_EQ(*frame(0, 0x59), 0x40);
  EXPECT_EQ(bench.ram.pins, 0);
}

TEST_F(QueueTest, EachEndIsTold) {
  queue(3, false, 0, 1, {{kData, 512}});
  queue(17, false, 1, 1, {{kData + 512, 512}});
  disk.drain();
  EXPECT_EQ(load_le<u32>(frame(0, 0x5c)), 1u << 17) << "the last frame is about the second";
}

TEST_F(QueueTest, TagNeedNotBeTheSlot) {
  prepare(0, 5, queued_frame(false, 9, 40, 1), {{kData, 512}});
  set_port(0, kPxSact, 1u << 9);
  issue(0, 5);
  disk.complete_all();
  EXPECT_EQ(port(0, kPxCi), 0u);
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 40, 512);
}

TEST_F(QueueTest, WriteAndForceUnitAccess) {
  std::fill_n(&bench.ram[kData], 1024, u8{0x33});
  queue(0, true, 50, 2, {{kData, 1024}});
  disk.complete_all();
  EXPECT_EQ(disk.bytes[50 * 512], 0x33);
  EXPECT_EQ(disk.flushes, 0);
  queue(1, true, 60, 1, {{kData, 512}}, true);
  disk.complete_all();
  EXPECT_EQ(disk.bytes[60 * 512], 0x33);
  EXPECT_EQ(disk.flushes, 1);
  ASSERT_TRUE(command(register_frame(0xef, 0, 0, 0x82)));  // the write cache off
  disk.flushes = 0;
  queue(2, true, 70, 1, {{kData, 512}});
  disk.complete_all();
  EXPECT_EQ(disk.flushes, 1);
}

TEST_F(QueueTest, CountOfZeroIsTheLargest) {
  queue(0, false, 0, 0, {{kData, 512}});
  EXPECT_TRUE((port(0, kPxIs) & kTfes) != 0) << "65536 sectors are more than the disk";
}

TEST_F(QueueTest, ErrorNamesItsTagInTheLog) {
  queue(2, false, 0, 1, {{kData, 512}});
  queue(7, false, kDiskSectors - 1, 2, {{kData, 1024}});
  EXPECT_EQ(port(0, kPxIs), kTfes);
  EXPECT_EQ(port(0, kPxTfd), 0x0441u);
  EXPECT_EQ(port(0, kPxSact), 1u << 2 | 1u << 7);
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 1u << 2 | 1u << 7) << "the drive has ended its whole queue";
  recover(0);
  EXPECT_EQ(port(0, kPxSact), 0u);
  EXPECT_EQ(log_page(0x10), 7u);
  EXPECT_EQ(load_le<u16>(&bench.ram[kData + 0x10000 + 4]), low<u16>(kDiskSectors - 1));
  u8 sum = 0;
  for (u64 i = 0; i < 512; ++i) sum = low<u8>(sum + bench.ram[kData + 0x10000 + i]);
  EXPECT_EQ(sum, 0);
  EXPECT_EQ(log_page(0x10), 0x80u) << "read once";
  queue(7, false, 3, 1, {{kData, 512}});
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 3, 512);
}

TEST_F(QueueTest, FailedRequest) {
  queue(0, false, 0, 1, {{kData, 512}});
  disk.fail_next(EIO);
  EXPECT_EQ(port(0, kPxSact), 1u);
  EXPECT_EQ(port(0, kPxIs), kTfes);
}

// CVE-2016-1568: descriptors that make no sense, then the same slot again.
TEST_F(QueueTest, TooFewDescriptorsThenTheSameTag) {
  queue(4, false, 0, 8, {{kData, 512}});
  EXPECT_EQ(port(0, kPxIs), kTfes | kOfs);
  EXPECT_TRUE(disk.pending.empty());
  recover(0);
  queue(4, false, 8, 1, {{kData, 512}});
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 8, 512);
}

TEST_F(QueueTest, UnknownQueuedCommandFails) {
  Frame frame = queued_frame(false, 0, 0, 1);
  for (const u8 opcode : {u8{0x63}, u8{0x64}, u8{0x65}}) {
    frame[2] = opcode;
    prepare(0, 0, frame, {{kData, 512}});
    set_port(0, kPxSact, 1);
    issue(0, 0);
    EXPECT_EQ(port(0, kPxIs) & kTfes, kTfes);
    recover(0);
  }
}

// The list is stopped and used again while the disk still works on what was in it.
TEST_F(QueueTest, StoppedListLetsTheDiskFinishFirst) {
  queue(0, false, 100, 1, {{kData, 512}});
  stop_list(0);
  EXPECT_EQ(port(0, kPxSact), 0u);
  EXPECT_EQ(port(0, kPxCmd) & kCmdListRunning, kCmdListRunning);
  set_port(0, kPxCmd, 0x17);
  queue(0, false, 200, 1, {{kData + 512, 512}});
  EXPECT_EQ(port(0, kPxCi), 1u) << "the tag is not free yet";
  disk.complete_all();
  EXPECT_EQ(port(0, kPxCi), 0u);
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData + 512, 200, 512);
  stop_list(0);
  EXPECT_EQ(port(0, kPxCmd) & kCmdListRunning, 0u);
}

TEST_F(QueueTest, CommandOfTheDriveWaitsForTheQueue) {
  queue(0, false, 100, 1, {{kData, 512}});
  prepare(0, 1, register_frame(0xea, 0, 0), {});
  issue(0, 1);
  EXPECT_EQ(port(0, kPxCi), 2u);
  disk.complete_all();
  EXPECT_EQ(port(0, kPxCi), 0u);
  EXPECT_EQ(disk.flushes, 1);
}

TEST_F(QueueTest, ResetForgetsTheQueue) {
  for (unsigned tag = 0; tag < 32; ++tag) queue(tag, true, 0, 8, {{kData, 4096}});
  set_host(kGhc, kGhcReset);
  EXPECT_EQ(port(0, kPxSact), 0u);
  disk.complete_all();
  EXPECT_EQ(bench.ram.pins, 0);
  start_port(0);
  set_port(0, kPxIs, ~0u);
  queue(31, false, 5000, 1, {{kData, 512}});
  disk.complete_all();
  EXPECT_EQ(port(0, kPxIs), kSdbs);
  expect_disk(kData, 5000, 512);
}

// Writes from what is not memory write nothing; reads into it lose those bytes.
TEST_F(QueueTest, MemoryThatIsNotThere) {
  queue(0, true, 100, 1, {{0x40000000, 512}});
  disk.complete_all();
  EXPECT_EQ(port(0, kPxIs), kTfes);
  EXPECT_EQ(disk.bytes[100 * 512], pattern(100 * 512));
  recover(0);
  queue(0, false, 100, 2, {{0x40000000, 512}, {kData, 512}});
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 101, 512);
}

TEST_F(QueueTest, ShortPins) {
  bench.ram.pin_limit = 300;
  queue(0, false, 10, 4, {{kData, 2048}});
  queue(1, true, 2000, 4, {{kData + 0x8000, 2048}});
  std::fill_n(&bench.ram[kData + 0x8000], 2048, u8{0x44});
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 10, 2048);
  EXPECT_EQ(disk.bytes[2003 * 512 + 511], 0x44);
}

TEST_F(QueueTest, QueueOnACdDriveFails) {
  start_port(1);
  prepare(1, 0, queued_frame(false, 0, 0, 1), {{kData, 512}});
  set_port(1, kPxSact, 1);
  issue(1, 0);
  EXPECT_TRUE((port(1, kPxIs) & kTfes) != 0);
  EXPECT_TRUE(cd.pending.empty());
}

// rerror=stop, werror=stop: the guest sees nothing, and the command is made again.
TEST_F(QueueTest, ACommandThatTheMachineStopsForIsMadeAgain) {
  queue(3, false, 10, 1, {{kData, 512}});
  queue(4, false, 20, 1, {{kData + 512, 512}});
  EXPECT_TRUE(disk.pending.front()->by_policy);
  disk.fail_next(kRetryLater);
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 1u << 3);
  EXPECT_EQ(port(0, kPxIs), kSdbs);
  controller->pause();
  EXPECT_TRUE(disk.pending.empty());
  controller->resume();
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 10, 512);
  expect_disk(kData + 512, 20, 512);
}

TEST_F(QueueTest, AResetForgetsWhatWaits) {
  queue(3, false, 10, 1, {{kData, 512}});
  disk.fail_next(kRetryLater);
  recover(0);
  controller->pause();
  controller->resume();
  EXPECT_TRUE(disk.pending.empty());
  queue(3, false, 10, 1, {{kData, 512}});
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 10, 512);
}

TEST_F(QueueTest, ACommandWithoutQueueIsMadeAgain) {
  for (const bool write : {false, true}) {
    const Frame frame = register_frame(write ? 0x35 : 0x25, 30, 4);
    prepare(0, 2, frame, {{kData, 1024}, {kData + 4096, 1024}}, write ? kWriteFlag : 0);
    issue(0, 2);
    ASSERT_FALSE(disk.pending.empty());
    disk.fail_next(kRetryLater);
    EXPECT_EQ(port(0, kPxCi), 1u << 2);
    controller->pause();
    controller->resume();
    ASSERT_FALSE(disk.pending.empty());
    disk.complete_all();
    EXPECT_EQ(port(0, kPxCi), 0u);
    EXPECT_EQ(moved(0, 2), 2048u);
  }
  expect_disk(kData, 30, 1024);
  expect_disk(kData + 4096, 32, 1024);
}

}  // namespace
}  // namespace ahci
