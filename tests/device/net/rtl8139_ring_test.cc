// C mode, driven as Linux' 8139too does: a ring of bytes in, four slots out.
#include "tests/device/net/rtl8139_fixture.h"

namespace net {
namespace {

using Rtl8139RingTest = Rtl8139Test;

TEST_F(Rtl8139RingTest, FrameArrives) {
  start_ring();
  EXPECT_TRUE(ring_empty());
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(irq());
  EXPECT_EQ(take_isr(), isr::kRok);
  EXPECT_FALSE(irq());
  EXPECT_FALSE(ring_empty());
  EXPECT_EQ(r16(CBR), 108u);
  const Received one = take_ring();
  EXPECT_EQ(one.header, 104u << 16 | rxh::kPhysical | rxh::kOk);
  EXPECT_EQ(std::vector<u8>(one.frame().begin(), one.frame().end()), frame_to(kMac, 100));
  EXPECT_TRUE(one.crc_right());
  EXPECT_TRUE(ring_empty());
  EXPECT_EQ(r16(CAPR), 92u);
}

TEST_F(Rtl8139RingTest, FramesAreAlignedAndShortOnesPadded) {
  start_ring();
  wire.arrive(frame_to(kMac, 61));
  wire.arrive(frame_to(kMac, 20));
  EXPECT_EQ(r16(CBR), 72u + 68u);
  take_ring();
  const Received one = take_ring();
  EXPECT_EQ(one.data.size(), 64u);
  EXPECT_EQ(one.data[20], 0);
  EXPECT_TRUE(one.crc_right());
}

// A lap and a half around the smallest ring, frames across its end.
TEST_F(Rtl8139RingTest, WrapsAround) {
  start_ring(0);
  for (u8 i = 0; i < 30; ++i) {
    wire.arrive(frame_to(kMac, 411, i));
    ASSERT_FALSE(ring_empty());
    const Received one = take_ring();
    ASSERT_EQ(one.data.size(), 415u);
    EXPECT_TRUE(one.crc_right());
    EXPECT_EQ(one.data[40], low<u8>(40 * 7 + i));
    ASSERT_TRUE(ring_empty());
  }
  EXPECT_EQ(wire.waiting.size(), 0u);
}

// With WRAP the frame runs over the end, into the room that the driver has behind it.
TEST_F(Rtl8139RingTest, WrapBitRunsOver) {
  start_ring(0, rcr::NoWrap::kMask);
  const u32 lap = 8192 / 108;
  for (u32 i = 0; i < lap; ++i) {
    wire.arrive(frame_to(kMac, 100));
    take_ring();
  }
  ASSERT_EQ(ring_at, 8100u);
  bench.ram.put<u32>(kRing, 0x5a5a5a5a);
  wire.arrive(frame_to(kMac, 100, 9));
  EXPECT_EQ(bench.ram.get<u32>(kRing), 0x5a5a5a5au);
  EXPECT_EQ(bench.ram.get<u8>(kRing + 8100 + 4 + 99), low<u8>(99 * 7 + 9));
  EXPECT_EQ(r16(CBR), 16u);
  w16(CAPR, 0);
  EXPECT_TRUE(ring_empty());
}

TEST_F(Rtl8139RingTest, WrapBitIsNothingToTheLargestRing) {
  start_ring(3, rcr::NoWrap::kMask);
  for (u32 i = 0; i < 60; ++i) {
    wire.arrive(frame_to(kMac, 1500, low<u8>(i)));
    const Received one = take_ring();
    ASSERT_EQ(one.data.size(), 1504u);
    ASSERT_TRUE(one.crc_right());
  }
}

// A ring without room: the frame waits outside, the driver hears of it, nothing is lost.
TEST_F(Rtl8139RingTest, OverflowIsReportedAndFramesWait) {
  start_ring(0);
  for (u8 i = 0; i < 7; ++i) wire.arrive(frame_to(kMac, 1514, i));
  EXPECT_EQ(wire.waiting.size(), 2u);
  EXPECT_EQ(take_isr(), isr::kRok | isr::kRxovw);
  EXPECT_EQ(r32(MPC), 0u);
  for (u8 i = 0; i < 7; ++i) {
    ASSERT_FALSE(ring_empty());
    const Received one = take_ring();
    EXPECT_TRUE(one.crc_right());
    EXPECT_EQ(one.data[40], low<u8>(40 * 7 + i));
  }
  EXPECT_TRUE(ring_empty());
  EXPECT_TRUE(wire.waiting.empty());
  EXPECT_EQ(take_isr(), isr::kRok) << "no overflow while there is room";
}

TEST_F(Rtl8139RingTest, FramesWaitForTheReceiver) {
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(wire.waiting.size(), 1u);
  start_ring();
  EXPECT_EQ(wire.waiting.size(), 0u) << "and a filter that takes nothing lost it";
  EXPECT_TRUE(ring_empty());
}

// Restarting the receiver begins at the ring's beginning; changing filters does not.
TEST_F(Rtl8139RingTest, PlaceInTheRing) {
  start_ring();
  wire.arrive(frame_to(kMac, 100));
  take_ring();
  w32(RCR, 0x0000e601 | rcr::RingLength::of(2) | kFilter);
  EXPECT_EQ(r16(CBR), 108u) << "promiscuous";
  wire.arrive(frame_to(kStranger, 100));
  EXPECT_EQ(r16(CBR), 216u);
  w8(CR, kOn & ~cr::ReceiverEnable::kMask);
  w8(CR, kOn);
  EXPECT_EQ(r16(CBR), 0u);
  EXPECT_EQ(r16(CAPR), 0xfff0u);
  wire.arrive(frame_to(kMac, 100));
  w32(RCR, 0x0000e600 | rcr::RingLength::of(1) | kFilter);
  EXPECT_EQ(r16(CBR), 0u) << "another size";
}

// --- filters ---

TEST_F(Rtl8139RingTest, Filters) {
  start_ring();
  const auto taken = [this](const std::array<u8, 6>& to) {
    wire.arrive(frame_to(to, 100));
    if (ring_empty()) return u32{0};
    return take_ring().header & 0xffff;
  };
  constexpr u32 kBase = 0x0000e600 | rcr::RingLength::of(2);
  w32(RCR, kBase);
  for (const auto& to : {kMac, kBroadcast, kGroup, kStranger}) EXPECT_EQ(taken(to), 0u);
  w32(RCR, kBase | rcr::AcceptPhysicalMatch::kMask);
  EXPECT_EQ(taken(kMac), rxh::kPhysical | rxh::kOk);
  EXPECT_EQ(taken(kStranger), 0u);
  w32(RCR, kBase | rcr::AcceptBroadcast::kMask);
  EXPECT_EQ(taken(kBroadcast), rxh::kBroadcast | rxh::kOk);
  EXPECT_EQ(taken(kMac), 0u);
  w32(RCR, kBase | rcr::AcceptMulticast::kMask);
  EXPECT_EQ(taken(kGroup), 0u) << "not in the hash";
  w8(MAR0 + 1, 0x80);
  EXPECT_EQ(taken(kGroup), rxh::kMulticast | rxh::kOk);
  EXPECT_EQ(taken({0x01, 0x00, 0x5e, 0x00, 0x00, 0x01}), 0u);
  EXPECT_EQ(taken(kBroadcast), 0u);
  w32(RCR, kBase | rcr::AcceptAll::kMask);
  EXPECT_EQ(taken(kStranger), rxh::kOk);
  EXPECT_EQ(taken(kMac), rxh::kPhysical | rxh::kOk);
  EXPECT_EQ(taken(kGroup), rxh::kMulticast | rxh::kOk);
  w32(IDR0, load_le<u32>(kStranger.data()));
  w32(IDR4, load_le<u16>(&kStranger[4]));
  EXPECT_EQ(taken(kStranger), rxh::kPhysical | rxh::kOk) << "the driver's own address";
}

// --- transmit ---

TEST_F(Rtl8139RingTest, FrameLeaves) {
  start_ring();
  put_slot(frame_to(kStranger, 100));
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0], frame_to(kStranger, 100));
  EXPECT_EQ(r32(TSD0), 0x00080000u | 0xa000 | 100) << "OWN and TOK";
  EXPECT_EQ(r16(TSAD), 0x100fu);
  EXPECT_TRUE(irq());
  EXPECT_EQ(take_isr(), isr::kTok);
}

TEST_F(Rtl8139RingTest, SlotsGoOutInTurn) {
  start_ring();
  for (u8 i = 0; i < 10; ++i) put_slot(frame_to(kStranger, 100, i));
  ASSERT_EQ(wire.sent.size(), 10u);
  for (u8 i = 0; i < 10; ++i) EXPECT_EQ(wire.sent[i], frame_to(kStranger, 100, i));
  EXPECT_EQ(r16(TSAD), 0xf00fu);
}

TEST_F(Rtl8139RingTest, SlotOutOfTurnWaits) {
  start_ring();
  EXPECT_TRUE(bench.ram.write(kTxBuffers + kTxBufferSize, frame_to(kStranger, 100, 1)));
  w32(TSD1, 100);
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_EQ(r16(TSAD), 0x000du);
  put_slot(frame_to(kStranger, 100, 0));
  ASSERT_EQ(wire.sent.size(), 2u);
  EXPECT_EQ(wire.sent[1], frame_to(kStranger, 100, 1));
}

TEST_F(Rtl8139RingTest, ShortFramesArePadded) {
  start_ring();
  put_slot(frame_to(kStranger, 30));
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0].size(), 60u);
  EXPECT_EQ(wire.sent[0][30], 0);
}

TEST_F(Rtl8139RingTest, FullBackEndLeavesSlotsAlone) {
  start_ring();
  wire.room = 1;
  put_slot(frame_to(kStranger, 100, 0));
  put_slot(frame_to(kStranger, 100, 1));  // waits in the card
  put_slot(frame_to(kStranger, 100, 2));
  EXPECT_EQ(r32(TSD2) & tsd::Own::kMask, 0u);
  EXPECT_EQ(wire.sent.size(), 1u);
  take_isr();
  wire.room = 100;
  wire.client->writable();
  ASSERT_EQ(wire.sent.size(), 3u);
  EXPECT_EQ(wire.sent[2], frame_to(kStranger, 100, 2));
  EXPECT_EQ(take_isr(), isr::kTok);
}

TEST_F(Rtl8139RingTest, TransmitterOffSendsNothing) {
  w32(TSAD0, low<u32>(kTxBuffers));
  w32(TSD0, 100);
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_EQ(r32(TSD0), 100u);
  w8(CR, kOn);
  EXPECT_EQ(wire.sent.size(), 1u) << "and then it does";
}

TEST_F(Rtl8139RingTest, NoBusMasterNoFrames) {
  start_ring();
  bench.pci.config_write(kDevfn, 0x04, 3, 2);
  put_slot(frame_to(kStranger, 100));
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_EQ(wire.waiting.size(), 1u);
  bench.pci.config_write(kDevfn, 0x04, 7, 2);
  EXPECT_EQ(wire.sent.size(), 1u);
  EXPECT_FALSE(ring_empty());
}

// --- loopback ---

TEST_F(Rtl8139RingTest, LoopbackComesBackAndTheWireStaysOut) {
  start_ring();
  w32(TCR, r32(TCR) | tcr::Loopback::kMask);
  put_slot(frame_to(kMac, 100, 5));
  wire.arrive(frame_to(kMac, 200));
  EXPECT_TRUE(wire.sent.empty());
  const Received one = take_ring();
  EXPECT_EQ(std::vector<u8>(one.frame().begin(), one.frame().end()), frame_to(kMac, 100, 5));
  EXPECT_TRUE(ring_empty());
  EXPECT_EQ(take_isr(), isr::kRok | isr::kTok);
}

TEST_F(Rtl8139RingTest, LoopbackLosesWhatDoesNotFit) {
  start_ring(0);
  w32(TCR, r32(TCR) | tcr::Loopback::kMask);
  for (int i = 0; i < 8; ++i) put_slot(frame_to(kMac, 1514));
  EXPECT_EQ(r32(MPC), 3u);
  EXPECT_NE(take_isr() & isr::kRxovw, 0);
  w32(MPC, 0);
  EXPECT_EQ(r32(MPC), 0u);
}

// What 8139too does after an error: receiver off and on, and it reads from the beginning.
TEST_F(Rtl8139RingTest, LinuxRecoversFromAnError) {
  start_ring();
  for (int i = 0; i < 5; ++i) wire.arrive(frame_to(kMac, 300));
  const u32 command = r8(CR);
  w8(CR, command & ~u32{cr::ReceiverEnable::kMask});
  w8(CR, command);
  w32(RCR, r32(RCR));
  ring_at = 0;
  EXPECT_TRUE(ring_empty());
  wire.arrive(frame_to(kMac, 100, 77));
  const Received one = take_ring();
  EXPECT_EQ(one.data[50], low<u8>(50 * 7 + 77));
}

}  // namespace
}  // namespace net
