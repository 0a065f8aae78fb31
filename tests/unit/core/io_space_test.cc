#include "hw/emul/core/io_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hw/emul/core/bits.h"

namespace core {
namespace {

/// Remembers accesses; reads give offset-dependent bytes.
class Probe final : public IoHandler {
 public:
  explicit Probe(u8 seed = 0) : seed_(seed) {}
  u64 io_read(u32 tag, u64 offset, unsigned width) override {
    log += "r" + std::to_string(tag) + ":" + std::to_string(offset) + "/" + std::to_string(width) +
           " ";
    u64 value = 0;
    for (unsigned i = 0; i < width; ++i) value |= u64{low<u8>(seed_ + offset + i)} << (8 * i);
    return value;
  }
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override {
    log += "w" + std::to_string(tag) + ":" + std::to_string(offset) + "/" + std::to_string(width) +
           "=" + std::to_string(value) + " ";
  }
  std::string take() { return std::exchange(log, {}); }
  std::string log;

 private:
  u8 seed_;
};

TEST(PioSpace, NobodyAnswersAllOnes) {
  PioSpace pio;
  EXPECT_EQ(pio.read(0x1f0, 1), 0xffu);
  EXPECT_EQ(pio.read(0x1f0, 4), 0xffffffffu);
  pio.write(0x1f0, 1, 2);
  EXPECT_EQ(pio.read(0xffff, 4), 0xffffffffu);
}

TEST(PioSpace, AddressesBeyond64KiBNeverReachATable) {
  PioSpace pio;
  Probe probe;
  pio.map({.base = 0xfffc, .length = 4, .name = "top", .handler = &probe});
  EXPECT_EQ(pio.read(0x1fffc, 1), 0xffu);
  EXPECT_EQ(pio.read(~u64{0}, 8), ~u64{0});
  EXPECT_EQ(probe.take(), "");
  // A straddle of the end: three bytes answered, the fourth open bus.
  EXPECT_EQ(pio.read(0xfffd, 4), 0xff030201u);
}

TEST(PioSpace, WideAccessesAreSplitAndNarrowOnesWidened) {
  PioSpace pio;
  Probe bytes(0x10);
  Probe words(0x40);
  pio.map(
      {.base = 0x100, .length = 8, .name = "bytes", .handler = &bytes, .tag = 1, .widths = {1, 1}});
  pio.map(
      {.base = 0x200, .length = 8, .name = "words", .handler = &words, .tag = 2, .widths = {2, 2}});
  EXPECT_EQ(pio.read(0x101, 4), 0x14131211u);
  EXPECT_EQ(bytes.take(), "r1:1/1 r1:2/1 r1:3/1 r1:4/1 ");
  pio.write(0x100, 0xbbaa, 2);
  EXPECT_EQ(bytes.take(), "w1:0/1=170 w1:1/1=187 ");
  EXPECT_EQ(pio.read(0x202, 1), 0x42u);
  EXPECT_EQ(words.take(), "r2:2/2 ");
  pio.write(0x204, 0x1ff, 1);
  EXPECT_EQ(words.take(), "w2:4/2=255 ");
}

TEST(PioSpace, StraddlesReachBothNeighbours) {
  PioSpace pio;
  Probe left(0x00), right(0x80);
  pio.map({.base = 0x3f0, .length = 6, .name = "left", .handler = &left});
  pio.map({.base = 0x3f6, .length = 1, .name = "right", .handler = &right});
  EXPECT_EQ(pio.read(0x3f5, 2), 0x8005u);
  pio.write(0x3f5, 0x1234, 2);
  EXPECT_EQ(left.take(), "r0:5/1 w0:5/1=52 ");
  EXPECT_EQ(right.take(), "r0:0/1 w0:0/1=18 ");
}

TEST(PioSpace, PriorityThenRecencyDecidesOverlaps) {
  PioSpace pio;
  Probe low_one(1), late(2), high(3);
  pio.map({.base = 0x100, .length = 16, .name = "a", .handler = &low_one});
  const RegionId second = pio.map({.base = 0x104, .length = 4, .name = "b", .handler = &late});
  const RegionId third =
      pio.map({.base = 0x106, .length = 1, .name = "c", .handler = &high, .priority = 1});
  EXPECT_EQ(pio.read(0x104, 1), 2u);
  EXPECT_EQ(pio.read(0x106, 1), 3u);
  EXPECT_EQ(pio.read(0x108, 1), 9u);
  pio.unmap(third);
  EXPECT_EQ(pio.read(0x106, 1), 4u);
  pio.unmap(second);
  EXPECT_EQ(pio.read(0x106, 1), 7u);
  pio.unmap(second);  // twice is harmless
}

TEST(PioSpace, RegionsMayComeAndGoForEver) {
  PioSpace pio;
  Probe probe;
  for (int i = 0; i < 1000; ++i) {
    const RegionId id = pio.map({.base = 0xc000, .length = 16, .name = "bar", .handler = &probe});
    ASSERT_EQ(pio.read(0xc001, 1), 1u);
    pio.unmap(id);
    ASSERT_EQ(pio.read(0xc001, 1), 0xffu);
  }
}

TEST(PioSpace, StringAccessesEqualTheirLoops) {
  PioSpace pio;
  Probe probe(5);
  pio.map({.base = 0x170, .length = 8, .name = "x", .handler = &probe, .widths = {1, 2}});
  u8 data[8] = {};
  pio.read_string(0x170, 2, data);
  EXPECT_EQ(probe.take(), "r0:0/2 r0:0/2 r0:0/2 r0:0/2 ");
  EXPECT_EQ(data[6], 5);
  pio.read_string(0x170, 4, data);  // wider than the device takes: split in two
  EXPECT_EQ(probe.take(), "r0:0/2 r0:2/2 r0:0/2 r0:2/2 ");
  const u8 out[2] = {1, 2};
  pio.write_string(0x177, 1, out);
  EXPECT_EQ(probe.take(), "w0:7/1=1 w0:7/1=2 ");
}

TEST(MmioSpace, BlocksAndOverlaps) {
  MmioSpace mmio;
  Probe window(0), bar(0x80);
  mmio.map(
      {.base = 0xa0000, .length = 0x20000, .name = "vga", .handler = &window, .widths = {1, 8}});
  const RegionId id = mmio.map({.base = 0xa8000,
                                .length = 0x1000,
                                .name = "bar",
                                .handler = &bar,
                                .widths = {1, 8},
                                .priority = 1});
  u8 data[4] = {};
  mmio.read_block(0xa0010, 2, data);
  EXPECT_EQ(window.take(), "r0:16/2 r0:18/2 ");
  EXPECT_EQ(data[3], 0x13);
  EXPECT_EQ(mmio.read(0xa8000, 1), 0x80u);
  EXPECT_EQ(mmio.read(0xa9000, 1), 0u);
  EXPECT_EQ(mmio.read(0xa7fff, 2), 0x80ffu);
  mmio.unmap(id);
  EXPECT_EQ(mmio.read(0xa8000, 1), 0u);
  EXPECT_EQ(mmio.read(0xc0000, 8), ~u64{0});
  EXPECT_EQ(mmio.read(~u64{0} - 3, 8), ~u64{0});
}

class Recorder final : public IoSpaceListener {
 public:
  void region_mapped(const IoRegion& region) override { log += "+" + std::string(region.name); }
  void region_unmapped(const IoRegion& region) override { log += "-" + std::string(region.name); }
  std::string log;
};

/// The list of pieces against a look at every region.
TEST(MmioSpace, FindsTheTopmostWhateverIsMapped) {
  std::mt19937_64 random(3);
  MmioSpace space;
  Probe log;
  std::vector<std::pair<RegionId, IoRegion>> mapped;
  const auto brute = [&mapped](u64 address) {
    const std::pair<RegionId, IoRegion>* best = nullptr;
    for (const auto& one : mapped) {
      if (address - one.second.base >= one.second.length) continue;
      if (best == nullptr || one.second.priority > best->second.priority ||
          (one.second.priority == best->second.priority && one.first > best->first)) {
        best = &one;
      }
    }
    return best != nullptr ? best->second.tag : ~0u;
  };
  for (u32 round = 0; round < 400; ++round) {
    if (mapped.size() > 12 || (!mapped.empty() && random() % 4 == 0)) {
      const auto gone = mapped.begin() + static_cast<std::ptrdiff_t>(random() % mapped.size());
      space.unmap(gone->first);
      mapped.erase(gone);
    } else {
      // Some at the very end of all addresses.
      const u64 base = random() % 8 == 0 ? ~u64{0} - random() % 64 : random() % 1024;
      const IoRegion region{
          .base = base,
          .length = base == 0 ? 1 + random() % 200 : std::min<u64>(1 + random() % 200, 0 - base),
          .name = "r",
          .handler = &log,
          .tag = round,
          .priority = static_cast<int>(random() % 3)};
      mapped.emplace_back(space.map(region), region);
    }
    for (int look = 0; look < 200; ++look) {
      const u64 address = random() % 8 == 0 ? ~u64{0} - random() % 80 : random() % 1300;
      const IoRegion* found = space.find(address);
      ASSERT_EQ(found != nullptr ? found->tag : ~0u, brute(address)) << address;
    }
  }
}

TEST(RegionMap, ListenersHearOfWhatExistsAndWhatChanges) {
  MmioSpace mmio;
  Probe probe;
  ScopedRegion first(mmio, {.base = 0, .length = 1, .name = "a", .handler = &probe});
  Recorder recorder;
  mmio.add_listener(&recorder);
  {
    ScopedRegion second(mmio, {.base = 4, .length = 1, .name = "b", .handler = &probe});
    first = std::move(second);
  }
  EXPECT_EQ(recorder.log, "+a+b-a");
  EXPECT_EQ(mmio.regions().size(), 1u);
  mmio.remove_listener(&recorder);
}

}  // namespace
}  // namespace core
