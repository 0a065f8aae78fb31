// Save and restore.
#include "tests/device/net/card_state.h"
#include "tests/device/net/e1000_fixture.h"

namespace net {
namespace {

class StateTest : public E1000Test {
 protected:
  std::vector<u8> save() { return save_card(*card); }
  bool restore(const std::vector<u8>& image) { return restore_card<E1000State>(*card, image); }
};

TEST_F(StateTest, SectionHasQemusName) {
  const StateSection section = card->section();
  EXPECT_EQ(section.id, "e1000");
  EXPECT_EQ(section.table->name, "e1000");
  EXPECT_EQ(section.table->version, 2);
}

TEST_F(StateTest, RoundTrip) {
  start_tx();
  start_rx();
  wr(IMS, 0x9d);
  wr(ITR, 500);
  wr(RADV, 7);
  wr(PBM + 0xfffc, 0x12345678);
  tx_context(true, 5000, 54, 1448);
  tx_data(ip_frame(kStranger, 3000), 1u << 26, 3);
  ring_tx();
  wire.arrive(frame_to(kMac, 100));
  const auto trip = bench::save_disturb_restore(*card, [this] {
    card->reset();
    enable();
    wr(ITR, 1);
    wr(EECD, 3);
  });
  EXPECT_EQ(trip.before, trip.after);
}

// A segmented packet under way: the rest goes out after the restore as if nothing had happened.
TEST_F(StateTest, SegmentedPacketGoesOn) {
  start_tx();
  const std::vector<u8> frame = ip_frame(kStranger, 4000);
  const auto first = [&] {
    tx_context(true, 4000, 54, 1448);
    tx_data(Bytes(frame).first(2000), 1u << 26, 3);
    ring_tx();
  };
  const auto rest = [&] {
    tx_data(Bytes(frame).subspan(2000), 1u << 26 | 1u << 24, 0);
    ring_tx();
  };
  first();
  rest();
  const auto want = std::exchange(wire.sent, {});
  ASSERT_EQ(want.size(), 3u);
  first();
  const std::vector<u8> image = save();
  card->reset();
  ASSERT_TRUE(restore(image));
  rest();
  EXPECT_EQ(wire.sent, want);
}

TEST_F(StateTest, RingGoesOnAfterRestore) {
  start_tx();
  card->pause();
  for (u8 i = 0; i < 5; ++i) tx_legacy(frame_to(kStranger, 100, i));
  ring_tx();
  EXPECT_TRUE(wire.sent.empty()) << "no new work while paused";
  const std::vector<u8> image = save();
  card->reset();
  ASSERT_TRUE(restore(image));
  EXPECT_EQ(wire.sent.size(), 5u);
}

TEST_F(StateTest, InterruptHeldBackComes) {
  wr(IMS, icr::kLsc);
  wr(ICS, icr::kLsc);
  rd(ICR);
  wr(ICS, icr::kLsc);
  ASSERT_FALSE(irq());
  const std::vector<u8> image = save();
  card->reset();
  ASSERT_TRUE(restore(image));
  bench.clock.advance(2);
  EXPECT_TRUE(irq());
}

TEST_F(StateTest, LevelOfThePin) {
  wr(IMS, icr::kLsc);
  wr(ICS, icr::kLsc);
  ASSERT_TRUE(irq());
  const std::vector<u8> image = save();
  card->reset();
  EXPECT_FALSE(irq());
  ASSERT_TRUE(restore(image));
  EXPECT_TRUE(irq());
  rd(ICR);
  EXPECT_FALSE(irq());
}

TEST_F(StateTest, NegotiationGoesOn) {
  phy(PCTRL, 0x1340);
  const std::vector<u8> image = save();
  card->reset();
  ASSERT_TRUE(restore(image));
  EXPECT_FALSE(status::LinkUp::test(rd(STATUS)));
  wait_ms(501);
  EXPECT_TRUE(status::LinkUp::test(rd(STATUS)));
}

TEST_F(StateTest, PulledCableStaysPulled) {
  card->set_link(false);
  const std::vector<u8> image = save();
  card->set_link(true);
  card->reset();
  ASSERT_TRUE(restore(image));
  EXPECT_FALSE(card->link_up());
  wait_ms(1000);
  EXPECT_FALSE(status::LinkUp::test(rd(STATUS)));
  card->set_link(true);
  wait_ms(501);
  EXPECT_TRUE(status::LinkUp::test(rd(STATUS)));
}

TEST_F(StateTest, PauseAloneChangesNothing) {
  card->set_link(false);
  const u16 before = phy(PSTATUS);
  card->pause();
  card->resume();
  EXPECT_EQ(phy(PSTATUS), before);
}

TEST_F(StateTest, BrokenStreams) {
  start_tx();
  tx_legacy(frame_to(kStranger, 100), 0);
  ring_tx();
  const std::vector<u8> image = save();
  // Truncations of the first part; the registers behind it are all alike.
  bench::torture_restore(kE1000Table, Bytes(image).first(3000), sizeof(E1000State), 300);
}

TEST_F(StateTest, BentStreamsNeverHurtTheRunningDevice) {
  start_tx();
  start_rx();
  tx_context(true, 5000, 54, 1448);
  tx_data(ip_frame(kStranger, 3000), 1u << 26, 3);
  ring_tx();
  const std::vector<u8> image = save();
  u32 seed = 1;
  const auto random = [&seed] { return seed = seed * 1664525 + 1013904223; };
  int accepted = 0;
  for (int i = 0; i < 200; ++i) {
    std::vector<u8> bent = image;
    for (int k = 0; k < 6; ++k) {
      const std::size_t at = k % 2 != 0 ? 276 + random() % 60 : random() % bent.size();
      bent[at] = low<u8>(random() >> 8);
    }
    // And all registers of the rings, which have the last word.
    if (!restore(bent)) continue;
    ++accepted;
    enable();
    wr(TDT, random());
    wr(RDT, random());
    wire.arrive(frame_to(kBroadcast, 1000));
    wait_ms(2);
    wire.sent.clear();
    wire.waiting.clear();
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace net
