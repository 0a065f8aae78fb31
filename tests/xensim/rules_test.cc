// The simulator keeps Xen's rules.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "tests/xensim/events.h"
#include "tests/xensim/ioreq_servers.h"
#include "tests/xensim/memory.h"
#include "tests/xensim/store.h"

namespace {

using xensim::Events;
using xensim::IoreqServers;
using xensim::Memory;
using xensim::RangeKind;
using xensim::RangeSet;
using xensim::SharedMemory;
using xensim::Store;
using xensim::u32;
using xensim::u64;
using xensim::u8;

TEST(Ranges, OverlapsAreRefusedAndNeighboursJoin) {
  RangeSet set;
  EXPECT_EQ(set.add(0x1f0, 0x1f7), 0);
  EXPECT_EQ(set.add(0x1f7, 0x1f8), EEXIST);
  EXPECT_EQ(set.add(0x1e0, 0x200), EEXIST);
  EXPECT_EQ(set.add(0x1f8, 0x1ff), 0);
  EXPECT_EQ(set.size(), 1U);
  EXPECT_TRUE(set.contains(0x1f6, 0x1f9));
  EXPECT_FALSE(set.contains(0x1ff, 0x200));
  EXPECT_EQ(set.remove(0x1f4, 0x1f5), 0);
  EXPECT_EQ(set.size(), 2U);
  EXPECT_FALSE(set.contains(0x1f4, 0x1f4));
  EXPECT_EQ(set.remove(0x1f4, 0x1f5), ENOENT);
}

TEST(Ranges, ThereAre256) {
  RangeSet set;
  for (u64 i = 0; i < 256; ++i) ASSERT_EQ(set.add(i * 4, i * 4), 0);
  EXPECT_EQ(set.add(5000, 5000), ENOMEM);
  EXPECT_EQ(set.add(1, 1), 0) << "a neighbour needs no range of its own";
}

TEST(Servers, ThereAreEight) {
  SharedMemory memory;
  Events events(memory.shared(), [] {});
  IoreqServers servers(memory, events, 1);
  u32 id = 0;
  for (u32 i = 0; i < 8; ++i) {
    ASSERT_EQ(servers.create(2, id), 0);
    EXPECT_EQ(id, i);
  }
  EXPECT_EQ(servers.create(2, id), ENOSPC);
  EXPECT_EQ(servers.destroy(3), 0);
  EXPECT_EQ(servers.create(2, id), 0);
  EXPECT_EQ(id, 3U);
  EXPECT_EQ(servers.create(3, id), EINVAL);
  EXPECT_EQ(servers.map(9, RangeKind::kPort, 0, 0), ENOENT);
  EXPECT_EQ(servers.map(0, RangeKind::kPort, 1, 0), EINVAL);
}

TEST(Servers, PortsAreThereOnceItIsEnabled) {
  SharedMemory memory;
  Events events(memory.shared(), [] {});
  IoreqServers servers(memory, events, 2);
  u32 id = 0;
  ASSERT_EQ(servers.create(2, id), 0);
  EXPECT_TRUE(servers.views().empty());
  const auto* slots = reinterpret_cast<const ioreq::SharedRequest*>(memory.page(id, 1));
  EXPECT_EQ(slots[1].port, 0U);
  ASSERT_EQ(servers.enable(id, true), 0);
  EXPECT_NE(slots[1].port, 0U);
  EXPECT_NE(slots[1].port, slots[0].port);
  EXPECT_EQ(servers.views().size(), 1U);
}

/// The device model's end of a handle.
class EventChannels : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(events_.open(handle_, file_), 0);
    remote_ = events_.allocate();
    ASSERT_EQ(events_.bind(handle_, remote_, local_), 0);
    EXPECT_EQ(take(), local_) << "a fresh binding is pending";
  }
  void TearDown() override { ::close(file_); }

  bool readable() const {
    pollfd polled{file_, POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
  }
  u32 take() {
    u32 port = 0;
    return readable() && ::read(file_, &port, sizeof port) == sizeof port ? port : 0;
  }
  void unmask(u32 port) { ASSERT_EQ(::write(file_, &port, sizeof port), 4); }

  SharedMemory memory_;
  unsigned waiting_ = 0;
  Events events_{memory_.shared(), [this] { ++waiting_; }};
  u64 handle_ = 0;
  int file_ = -1;
  u32 remote_ = 0;
  u32 local_ = 0;
};

TEST_F(EventChannels, APortIsMaskedUntilItIsWrittenBack) {
  events_.raise(remote_);
  EXPECT_FALSE(readable());
  EXPECT_EQ(waiting_, 1U);
  unmask(local_);
  events_.settle();
  EXPECT_EQ(take(), local_);
  EXPECT_FALSE(readable());
  unmask(local_);
  events_.settle();
  EXPECT_FALSE(readable()) << "what was taken does not come twice";
  events_.raise(remote_);
  EXPECT_EQ(take(), local_);
}

TEST_F(EventChannels, BindingTwiceOrElsewhereFails) {
  u32 again = 0;
  EXPECT_EQ(events_.bind(handle_, remote_, again), EINVAL);
  EXPECT_EQ(events_.bind(handle_, 0, again), EINVAL);
  EXPECT_EQ(events_.bind(handle_, remote_ + 1, again), EINVAL);
  EXPECT_EQ(events_.unbind(handle_, local_ + 1), ENOTCONN);
  EXPECT_EQ(events_.unbind(handle_, local_), 0);
  EXPECT_EQ(events_.bind(handle_, remote_, again), 0);
}

TEST_F(EventChannels, AClosedHandleFreesItsPorts) {
  ::close(file_);
  u64 other = 0;
  ASSERT_EQ(events_.open(other, file_), 0);
  u32 again = 0;
  EXPECT_EQ(events_.bind(other, remote_, again), 0);
}

TEST(GuestMemory, ThereIsABudget) {
  Memory memory(3);
  const u64 three[] = {1, 2, 0x100000};
  EXPECT_EQ(memory.populate(three), 0);
  const u64 more[] = {7};
  EXPECT_EQ(memory.populate(more), ENOMEM);
  memory.release(2, 1);
  EXPECT_EQ(memory.populate(more), 0);
  EXPECT_EQ(memory.pages(), 3U);
}

TEST(GuestMemory, MovesAndKeepsItsContents) {
  Memory memory(4);
  const u64 frames[] = {1, 2};
  ASSERT_EQ(memory.populate(frames), 0);
  const u8 text[] = {1, 2, 3, 4};
  ASSERT_TRUE(memory.write(0x1ffe, text));  // over the border of two pages
  EXPECT_EQ(memory.relocate(1, 0xf0000, 2), 0);
  EXPECT_FALSE(memory.is_ram(0x1000));
  u8 got[4] = {};
  EXPECT_TRUE(memory.read(0xf0000ffe, got));
  EXPECT_EQ(got[3], 4);
  EXPECT_EQ(memory.relocate(1, 5, 1), EINVAL);
}

TEST(GuestMemory, WritesToReadOnlyPagesAreDropped) {
  Memory memory(4);
  const u64 frames[] = {0xc0};
  ASSERT_EQ(memory.populate(frames), 0);
  const u8 before[] = {0x55};
  const u8 after[] = {0xaa};
  memory.write(0xc0000, before);
  ASSERT_EQ(memory.set_read_only(0xc0, 0x40, true), 0);
  EXPECT_TRUE(memory.write(0xc0000, after));
  u8 got[1] = {};
  memory.read(0xc0000, got);
  EXPECT_EQ(got[0], 0x55);
}

TEST(GuestMemory, DirtyPagesAreToldOnce) {
  Memory memory(16);
  const u64 frames[] = {8, 9, 10};
  ASSERT_EQ(memory.populate(frames), 0);
  u8 bits[1] = {};
  ASSERT_EQ(memory.track_dirty(8, 3, bits), 0);
  EXPECT_EQ(bits[0], 7) << "the first time all are dirty";
  const u8 one[] = {1};
  memory.write(0x9000, one);
  ASSERT_EQ(memory.track_dirty(8, 3, bits), 0);
  EXPECT_EQ(bits[0], 2);
  ASSERT_EQ(memory.track_dirty(8, 3, bits), 0);
  EXPECT_EQ(bits[0], 0);
}

TEST(Xenstore, NodesAndTheirParents) {
  Store store;
  EXPECT_EQ(store.write(0, "/a/b/c", "value"), 0);
  EXPECT_EQ(store.get("/a/b"), "");
  EXPECT_EQ(store.names("/a"), std::vector<std::string>{"b"});
  EXPECT_EQ(store.write(0, "a", "x"), EINVAL);
  EXPECT_EQ(store.write(0, "/a//b", "x"), EINVAL);
  EXPECT_EQ(store.remove(0, "/a/b"), 0);
  EXPECT_FALSE(store.get("/a/b/c").has_value());
  EXPECT_EQ(store.remove(0, "/a/nothing"), 0);
  EXPECT_EQ(store.remove(0, "/no/thing"), ENOENT);
}

TEST(Xenstore, TransactionsAreAloneOrAgain) {
  Store store;
  store.put("/n", "1");
  const auto t = store.begin();
  std::string value;
  ASSERT_EQ(store.read(t, "/n", value), 0);
  ASSERT_EQ(store.write(t, "/n", "2"), 0);
  EXPECT_EQ(store.get("/n"), "1");
  store.put("/n", "3");
  EXPECT_EQ(store.end(t, true), EAGAIN);
  EXPECT_EQ(store.get("/n"), "3");
  const auto u = store.begin();
  ASSERT_EQ(store.write(u, "/n", "4"), 0);
  store.put("/other", "x");
  EXPECT_EQ(store.end(u, true), 0) << "what it did not see may change";
  EXPECT_EQ(store.get("/n"), "4");
  EXPECT_EQ(store.end(u, true), ENOENT);
}

}  // namespace
