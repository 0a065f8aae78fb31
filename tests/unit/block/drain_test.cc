// drain(): everything of one drive, nothing else.
#include <array>

#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

class Drain : public AllMethods {};
INSTANTIATE_TEST_SUITE_P(Block, Drain, kMethods, method_name);

TEST_P(Drain, OfNothingReturns) {
  Bench bench(GetParam(), true);
  bench.drive.drain();
  EXPECT_FALSE(bench.engine.uses_ring());
}

TEST_P(Drain, WaitsForAllKindsOfRequests) {
  const TempFile file(4096 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path(), {.discard = Options::Discard::kUnmap}));
  std::array<Request, 40> requests;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    constexpr std::array kOps = {BlockOp::kWrite, BlockOp::kRead, BlockOp::kFlush,
                                 BlockOp::kDiscard};
    requests[i].set(kOps[i % 4], i * 64, 64);
    bench.drive.submit(requests[i]);
  }
  Request wrong(BlockOp::kRead, 5000, 1);
  bench.drive.submit(wrong);
  bench.drive.drain();
  for (const Request& request : requests) EXPECT_EQ(request.error, 0);
  EXPECT_EQ(wrong.error, EIO);
}

TEST_P(Drain, FollowsWhatDoneSubmits) {
  const TempFile file(64 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  Request chain(BlockOp::kWrite, 0, 1, 1);
  int left = 50;
  chain.after = [&] {
    if (left-- == 0) return;
    chain.set(left % 3 == 0 ? BlockOp::kRead : BlockOp::kWrite, u64(left), 1, 1);
    if (left % 7 == 0) chain.sector = 1000;  // fails, and goes on
    bench.drive.submit(chain);
  };
  bench.drive.submit(chain);
  bench.drive.drain();
  EXPECT_EQ(left, -1);
  EXPECT_FALSE(chain.pending());
}

TEST_P(Drain, MayBeCalledByDone) {
  const TempFile file(64 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  Request outer(BlockOp::kRead, 0, 1);
  Request inner(BlockOp::kWrite, 1, 1, 1);
  Request other(BlockOp::kWrite, 2, 1, 1);
  outer.after = [&] {
    bench.drive.submit(inner);
    bench.drive.drain();
    EXPECT_EQ(inner.error, 0);
    EXPECT_EQ(other.error, 0);
  };
  bench.drive.submit(outer);
  bench.drive.submit(other);
  while (outer.pending()) bench.loop.step(true);
  EXPECT_EQ(outer.error, 0);
}

TEST_P(Drain, LeavesOtherDrivesToTheLoop) {
  const TempFile file(64 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  Backend other(bench.engine, "drive1", false);
  other.insert(std::move(*Image::open_file(file.path(), {})));
  std::array<Request, 200> of_other;  // more than go to the kernel at once
  for (Request& request : of_other) {
    request.set(BlockOp::kRead, 0, 1);
    other.submit(request);
  }
  Request bad(BlockOp::kRead, 64, 1);
  other.submit(bad);
  Request own(BlockOp::kRead, 0, 64);
  bench.drive.submit(own);
  bool task_ran = false;
  bench.loop.post([&] { task_ran = true; });
  bench.drive.drain();
  EXPECT_EQ(own.error, 0);
  EXPECT_FALSE(task_ran);
  EXPECT_TRUE(bad.pending());
  for (const Request& request : of_other) EXPECT_TRUE(request.pending());
  for (const Request& request : of_other) {
    while (request.pending()) bench.loop.step(true);
    EXPECT_EQ(request.error, 0);
  }
  while (bad.pending()) bench.loop.step(true);
  EXPECT_EQ(bad.error, EIO);
  while (!task_ran) bench.loop.step(true);
}

TEST_P(Drain, EndsWhileDoneOfTheLoopIsStillGoing) {
  const TempFile file(64 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path()));
  // Refusals are delivered in one go; the first one drains the rest of them.
  std::array<Request, 8> requests;
  int order = 0;
  std::array<int, 8> seen{};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].set(BlockOp::kRead, 64, 1);
    requests[i].after = [&, i] {
      seen[i] = ++order;
      if (i == 0) bench.drive.drain();
    };
    bench.drive.submit(requests[i]);
  }
  while (requests[0].pending()) bench.loop.step(true);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i].error, EIO);
    EXPECT_EQ(seen[i], static_cast<int>(i) + 1);
  }
}

TEST_P(Drain, ComesToAnEndEvenIfTheLoopNeverRuns) {
  const TempFile file(64 * 512);
  Bench bench(GetParam());
  ASSERT_TRUE(bench.insert(file.path(), {.writeback = false}));
  for (int round = 0; round < 20; ++round) {
    Request write(BlockOp::kWrite, u64(round), 1, u8(round));
    bench.drive.submit(write);
    bench.drive.drain();
    ASSERT_EQ(write.error, 0);
  }
  // Nothing of it is left for the loop to trip over.
  while (bench.loop.step(false)) {
  }
  EXPECT_EQ(bench.drive.stats().wr_operations, 20u);
}

}  // namespace
}  // namespace block::test
