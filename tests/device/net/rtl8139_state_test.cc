// Save and restore.
#include "tests/device/net/card_state.h"
#include "tests/device/net/rtl8139_fixture.h"

namespace net {
namespace {

class Rtl8139StateTest : public Rtl8139Test {
 protected:
  std::vector<u8> save() { return save_card(*card); }
  bool restore(const std::vector<u8>& image) { return restore_card<Rtl8139State>(*card, image); }
};

// The sum of the fields' widths in QEMU 7.2's vmstate of version 5.
TEST_F(Rtl8139StateTest, SectionIsQemus) {
  const StateSection section = card->section();
  EXPECT_EQ(section.id, "rtl8139");
  EXPECT_EQ(section.table->version, 5);
  EXPECT_EQ(section.table->min_version, 3);
  EXPECT_EQ(save().size(), 276u + 366);
}

TEST_F(Rtl8139StateTest, RoundTrip) {
  start_cplus();
  wire.arrive(frame_to(kMac, 100));
  tx(frame_to(kStranger, 100));
  poll();
  w32(TIMERINT, 5000);
  w8(EECR, 0x88);
  w8(EECR, 0x8e);
  const auto trip = bench::save_disturb_restore(*card, [this] {
    card->reset();
    enable();
    w32(MAR0, 77);
  });
  EXPECT_EQ(trip.before, trip.after);
}

TEST_F(Rtl8139StateTest, RingGoesOn) {
  start_ring(0);
  for (u8 i = 0; i < 6; ++i) wire.arrive(frame_to(kMac, 1000, i));
  take_ring();
  put_slot(frame_to(kStranger, 100));
  const auto image = save();
  card->reset();
  ASSERT_TRUE(restore(image));
  EXPECT_TRUE(irq());
  for (u8 i = 1; i < 6; ++i) EXPECT_EQ(take_ring().data[20], low<u8>(20 * 7 + i));
  EXPECT_TRUE(ring_empty());
  put_slot(frame_to(kStranger, 100, 1));
  EXPECT_EQ(wire.sent.size(), 2u);
}

TEST_F(Rtl8139StateTest, DescriptorsGoOn) {
  start_cplus();
  for (u8 i = 0; i < 3; ++i) wire.arrive(frame_to(kMac, 100, i));
  card->pause();
  for (u8 i = 0; i < 5; ++i) tx(frame_to(kStranger, 100, i));
  poll();
  EXPECT_TRUE(wire.sent.empty()) << "no new work while paused";
  wire.arrive(frame_to(kMac, 100, 3));
  EXPECT_EQ(wire.waiting.size(), 1u);
  const auto image = save();
  card->reset();
  ASSERT_TRUE(restore(image));
  EXPECT_EQ(wire.sent.size(), 5u);
  EXPECT_TRUE(received(3));
}

TEST_F(Rtl8139StateTest, PauseAndResumeAloneSendWhatWasPolled) {
  start_cplus();
  card->pause();
  tx(frame_to(kStranger, 100));
  card->resume();
  EXPECT_TRUE(wire.sent.empty()) << "nobody asked";
  card->pause();
  poll();
  card->resume();
  EXPECT_EQ(wire.sent.size(), 1u);
}

TEST_F(Rtl8139StateTest, TimerGoesOn) {
  w16(IMR, isr::kTimeOut);
  w32(TCTR, 0);
  w32(TIMERINT, 1000);
  const auto image = save();
  card->reset();
  ASSERT_TRUE(restore(image));
  bench.clock.advance(29'999);
  EXPECT_FALSE(irq());
  bench.clock.advance(1);
  EXPECT_TRUE(irq());
}

TEST_F(Rtl8139StateTest, PulledCableStaysPulled) {
  card->set_link(false);
  const auto image = save();
  card->set_link(true);
  ASSERT_TRUE(restore(image));
  EXPECT_FALSE(card->link_up());
  EXPECT_EQ(r8(MSR), 0xd4u);
}

TEST_F(Rtl8139StateTest, HotplugSubsectionMeansNothing) {
  start_ring();
  auto image = save();
  const std::string_view name = "rtl8139/hotplug_ready";
  image.push_back(5);
  image.push_back(low<u8>(name.size()));
  image.insert(image.end(), name.begin(), name.end());
  image.insert(image.end(), {0, 0, 0, 1});
  EXPECT_TRUE(restore(image));
}

// Version 3 had neither a count of multicasts nor a word on the mode.
TEST_F(Rtl8139StateTest, OldStreams) {
  start_cplus();
  const auto image = save();
  std::vector<u8> old(image.begin(), image.end() - 4);
  old.erase(old.end() - 8, old.end() - 4);
  auto scratch = std::make_unique<Rtl8139State>();
  Bytes in = old;
  ASSERT_TRUE(decode_state(kRtl8139Table, scratch.get(), 3, in).has_value());
  EXPECT_TRUE(in.empty());
  *static_cast<Rtl8139State*>(card->section().state) = *scratch;
  card->after_restore();
  card->resume();
  EXPECT_EQ(card->state().cplus, 1u);
}

TEST_F(Rtl8139StateTest, BrokenStreams) {
  start_cplus();
  const auto image = save();
  bench::torture_restore(kRtl8139Table, image, sizeof(Rtl8139State), 300);
}

TEST_F(Rtl8139StateTest, BentStreamsNeverHurtTheRunningDevice) {
  start_cplus();
  tx(ip_frame(kStranger, 3000), kFirst | kLast | txd::LargeSend::kMask | 1448u << 16);
  wire.arrive(frame_to(kMac, 100));
  const auto image = save();
  u32 seed = 1;
  const auto random = [&seed] { return seed = seed * 1664525 + 1013904223; };
  int accepted = 0;
  for (int i = 0; i < 1000; ++i) {
    auto bent = image;
    for (int k = 0; k < 12; ++k) {
      bent[276 + (random() >> 8) % (bent.size() - 276)] = low<u8>(random() >> 16);
    }
    if (!restore(bent)) continue;
    ++accepted;
    enable();
    for (u32 reg = 0; reg < 256; reg += 4) r32(low<u8>(reg));
    poll();
    wire.arrive(frame_to(kBroadcast, 1000));
    w16(CAPR, random() >> 8);
    w8(EECR, 0x88);
    w8(EECR, 0x8e);
    wait_us(2000);
    w8(CR, kOn);
    w32(TSD0, 100);
    wire.sent.clear();
    wire.waiting.clear();
  }
  EXPECT_GT(accepted, 900);
}

}  // namespace
}  // namespace net
