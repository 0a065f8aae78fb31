#include "machine/loop/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace loop {
namespace {

TEST(Loop, FdWatchSeesDataAndHangup) {
  Loop loop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  unsigned seen = 0;
  WatchPtr watch = loop.watch_fd(ends[0], kReadable, [&](unsigned events) { seen |= events; });
  EXPECT_FALSE(loop.step(false));
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_TRUE(loop.step(true));
  EXPECT_EQ(seen, kReadable);
  close(ends[1]);
  EXPECT_TRUE(loop.step(true));
  EXPECT_EQ(seen & kHangup, kHangup);
  close(ends[0]);
}

TEST(Loop, WatchMayDestroyItselfInItsCallback) {
  Loop loop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  int calls = 0;
  WatchPtr watch;
  watch = loop.watch_fd(ends[0], kReadable, [&](unsigned) {
    watch.reset();
    ++calls;
  });
  EXPECT_TRUE(loop.step(true));
  EXPECT_FALSE(loop.step(false));
  EXPECT_EQ(calls, 1);
  close(ends[0]);
  close(ends[1]);
}

TEST(Loop, PostFromAnotherThreadWakesTheLoop) {
  Loop loop;
  bool ran = false;
  std::thread other([&] {
    loop.post([&] {
      ran = true;
      loop.quit();
    });
  });
  loop.run();
  other.join();
  EXPECT_TRUE(ran);
}

TEST(Loop, GuestTimersFireInOrderOfDeadline) {
  Loop loop;
  core::Clock& clock = loop.clock();
  std::string order;
  auto second = clock.make_timer([&] {
    order += 'b';
    loop.quit();
  });
  auto first = clock.make_timer([&] { order += 'a'; });
  second->arm(clock.now_ns() + 2'000'000);
  first->arm(clock.now_ns() + 1'000'000);
  loop.run();
  EXPECT_EQ(order, "ab");
  EXPECT_FALSE(first->armed());
}

TEST(Loop, CancelledTimerDoesNotFire) {
  Loop loop;
  core::Clock& clock = loop.clock();
  bool fired = false;
  auto timer = clock.make_timer([&] { fired = true; });
  auto end = clock.make_timer([&] { loop.quit(); });
  timer->arm(clock.now_ns() + 1'000);
  EXPECT_TRUE(timer->armed());
  timer->cancel();
  EXPECT_EQ(timer->deadline_ns(), -1);
  end->arm(clock.now_ns() + 2'000'000);
  loop.run();
  EXPECT_FALSE(fired);
}

TEST(Loop, StoppedClockStandsStillAndTimersWait) {
  Loop loop;
  core::Clock& clock = loop.clock();
  bool fired = false;
  auto timer = clock.make_timer([&] {
    fired = true;
    loop.quit();
  });
  timer->arm(clock.now_ns() + 1'000);
  loop.stop_clock();
  const core::i64 at = clock.now_ns();
  WatchPtr end = loop.after(5, [&] { loop.quit(); });
  loop.run();
  EXPECT_FALSE(fired);
  EXPECT_EQ(clock.now_ns(), at);
  loop.resume_clock();
  while (!fired) loop.step(true);
  EXPECT_GE(clock.now_ns(), at);
}

TEST(Loop, BeforeSleepRunsAndKeepsTheLoopAwake) {
  Loop loop;
  int polls = 0;
  loop.set_before_sleep([&] { return ++polls < 3; });
  loop.step(false);
  loop.step(false);
  EXPECT_GE(polls, 2);
}

}  // namespace
}  // namespace loop
