// What becomes of errors: told, swallowed, or kept until the machine goes on. And limits, sizes and
// counters of drives in use.
#include <fcntl.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "machine/block/drive_shell.h"
#include "machine/block/faults.h"
#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

using Action = IoError::Action;

/// A file of rules for Faults.
class Rules {
 public:
  explicit Rules(const std::string& text) : file_(0) { std::ofstream(file_.path()) << text; }
  const std::string& path() const { return file_.path(); }

 private:
  TempFile file_;
};

class FaultyDisk : public ::testing::Test {
 protected:
  /// A drive over a file of 64 sectors that meets these rules.
  void open(const std::string& rules, const ErrorPolicy& policy = {}) {
    rules_.emplace(rules);
    auto image = Image::open_file(file.path(), {});
    ASSERT_TRUE(image.has_value());
    auto added = image->add_faults(rules_->path());
    ASSERT_TRUE(added.has_value()) << added.error().message;
    bench.drive.insert(std::move(*image));
    bench.drive.set_error_policy(policy);
    bench.drive.on_io_error([this](const IoError& what) { told.push_back(what); });
  }
  int run(BlockOp what, u64 first = 0, u64 count = 1, bool by_policy = true) {
    Request request(what, first, count, 0x11);
    request.by_policy = by_policy;
    return bench.run(request);
  }
  u64 failed_writes() const { return bench.drive.stats().failed_wr_operations; }

  TempFile file{64 * kSectorSize, 0x5a};
  Bench bench;
  std::vector<IoError> told;

 private:
  std::optional<Rules> rules_;
};

constexpr const char* kFailWrites = "[inject-error]\nevent = \"write_aio\"\nerrno = \"5\"\n";
constexpr const char* kFullOnce =
    "[inject-error]\nevent = \"write_aio\"\nerrno = \"28\"\nonce = \"on\"\n";

TEST_F(FaultyDisk, AnErrorIsReportedAndToldByDefault) {
  open(kFailWrites);
  EXPECT_EQ(run(BlockOp::kWrite), EIO);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].action, Action::kReport);
  EXPECT_FALSE(told[0].read);
  EXPECT_EQ(failed_writes(), 1u);
  EXPECT_EQ(bench.drive.io_error(), 0);
  EXPECT_EQ(file.content()[0], 0x5a);
}

TEST_F(FaultyDisk, WhatDoesNotGoByPolicyIsToldToNobody) {
  open(kFailWrites, {.write = OnError::kStop});
  EXPECT_EQ(run(BlockOp::kWrite, 0, 1, false), EIO);
  EXPECT_TRUE(told.empty());
}

TEST_F(FaultyDisk, AFullDiskStopsByDefaultAndTheWriteComesAgain) {
  open(kFullOnce);
  EXPECT_EQ(run(BlockOp::kWrite), core::kRetryLater);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].action, Action::kStop);
  EXPECT_EQ(told[0].error, ENOSPC);
  EXPECT_EQ(bench.drive.io_error(), ENOSPC);
  EXPECT_EQ(bench.drive.stats().wr_operations + failed_writes(), 0u);
  bench.drive.clear_io_error();
  EXPECT_EQ(run(BlockOp::kWrite), 0);
  EXPECT_EQ(bench.drive.stats().wr_operations, 1u);
  EXPECT_EQ(bench.drive.io_error(), 0);
  EXPECT_EQ(file.content()[0], 0x11);
}

TEST_F(FaultyDisk, EachPolicyOfEachDirection) {
  open("[inject-error]\nevent = \"write_aio\"\n[inject-error]\nevent = \"read_aio\"\n");
  struct Case {
    OnError policy;
    int result;
    Action action;
  };
  for (const Case& one :
       {Case{OnError::kReport, EIO, Action::kReport}, Case{OnError::kIgnore, 0, Action::kIgnore},
        Case{OnError::kStop, core::kRetryLater, Action::kStop},
        Case{OnError::kEnospc, EIO, Action::kReport}}) {
    for (const bool read : {false, true}) {
      bench.drive.set_error_policy({.read = read ? one.policy : OnError::kReport,
                                    .write = read ? OnError::kReport : one.policy});
      told.clear();
      EXPECT_EQ(run(read ? BlockOp::kRead : BlockOp::kWrite), one.result);
      ASSERT_EQ(told.size(), 1u);
      EXPECT_EQ(told[0].action, one.action);
      EXPECT_EQ(told[0].read, read);
    }
  }
}

TEST_F(FaultyDisk, WhatTheGuestMayNotAskForIsNoErrorOfTheDisk) {
  open("", {.read = OnError::kStop, .write = OnError::kStop});
  EXPECT_EQ(run(BlockOp::kRead, 64, 1), EIO);
  EXPECT_EQ(run(BlockOp::kWrite, ~u64{0} - 1, 1), EIO);
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(bench.drive.stats().invalid_rd_operations, 1u);
}

TEST_F(FaultyDisk, RulesFollowStatesSectorsAndOnce) {
  // The second write after a flush, of sector 3 only, once.
  open(
      "# a comment\n\n[set-state]\nevent = \"flush_to_disk\"\nstate = \"1\"\nnew_state = \"2\"\n"
      "[set-state]\nevent = \"write_aio\"\nstate = \"2\"\nnew_state = \"3\"\n"
      "[inject-error]\nevent = \"write_aio\"\nstate = \"3\"\nsector = \"3\"\nonce = \"on\"\n"
      "errno = \"30\"\n");
  EXPECT_EQ(run(BlockOp::kWrite, 3), 0);
  EXPECT_EQ(run(BlockOp::kFlush), 0);
  EXPECT_EQ(run(BlockOp::kWrite, 3), 0);
  EXPECT_EQ(run(BlockOp::kWrite, 4), 0);
  EXPECT_EQ(run(BlockOp::kWrite, 2, 4), EROFS);
  EXPECT_EQ(run(BlockOp::kWrite, 3), 0);
}

TEST_F(FaultyDisk, AFlushThatHasNothingToDoMeetsNoFault) {
  open("[inject-error]\nevent = \"flush_to_disk\"\n");
  EXPECT_EQ(run(BlockOp::kFlush), 0);
  EXPECT_EQ(run(BlockOp::kWrite), 0);
  EXPECT_EQ(run(BlockOp::kFlush), EIO);
}

TEST_F(FaultyDisk, WrongRulesAreRefusedWithTheirLine) {
  for (const char* text :
       {"event = \"read_aio\"\n", "[inject-errors]\n", "[inject-error\nevent = \"x\"\n",
        "[inject-error]\nevent = read_aio\n", "[inject-error]\nevent = \"nothing\"\n",
        "[inject-error]\nerrno = \"5\"\n", "[inject-error]\nevent = \"read_aio\"\nerrno = \"-1\"\n",
        "[set-state]\nevent = \"read_aio\"\nonce = \"on\"\n",
        "[inject-error]\nevent = \"read_aio\"\nsector = \"99999999999999999\"\n"}) {
    const Rules rules(text);
    EXPECT_FALSE(Faults::open(rules.path()).has_value()) << text;
  }
  EXPECT_FALSE(Faults::open("/nowhere/rules").has_value());
}

TEST_F(FaultyDisk, ABreakpointHoldsOneRequestUntilItIsTold) {
  open("");
  DriveShell shell(bench.drive);
  EXPECT_EQ(shell.run("break write_aio A"), "");
  Request held(BlockOp::kWrite, 0, 1, 0x22);
  Request next(BlockOp::kWrite, 1, 1, 0x33);
  bench.drive.submit(held);
  EXPECT_EQ(bench.run(next), 0);
  EXPECT_TRUE(held.pending());
  EXPECT_EQ(shell.run("wait_break A"), "");
  EXPECT_NE(shell.run("resume B"), "");
  EXPECT_EQ(shell.run("resume A"), "");
  while (held.pending()) bench.loop.step(true);
  EXPECT_EQ(held.error, 0);
  EXPECT_NE(shell.run("resume A"), "");
  EXPECT_NE(shell.run("break no_such_event A"), "");
}

TEST_F(FaultyDisk, ADrainLetsGoWhatWaitsAtABreakpoint) {
  open("");
  DriveShell shell(bench.drive);
  shell.run("break flush_to_os A");
  Request flush(BlockOp::kFlush, 0, 0);
  bench.drive.submit(flush);
  bench.loop.step(false);
  EXPECT_TRUE(flush.pending());
  bench.drive.drain();
  EXPECT_EQ(flush.error, 0);
}

TEST_F(FaultyDisk, TheShellReadsWritesAndRefusesNonsense) {
  open("");
  DriveShell shell(bench.drive);
  EXPECT_EQ(shell.run("write -P 0x7e 1k 512"), "");
  EXPECT_EQ(file.content()[1024], 0x7e);
  EXPECT_EQ(shell.run("aio_write -z 0 4096"), "");
  bench.drive.drain();
  EXPECT_EQ(file.content()[0], 0);
  EXPECT_EQ(shell.run("read 0 512"), "");
  EXPECT_NE(shell.run("read 1T 512"), "");
  for (const char* line : {"write", "write 1 512", "write 0 1t", "write -P 999 0 512", "break",
                           "discard x y", "write 0 0xffffffffffffffffff", "open file"}) {
    EXPECT_NE(shell.run(line), "") << line;
  }
  EXPECT_EQ(shell.run(""), "");
}

// --- a disk that is full ---

TEST(FullDisk, ALimitOfTheFileSystemIsMetByEachPolicy) {
  const TempFile file(16 * kSectorSize, 0, "/dev/shm/");
  Bench bench(Engine::Method::kThreads);
  ASSERT_TRUE(bench.insert(file.path()));
  // A file that may not grow: the image is larger than what there is room for.
  ASSERT_EQ(::truncate(file.path().c_str(), 8 * kSectorSize), 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{8 * kSectorSize, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto write = [&](OnError policy) {
    bench.drive.set_error_policy({.write = policy});
    Request request(BlockOp::kWrite, 12, 1, 0x44);
    request.by_policy = true;
    return bench.run(request);
  };
  EXPECT_EQ(write(OnError::kReport), EFBIG);
  EXPECT_EQ(write(OnError::kIgnore), 0);
  EXPECT_EQ(write(OnError::kStop), core::kRetryLater);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(write(OnError::kStop), 0);
  EXPECT_EQ(file.content()[12 * kSectorSize], 0x44);
}

// --- limits ---

TEST(Throttling, BucketsLeakAtTheAverage) {
  constexpr i64 kSecond = 1'000'000'000;
  Throttle throttle({.bytes = {.average = 1'000'000}}, 0);
  EXPECT_EQ(throttle.wait_ns(false, 0), 0);
  throttle.count(false, 1'000'000);
  // A tenth of a second's worth may be there at once.
  EXPECT_EQ(throttle.wait_ns(true, 0), kSecond * 9 / 10);
  EXPECT_EQ(throttle.wait_ns(true, kSecond / 2), kSecond * 4 / 10);
  EXPECT_EQ(throttle.wait_ns(true, kSecond), 0);
}

TEST(Throttling, DirectionsHaveTheirOwn) {
  Throttle throttle({.ops_write = {.average = 10}}, 0);
  for (int i = 0; i < 100; ++i) throttle.count(false, 512);
  EXPECT_EQ(throttle.wait_ns(true, 0), 0);
  throttle.count(true, 512);
  throttle.count(true, 512);
  EXPECT_EQ(throttle.wait_ns(true, 0), 100'000'000);
  EXPECT_EQ(throttle.wait_ns(false, 0), 0);
}

TEST(Throttling, LargeRequestsCountAsSeveral) {
  Throttle throttle({.ops = {.average = 10}, .op_size = 4096}, 0);
  throttle.count(false, 40960);
  EXPECT_EQ(throttle.wait_ns(false, 0), 900'000'000);
}

TEST(Throttling, BurstsLastAsLongAsTheyMay) {
  Throttle throttle({.ops = {.average = 10, .peak = 100, .burst_seconds = 2}}, 0);
  for (int i = 0; i < 10; ++i) throttle.count(false, 512);
  EXPECT_EQ(throttle.wait_ns(false, 0), 0);
  throttle.count(false, 512);
  EXPECT_EQ(throttle.wait_ns(false, 0), 10'000'000);  // one more than a tenth at the peak
  for (int i = 0; i < 290; ++i) throttle.count(false, 512);
  EXPECT_GT(throttle.wait_ns(false, 0), 1'000'000'000);
}

TEST(Throttling, LimitsThatExcludeEachOtherAreRefused) {
  EXPECT_FALSE((ThrottleLimits{.bytes = {.average = 1}, .bytes_read = {.average = 1}}.check()));
  EXPECT_FALSE((ThrottleLimits{.op_size = 1}.check()));
  EXPECT_FALSE((ThrottleLimits{.ops = {.peak = 1}}.check()));
  EXPECT_FALSE((ThrottleLimits{.ops = {.average = 2, .peak = 1}}.check()));
  EXPECT_FALSE((ThrottleLimits{.ops = {.average = 2, .burst_seconds = 2}}.check()));
  EXPECT_FALSE((ThrottleLimits{.ops = {.average = u64{1} << 60}}.check()));
  EXPECT_TRUE((ThrottleLimits{.bytes = {.average = 1}, .ops_read = {.average = 1}}.check()));
}

TEST(Throttling, RequestsOverTheLimitWaitAndADrainDoesNot) {
  const TempFile file(64 * kSectorSize, 0x5a);
  Bench bench;
  ASSERT_TRUE(bench.insert(file.path()));
  bench.drive.set_throttle(
      std::make_shared<Throttle>(ThrottleLimits{.ops = {.average = 1}}, loop::Loop::host_ns()));
  Request first(BlockOp::kRead, 0, 1);
  Request second(BlockOp::kRead, 1, 1);
  Request third(BlockOp::kWrite, 2, 1, 0x77);
  EXPECT_EQ(bench.run(first), 0);
  bench.drive.submit(second);
  bench.drive.submit(third);
  bench.loop.step(false);
  EXPECT_TRUE(second.pending());
  EXPECT_TRUE(third.pending());
  Request flush(BlockOp::kFlush, 0, 0);
  EXPECT_EQ(bench.run(flush), 0);  // never waits for a limit
  bench.drive.drain();
  EXPECT_EQ(second.error, 0);
  EXPECT_EQ(third.error, 0);
  EXPECT_EQ(file.content()[2 * kSectorSize], 0x77);
}

TEST(Throttling, WhatWaitsGoesWhenTheLimitDoes) {
  const TempFile file(64 * kSectorSize, 0x5a);
  Bench bench;
  ASSERT_TRUE(bench.insert(file.path()));
  bench.drive.set_throttle(
      std::make_shared<Throttle>(ThrottleLimits{.ops = {.average = 1}}, loop::Loop::host_ns()));
  Request first(BlockOp::kRead, 0, 1);
  Request second(BlockOp::kRead, 1, 1);
  EXPECT_EQ(bench.run(first), 0);
  bench.drive.submit(second);
  bench.drive.set_throttle(nullptr);
  while (second.pending()) bench.loop.step(true);
  EXPECT_EQ(second.error, 0);
}

// --- size, zeroes, counters ---

TEST(Resize, AFileGrowsAndTheDriveIsTold) {
  const TempFile file(64 * kSectorSize, 0x5a);
  Bench bench;
  Listener listener;
  bench.drive.set_listener(&listener);
  ASSERT_TRUE(bench.insert(file.path()));
  listener.events.clear();
  EXPECT_EQ(bench.run(BlockOp::kWrite, 64, 1, 1), EIO);
  ASSERT_TRUE(bench.drive.resize(128 * kSectorSize).has_value());
  EXPECT_EQ(listener.events, "r");
  EXPECT_EQ(bench.drive.info().sectors, 128u);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 127, 1, 1), 0);
  EXPECT_EQ(file.status_size(), 128 * kSectorSize);
  ASSERT_TRUE(bench.drive.resize(32 * kSectorSize).has_value());
  EXPECT_EQ(bench.run(BlockOp::kRead, 32, 1), EIO);
  EXPECT_FALSE(bench.drive.resize(~u64{0}).has_value());
  EXPECT_EQ(bench.drive.info().sectors, 32u);
  bench.drive.set_listener(nullptr);
}

TEST(Resize, AGrownFileIsNoticedWhenAsked) {
  const TempFile file(64 * kSectorSize);
  Bench bench;
  ASSERT_TRUE(bench.insert(file.path()));
  ASSERT_EQ(::truncate(file.path().c_str(), 99 * kSectorSize), 0);
  ASSERT_TRUE(bench.drive.resize_check().has_value());
  EXPECT_EQ(bench.drive.info().sectors, 99u);
}

class Zeroes : public AllMethods {};

TEST_P(Zeroes, TakeNoSpaceWhereThatIsWanted) {
  constexpr u64 kMany = 256;
  for (const bool unmap : {false, true}) {
    const TempFile file(kMany * kSectorSize, 0x5a);
    const u64 full = file.occupied();
    Bench bench(GetParam());
    ASSERT_TRUE(bench.insert(
        file.path(), {.discard = unmap ? Options::Discard::kUnmap : Options::Discard::kIgnore,
                      .detect_zeroes = Options::DetectZeroes::kUnmap}));
    EXPECT_EQ(bench.run(BlockOp::kWrite, 8, 128, 0), 0);
    EXPECT_EQ(bench.run(BlockOp::kWrite, 200, 1, 7), 0);
    const Buffer now = file.content();
    EXPECT_EQ(now[8 * kSectorSize - 1], 0x5a);
    EXPECT_EQ(Buffer(now.begin() + 8 * kSectorSize, now.begin() + 136 * kSectorSize),
              Buffer(128 * kSectorSize, 0));
    EXPECT_EQ(now[136 * kSectorSize], 0x5a);
    EXPECT_EQ(now[200 * kSectorSize], 7);
    if (unmap) {
      EXPECT_LT(file.occupied(), full);
    }
    EXPECT_EQ(bench.drive.stats().wr_operations, 2u);
  }
}

INSTANTIATE_TEST_SUITE_P(Block, Zeroes, kMethods, method_name);

TEST(Histograms, CountByIntervals) {
  LatencyHistogram histogram;
  histogram.count(5);
  EXPECT_TRUE(histogram.bins.empty());
  histogram.set({10, 50, 100});
  for (const u64 ns : {0u, 9u, 10u, 49u, 50u, 99u, 100u, 5000u}) histogram.count(ns);
  EXPECT_EQ(histogram.bins, (std::vector<u64>{2, 2, 2, 2}));
  histogram.set({});
  histogram.count(1);
  EXPECT_EQ(histogram.bins, std::vector<u64>{1});
}

TEST(Histograms, EachKindOfRequestHasItsOwn) {
  const TempFile file(64 * kSectorSize);
  Bench bench;
  ASSERT_TRUE(bench.insert(file.path()));
  bench.drive.reads_took().set({1'000'000'000'000});
  bench.drive.flushes_took().set({1'000'000'000'000});
  bench.run(BlockOp::kRead, 0, 1);
  bench.run(BlockOp::kWrite, 0, 1);
  bench.run(BlockOp::kFlush, 0, 0);
  bench.run(BlockOp::kRead, 0, 2);
  EXPECT_EQ(bench.drive.took()[0].bins, (std::vector<u64>{2, 0}));
  EXPECT_TRUE(bench.drive.took()[1].bins.empty());
  EXPECT_EQ(bench.drive.took()[2].bins, (std::vector<u64>{1, 0}));
}

}  // namespace
}  // namespace block::test
