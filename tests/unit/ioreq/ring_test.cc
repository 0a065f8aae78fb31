// The buffered ring by itself: its event comes once, then the ring is looked at by the clock until
// the guest stops writing, and no write is forgotten at any moment in between.
#include <random>

#include "tests/unit/ioreq/fake_xen.h"

namespace ioreq {
namespace {

u64 time_ns = 0;

class RingTest : public XenSide {
 protected:
  RingTest() {
    time_ns = 1'000'000'000;
    server.set_time_source([] { return time_ns; });
  }

  bool write(u64 at = 0) { return buffer(RequestType::kCopy, 0xa0000 + at, at & 0xff, 0); }
  bool masked() { return channels.masked.count(ring_port()) != 0; }
  /// As the loop does: sleeps until the server is due, or an event comes.
  void sleep() {
    while (server.poll()) {
    }
    if (channels.readable()) return server.on_event();
    ASSERT_NE(server.due_ns(), ~u64{0}) << "it would sleep for ever";
    time_ns = std::max(time_ns, server.due_ns());
    while (server.poll()) {
    }
  }
  void rest() {
    while (channels.readable() || server.due_ns() != ~u64{0}) sleep();
  }
};

TEST_F(RingTest, OneEventForManyWrites) {
  write();
  server.on_event();
  EXPECT_EQ(window.log.size(), 1u) << "the first is not delayed";
  EXPECT_TRUE(masked());
  EXPECT_EQ(server.due_ns(), time_ns + Server::kRingDelayNs);
  for (u64 i = 1; i < 500; ++i) {
    write(i);
    EXPECT_FALSE(channels.readable()) << "an event for a single write";
  }
  EXPECT_FALSE(server.poll());
  EXPECT_EQ(window.log.size(), 1u) << "not before it is time";
  time_ns = server.due_ns();
  EXPECT_TRUE(server.poll());
  ASSERT_EQ(window.log.size(), 500u);
  for (u64 i = 0; i < 500; ++i) EXPECT_EQ(window.log[i].offset, i);
  EXPECT_TRUE(channels.notified.empty());
}

TEST_F(RingTest, ItsEventsComeAgainWhenTheGuestStopsWriting) {
  write();
  server.on_event();
  for (int i = 0; i < 10; ++i) {
    write();
    sleep();
    EXPECT_TRUE(masked());
  }
  sleep();  // finds nothing
  EXPECT_FALSE(masked());
  EXPECT_FALSE(channels.readable()) << "the event of what is done wakes nobody";
  EXPECT_EQ(server.due_ns(), ~u64{0});
  write();
  EXPECT_TRUE(channels.readable());
  server.on_event();
  EXPECT_EQ(window.log.size(), 12u);
}

TEST_F(RingTest, OneWriteCostsOneLookMore) {
  write();
  server.on_event();
  const int takes = channels.pending_calls;
  sleep();
  EXPECT_FALSE(masked());
  EXPECT_EQ(channels.pending_calls, takes) << "no event can have come";
}

TEST_F(RingTest, ARequestDrainsItWhileItIsMasked) {
  write();
  server.on_event();
  write(1);
  in(0x100, 1);
  EXPECT_EQ(window.log.size(), 2u);
  EXPECT_TRUE(masked());
  sleep();
  EXPECT_TRUE(masked()) << "there was something since the last look";
  sleep();
  EXPECT_FALSE(masked());
  EXPECT_FALSE(channels.readable());
}

TEST_F(RingTest, AWriteWhileUnmaskingIsNotLost) {
  for (const bool before : {true, false}) {
    for (const bool busy : {true, false}) {
      window.log.clear();
      write();
      server.on_event();
      if (busy) {
        write();
        sleep();
      }
      bool written = false;
      const auto hook = [&] {
        if (!std::exchange(written, true)) write();
      };
      (before ? channels.before_unmask : channels.after_unmask) = hook;
      sleep();
      ASSERT_TRUE(written);
      EXPECT_TRUE(channels.readable() || server.due_ns() != ~u64{0} ||
                  ring.pointers.read == ring.pointers.write);
      channels.before_unmask = channels.after_unmask = nullptr;
      rest();
      EXPECT_EQ(window.log.size(), busy ? 3u : 2u);
      EXPECT_FALSE(masked());
    }
  }
}

TEST_F(RingTest, AGuestThatNeverStopsWritingKeepsNobody) {
  window.on_write = [&] { write(); };
  write();
  server.on_event();
  for (int i = 0; i < 100; ++i) {
    time_ns = server.due_ns();
    EXPECT_TRUE(server.poll());
    EXPECT_FALSE(server.poll()) << "until it is due again, the loop may sleep";
  }
  EXPECT_EQ(window.log.size(), 101u);
}

TEST_F(RingTest, AnEventWithNothingBehindItMasksNothing) {
  channels.raise(ring_port());
  server.on_event();
  EXPECT_FALSE(masked());
  EXPECT_EQ(server.due_ns(), ~u64{0});
  EXPECT_EQ(server.counters().spurious, 1u);
}

TEST_F(RingTest, IsDrainedWhenTheGuestHasStopped) {
  write();
  server.on_event();
  write(1);
  server.drain_ring();
  EXPECT_EQ(window.log.size(), 2u);
  rest();
  EXPECT_FALSE(masked());
}

TEST_F(RingTest, PointersThatMakeNoSenseEndIt) {
  write();
  server.on_event();
  ring.pointers = {5, 5 + kRingSlots + 1};
  time_ns = server.due_ns();
  EXPECT_FALSE(server.poll());
  EXPECT_EQ(host.fatals.size(), 1u);
  EXPECT_EQ(server.due_ns(), ~u64{0}) << "or the loop would not sleep any more";
  server.drain_ring();
  EXPECT_EQ(host.fatals.size(), 1u);
}

TEST_F(RingTest, IsNotEnteredWhileItIsDrained) {
  window.on_write = [&] {
    server.drain_ring();
    time_ns += 10 * Server::kRingDelayNs;
    EXPECT_FALSE(server.poll());
  };
  write();
  write();
  server.on_event();
  EXPECT_EQ(window.log.size(), 2u);
}

/// While requests are looked for, the ring is the guest's: what is in it is done by the next
/// request, or when it is due.
TEST_F(RingTest, IsLeftAloneWhileLooking) {
  static std::function<void()> tick;
  tick = nullptr;
  server.set_time_source([] {
    time_ns += 100;
    if (tick) tick();
    return time_ns;
  });
  server.set_polling(50'000);
  for (int i = 0; i < 3; ++i) {
    in(0x100, 1);
    while (i < 2 && server.poll()) {
    }
  }
  write();
  server.on_event();
  window.log.clear();
  tick = [&] {
    if (ring.pointers.write - ring.pointers.read < 100) write();
  };
  while (server.poll()) {
  }
  tick = nullptr;
  EXPECT_TRUE(window.log.empty());
  EXPECT_FALSE(channels.readable());
  in(0x100, 1);
  EXPECT_GE(window.log.size(), 50u);
  rest();
  EXPECT_EQ(ring.pointers.read, ring.pointers.write);
}

/// Writes and requests at any moment: each write is done within the delay, in order, and the server
/// comes to rest with its port unmasked.
TEST_F(RingTest, NoWriteIsForgotten) {
  std::mt19937 random(7);
  u64 written = 0;
  const auto maybe = [&](unsigned one_in) {
    while (random() % one_in == 0 && write(written % 0x100)) ++written;
  };
  window.on_write = [&] { maybe(20); };
  channels.before_unmask = [&] { maybe(3); };
  channels.after_unmask = [&] { maybe(3); };
  u64 rests = 0;
  for (int i = 0; i < 20'000; ++i) {
    maybe(4);
    if (random() % 8 == 0) in(0x100, 1);
    time_ns += random() % 3'000'000;
    while (server.poll()) {
    }
    if (channels.readable()) server.on_event();
    if (ring.pointers.read != ring.pointers.write && !channels.readable()) {
      ASSERT_LE(server.due_ns(), time_ns + Server::kRingDelayNs) << "nobody will look";
    }
    if (channels.masked.empty()) ++rests;
  }
  window.on_write = channels.before_unmask = channels.after_unmask = nullptr;
  rest();
  ASSERT_EQ(window.log.size(), written);
  for (u64 i = 0; i < written; ++i) ASSERT_EQ(window.log[i].offset, i % 0x100);
  EXPECT_TRUE(channels.masked.empty());
  EXPECT_GT(rests, 100u);
  EXPECT_TRUE(host.fatals.empty());
}

}  // namespace
}  // namespace ioreq
