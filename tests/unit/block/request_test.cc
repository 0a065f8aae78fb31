// Requests of a drive, as a controller makes them: what they do, and how they fail.
#include <fcntl.h>
#include <sys/resource.h>

#include <climits>
#include <csignal>
#include <memory>

#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

class Requests : public AllMethods {};
INSTANTIATE_TEST_SUITE_P(Block, Requests, kMethods, method_name);

constexpr u64 kMaxU64 = ~u64{0};

TEST_P(Requests, WritesAndReadsBack) {
  const TempFile file(16 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_EQ(bench.run(BlockOp::kWrite, 3, 2, 0xa5), 0);
  Request read(BlockOp::kRead, 2, 4, 0xff);
  EXPECT_EQ(bench.run(read), 0);
  Buffer expected(4 * 512, 0);
  std::fill_n(expected.begin() + 512, 1024, u8{0xa5});
  EXPECT_EQ(read.data, expected);
  if (GetParam() == Engine::Method::kThreads) {
    EXPECT_FALSE(bench.engine.uses_ring());
  }
  if (GetParam() != Engine::Method::kBest) {
    EXPECT_EQ(bench.engine.calls_at_once(), 0u);
  }
}

TEST_P(Requests, GoByTheirSegments) {
  const TempFile file(16 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  // An empty one, odd ones, and none at the end: 1024 bytes in total.
  Buffer from(1024);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = core::u8(i * 7);
  Request write;
  write.set(BlockOp::kWrite, 1, 0);
  write.vectors = {{from.data(), 0}, {from.data(), 13},        {from.data() + 13, 1000},
                   {from.data(), 0}, {from.data() + 1013, 11}, {from.data(), 0}};
  write.segments = write.vectors;
  EXPECT_EQ(bench.run(write), 0);
  const Buffer content = file.content();
  EXPECT_TRUE(std::equal(from.begin(), from.end(), content.begin() + 512));
}

TEST_P(Requests, MayHaveMoreSegmentsThanOneCallTakes) {
  constexpr u64 kCount = 2 * IOV_MAX + 100;
  const TempFile file(kCount * 512, 0x3c);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  Request read(BlockOp::kRead, 0, kCount);
  read.vectors.clear();
  for (u64 i = 0; i < kCount; ++i) read.vectors.push_back({read.data.data() + i * 512, 512});
  read.segments = read.vectors;
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data, Buffer(kCount * 512, 0x3c));
}

TEST_P(Requests, BeyondTheEndAreRefused) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_EQ(bench.run(BlockOp::kRead, 7, 1), 0);
  EXPECT_EQ(bench.run(BlockOp::kRead, 8, 0), 0);
  EXPECT_EQ(bench.run(BlockOp::kRead, 8, 1), EIO);
  EXPECT_EQ(bench.run(BlockOp::kRead, 9, 0), EIO);
  EXPECT_EQ(bench.run(BlockOp::kRead, kMaxU64, 2), EIO);
  EXPECT_EQ(bench.run(BlockOp::kRead, (u64{1} << 55) + 1, 1), EIO);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 7, 2), EIO);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 7, kMaxU64), EIO);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 7, kMaxU64 / 512 + 1), EIO);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 1, 8), EIO);
  const Backend::Stats stats = bench.drive.stats();
  EXPECT_EQ(stats.invalid_rd_operations, 4u);
  EXPECT_EQ(stats.invalid_wr_operations, 1u);
  EXPECT_EQ(stats.invalid_unmap_operations, 3u);
  EXPECT_EQ(stats.failed_rd_operations, 0u);
  EXPECT_EQ(stats.rd_operations, 2u);
  EXPECT_EQ(file.content(), Buffer(8 * 512, 0));
}

TEST_P(Requests, WithImpossibleSegmentsAreRefused) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  Request request(BlockOp::kWrite, 0, 1);
  request.vectors = {{request.data.data(), SIZE_MAX}, {request.data.data(), 513}};
  request.segments = request.vectors;
  EXPECT_EQ(bench.run(request), EIO);
  Request part(BlockOp::kWrite, 0, 1);
  part.vectors[0].iov_len = 511;
  EXPECT_EQ(bench.run(part), EIO);
  EXPECT_EQ(bench.drive.stats().invalid_wr_operations, 2u);
}

TEST_P(Requests, OfNothingSucceed) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  Request request(BlockOp::kWrite, 0, 0);
  request.segments = {};
  EXPECT_EQ(bench.run(request), 0);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 3, 0), 0);
}

TEST_P(Requests, WithoutAMediumFail) {
  Bench bench(GetParam(), true);
  EXPECT_FALSE(bench.drive.has_medium());
  EXPECT_EQ(bench.drive.info().sectors, 0u);
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, 1), ENOMEDIUM);
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), ENOMEDIUM);
  EXPECT_EQ(bench.drive.stats().failed_rd_operations, 1u);
}

TEST_P(Requests, ThatWriteToAReadOnlyImageFail) {
  const TempFile file(8 * 512, 0x11);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path(), {.read_only = true, .discard = Options::Discard::kUnmap}));
  EXPECT_TRUE(bench.drive.info().read_only);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1, 0x22), EPERM);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 0, 8), EPERM);
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  Request read(BlockOp::kRead, 0, 8);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data, Buffer(8 * 512, 0x11));
  EXPECT_EQ(file.content(), read.data);
}

TEST_P(Requests, ReadZeroesBehindTheEndOfAnOddFile) {
  const TempFile file(2 * 512 + 100, 0x77);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_EQ(bench.drive.info().sectors, 3u);
  Request read(BlockOp::kRead, 0, 3, 0xff);
  EXPECT_EQ(bench.run(read), 0);
  Buffer expected(3 * 512, 0);
  std::fill_n(expected.begin(), 2 * 512 + 100, u8{0x77});
  EXPECT_EQ(read.data, expected);
  // The last sector can be written as a whole.
  EXPECT_EQ(bench.run(BlockOp::kWrite, 2, 1, 0x55), 0);
  EXPECT_EQ(file.status_size(), 3 * 512u);
}

TEST_P(Requests, ReadZeroesWhereTheFileWasCutOff) {
  const TempFile file(8 * 512, 0x77);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  ASSERT_EQ(::truncate(file.path().c_str(), 700), 0);
  Request read(BlockOp::kRead, 0, 8, 0xff);
  EXPECT_EQ(bench.run(read), 0);
  Buffer expected(8 * 512, 0);
  std::fill_n(expected.begin(), 700, u8{0x77});
  EXPECT_EQ(read.data, expected);
}

TEST_P(Requests, ThatTheHostRefusesReportItsReason) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  const int reading = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(::dup2(reading, bench.drive.image()->node().fd), 0);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 1), EBADF);
  EXPECT_EQ(bench.drive.stats().failed_wr_operations, 1u);
  EXPECT_EQ(bench.drive.stats().wr_operations, 0u);
  ::close(reading);
}

TEST_P(Requests, GoOnAfterAShortWriteAndReportWhyItWasShort) {
  const TempFile file(8 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  ASSERT_EQ(::truncate(file.path().c_str(), 0), 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{4 * 512 + 100, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const int error = bench.run(BlockOp::kWrite, 0, 8, 0x99);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error, EFBIG);
  EXPECT_EQ(file.content(), Buffer(4 * 512 + 100, 0x99));
}

TEST_P(Requests, MoreThanTheEngineTakesAtOnceAreAllDone) {
  constexpr u64 kCount = 1000;
  const TempFile file(kCount * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  std::vector<std::unique_ptr<Request>> requests;
  for (u64 i = 0; i < kCount; ++i) {
    requests.push_back(std::make_unique<Request>(BlockOp::kWrite, i, 1, u8(i % 251 + 1)));
    bench.drive.submit(*requests.back());
  }
  for (const auto& request : requests) {
    while (request->pending()) bench.loop.step(true);
    EXPECT_EQ(request->error, 0);
  }
  const Buffer content = file.content();
  for (u64 i = 0; i < kCount; ++i) ASSERT_EQ(content[i * 512 + 511], i % 251 + 1);
  EXPECT_EQ(bench.drive.stats().wr_operations, kCount);
}

TEST_P(Requests, ToANullImageReadZeroes) {
  Bench bench(GetParam());
  bench.drive.insert(Image::null(100, {.direct = true, .writeback = false}));
  EXPECT_EQ(bench.run(BlockOp::kWrite, 0, 100, 0x12), 0);
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 0, 100), 0);
  Request read(BlockOp::kRead, 90, 10, 0xff);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data, Buffer(10 * 512, 0));
  EXPECT_EQ(bench.run(BlockOp::kRead, 91, 10), EIO);
}

TEST_P(Requests, DiscardMakesHolesIfAskedTo) {
  constexpr u64 kSectors = 4096;
  const TempFile file(kSectors * 512, 0x42);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path(), {.discard = Options::Discard::kUnmap}));
  const u64 before = file.occupied();
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 1024, 2048), 0);
  EXPECT_LE(file.occupied(), before - u64{1024} * 512);
  EXPECT_EQ(file.status_size(), kSectors * 512);
  Request read(BlockOp::kRead, 1023, 2050);
  EXPECT_EQ(bench.run(read), 0);
  EXPECT_EQ(read.data[511], 0x42);
  EXPECT_EQ(read.data[512], 0);
  EXPECT_EQ(read.data[2049 * 512 - 1], 0);
  EXPECT_EQ(read.data[2049 * 512], 0x42);
  EXPECT_EQ(bench.drive.stats().unmap_bytes, 2048 * 512u);
  EXPECT_EQ(bench.drive.stats().unmap_operations, 1u);
}

TEST_P(Requests, DiscardIsIgnoredIfNotAskedFor) {
  const TempFile file(64 * 512, 0x42);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 0, 64), 0);
  EXPECT_EQ(file.content(), Buffer(64 * 512, 0x42));
}

TEST_P(Requests, DiscardOfWhatCannotDiscardSucceedsAndIsNotTriedAgain) {
  const TempFile file(64 * 512, 0x42);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path(), {.discard = Options::Discard::kUnmap}));
  // As a device, of 4096-byte blocks, whose driver does not know the call.
  Node& node = bench.drive.image()->node();
  node.kind = NodeKind::kDevice;
  node.block_size = 4096;
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 1, 7), 0);  // no whole block in it: no call
  EXPECT_TRUE(node.can_discard);
  EXPECT_EQ(bench.run(BlockOp::kDiscard, 1, 63), 0);
  EXPECT_FALSE(node.can_discard);
  EXPECT_EQ(file.content(), Buffer(64 * 512, 0x42));
}

TEST_P(Requests, AreCounted) {
  const TempFile file(64 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_EQ(bench.drive.stats().idle_time_ns, 0u);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 8, 4), 0);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 2, 2), 0);
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, 64), 0);
  EXPECT_EQ(bench.run(BlockOp::kFlush, 0, 0), 0);
  const Backend::Stats stats = bench.drive.stats();
  EXPECT_EQ(stats.wr_bytes, 6 * 512u);
  EXPECT_EQ(stats.wr_operations, 2u);
  EXPECT_EQ(stats.rd_bytes, 64 * 512u);
  EXPECT_EQ(stats.rd_operations, 1u);
  EXPECT_EQ(stats.flush_operations, 1u);
  EXPECT_EQ(stats.wr_highest_offset, 12 * 512u);
  EXPECT_GT(stats.wr_total_time_ns, 0u);
  EXPECT_GT(stats.rd_total_time_ns, 0u);
  EXPECT_GT(stats.flush_total_time_ns, 0u);
  EXPECT_EQ(stats.unmap_total_time_ns, 0u);
  EXPECT_GT(stats.idle_time_ns, 0u);
}

}  // namespace
}  // namespace block::test
