#include "machine/loop/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

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

/// A guest that accesses us without pause: its descriptor is always readable.
class StormingGuest final : public GuestSource {
 public:
  StormingGuest() { EXPECT_EQ(pipe(ends), 0); }
  ~StormingGuest() override {
    close(ends[0]);
    close(ends[1]);
  }
  void raise() const { EXPECT_EQ(write(ends[1], "x", 1), 1); }
  int fd() const override { return ends[0]; }
  void ready() override {
    ++served;
    if (on_ready) on_ready();
  }
  bool linger(core::i64 until) override {
    lingered.push_back(until);
    return on_linger && on_linger();
  }
  core::i64 due_ns() const override { return due; }

  int ends[2];
  int served = 0;
  std::vector<core::i64> lingered;
  core::i64 due = kNever;
  std::function<void()> on_ready;
  std::function<bool()> on_linger;
};

TEST(Loop, AStormOfAccessesStarvesNobody) {
  Loop loop;
  StormingGuest guest;
  guest.raise();
  loop.set_guest(&guest);
  std::string seen;
  loop.post([&] { seen += 'c'; });
  int host[2];
  ASSERT_EQ(pipe(host), 0);
  ASSERT_EQ(write(host[1], "x", 1), 1);
  WatchPtr io = loop.watch_fd(host[0], kReadable, [&](unsigned) {
    seen += 'h';
    io.reset();
  });
  ASSERT_EQ(write(host[1], "x", 1), 1);
  WatchPtr monitor = loop.watch_fd(
      host[0], kReadable,
      [&](unsigned) {
        seen += 'm';
        monitor.reset();
      },
      Priority::kMonitor);
  auto timer = loop.clock().make_timer([&] { seen += 't'; });
  timer->arm(loop.clock().now_ns());
  for (int rounds = 0; rounds < 4; ++rounds) {
    EXPECT_EQ(guest.served, rounds);
    EXPECT_TRUE(loop.step(true));
  }
  // In order of their priority, one of them a round; timers in every round.
  EXPECT_EQ(seen, "cthm");
  close(host[0]);
  close(host[1]);
}

TEST(Loop, AStormOfPolledAccessesStarvesNobody) {
  Loop loop;
  StormingGuest guest;
  guest.on_linger = [] { return true; };  // there is always one more
  loop.set_guest(&guest);
  int fired = 0;
  auto timer = loop.clock().make_timer([&] {
    ++fired;
    loop.quit();
  });
  timer->arm(loop.clock().now_ns() + 1'000'000);
  int posted = 0;
  WatchPtr after = loop.after(0, [&] { ++posted; });
  loop.run();
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(posted, 1);
}

TEST(Loop, LooksForTheGuestWhileOthersKeepItBusy) {
  Loop loop;
  StormingGuest guest;
  loop.set_guest(&guest);
  std::function<void()> again = [&] { loop.post(again); };  // always one more completion
  loop.post(again);
  for (std::size_t rounds = 1; rounds <= 5; ++rounds) {
    loop.step(true);
    ASSERT_EQ(guest.lingered.size(), rounds);
    EXPECT_EQ(guest.lingered.back(), 0) << "it must not wait";
  }
}

TEST(Loop, LingersUntilTheNextTimerAtMost) {
  Loop loop;
  StormingGuest guest;
  loop.set_guest(&guest);
  auto timer = loop.clock().make_timer([&] { loop.quit(); });
  const core::i64 before = Loop::host_ns();
  timer->arm(loop.clock().now_ns() + 2'000'000);
  loop.run();
  ASSERT_FALSE(guest.lingered.empty());
  EXPECT_GE(guest.lingered.front(), before + 2'000'000);
  EXPECT_LE(guest.lingered.front(), Loop::host_ns());
}

TEST(LoopTask, RunsOnceForEachTimeItIsAskedFor) {
  Loop loop;
  int ran = 0;
  TaskPtr task = loop.make_task([&] { ++ran; });
  EXPECT_FALSE(loop.step(false));
  task->ask();
  task->ask();
  EXPECT_TRUE(loop.work_waits());
  EXPECT_EQ(ran, 0) << "not from within";
  EXPECT_TRUE(loop.step(true)) << "it need not wait for anything else";
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(loop.work_waits());
  task->ask();
  task.reset();
  EXPECT_FALSE(loop.step(false));
  EXPECT_EQ(ran, 1);
}

TEST(LoopTask, RunsWheneverItsConditionIsTrue) {
  Loop loop;
  int left = 3;
  const TaskPtr task = loop.make_task([&] { --left; }, [&] { return left > 0; });
  for (int i = 0; i < 10; ++i) loop.step(false);
  EXPECT_EQ(left, 0);
}

TEST(LoopTask, IsNotEnteredByANestedRound) {
  Loop loop;
  int depth = 0, ran = 0;
  TaskPtr task;
  task = loop.make_task([&] {
    EXPECT_EQ(depth++, 0);
    ++ran;
    task->ask();
    loop.post([] {});
    loop.step(true);  // or it sleeps for ever
    --depth;
  });
  task->ask();
  loop.step(true);
  EXPECT_GE(ran, 1);
}

TEST(LoopTask, MayMakeAndDropOthers) {
  Loop loop;
  std::string seen;
  TaskPtr second, third;
  const TaskPtr first = loop.make_task([&] {
    seen += '1';
    second.reset();
    third = loop.make_task([&] { seen += '3'; });
    third->ask();
  });
  second = loop.make_task([&] { seen += '2'; });
  first->ask();
  second->ask();
  loop.step(false);
  loop.step(false);
  EXPECT_EQ(seen, "13") << "the second was gone before its turn";
}

TEST(LoopTask, ThatAsksAgainStarvesNobody) {
  Loop loop;
  StormingGuest guest;
  loop.set_guest(&guest);
  int ran = 0;
  TaskPtr task;
  task = loop.make_task([&] {
    ++ran;
    task->ask();
  });
  task->ask();
  std::string seen;
  auto timer = loop.clock().make_timer([&] {
    seen += 't';
    if (seen.size() == 2) loop.quit();
  });
  timer->arm(loop.clock().now_ns() + 1'000'000);
  const WatchPtr after = loop.after(1, [&] {
    seen += 'a';
    if (seen.size() == 2) loop.quit();
  });
  loop.run();  // or it never ends
  EXPECT_GT(ran, 1);
  for (const core::i64 until : guest.lingered) ASSERT_EQ(until, 0) << "there was work";
}

/// An access that is met while looking begins a disk request, which is over at once.
TEST(LoopTask, OfAnAccessThatWasMetRunsBeforeTheLoopSleeps) {
  Loop loop;
  StormingGuest guest;
  loop.set_guest(&guest);
  std::string seen;
  TaskPtr task = loop.make_task([&] { seen += 'd'; });
  int accesses = 2;
  guest.on_linger = [&] {
    if (accesses == 0) return false;
    --accesses;
    seen += 'a';
    task->ask();
    return true;
  };
  loop.step(false);
  EXPECT_EQ(seen, "adad") << "with no call of the kernel in between";
}

/// The same by its event.
TEST(LoopTask, OfAnAccessThatWasServedRunsInTheSameRound) {
  Loop loop;
  StormingGuest guest;
  guest.raise();
  loop.set_guest(&guest);
  bool ran = false;
  TaskPtr task = loop.make_task([&] { ran = true; });
  guest.on_ready = [&] { task->ask(); };
  loop.step(true);
  EXPECT_EQ(guest.served, 1);
  EXPECT_TRUE(ran);
}

TEST(Loop, WakesForTheGuestWhenItIsDue) {
  Loop loop;
  StormingGuest guest;
  loop.set_guest(&guest);
  guest.due = Loop::host_ns() + 2'000'000;
  guest.on_linger = [&] {
    if (Loop::host_ns() >= guest.due) loop.quit();
    return false;
  };
  loop.run();  // or it sleeps for ever
  EXPECT_EQ(guest.lingered.front(), guest.due) << "it must not look for longer";
  EXPECT_EQ(guest.lingered.back(), 0) << "there is something to do at once";
}

/// What was due is done in the look that it asked for, and nothing else is. Event channels may be
/// masked then; they are unmasked where the guest source is told of the sleep.
TEST(Loop, SleepsOnlyAfterTheGuestSourceWasToldOfIt) {
  Loop loop;
  StormingGuest guest;
  loop.set_guest(&guest);
  const auto too_late = loop.after(5'000, [&] { loop.quit(); });
  guest.due = Loop::host_ns() - 1;
  bool raised = false;
  guest.on_linger = [&] {
    guest.due = GuestSource::kNever;
    if (guest.lingered.back() != 0 && !std::exchange(raised, true)) guest.raise();
    return false;
  };
  guest.on_ready = [&] { loop.quit(); };
  loop.run();
  EXPECT_EQ(guest.lingered.front(), 0);
  EXPECT_EQ(guest.served, 1) << "it slept, and nobody could wake it";
}

TEST(Loop, ATimerThatAnAccessArmsEndsTheSleep) {
  Loop loop;
  StormingGuest guest;
  auto timer = loop.clock().make_timer([&] { loop.quit(); });
  guest.on_linger = [&] {  // met while looking, and then nothing more
    if (!timer->armed()) timer->arm(loop.clock().now_ns() + 1'000);
    return false;
  };
  loop.set_guest(&guest);
  loop.run();  // or it sleeps for ever
  EXPECT_FALSE(timer->armed());
}

TEST(Loop, ATaskThatAnAccessPostsEndsTheSleep) {
  Loop loop;
  StormingGuest guest;
  bool once = false;
  guest.on_linger = [&] {
    if (!std::exchange(once, true)) loop.post([&] { loop.quit(); });
    return false;
  };
  loop.set_guest(&guest);
  loop.run();
  EXPECT_TRUE(once);
}

TEST(Loop, ANestedRoundLeavesTheGuestAlone) {
  Loop loop;
  StormingGuest guest;
  guest.raise();
  bool ran = false;
  guest.on_ready = [&] {  // a device waits for its back end within an access
    if (guest.served != 1) return;
    loop.post([&] { ran = true; });
    while (!ran) loop.step(true);
    EXPECT_EQ(guest.served, 1);
  };
  loop.set_guest(&guest);
  loop.step(true);
  EXPECT_TRUE(ran);
  loop.step(true);
  EXPECT_EQ(guest.served, 2);
}

TEST(Loop, AGuestThatIsTakenAwayIsNotServed) {
  Loop loop;
  StormingGuest guest;
  guest.raise();
  guest.on_linger = [&] {
    loop.set_guest(nullptr);
    return true;
  };
  loop.set_guest(&guest);
  loop.step(true);
  loop.step(false);
  EXPECT_EQ(guest.served, 0);
}

}  // namespace
}  // namespace loop
