// The protocol of the shared pages: states, events, the ring.
#include "ioreq/server/server.h"

#include "tests/unit/ioreq/fake_xen.h"

namespace ioreq {
namespace {

using ServerTest = XenSide;

TEST_F(ServerTest, BindsOneChannelForEachVcpuAndOneForTheRing) {
  EXPECT_EQ(channels.remotes, (std::vector<u32>{100, 101, 102, 103, 77}));
  channels.refuse_bind = true;
  EXPECT_FALSE(server.bind(kRemoteRing));
}

TEST_F(ServerTest, AnswersAReadAndNotifiesItsVcpuOnly) {
  post(2, RequestType::kPio, 0x102, 0xdeadbeefdeadbeef, 2, kRead);
  requests[1].flags = static_cast<u8>(RequestState::kReady);  // no event for this one yet
  server.on_event();
  EXPECT_EQ(answer(2), 0x0101u);
  EXPECT_EQ(channels.notified, std::vector<Port>{local(2)});
  EXPECT_EQ(ports.take(), (std::vector<Access>{{'r', 2, 0, 2}}));
  EXPECT_EQ(state(1), RequestState::kReady);
  EXPECT_TRUE(channels.masked.empty());
}

TEST_F(ServerTest, IsInProcessWhileTheDeviceWorks) {
  RequestState seen{};
  ports.on_read = [&] { seen = state(0); };
  in(0x100, 1);
  EXPECT_EQ(seen, RequestState::kInProcess);
  EXPECT_TRUE(host.fatals.empty());
}

TEST_F(ServerTest, KeepsFlagsAndEverythingButTheData) {
  post(0, RequestType::kPio, 0x100, 0x1122334455667788, 4);
  requests[0].pad = 0x5a5a;
  server.on_event();
  EXPECT_EQ(requests[0].data, 0x1122334455667788u);
  EXPECT_EQ(requests[0].pad, 0x5a5a);
  EXPECT_EQ(requests[0].address, 0x100u);
  EXPECT_EQ(answer(0), 0x1122334455667788u);
  EXPECT_EQ(ports.take(), (std::vector<Access>{{'w', 0, 0x55667788, 4}}));
}

TEST_F(ServerTest, UsesOneSnapshotOfTheRequest) {  // XSA-197
  ports.on_read = [&] {
    requests[0].size = 0xffffffff;
    requests[0].count = 0xffffffff;
    requests[0].type = 0xff;
    requests[0].address = ~u64{0};
  };
  EXPECT_EQ(in(0x101, 4), 0x01010101u);
  EXPECT_EQ(server.counters().rejected, 0u);
}

TEST_F(ServerTest, IgnoresSlotsThatAreNotReady) {
  for (const RequestState one :
       {RequestState::kNone, RequestState::kInProcess, RequestState::kResponseReady}) {
    post(0, RequestType::kPio, 0x100, 0, 1, kRead);
    requests[0].flags = core::low<u8>(kRead | static_cast<u8>(one));
    server.on_event();
    EXPECT_EQ(state(0), one);
  }
  EXPECT_TRUE(ports.log.empty());
  EXPECT_TRUE(channels.notified.empty());
  EXPECT_EQ(server.counters().spurious, 3u);
}

TEST_F(ServerTest, ServesAllPendingVcpusWithOneUnmask) {
  for (unsigned vcpu = 0; vcpu < kVcpus; ++vcpu) {
    post(vcpu, RequestType::kPio, 0x100 + vcpu, vcpu, 1);
  }
  server.on_event();
  EXPECT_EQ(ports.take(),
            (std::vector<Access>{{'w', 0, 0, 1}, {'w', 1, 1, 1}, {'w', 2, 2, 1}, {'w', 3, 3, 1}}));
  EXPECT_EQ(channels.unmask_calls, 1);
  EXPECT_EQ(channels.notified.size(), kVcpus);
}

TEST_F(ServerTest, AnEventWhileServingIsNotLost) {
  ports.on_write = [&] {
    ports.on_write = nullptr;
    post(1, RequestType::kPio, 0x101, 1, 1);
  };
  post(0, RequestType::kPio, 0x100, 0, 1);
  server.on_event();
  EXPECT_TRUE(channels.readable());
  server.on_event();
  EXPECT_EQ(state(1), RequestState::kResponseReady);
}

TEST_F(ServerTest, IgnoresForeignPorts) {
  channels.raise(kFirstLocalPort);      // below ours
  channels.raise(local(0) + 1);         // between ours
  channels.raise(ring_port() + 12345);  // above
  server.on_event();
  EXPECT_TRUE(channels.notified.empty());
  EXPECT_FALSE(channels.readable());
}

TEST_F(ServerTest, DoesNotEnterItself) {
  // A disk that waits for its back end may run the loop within a request.
  ports.on_write = [&] {
    post(1, RequestType::kPio, 0x101, 0, 1);
    server.on_event();
    EXPECT_EQ(state(1), RequestState::kReady);
    ports.on_write = nullptr;
  };
  post(0, RequestType::kPio, 0x100, 0, 1);
  server.on_event();
  server.on_event();
  EXPECT_EQ(state(1), RequestState::kResponseReady);
}

TEST_F(ServerTest, AStateChangedUnderwayEndsIt) {
  ports.on_write = [&] { requests[0].flags = static_cast<u8>(RequestState::kNone); };
  post(0, RequestType::kPio, 0x100, 0, 1);
  server.on_event();
  ASSERT_EQ(host.fatals.size(), 1u);
  EXPECT_TRUE(channels.notified.empty());
  EXPECT_TRUE(server.halted());
  post(1, RequestType::kPio, 0x101, 0, 1);
  server.on_event();
  EXPECT_EQ(state(1), RequestState::kReady);
  EXPECT_FALSE(channels.readable());  // or the loop would spin
  EXPECT_EQ(host.fatals.size(), 1u);
}

TEST_F(ServerTest, TheRingIsDrainedBeforeARequest) {
  buffer(RequestType::kCopy, 0xa0010, 0x1234, 1);
  buffer(RequestType::kCopy, 0xa0020, 0x56, 0);
  std::size_t before = 0;
  ports.on_read = [&] { before = window.log.size(); };
  in(0x100, 1);
  EXPECT_EQ(before, 2u);
  EXPECT_EQ(window.take(), (std::vector<Access>{{'w', 0x10, 0x1234, 2}, {'w', 0x20, 0x56, 1}}));
  EXPECT_EQ(ring.pointers.read, ring.pointers.write);
}

TEST_F(ServerTest, TheRingAloneIsDrained) {
  buffer(RequestType::kCopy, 0xbffff, 0x1ab, 0);
  server.on_event();
  EXPECT_EQ(window.take(), (std::vector<Access>{{'w', 0x1ffff, 0xab, 1}}));
  EXPECT_TRUE(channels.notified.empty());  // nobody waits for it
  buffer(RequestType::kCopy, 0xa0000, 0x01020304, 2);
  server.drain_ring();
  EXPECT_EQ(window.take(), (std::vector<Access>{{'w', 0, 0x01020304, 4}}));
  EXPECT_EQ(server.counters().buffered, 2u);
}

TEST_F(ServerTest, AWriteAddedWhileDrainingIsDoneSoonButNotNow) {
  // A guest that never stops writing must not keep us in one visit.
  int more = 1000;
  window.on_write = [&] {
    if (more-- > 0) buffer(RequestType::kCopy, 0xa0000, 0, 0);
  };
  buffer(RequestType::kCopy, 0xa0000, 0, 0);
  server.on_event();
  EXPECT_EQ(window.log.size(), 1u);
  EXPECT_FALSE(channels.readable());
  for (int i = 0; i < 1000; ++i) server.drain_ring();
  EXPECT_EQ(window.log.size(), 1001u);
  EXPECT_EQ(ring.pointers.read, ring.pointers.write);
}

TEST_F(ServerTest, TheRingWrapsAt511WhileXenRenormalises) {
  u64 sent = 0;
  for (int round = 0; round < 20; ++round) {
    while (buffer(RequestType::kCopy, 0xa0000 + sent % 0x20000, sent, 2)) ++sent;
    EXPECT_EQ(ring.pointers.write - ring.pointers.read, kRingSlots);
    if (round % 2 == 0) {
      // In the middle of draining, too: both pointers jump, ours keeps counting.
      window.on_write = [this] { renormalise(); };
    }
    server.drain_ring();
  }
  const auto log = window.take();
  ASSERT_EQ(log.size(), sent);
  for (u64 i = 0; i < sent; ++i) ASSERT_EQ(log[i], (Access{'w', i % 0x20000, i, 4})) << i;
  EXPECT_TRUE(host.fatals.empty());
}

TEST_F(ServerTest, EightByteEntriesTakeTwoSlotsAcrossTheEnd) {
  ring.pointers = {510, 510};
  buffer(RequestType::kTimeOffset, 0, static_cast<u64>(-3600), 3);
  server.on_event();
  EXPECT_EQ(host.offsets, std::vector<i64>{-3600});
  EXPECT_EQ(ring.pointers.read, ring.pointers.write);
  buffer(RequestType::kCopy, 0xa0008, 0x1122334455667788, 3);
  server.drain_ring();
  EXPECT_EQ(window.take(), (std::vector<Access>{{'w', 8, 0x1122334455667788, 8}}));
}

TEST_F(ServerTest, CorruptPointersAreFatalNotDeadly) {
  ring.pointers = {5, 5 + kRingSlots + 1};
  post(0, RequestType::kPio, 0x100, 0, 1, kRead);
  server.on_event();
  ASSERT_EQ(host.fatals.size(), 1u);
  EXPECT_EQ(state(0), RequestState::kInProcess);  // never answered
  EXPECT_TRUE(ports.log.empty());
}

TEST_F(ServerTest, AReadPointerBeyondTheWritePointerIsFatal) {
  ring.pointers = {6, 5};
  channels.raise(ring_port());
  server.on_event();
  EXPECT_EQ(host.fatals.size(), 1u);
}

TEST_F(ServerTest, HalfAnEightByteEntryIsFatal) {
  buffer(RequestType::kCopy, 0xa0000, 0, 3);
  ring.pointers.write -= 1;
  server.on_event();
  EXPECT_EQ(host.fatals.size(), 1u);
  EXPECT_TRUE(window.log.empty());
}

TEST_F(ServerTest, PointersNearTheTopOfTheirRangeStayInBounds) {
  ring.pointers = {0xfffffff0, 0x10};
  channels.raise(ring_port());
  server.on_event();
  EXPECT_EQ(ring.pointers.read, 0x10u);
  EXPECT_EQ(server.counters().buffered, 0x20u);
}

TEST_F(ServerTest, EntriesOfUnknownTypesAreSkipped) {
  buffer(static_cast<RequestType>(0x55), 0xa0000, 0, 0);
  buffer(RequestType::kCopy, 0xa0000, 7, 0);
  server.on_event();
  EXPECT_EQ(window.take(), (std::vector<Access>{{'w', 0, 7, 1}}));
  EXPECT_EQ(server.counters().rejected, 1u);
}

TEST_F(ServerTest, TimeOffsetAndInvalidateAreUpcalls) {
  bool answered = true;
  host.on_invalidate = [&] { answered = state(0) == RequestState::kResponseReady; };
  run(RequestType::kInvalidate, 0, ~u64{0}, 4);
  EXPECT_EQ(host.invalidates, 1);
  EXPECT_FALSE(answered);  // mappings go before the guest continues
  run(RequestType::kTimeOffset, 0, 86400, 8);
  EXPECT_EQ(host.offsets, std::vector<i64>{86400});
}

TEST_F(ServerTest, PollingIsOffByDefault) {
  post(0, RequestType::kPio, 0x100, 0, 1, kRead);
  EXPECT_FALSE(server.poll());
  EXPECT_EQ(state(0), RequestState::kReady);
}

/// What -record is told of.
class FakeTap final : public RequestTap {
 public:
  void begin(unsigned vcpu, const Request& request) override {
    log.push_back({'b', vcpu, request.address, request.size});
  }
  void end(const Request& request) override { log.push_back({'e', 0, request.data, 0}); }
  std::vector<Access> log;
};

TEST_F(ServerTest, ATapSeesEachRequestInTheOrderOfServing) {
  FakeTap tap;
  server.set_tap(&tap);
  buffer(RequestType::kCopy, 0xa0010, 0x1234, 1);
  post(2, RequestType::kPio, 0x102, 0, 2, kRead);
  server.on_event();
  EXPECT_EQ(tap.log, (std::vector<Access>{{'b', RequestTap::kRing, 0xa0010, 2},
                                          {'e', 0, 0x1234, 0},
                                          {'b', 2, 0x102, 2},
                                          {'e', 0, 0x0101, 0}}));
}

TEST(ServerLayout, AFullPageOfVcpusIsServed) {
  bench::Bench bench;
  Recorder ports;
  bench.pio.map({.base = 0x100, .length = 8, .name = "ports", .handler = &ports});
  FakeChannels channels;
  FakeHost host;
  BufferedPage ring{};
  std::vector<SharedRequest> requests(kMaxVcpus);
  Server server({bench.pio, bench.mmio, bench.pci, bench.ram, host}, channels,
                {&ring, requests.data()}, 1000);
  EXPECT_EQ(server.vcpus(), kMaxVcpus);
  ASSERT_TRUE(server.bind(1));
  requests[kMaxVcpus - 1] = {.address = 0x100, .size = 1, .flags = 1 | kRead};
  channels.raise(kFirstLocalPort + 3 * kMaxVcpus);
  server.on_event();
  EXPECT_EQ(requests[kMaxVcpus - 1].data, 1u);
}

}  // namespace
}  // namespace ioreq
