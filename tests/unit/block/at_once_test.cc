// Calls that the device thread makes itself: of what is in memory, and of no more at a time than
// the guest's other processors can wait for.
#include <fcntl.h>

#include <array>
#include <optional>

#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

constexpr u64 kSectors = 1024;

/// A file that the host has in its page cache.
class AtOnceTest : public testing::Test {
 protected:
  AtOnceTest() {
    EXPECT_TRUE(bench.insert(file.path()));
    file.content();
  }
  const TempFile file{kSectors * kSectorSize, 0x6b};
  Bench bench;
};

/// A file of tmpfs.
class InMemory : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no /dev/shm";
    file.emplace(kSectors * kSectorSize, u8{0x6b}, "/dev/shm/");
    ASSERT_TRUE(bench.insert(file->path()));
  }
  std::optional<TempFile> file;
  Bench bench;
};

TEST_F(AtOnceTest, CachedDataNeedsNeitherRingNorThread) {
  Request read(BlockOp::kRead, 5, 8);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data, Buffer(8 * 512, 0x6b));
  EXPECT_EQ(bench.engine.calls_at_once(), 1u);
  EXPECT_FALSE(bench.engine.uses_ring());
  EXPECT_EQ(bench.drive.stats().rd_operations, 1u);
}

TEST_F(AtOnceTest, WritesOfAFileSystemAreLeftToTheRing) {
  EXPECT_EQ(bench.run(BlockOp::kWrite, 5, 8, 0x11), 0);
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  EXPECT_EQ(bench.engine.calls_at_once(), 0u);
  Request read(BlockOp::kRead, 5, 8);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data, Buffer(8 * 512, 0x11));
}

TEST_F(AtOnceTest, LongReadsAreLeftToTheRing) {
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, AtOnce::kMostBytes / 512 + 1), 0);
  EXPECT_EQ(bench.engine.calls_at_once(), 0u);
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, AtOnce::kMostBytes / 512), 0);
  EXPECT_EQ(bench.engine.calls_at_once(), 1u);
}

TEST_F(AtOnceTest, WhatIsNotCachedIsReadAllTheSame) {
  const int fd = ::open(file.path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::fsync(fd), 0);
  for (u64 at = 0; at < kSectors; at += 64) {
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    Request read(BlockOp::kRead, at, 64);
    EXPECT_EQ(bench.run(read), 0);
    EXPECT_EQ(read.data, Buffer(64 * 512, 0x6b));
  }
  ::close(fd);
}

TEST_F(AtOnceTest, DirectImagesAreLeftToTheRing) {
  auto image = Image::open_file(file.path(), {.direct = true});
  if (!image) GTEST_SKIP() << image.error().message;
  bench.drive.insert(std::move(*image));
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, 8), 0);
  EXPECT_EQ(bench.engine.calls_at_once(), 0u);
}

TEST_F(AtOnceTest, DoneComesByTheLoopWithoutAnEvent) {
  Request read(BlockOp::kRead, 0, 8);
  bench.drive.submit(read);
  EXPECT_TRUE(read.pending());
  EXPECT_TRUE(bench.loop.work_waits());
  bench.loop.step(false);
  EXPECT_EQ(read.error, 0);
  EXPECT_FALSE(bench.loop.work_waits());
  EXPECT_FALSE(bench.loop.step(false)) << "nothing is left over";
}

TEST_F(AtOnceTest, ARequestThatFollowsTheLastForEverKeepsNobody) {
  Request read(BlockOp::kRead, 0, 8);
  u64 reads = 0;
  read.after = [&] {
    ++reads;
    read.set(BlockOp::kRead, reads % 64, 8);
    bench.drive.submit(read);
  };
  bench.drive.submit(read);
  const loop::WatchPtr end = bench.loop.after(3, [&] { bench.loop.quit(); });
  bench.loop.run();  // or it never ends
  EXPECT_GT(reads, 10u);
  EXPECT_EQ(bench.engine.calls_at_once(), reads + 1);
  read.after = nullptr;
  bench.drive.drain();
  EXPECT_FALSE(read.pending());
}

TEST_F(InMemory, ReadsAndWritesNeedNeitherRingNorThread) {
  EXPECT_EQ(bench.run(BlockOp::kWrite, 5, 8, 0x11), 0);
  Request read(BlockOp::kRead, 4, 10);
  EXPECT_EQ(bench.run(read), 0);
  Buffer expected(10 * 512, 0x6b);
  std::fill_n(expected.begin() + 512, 8 * 512, u8{0x11});
  EXPECT_EQ(read.data, expected);
  EXPECT_EQ(bench.engine.calls_at_once(), 2u);
  EXPECT_FALSE(bench.engine.uses_ring());
  EXPECT_EQ(bench.drive.stats().wr_operations, 1u);
}

TEST_F(InMemory, LongOnesGoInPieces) {
  constexpr u64 kCount = AtOnce::kMostBytes * 3 / 512 + 1;
  EXPECT_EQ(bench.run(BlockOp::kWrite, 1, kCount, 0x11), 0);
  EXPECT_EQ(bench.engine.calls_at_once(), 4u);
  Request read(BlockOp::kRead, 0, kCount + 2);
  // Segments of a page and a sector, which no piece is a multiple of.
  read.vectors.clear();
  constexpr std::size_t kPart = 4096 + 512;
  for (std::size_t at = 0; at < read.data.size(); at += kPart) {
    read.vectors.push_back({&read.data[at], std::min(kPart, read.data.size() - at)});
  }
  read.segments = read.vectors;
  EXPECT_EQ(bench.run(read), 0);
  Buffer expected((kCount + 2) * 512, 0x6b);
  std::fill_n(expected.begin() + 512, kCount * 512, u8{0x11});
  EXPECT_EQ(read.data, expected);
  EXPECT_FALSE(bench.engine.uses_ring());
}

TEST_F(InMemory, AFlushIsStillAsked) {
  EXPECT_EQ(bench.run(BlockOp::kWrite, 5, 8, 0x11), 0);
  Node& node = bench.drive.image()->node();
  EXPECT_TRUE(node.unsynced());
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  EXPECT_FALSE(node.unsynced());
  EXPECT_EQ(bench.engine.calls_at_once(), 1u) << "fdatasync is not one of them";
}

TEST_F(InMemory, AnErrorIsTheGuests) {
  const int reading = ::open(file->path().c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(::dup2(reading, bench.drive.image()->node().fd), 0);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1), EBADF);
  EXPECT_EQ(bench.drive.stats().failed_wr_operations, 1u);
  ::close(reading);
}

TEST_F(InMemory, ALongQueueIsDrained) {
  std::array<Request, 300> writes;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    writes[i].set(BlockOp::kWrite, i, 1, u8(i + 1));
    bench.drive.submit(writes[i]);
  }
  bench.drive.drain();
  for (const Request& write : writes) EXPECT_EQ(write.error, 0);
  EXPECT_EQ(file->content()[299 * 512], u8(300));
}

}  // namespace
}  // namespace block::test
