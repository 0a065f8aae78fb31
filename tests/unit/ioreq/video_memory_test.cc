#include "ioreq/memory/video_memory.h"

#include <gtest/gtest.h>

#include "tests/unit/ioreq/fake_domain.h"

namespace ioreq {
namespace {

constexpr u64 kRam = 8 << 20;
constexpr u64 kSize = 1 << 20;  // 256 pages
constexpr u64 kHidden = kRam >> kPageShift;
constexpr u64 kBar = 0xf0000000;

TEST(HiddenFrame, IsTheNext256KiBAboveRam) {
  EXPECT_EQ(hidden_frame(u64{1008} << 20), u64{1008} << 8);
  EXPECT_EQ(hidden_frame((u64{1008} << 20) + 4096), (u64{1008} << 8) + 64);
  // Up to the limit RAM is in one piece.
  EXPECT_EQ(hidden_frame(0xf0000000), 0xf0000u);
  EXPECT_EQ(hidden_frame(u64{5} << 30), 0x100000u + ((u64{5} << 30) - 0xf0000000) / 4096);
  EXPECT_EQ(hidden_frame(u64{3} << 30, u64{2} << 30), 0x100000u + (u64{1} << 18));
  EXPECT_EQ(hidden_frame(u64{1} << 30, ~u64{0}), u64{1} << 18);
}

class VideoMemoryTest : public ::testing::Test {
 protected:
  VideoMemoryTest() {
    domain.add(0, kHidden);
    auto made = XenVideoMemory::create(domain, domain, ram, kSize, kHidden,
                                       [this](const std::string& text) { errors.push_back(text); });
    EXPECT_TRUE(made);
    video = std::move(*made);
  }
  /// Dirty pages of a range, and no longer dirty afterwards.
  std::set<u64> take(u64 first_page, u64 count) {
    std::vector<u8> bitmap((count + 7) / 8, 0xff);
    video->take_dirty(first_page * kPageSize, count * kPageSize, bitmap);
    std::set<u64> pages;
    for (u64 i = 0; i < bitmap.size() * 8; ++i) {
      if ((bitmap[i / 8] >> (i % 8) & 1) != 0) pages.insert(first_page + i);
    }
    return pages;
  }

  FakeDomain domain;
  MapCache ram{domain, domain};
  std::vector<std::string> errors;
  std::unique_ptr<XenVideoMemory> video;
};

TEST_F(VideoMemoryTest, TheGuestSeesItAtItsBar) {
  EXPECT_TRUE(domain.has(kHidden));
  video->bytes()[5] = 0x11;
  video->map_at(kBar);
  EXPECT_FALSE(domain.has(kHidden));
  EXPECT_EQ(domain.peek(kBar + 5), 0x11);
  domain.poke(kBar + 6, 0x22);
  EXPECT_EQ(video->bytes()[6], 0x22);
  EXPECT_EQ(domain.cached.size(), 1u);
  video->map_at(0xe0000000);
  EXPECT_EQ(domain.peek(0xe0000006), 0x22);
  EXPECT_EQ(domain.cached.size(), 1u);  // moving about does not use up Xen's list
  video->unmap();
  EXPECT_TRUE(domain.has(kHidden));
  EXPECT_TRUE(domain.cached.empty());
  video->unmap();
  EXPECT_TRUE(errors.empty());
}

TEST_F(VideoMemoryTest, StaysWhenTheProcessEnds) {
  video->map_at(kBar);
  video->stay();
  video->unmap();  // as the card's destructor does
  video.reset();
  EXPECT_TRUE(domain.has(kBar >> kPageShift));
  EXPECT_FALSE(domain.has(kHidden));
}

/// Another process for the same frames, as after a restore.
class AdoptedVideoMemory : public VideoMemoryTest {
 protected:
  void restart() {
    video.reset();
    auto made = XenVideoMemory::adopt(domain, domain, ram, kSize, kHidden,
                                      [this](const std::string& text) { errors.push_back(text); });
    ASSERT_TRUE(made);
    video = std::move(*made);
  }
};

TEST_F(AdoptedVideoMemory, IsFoundAtItsBar) {
  video->map_at(kBar);
  domain.poke(kBar + 5, 0x11);
  restart();
  video->bytes()[5] = 0x77;  // nobody's yet
  video->map_at(kBar);
  EXPECT_TRUE(video->settle(kBar));
  EXPECT_EQ(video->bytes()[5], 0x11);
  EXPECT_EQ(take(0, 256).size(), 256u);
}

TEST_F(AdoptedVideoMemory, IsFoundWhereItWaits) {
  video->bytes()[5] = 0x11;
  restart();
  EXPECT_TRUE(video->settle(kBar));
  EXPECT_EQ(video->bytes()[5], 0x11);
  video->map_at(kBar);
  EXPECT_EQ(domain.peek(kBar + 5), 0x11);
}

// QEMU leaves it at a BAR that is switched off. No guest of ours finds it there.
TEST_F(AdoptedVideoMemory, IsFoundAtABarThatIsOff) {
  video->map_at(kBar);
  domain.poke(kBar + 5, 0x11);
  restart();
  EXPECT_TRUE(video->settle(kBar));
  EXPECT_EQ(video->gfn(), kHidden);
  EXPECT_FALSE(domain.has(kBar >> kPageShift));
  EXPECT_EQ(video->bytes()[5], 0x11);
}

TEST_F(AdoptedVideoMemory, ThatIsNowhereIsNamed) {
  video->map_at(0xe0000000);
  restart();
  video->map_at(kBar);
  const auto result = video->settle(kBar);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("0xf0000"), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().message.find("videoram"), std::string::npos);
}

TEST_F(VideoMemoryTest, AFailedMoveIsReportedAndHarmless) {
  domain.refuse_relocate = true;
  video->map_at(kBar);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(video->gfn(), kHidden);
  video->unmap();
  EXPECT_EQ(errors.size(), 1u);
}

TEST_F(VideoMemoryTest, RamMappingsOfBothPlacesAreForgotten) {
  u8 byte = 0;
  EXPECT_TRUE(ram.read(kHidden << kPageShift, {&byte, 1}));
  EXPECT_FALSE(ram.read(kBar, {&byte, 1}));
  video->bytes()[0] = 0x33;
  video->map_at(kBar);
  EXPECT_FALSE(ram.read(kHidden << kPageShift, {&byte, 1}));
  EXPECT_TRUE(ram.read(kBar, {&byte, 1}));
  EXPECT_EQ(byte, 0x33);
}

TEST_F(VideoMemoryTest, TheFirstLookSeesEverything) {
  EXPECT_EQ(take(0, 4).size(), 4u);
  EXPECT_TRUE(take(0, 4).empty());
  video->map_at(kBar);
  EXPECT_EQ(take(0, 4).size(), 4u);
  EXPECT_TRUE(take(0, 4).empty());
  EXPECT_EQ(take(100, 9).size(), 9u);  // a range never looked at
  video->stop_tracking();
  EXPECT_EQ(domain.tracked_pages(), 0u);
  EXPECT_EQ(take(0, 4).size(), 4u);
}

TEST_F(VideoMemoryTest, MergesWritesOfTheGuestAndOfTheCard) {
  video->map_at(kBar);
  take(0, 64);
  domain.poke(kBar + 3 * kPageSize, 1);
  video->mark_dirty(5 * kPageSize - 1, 2);
  EXPECT_EQ(take(0, 64), (std::set<u64>{3, 4, 5}));
  EXPECT_TRUE(take(0, 64).empty());
}

TEST_F(VideoMemoryTest, WritesOutsideTheRangeAreKeptForLater) {
  video->map_at(kBar);
  take(0, 64);
  domain.poke(kBar + 40 * kPageSize, 1);
  video->mark_dirty(50 * kPageSize, 1);
  EXPECT_TRUE(take(8, 16).empty());  // within what is tracked: the tracking stays
  EXPECT_EQ(domain.tracked_pages(), 64u);
  EXPECT_EQ(take(0, 64), (std::set<u64>{40, 50}));
}

TEST_F(VideoMemoryTest, FlippingBetweenTwoScreensSettles) {
  video->map_at(kBar);
  take(0, 10);
  take(20, 10);
  take(0, 10);
  EXPECT_EQ(domain.tracked_pages(), 30u);
  domain.poke(kBar + 25 * kPageSize, 1);
  EXPECT_TRUE(take(0, 10).empty());
  EXPECT_EQ(take(20, 10), std::set<u64>{25});
}

TEST_F(VideoMemoryTest, WithoutTrackingEverythingIsDirty) {
  video->map_at(kBar);
  take(0, 8);
  domain.track_error = ENODATA;
  EXPECT_EQ(take(0, 8).size(), 8u);
  EXPECT_EQ(take(0, 8).size(), 8u);
  domain.track_error = 0;
  EXPECT_TRUE(take(0, 8).empty());
}

TEST_F(VideoMemoryTest, NothingIsLostWhenTheBarMoves) {
  video->map_at(kBar);
  take(0, 8);
  domain.poke(kBar, 1);
  video->unmap();
  EXPECT_EQ(take(0, 8).size(), 8u);
  EXPECT_TRUE(take(0, 8).empty());
}

TEST_F(VideoMemoryTest, DiskControllersThatDrawAreSeen) {
  video->map_at(kBar);
  take(0, 16);
  const u8 byte = 1;
  EXPECT_TRUE(ram.write(kBar + 7 * kPageSize, {&byte, 1}));
  EXPECT_EQ(take(0, 16), std::set<u64>{7});
}

TEST_F(VideoMemoryTest, OddRangesAreCut) {
  video->mark_dirty(~u64{0}, 1);
  video->mark_dirty(kSize - 1, ~u64{0});
  video->mark_dirty(0, 0);
  std::vector<u8> bitmap(100, 0xff);
  video->take_dirty(kSize, 4096, bitmap);
  EXPECT_EQ(bitmap, std::vector<u8>(100, 0));
  video->take_dirty(kSize - kPageSize, ~u64{0} - kPageSize, bitmap);
  EXPECT_EQ(bitmap[0], 1);
  EXPECT_EQ(bitmap[1], 0);
  std::vector<u8> small(1);
  video->take_dirty(0, kSize, small);
  EXPECT_EQ(small[0], 0xff);
}

TEST_F(VideoMemoryTest, AMigrationHearsOfTheCardsWritesWhereTheyAreNow) {
  video->mark_dirty(0, 1);
  video->set_log_dirty(true);
  video->flush_modified();
  EXPECT_TRUE(domain.modified.empty());
  video->mark_dirty(0, 3 * kPageSize);
  video->mark_dirty(9 * kPageSize, 1);
  video->flush_modified();
  EXPECT_EQ(domain.modified, (std::set<u64>{kHidden, kHidden + 1, kHidden + 2, kHidden + 9}));
  EXPECT_EQ(domain.modified_calls, 2);
  video->map_at(kBar);
  domain.modified.clear();
  video->mark_dirty(0, 1);
  video->set_log_dirty(false);
  EXPECT_EQ(domain.modified, (std::set<u64>{kBar >> kPageShift}));
  video->mark_dirty(0, 1);
  video->flush_modified();
  EXPECT_EQ(domain.modified_calls, 3);
}

TEST_F(VideoMemoryTest, NoRoomNamesTheSizeAndTheCure) {
  domain.budget = 16;
  const auto made = XenVideoMemory::create(domain, domain, ram, 16 << 20, 0x80000, nullptr);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("16384 KiB"), std::string::npos);
  EXPECT_NE(made.error().message.find("maxmem"), std::string::npos);
}

TEST_F(VideoMemoryTest, FramesThatDoNotMapAreAnError) {
  domain.refuse_all = true;
  EXPECT_FALSE(XenVideoMemory::create(domain, domain, ram, kSize, 0x80000, nullptr));
}

}  // namespace
}  // namespace ioreq
