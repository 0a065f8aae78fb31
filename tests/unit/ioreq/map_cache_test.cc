#include "ioreq/memory/map_cache.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/ioreq/fake_domain.h"

namespace ioreq {
namespace {

using core::MemoryAccess;
using core::MemoryPin;

constexpr u64 kMiB = u64{1} << 20;

class MapCacheTest : public ::testing::Test {
 protected:
  MapCacheTest() { domain.add(0, 4 * 256); }  // 4 MiB

  std::vector<u8> read(u64 gpa, u64 length, bool expected = true) {
    std::vector<u8> bytes(length, 0x5a);
    EXPECT_EQ(cache.read(gpa, bytes), expected);
    return bytes;
  }
  bool write(u64 gpa, const std::vector<u8>& bytes) { return cache.write(gpa, bytes); }

  FakeDomain domain;
  MapCache cache{domain, domain, 4};
};

TEST_F(MapCacheTest, CopiesBothWaysAndMapsABucketOnce) {
  domain.poke(0x1234, 0xab);
  EXPECT_EQ(read(0x1234, 1), std::vector<u8>{0xab});
  EXPECT_TRUE(write(0x1235, {1, 2, 3}));
  EXPECT_EQ(domain.peek(0x1237), 3);
  read(0x80000, 16);
  EXPECT_EQ(domain.map_calls, 1);
  EXPECT_EQ(cache.mapped_buckets(), 1u);
}

TEST_F(MapCacheTest, CopiesAcrossPagesAndBuckets) {
  std::vector<u8> pattern(0x3000);
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<u8>(i * 7);
  EXPECT_TRUE(write(kMiB - 0x1800, pattern));
  EXPECT_EQ(read(kMiB - 0x1800, pattern.size()), pattern);
  EXPECT_EQ(domain.peek(kMiB), pattern[0x1800]);
  EXPECT_EQ(cache.mapped_buckets(), 2u);
}

TEST_F(MapCacheTest, HolesReadAllOnesAndDropWrites) {
  domain.remove(0x10);
  EXPECT_EQ(read(0xffff, 3, false), (std::vector<u8>{0, 0xff, 0xff}));
  EXPECT_FALSE(write(0x10ffe, {1, 2, 3, 4}));
  EXPECT_EQ(domain.peek(0x11000), 3);
  EXPECT_EQ(domain.peek(0x11001), 4);
  EXPECT_EQ(read(0x100000000, 2, false), (std::vector<u8>{0xff, 0xff}));
}

TEST_F(MapCacheTest, AddressesDoNotOverflow) {
  EXPECT_EQ(read(~u64{0} - 1, 4, false), std::vector<u8>(4, 0xff));
  EXPECT_FALSE(write(~u64{0}, {1, 2}));
  EXPECT_EQ(domain.peek(0), 0);
  EXPECT_FALSE(cache.pin(~u64{0} - 0xfff, ~u64{0}, MemoryAccess::kRead));
  EXPECT_FALSE(cache.pin(u64{1} << 52, 1, MemoryAccess::kRead));
  EXPECT_FALSE(cache.pin(0, 0, MemoryAccess::kRead));
  EXPECT_EQ(cache.pin(0x1000, ~u64{0}, MemoryAccess::kRead).size(), kMiB - 0x1000);
  EXPECT_EQ(domain.map_calls, 1);
}

TEST_F(MapCacheTest, AHoleThatIsFilledLaterIsSeen) {
  domain.remove(0x20);
  read(0x20000, 1, false);
  domain.add(0x20, 1);
  domain.poke(0x20000, 0x77);
  EXPECT_EQ(read(0x20000, 1), std::vector<u8>{0x77});
  EXPECT_EQ(cache.mapped_buckets(), 1u);
  EXPECT_EQ(domain.mappings, 1);
}

TEST_F(MapCacheTest, AHoleFilledUnderAPinKeepsThePin) {
  domain.remove(0x20);
  {
    const MemoryPin pin = cache.pin(0x1000, 16, MemoryAccess::kRead);
    ASSERT_TRUE(pin);
    domain.add(0x20, 1);
    read(0x20000, 1);
    domain.poke(0x1000, 0x42);
    EXPECT_EQ(pin.data()[0], 0x42);
    EXPECT_EQ(domain.mappings, 2);
  }
  EXPECT_EQ(domain.mappings, 1);
}

TEST_F(MapCacheTest, LookingWhereNothingIsStaysCheap) {
  read(64 * kMiB, 1, false);
  const u64 asked = domain.pages_asked;
  for (int i = 0; i < 100; ++i) read(64 * kMiB, 1, false);
  EXPECT_EQ(domain.pages_asked - asked, 100u);
  EXPECT_EQ(cache.mapped_buckets(), 0u);
  domain.add(64 * 256, 1);
  read(64 * kMiB, 1);
  EXPECT_EQ(cache.mapped_buckets(), 1u);
}

TEST_F(MapCacheTest, PinsEndAtHolesAndBuckets) {
  domain.remove(0x12);
  EXPECT_EQ(cache.pin(0x10800, 0x10000, MemoryAccess::kRead).size(), 0x1800u);
  EXPECT_FALSE(cache.pin(0x12000, 1, MemoryAccess::kRead));
  EXPECT_EQ(cache.pin(0x13000, 0x10, MemoryAccess::kRead).size(), 0x10u);
  EXPECT_EQ(cache.pin(kMiB - 0x10, 0x100, MemoryAccess::kRead).size(), 0x10u);
}

TEST_F(MapCacheTest, TheIdlestBucketMakesRoom) {
  domain.add(4 * 256, 4 * 256);
  for (u64 i = 0; i < 4; ++i) read(i * kMiB, 1);
  read(0, 1);  // bucket 1 is now the idlest
  read(4 * kMiB, 1);
  EXPECT_EQ(cache.mapped_buckets(), 4u);
  EXPECT_EQ(domain.mappings, 4);
  const int calls = domain.map_calls;
  read(0, 1);
  read(2 * kMiB, 1);
  read(3 * kMiB, 1);
  EXPECT_EQ(domain.map_calls, calls);
  read(kMiB, 1);
  EXPECT_EQ(domain.map_calls, calls + 1);
}

TEST_F(MapCacheTest, PinnedBucketsAreNeverEvicted) {
  domain.add(4 * 256, 256);
  std::vector<MemoryPin> pins;
  pins.reserve(300);
  for (u64 i = 0; i < 4; ++i) pins.push_back(cache.pin(i * kMiB, 16, MemoryAccess::kRead));
  EXPECT_FALSE(cache.pin(4 * kMiB, 16, MemoryAccess::kRead));
  EXPECT_EQ(read(4 * kMiB, 1, false), std::vector<u8>{0xff});
  EXPECT_EQ(domain.mappings, 4);
  pins[2].release();
  read(4 * kMiB, 1);
  domain.poke(kMiB, 9);
  EXPECT_EQ(pins[1].data()[0], 9);
}

TEST_F(MapCacheTest, ThreeHundredPinsOfOnePage) {  // an 8-bit count would wrap
  std::vector<MemoryPin> pins;
  pins.reserve(300);
  for (int i = 0; i < 300; ++i) pins.push_back(cache.pin(0x5000, 4096, MemoryAccess::kWrite));
  cache.invalidate();
  for (int i = 0; i < 299; ++i) {
    pins.pop_back();
    ASSERT_EQ(domain.mappings, 1) << i;
  }
  domain.poke(0x5000, 0x99);
  EXPECT_EQ(pins.back().data()[0], 0x99);
  pins.pop_back();
  EXPECT_EQ(domain.mappings, 0);
  EXPECT_EQ(cache.mapped_buckets(), 0u);
}

TEST_F(MapCacheTest, InvalidateDropsAndPinsGoLater) {
  read(0, 1);
  MemoryPin pin = cache.pin(kMiB, 16, MemoryAccess::kRead);
  cache.invalidate();
  EXPECT_EQ(domain.mappings, 1);
  // What is pinned is not found again: the frames may be others by now.
  domain.remove(256);
  domain.add(256, 1);
  domain.poke(kMiB, 0x31);
  EXPECT_EQ(read(kMiB, 1), std::vector<u8>{0x31});
  EXPECT_EQ(pin.data()[0], 0);
  pin.release();
  EXPECT_EQ(domain.mappings, 1);
  cache.invalidate();
  EXPECT_EQ(domain.mappings, 0);
}

TEST_F(MapCacheTest, InvalidateOfAPart) {
  for (u64 i = 0; i < 4; ++i) read(i * kMiB, 1);
  cache.invalidate(2 * kMiB - 1, 2);
  EXPECT_EQ(cache.mapped_buckets(), 2u);
  cache.invalidate(~u64{0} - 1, ~u64{0});
  cache.invalidate(0, 0);
  EXPECT_EQ(cache.mapped_buckets(), 2u);
}

TEST_F(MapCacheTest, MappingsThatFailAreRetried) {
  domain.refuse_all = true;
  EXPECT_EQ(read(0x1000, 1, false), std::vector<u8>{0xff});
  domain.refuse_all = false;
  read(0x1000, 1);
}

TEST_F(MapCacheTest, WritesAreReportedWhileAMigrationWatches) {
  const MemoryPin early = cache.pin(0x8800, 0x1000, MemoryAccess::kWrite);
  EXPECT_TRUE(write(0x1000, {1}));
  EXPECT_TRUE(domain.modified.empty());
  cache.set_log_dirty(true);
  EXPECT_TRUE(write(0x2fff, {1, 2}));
  EXPECT_EQ(domain.modified, (std::set<u64>{2, 3}));
  read(0x4000, 1);
  cache.pin(0x5000, 16, MemoryAccess::kRead).release();
  EXPECT_EQ(domain.modified.size(), 2u);
  {
    MemoryPin late = cache.pin(0x6000, 16, MemoryAccess::kWrite);
    EXPECT_EQ(domain.modified.size(), 2u);  // not written yet
  }
  EXPECT_EQ(domain.modified.count(6), 1u);
  const_cast<MemoryPin&>(early).release();
  EXPECT_EQ(domain.modified.count(8), 1u);
  EXPECT_EQ(domain.modified.count(9), 1u);
}

TEST_F(MapCacheTest, AWindowOfWritesIsWatched) {
  std::vector<std::pair<u64, u64>> seen;
  cache.watch_writes(0x100000, 0x2000,
                     [&](u64 offset, u64 length) { seen.emplace_back(offset, length); });
  EXPECT_TRUE(write(0xfffff, {1, 2, 3}));
  EXPECT_TRUE(write(0x101fff, {1, 2}));
  EXPECT_TRUE(write(0x102000, {1}));
  cache.pin(0x100800, 0x10, MemoryAccess::kWrite).release();
  EXPECT_EQ(seen, (std::vector<std::pair<u64, u64>>{{0, 2}, {0x1fff, 1}, {0x800, 0x10}}));
  cache.watch_writes(0, 0, nullptr);
  EXPECT_TRUE(write(0x100000, {1}));
  EXPECT_EQ(seen.size(), 3u);
}

}  // namespace
}  // namespace ioreq
