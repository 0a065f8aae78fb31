// What the hypervisor hears of address spaces and functions.
#include "ioreq/server/ranges.h"

#include "hw/emul/pci/function.h"
#include "tests/unit/ioreq/fake_xen.h"

namespace ioreq {

inline void PrintTo(const IoRange& range, std::ostream* out) {
  *out << std::hex << range.first << "-" << range.last;
}

namespace {

/// Refuses what Xen refuses, and writes down the calls.
class FakeRanges final : public Ranges {
 public:
  core::Result<void> map_io_range(bool is_mmio, u64 first, u64 last) override {
    ++calls;
    IoRangeSet& set = sets[is_mmio ? 1 : 0];
    for (const IoRange& one : set) {
      if (first <= one.last && last >= one.first) return core::fail("overlap");
    }
    set.push_back({first, last});
    set = flatten(set);
    if (set.size() > RangeTracker::kMaxRanges) return core::fail("too many");
    return {};
  }
  core::Result<void> unmap_io_range(bool is_mmio, u64 first, u64 last) override {
    ++calls;
    IoRangeSet& set = sets[is_mmio ? 1 : 0];
    const bool known = std::any_of(set.begin(), set.end(), [=](const IoRange& one) {
      return first >= one.first && last <= one.last;
    });
    if (!known) return core::fail("unknown");
    set = difference(set, {{first, last}});
    return {};
  }
  core::Result<void> map_pcidev(u8 devfn) override {
    if (!functions.insert(devfn).second) return core::fail("twice");
    return {};
  }
  core::Result<void> unmap_pcidev(u8 devfn) override {
    if (functions.erase(devfn) == 0) return core::fail("unknown");
    return {};
  }

  std::array<IoRangeSet, 2> sets;
  std::set<u8> functions;
  int calls = 0;
};

class RangesTest : public ::testing::Test {
 protected:
  core::RegionId ports(u64 base, u64 length, int priority = 0) {
    return bench.pio.map(
        {.base = base, .length = length, .name = "p", .handler = &device, .priority = priority});
  }
  core::RegionId memory(u64 base, u64 length) {
    return bench.mmio.map({.base = base, .length = length, .name = "m", .handler = &device});
  }

  bench::Bench bench;
  Recorder device;
  FakeRanges xen;
  std::vector<std::string> errors;
  RangeTracker tracker{xen, bench.pio, bench.mmio, bench.pci,
                       [this](const std::string& text) { errors.push_back(text); }};
};

TEST(IoRangeSets, FlattenMergesOverlapsAndNeighbours) {
  EXPECT_EQ(flatten({{8, 9}, {0, 3}, {4, 5}, {2, 2}, {11, 12}}),
            (IoRangeSet{{0, 5}, {8, 9}, {11, 12}}));
  EXPECT_EQ(flatten({{5, ~u64{0}}, {0, 4}, {7, 8}}), (IoRangeSet{{0, ~u64{0}}}));
  EXPECT_EQ(flatten({}), IoRangeSet{});
}

TEST(IoRangeSets, DifferenceCutsOnBothSidesAndInside) {
  EXPECT_EQ(difference({{0, 9}}, {{3, 4}, {6, 20}}), (IoRangeSet{{0, 2}, {5, 5}}));
  EXPECT_EQ(difference({{0, 9}, {20, 29}}, {{5, 24}}), (IoRangeSet{{0, 4}, {25, 29}}));
  EXPECT_EQ(difference({{0, ~u64{0}}}, {{1, ~u64{0}}}), (IoRangeSet{{0, 0}}));
  EXPECT_EQ(difference({{5, 6}}, {}), (IoRangeSet{{5, 6}}));
  EXPECT_EQ(difference({{5, 6}}, {{0, 100}}), IoRangeSet{});
}

TEST_F(RangesTest, CollectsUntilCommitAndMergesNeighbours) {
  ports(0x3f8, 8);
  ports(0x60, 1);
  ports(0x64, 1);
  ports(0x3f0, 8);
  memory(0xa0000, 0x20000);
  EXPECT_EQ(xen.calls, 0);
  tracker.commit();
  EXPECT_EQ(xen.sets[0], (IoRangeSet{{0x60, 0x60}, {0x64, 0x64}, {0x3f0, 0x3ff}}));
  EXPECT_EQ(xen.sets[1], (IoRangeSet{{0xa0000, 0xbffff}}));
  EXPECT_EQ(xen.calls, 4);
  tracker.commit();
  EXPECT_EQ(xen.calls, 4);
  EXPECT_TRUE(errors.empty());
}

TEST_F(RangesTest, OnlyWhatChangedIsTold) {
  tracker.commit();
  ports(0x100, 0x10);
  const core::RegionId inner = ports(0x104, 4, 1);  // already answered
  EXPECT_EQ(xen.calls, 1);
  const core::RegionId next = ports(0x10c, 8);  // half of it new
  EXPECT_EQ(xen.calls, 2);
  EXPECT_EQ(xen.sets[0], (IoRangeSet{{0x100, 0x113}}));
  bench.pio.unmap(inner);
  EXPECT_EQ(xen.calls, 2);
  bench.pio.unmap(next);
  EXPECT_EQ(xen.sets[0], (IoRangeSet{{0x100, 0x10f}}));
  EXPECT_EQ(tracker.registered_ports(), xen.sets[0]);
  EXPECT_TRUE(errors.empty());
}

TEST_F(RangesTest, PortsEndAt64Ki) {
  tracker.commit();
  ports(0xfff8, 0x100);
  ports(0x20000, 4);
  EXPECT_EQ(xen.sets[0], (IoRangeSet{{0xfff8, 0xffff}}));
  memory(0xfffffffffffff000, 0x2000);
  EXPECT_EQ(xen.sets[1], (IoRangeSet{{0xfffffffffffff000, ~u64{0}}}));
}

class Card final : public pci::Function {
 public:
  Card(pci::Bus& bus, u8 devfn) : Function(bus, devfn, {.vendor = 1, .device = 2}) {
    add_bar(0, pci::BarKind::kIo, 0x20, "card-io", 0);
    add_bar(1, pci::BarKind::kMemory, 0x1000, "card-mem", 1);
  }
  std::string_view name() const override { return "card"; }
};

TEST_F(RangesTest, FollowsBarsAndFunctions) {
  const u8 devfn = pci::devfn(4, 0);
  {
    Card early(bench.pci, pci::devfn(2, 0));
    EXPECT_TRUE(xen.functions.empty());
    tracker.commit();
    EXPECT_EQ(xen.functions, std::set<u8>{pci::devfn(2, 0)});
    Card card(bench.pci, devfn);
    EXPECT_EQ(xen.functions.count(devfn), 1u);
    bench.pci.config_write(devfn, pci::kBar0, 0xc000, 4);
    bench.pci.config_write(devfn, pci::kBar0 + 4, 0xf0000000, 4);
    EXPECT_EQ(xen.calls, 0);
    bench.pci.config_write(devfn, pci::kCommand, 3, 2);
    EXPECT_EQ(xen.sets[0], (IoRangeSet{{0xc000, 0xc01f}}));
    EXPECT_EQ(xen.sets[1], (IoRangeSet{{0xf0000000, 0xf0000fff}}));
    bench.pci.config_write(devfn, pci::kBar0, 0xd000, 4);
    EXPECT_EQ(xen.sets[0], (IoRangeSet{{0xd000, 0xd01f}}));
    bench.pci.config_write(devfn, pci::kCommand, 0, 2);
    EXPECT_TRUE(xen.sets[0].empty());
    EXPECT_TRUE(xen.sets[1].empty());
    bench.pci.config_write(devfn, pci::kCommand, 3, 2);
  }
  EXPECT_TRUE(xen.functions.empty());
  EXPECT_TRUE(xen.sets[0].empty());
  EXPECT_TRUE(xen.sets[1].empty());
  EXPECT_TRUE(errors.empty());
}

TEST_F(RangesTest, MoreThan256RangesAreAnErrorNotMore) {
  tracker.commit();
  std::vector<core::RegionId> ids;
  for (u64 i = 0; i < 300; ++i) ids.push_back(ports(i * 16, 4));
  EXPECT_EQ(xen.sets[0].size(), RangeTracker::kMaxRanges);
  ASSERT_FALSE(errors.empty());
  EXPECT_NE(errors.front().find("256"), std::string::npos);
  EXPECT_EQ(errors.size(), 44u);
  for (u64 i = 0; i < 44; ++i) bench.pio.unmap(ids[i]);
  EXPECT_EQ(xen.sets[0].size(), RangeTracker::kMaxRanges);
  EXPECT_EQ(xen.sets[0].back(), (IoRange{299 * 16, 299 * 16 + 3}));
}

TEST_F(RangesTest, WhatXenRefusesIsTriedAgainWithTheNextChange) {
  tracker.commit();
  xen.sets[0] = {{0x300, 0x300}};  // somebody else's
  ports(0x300, 8);
  EXPECT_EQ(errors.size(), 1u);
  EXPECT_TRUE(tracker.registered_ports().empty());
  xen.sets[0].clear();
  ports(0x400, 1);
  EXPECT_EQ(tracker.registered_ports(), (IoRangeSet{{0x300, 0x307}, {0x400, 0x400}}));
}

TEST_F(RangesTest, SaysNothingOnceStopped) {
  tracker.commit();
  const core::RegionId id = ports(0x100, 4);
  tracker.stop();
  bench.pio.unmap(id);
  memory(0xf0000000, 0x1000);
  EXPECT_EQ(xen.calls, 1);
}

}  // namespace
}  // namespace ioreq
