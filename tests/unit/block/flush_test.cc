// Durability: what a flush covers, and what a failed one means for those after it.
#include <fcntl.h>

#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

class Flush : public AllMethods {};
INSTANTIATE_TEST_SUITE_P(Block, Flush, kMethods, method_name);

TEST_P(Flush, CoversTheWritesThatWereDone) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  const Node& node = bench.drive.image()->node();
  // What an earlier process left in the page cache counts too.
  EXPECT_TRUE(node.unsynced());
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  EXPECT_FALSE(node.unsynced());
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1, 1), 0);
  EXPECT_TRUE(node.unsynced());
  EXPECT_TRUE(bench.drive.info().write_cache);
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  EXPECT_FALSE(node.unsynced());
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, 1), 0);
  EXPECT_FALSE(node.unsynced());
}

TEST_P(Flush, DoesNotCoverAWriteThatEndsMeanwhile) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  const Node& node = bench.drive.image()->node();
  Request flush(BlockOp::kFlush, 0, 0);
  Request write(BlockOp::kWrite, 0, 1, 1);
  bench.drive.submit(flush);
  bench.drive.submit(write);
  bench.drive.drain();
  EXPECT_EQ(flush.error, 0);
  EXPECT_EQ(write.error, 0);
  EXPECT_TRUE(node.unsynced());
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  EXPECT_FALSE(node.unsynced());
}

TEST_P(Flush, IsPartOfEachWriteWithoutAWriteCache) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path(), {.writeback = false}));
  EXPECT_FALSE(bench.drive.info().write_cache);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1, 1), 0);
  EXPECT_FALSE(bench.drive.image()->node().unsynced());
  EXPECT_EQ(bench.drive.stats().flush_operations, 0u);
  EXPECT_EQ(bench.drive.stats().wr_operations, 1u);
}

TEST_P(Flush, DoesNothingIfNotWanted) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path(), {.no_flush = true}));
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1, 1), 0);
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  EXPECT_TRUE(bench.drive.image()->node().unsynced());
  EXPECT_TRUE(bench.drive.flush_now().has_value());
}

/// Lets the image's descriptor be a pipe, which cannot be flushed, while it lives.
class BrokenMedium {
 public:
  explicit BrokenMedium(int fd) : fd_(fd), kept_(::dup(fd)) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    EXPECT_GE(::dup2(ends[0], fd_), 0);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~BrokenMedium() {
    ::dup2(kept_, fd_);
    ::close(kept_);
  }
  BrokenMedium(const BrokenMedium&) = delete;
  BrokenMedium& operator=(const BrokenMedium&) = delete;

 private:
  int fd_;
  int kept_;
};

TEST_P(Flush, ThatFailedIsNotMadeGoodByTheNext) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1, 1), 0);
  {
    const BrokenMedium broken(bench.drive.image()->node().fd);
    EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), EINVAL);
  }
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), EINVAL);
  EXPECT_EQ(bench.drive.stats().failed_flush_operations, 2u);
  const auto result = bench.drive.flush_now();
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find(file.path()), std::string::npos);
}

TEST_P(Flush, OfAWriteThroughFailsTheWrite) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path(), {.writeback = false}));
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1, 1), 0);
  {
    const BrokenMedium broken(bench.drive.image()->node().fd);
    EXPECT_NE(bench.run(BlockOp::kWrite, 0, 1, 1), 0);
    bench.drive.image()->node().written++;
    EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), EINVAL);
  }
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1, 1), EINVAL);
}

TEST_P(Flush, NowWaitsForWritesFirst) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  Request write(BlockOp::kWrite, 7, 1, 0x5a);
  bench.drive.submit(write);
  ASSERT_TRUE(bench.drive.flush_now().has_value());
  EXPECT_EQ(write.error, 0);
  EXPECT_FALSE(bench.drive.image()->node().unsynced());
}

TEST_P(Flush, HappensWhenTheDriveGoes) {
  const TempFile file(8 * 512);
  Request write(BlockOp::kWrite, 7, 1, 0x5a);
  {
    Bench bench(GetParam());
    ASSERT_TRUE(bench.insert(file.path()));
    bench.drive.submit(write);
  }
  EXPECT_EQ(write.error, 0);
  EXPECT_EQ(file.content()[7 * 512], 0x5a);
}

}  // namespace
}  // namespace block::test
