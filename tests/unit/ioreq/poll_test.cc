// Serving without events: the window, what is masked meanwhile, and that no request is left behind.
#include <random>

#include "tests/unit/ioreq/fake_xen.h"

namespace ioreq {
namespace {

TEST(PollPolicy, IsClosedUntilRequestsFollowEachOther) {
  PollPolicy policy;
  EXPECT_FALSE(policy.enabled());
  policy.set_max(50'000);
  EXPECT_EQ(policy.window(), 0u);
  for (int i = 0; i < 100; ++i) policy.woken(1'000'000, 0);  // now and then: a timer tick
  EXPECT_EQ(policy.window(), 0u);
  policy.woken(10'000, 0);
  EXPECT_NE(policy.window(), 0u);
}

TEST(PollPolicy, TheWindowFollowsTheUsualGap) {
  PollPolicy policy;
  policy.set_max(50'000);
  policy.woken(2'000, 0);
  for (int i = 0; i < 50; ++i) policy.met(3'000);
  EXPECT_NEAR(static_cast<double>(policy.window()), 12'000, 100);
  for (int i = 0; i < 50; ++i) policy.met(500);
  EXPECT_EQ(policy.window(), PollPolicy::kFirstWindowNs);
  for (int i = 0; i < 50; ++i) policy.met(1'000'000);
  EXPECT_EQ(policy.window(), 50'000u);
}

TEST(PollPolicy, TwoLateRequestsInARowCloseIt) {
  PollPolicy policy;
  policy.set_max(50'000);
  policy.woken(0, 0);
  policy.woken(4'000'000, 0);
  EXPECT_NE(policy.window(), 0u) << "a pause between two bursts";
  policy.met(1'000);
  policy.woken(4'000'000, 0);
  EXPECT_NE(policy.window(), 0u);
  policy.woken(4'000'000, 0);
  EXPECT_EQ(policy.window(), 0u);
}

TEST(PollPolicy, WakingUpSlowlyIsNotTheGuestsFault) {
  PollPolicy policy;
  policy.set_max(50'000);
  policy.woken(60'000, 0);  // most of it our own
  EXPECT_NE(policy.window(), 0u);
  policy.met(1'000);
  for (int i = 0; i < 10; ++i) {
    policy.woken(120'000, 0);
    EXPECT_NE(policy.window(), 0u);
  }
  for (int i = 0; i < 10; ++i) policy.missed(50'000, 0);  // it was the guest's after all
  EXPECT_EQ(policy.window(), 0u);
}

TEST(PollPolicy, LookingInVainClosesItLongerEachTime) {
  PollPolicy policy;
  policy.set_max(50'000);
  u64 now = 0;
  u64 closed = PollPolicy::kFirstPauseNs;
  for (int round = 0; round < 12; ++round) {
    policy.woken(0, now);
    ASSERT_NE(policy.window(), 0u);
    u64 spent = 0;
    while (policy.window() != 0) {
      policy.missed(50'000, now);
      spent += 50'000;
    }
    EXPECT_LE(spent, static_cast<u64>(PollPolicy::kFirstCreditNs) + 50'000);
    policy.woken(0, now + closed - 1);
    EXPECT_EQ(policy.window(), 0u) << "closed for " << closed;
    now += closed;
    closed = std::min(closed * 2, PollPolicy::kMaxPauseNs);
  }
  EXPECT_EQ(closed, PollPolicy::kMaxPauseNs);
}

TEST(PollPolicy, WhatIsMetPaysForWhatIsMissed) {
  PollPolicy policy;
  policy.set_max(50'000);
  policy.woken(0, 0);
  for (int burst = 0; burst < 1000; ++burst) {  // ten accesses, then a look in vain
    for (int i = 0; i < 10; ++i) policy.met(1'000);
    policy.missed(50'000, 0);
  }
  EXPECT_NE(policy.window(), 0u);
}

TEST(PollPolicy, ACpuThatSomebodyElseWantsClosesIt) {
  PollPolicy policy;
  policy.set_max(50'000);
  u64 times = 0;
  for (; times < 100; ++times) {
    policy.woken(0, 0);
    if (policy.window() == 0) break;
    policy.crowded(0);
    EXPECT_EQ(policy.window(), 0u) << "at once";
  }
  EXPECT_LE(times, static_cast<u64>(PollPolicy::kFirstCreditNs / PollPolicy::kCrowdedNs) + 1);
  policy.woken(0, PollPolicy::kFirstPauseNs - 1);
  EXPECT_EQ(policy.window(), 0u) << "and then for a while";
  policy.woken(0, PollPolicy::kFirstPauseNs);
  EXPECT_NE(policy.window(), 0u);
}

TEST(PollPolicy, RequestsThatKeepComingOutweighACrowd) {
  PollPolicy policy;
  policy.set_max(50'000);
  for (int burst = 0; burst < 1000; ++burst) {
    policy.woken(0, 0);
    ASSERT_NE(policy.window(), 0u);
    for (int i = 0; i < 20; ++i) policy.met(1'000);
    policy.crowded(0);
  }
}

/// Time that passes by being looked at, 100 ns a look; things happen at a given look.
u64 time_ns = 0;
std::function<void(u64)> at_time;  // NOLINT(cert-err58-cpp)

u64 look_at_time() {
  time_ns += 100;
  if (at_time) at_time(time_ns);
  return time_ns;
}

class PollTest : public XenSide {
 protected:
  PollTest() {
    time_ns = 1'000'000'000;
    at_time = nullptr;
    server.set_time_source(&look_at_time);
    server.set_polling(50'000);
  }
  ~PollTest() override { at_time = nullptr; }

  /// Two accesses close together, each by its event: the window is open then.
  void open_window() {
    for (int i = 0; i < 2; ++i) {
      in(0x100, 1);
      while (server.poll()) {
      }
    }
    in(0x100, 1);
    ports.log.clear();
    channels.notified.clear();
  }
  void sleep() {
    while (server.poll()) {
    }
  }
  bool a_vcpu_waits() {
    for (unsigned vcpu = 0; vcpu < kVcpus; ++vcpu) {
      if (state(vcpu) == RequestState::kReady) return true;
    }
    return false;
  }
};

TEST_F(PollTest, IsOffByDefault) {
  server.set_polling(0);
  post(0, RequestType::kPio, 0x100, 0, 1, kRead);
  EXPECT_FALSE(server.poll());
  EXPECT_EQ(state(0), RequestState::kReady);
  server.on_event();
  EXPECT_TRUE(channels.masked.empty());
}

TEST_F(PollTest, AnAccessNowAndThenIsNotWaitedFor) {
  for (int i = 0; i < 100; ++i) {
    time_ns += 4'000'000;  // a tick of 250 Hz
    in(0x100, 1);
    const u64 before = time_ns;
    EXPECT_FALSE(server.poll());
    EXPECT_LE(time_ns - before, 300u) << "it looked";
    EXPECT_TRUE(channels.masked.empty());
  }
}

TEST_F(PollTest, RequestsThatFollowNeedNoEventAndOneCall) {
  open_window();
  const int pending_calls = channels.pending_calls;
  const int unmask_calls = channels.unmask_calls;
  at_time = [&](u64) {
    if (state(0) == RequestState::kReady) return;
    requests[0].flags = 0;
    post(0, RequestType::kPio, 0x100, 0, 1, kRead);
    EXPECT_FALSE(channels.readable()) << "masked while we look";
  };
  for (int visit = 0; visit < 3; ++visit) ASSERT_TRUE(server.poll());
  EXPECT_GE(server.counters().polled, 100u);
  EXPECT_EQ(channels.notified.size(), server.counters().polled);
  EXPECT_EQ(channels.pending_calls, pending_calls);
  EXPECT_EQ(channels.unmask_calls, unmask_calls);
}

TEST_F(PollTest, EventsOfWhatWasMetAreGoneBeforeItSleeps) {
  open_window();
  post(0, RequestType::kPio, 0x100, 0, 1, kRead);  // its port is masked
  post(3, RequestType::kPio, 0x101, 0, 1, kRead);  // its port is not
  buffer(RequestType::kCopy, 0xa0000, 7, 0);
  sleep();
  EXPECT_EQ(answer(0) + answer(3), 0x01 * 9u);  // the fourth and the fifth read of this test
  EXPECT_EQ(window.log.size(), 1u);
  while (server.due_ns() != ~u64{0}) {
    time_ns = server.due_ns();
    sleep();
  }
  EXPECT_FALSE(channels.readable());
  EXPECT_TRUE(channels.masked.empty());
}

TEST_F(PollTest, ARequestWhileUnmaskingIsNotLost) {
  for (const bool before : {true, false}) {
    open_window();
    bool posted = false;
    auto hook = [&] {
      if (!std::exchange(posted, true)) post(0, RequestType::kPio, 0x100, 0, 1, kRead);
    };
    (before ? channels.before_unmask : channels.after_unmask) = hook;
    sleep();
    ASSERT_TRUE(posted);
    EXPECT_TRUE(channels.readable() || state(0) == RequestState::kResponseReady);
    channels.before_unmask = channels.after_unmask = nullptr;
    server.on_event();
    answer(0);
    sleep();
  }
}

TEST_F(PollTest, AnEventWithNothingBehindItDoesNotStartLookingAgain) {
  open_window();
  sleep();
  channels.raise(local(0));
  server.on_event();
  const u64 before = time_ns;
  EXPECT_FALSE(server.poll());
  EXPECT_LE(time_ns - before, 1'000u);
  EXPECT_TRUE(channels.masked.empty());
}

TEST_F(PollTest, ComesBackToTheLoopDuringAStorm) {
  open_window();
  at_time = [&](u64) {  // four vCPUs that do nothing else
    for (unsigned vcpu = 0; vcpu < kVcpus; ++vcpu) {
      if (state(vcpu) == RequestState::kReady) continue;
      requests[vcpu].flags = 0;
      post(vcpu, RequestType::kPio, 0x100 + vcpu, vcpu, 1);
    }
  };
  for (int visit = 0; visit < 10; ++visit) {
    const u64 before = time_ns;
    ASSERT_TRUE(server.poll());
    EXPECT_LE(time_ns - before, Server::kVisitNs + 1'000);
  }
  // And each had its turn.
  std::array<int, kVcpus> turns{};
  for (const Access& access : ports.log) ++turns[access.offset];
  for (const int one : turns) EXPECT_NEAR(one, turns[0], 1);
}

TEST_F(PollTest, EndsWhenTheNextTimerIsDue) {
  open_window();
  const u64 due = time_ns + 2'000;
  EXPECT_FALSE(server.poll(due));
  EXPECT_GE(time_ns, due);
  EXPECT_LE(time_ns, due + 1'000);
  EXPECT_TRUE(channels.masked.empty());
}

TEST_F(PollTest, WhileTheLoopIsBusyWithOthersItStillLooksOnce) {
  open_window();
  ASSERT_FALSE(channels.masked.empty());
  post(0, RequestType::kPio, 0x100, 0, 1, kRead);
  EXPECT_FALSE(channels.readable());  // masked: the loop would not hear of it
  EXPECT_TRUE(server.poll(0));
  answer(0);
  const u64 before = time_ns;
  EXPECT_FALSE(server.poll(0));
  EXPECT_LE(time_ns - before, 100u);
  sleep();
  EXPECT_TRUE(channels.masked.empty());
}

TEST_F(PollTest, BufferedWritesComeFirst) {
  open_window();
  for (u64 i = 0; i < 100; ++i) buffer(RequestType::kCopy, 0xa0000 + i, i, 0);
  std::size_t before = 0;
  ports.on_read = [&] { before = window.log.size(); };
  post(2, RequestType::kPio, 0x100, 0, 1, kRead);
  sleep();
  EXPECT_EQ(before, 100u);
  for (u64 i = 0; i < 100; ++i) ASSERT_EQ(window.log[i].offset, i);
}

TEST_F(PollTest, AHostilePageEndsIt) {
  open_window();
  ring.pointers = {5, 5 + kRingSlots + 1};
  post(0, RequestType::kPio, 0x100, 0, 1, kRead);
  EXPECT_FALSE(server.poll());
  EXPECT_EQ(host.fatals.size(), 1u);
  EXPECT_FALSE(server.poll());
  server.on_event();
  EXPECT_FALSE(channels.readable());  // or the loop would spin
  EXPECT_EQ(host.fatals.size(), 1u);
}

TEST_F(PollTest, AStateThatNeverEndsIsNoRequest) {
  open_window();
  requests[1].flags = 0xff & ~static_cast<u8>(RequestState::kReady);
  const u64 before = time_ns;
  sleep();
  EXPECT_LE(time_ns - before, 60'000u);
  EXPECT_TRUE(channels.notified.empty());
}

TEST_F(PollTest, DoesNotEnterItself) {
  open_window();
  ports.on_write = [&] { EXPECT_FALSE(server.poll()); };
  post(1, RequestType::kPio, 0x101, 1, 1);
  sleep();
  EXPECT_EQ(ports.log.size(), 1u);
}

/// The kernel gives the CPU to somebody for a long time while we look: that is no time we looked in
/// vain, and no reason to give up.
TEST_F(PollTest, TimeThatIsTakenIsNotPaidFor) {
  open_window();
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(channels.masked.empty()) << "it gave up after " << i;
    bool taken = false;
    at_time = [&](u64) {
      if (!std::exchange(taken, true)) time_ns += 3'000'000;
    };
    EXPECT_FALSE(server.poll());
    at_time = nullptr;
    EXPECT_TRUE(channels.masked.empty());
    in(0x100, 1);
  }
}

TEST_F(PollTest, OtherWorkEndsTheLookAtOnce) {
  open_window();
  bool work = true;
  server.set_other_work([&] { return work; });
  const u64 before = time_ns;
  EXPECT_TRUE(server.poll()) << "it comes back before it sleeps";
  EXPECT_LE(time_ns - before, 200u);
  EXPECT_FALSE(channels.masked.empty());
  // And when an access makes it.
  work = false;
  ports.on_write = [&] { work = true; };
  post(1, RequestType::kPio, 0x101, 1, 1);
  EXPECT_TRUE(server.poll());
  EXPECT_EQ(state(1), RequestState::kResponseReady);
  EXPECT_LE(time_ns - before, 1'000u);
  work = false;
  ports.on_write = nullptr;
  sleep();
  EXPECT_TRUE(channels.masked.empty());
}

TEST_F(PollTest, TurningItOffUnmasks) {
  open_window();
  EXPECT_FALSE(channels.masked.empty());
  server.set_polling(0);
  EXPECT_TRUE(channels.masked.empty());
}

/// Accesses at any moment, by any vCPU, while the server looks, unmasks, and sleeps: it never
/// sleeps on one.
TEST_F(PollTest, NeverSleepsOnARequest) {
  std::mt19937 random(1);
  u64 sent = 0, buffered = 0;
  const auto maybe_access = [&](unsigned one_in) {
    if (random() % one_in != 0) return;
    const auto who = static_cast<unsigned>(random() % (kVcpus + 1));
    if (who == kVcpus) {
      if (buffer(RequestType::kCopy, 0xa0000, 1, 0)) ++buffered;
      return;
    }
    if (state(who) != RequestState::kNone && state(who) != RequestState::kResponseReady) return;
    requests[who].flags = 0;
    post(who, RequestType::kPio, 0x100 + who, 1, 1);
    ++sent;
  };
  at_time = [&](u64) { maybe_access(40); };
  channels.before_unmask = [&] { maybe_access(4); };
  channels.after_unmask = [&] { maybe_access(4); };
  u64 sleeps = 0, polled_sleeps = 0;
  for (int i = 0; i < 5'000; ++i) {
    if (random() % 50 == 0) time_ns += random() % 200'000;
    if (server.poll()) {
      if (channels.readable()) server.on_event();
      continue;
    }
    if (!channels.readable()) {
      ++sleeps;
      polled_sleeps = server.counters().polled;
      const bool ring_looked_at = server.due_ns() <= time_ns + Server::kRingDelayNs;
      ASSERT_FALSE(a_vcpu_waits()) << "asleep, and nobody will wake it";
      ASSERT_TRUE(ring.pointers.read == ring.pointers.write || ring_looked_at);
      channels.masked.erase(ring_port());
      ASSERT_TRUE(channels.masked.empty());
      if (ring_looked_at) channels.masked.insert(ring_port());
      maybe_access(1);
      time_ns += random() % 20'000;
    }
    if (channels.readable()) server.on_event();
  }
  at_time = nullptr;
  channels.before_unmask = channels.after_unmask = nullptr;
  for (u64 due = 0; due != ~u64{0}; due = server.due_ns()) {
    time_ns = std::max(time_ns, due);
    while (server.poll() || channels.readable()) server.on_event();
  }
  EXPECT_FALSE(a_vcpu_waits());
  EXPECT_EQ(ports.log.size(), sent);
  EXPECT_EQ(window.log.size(), buffered);
  EXPECT_GT(sleeps, 100u);
  EXPECT_GT(polled_sleeps, 100u) << "it did look";
  EXPECT_TRUE(host.fatals.empty());
}

}  // namespace
}  // namespace ioreq
