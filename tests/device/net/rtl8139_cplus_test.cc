// C+ mode, driven as Linux' 8139cp and iPXE do: rings of descriptors.
#include "tests/device/net/rtl8139_fixture.h"

namespace net {
namespace {

class Rtl8139CplusTest : public Rtl8139Test {
 protected:
  static std::vector<u8> bytes(Bytes data) { return {data.begin(), data.end()}; }
  /// `frame` with a tag behind its addresses.
  static std::vector<u8> tagged(std::vector<u8> frame, u32 tag) {
    std::vector<u8> four(4);
    put16(four, 0, 0x8100);
    put16(four, 2, tag);
    frame.insert(frame.begin() + 12, four.begin(), four.end());
    return frame;
  }
};

// iPXE finds out that the chip has C+ mode by the bits that stick.
TEST_F(Rtl8139CplusTest, CommandBitsStick) {
  w16(CPCR, 0xffff);
  EXPECT_EQ(r16(CPCR), 0x007bu);
  w8(CR, cr::Reset::kMask);
  EXPECT_EQ(r16(CPCR), 0u);
}

// --- receive ---

TEST_F(Rtl8139CplusTest, FrameArrives) {
  start_cplus();
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(irq());
  EXPECT_EQ(take_isr(), isr::kRok);
  ASSERT_TRUE(received(0));
  const Received one = rx(0);
  EXPECT_EQ(one.header, kFirst | kLast | rxd::kPhysical | 104);
  EXPECT_EQ(one.tag, 0u);
  EXPECT_EQ(bytes(one.frame()), frame_to(kMac, 100));
  EXPECT_TRUE(one.crc_right());
  EXPECT_FALSE(received(1));
}

TEST_F(Rtl8139CplusTest, RingGoesRound) {
  start_cplus(0, 64, 4);
  for (u8 i = 0; i < 11; ++i) {
    wire.arrive(frame_to(i % 2 != 0 ? kBroadcast : kMac, 100, i));
    ASSERT_TRUE(received(i % 4u));
    const Received one = rx(i % 4u);
    EXPECT_EQ(one.header & desc::EndOfRing::kMask, i % 4 == 3 ? desc::EndOfRing::kMask : 0);
    EXPECT_EQ(one.header & (rxd::kPhysical | rxd::kBroadcast),
              i % 2 != 0 ? rxd::kBroadcast : rxd::kPhysical);
    EXPECT_EQ(one.data[20], low<u8>(20 * 7 + i));
    give(i % 4u);
  }
}

// The datasheet's rings have 64 descriptors at most.
TEST_F(Rtl8139CplusTest, RingEndsAfter64) {
  start_cplus();
  bench.ram.put<u32>(kRxRing + 63 * 16, desc::Own::kMask | kRxBufferSize);  // no end of ring
  for (int i = 0; i < 64; ++i) wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(received(63));
  give(0);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(received(0));
}

// The driver says nothing when it returns descriptors; what it does touch makes the card look.
TEST_F(Rtl8139CplusTest, FramesWaitALittleForDescriptors) {
  start_cplus(0, 64, 4);
  for (u8 i = 0; i < 6; ++i) wire.arrive(frame_to(kMac, 100, i));
  EXPECT_EQ(wire.waiting.size(), 2u);
  EXPECT_EQ(take_isr(), isr::kRok);
  EXPECT_EQ(wire.waiting.size(), 2u);
  for (u32 i = 0; i < 4; ++i) give(i);
  w16(IMR, 0x80ff);
  EXPECT_TRUE(wire.waiting.empty());
  EXPECT_EQ(rx(1).data[20], low<u8>(20 * 7 + 5));
  EXPECT_EQ(r32(MPC), 0u);
}

// iPXE polls ISR alone.
TEST_F(Rtl8139CplusTest, FramesWaitNotForEver) {
  start_cplus(0, 64, 4);
  for (u8 i = 0; i < 6; ++i) wire.arrive(frame_to(kMac, 100, i));
  EXPECT_EQ(wire.waiting.size(), 2u);
  take_isr();
  wait_us(1000);
  EXPECT_TRUE(wire.waiting.empty());
  EXPECT_EQ(r32(MPC), 2u);
  EXPECT_EQ(take_isr(), isr::kRxovw) << "no descriptor";
  EXPECT_EQ(tally(28) & 0xffff, 2u) << "MissPkt";
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(r32(MPC), 3u) << "at once from now on";
  EXPECT_EQ(bench.clock.next_deadline(), -1);
  give(0);
  wire.arrive(frame_to(kMac, 100, 9));
  EXPECT_EQ(rx(0).data[20], low<u8>(20 * 7 + 9));
}

TEST_F(Rtl8139CplusTest, DescriptorsReturnedInTime) {
  start_cplus(0, 64, 2);
  for (u8 i = 0; i < 3; ++i) wire.arrive(frame_to(kMac, 100, i));
  give(0);
  wait_us(1000);
  EXPECT_TRUE(received(0));
  EXPECT_EQ(r32(MPC), 0u);
}

TEST_F(Rtl8139CplusTest, LongFrameTakesSeveralBuffers) {
  start_cplus(0, 64, 8);
  for (u32 i = 0; i < 8; ++i) give(i, 512);
  wire.arrive(frame_to(kMac, 1100, 3));
  ASSERT_TRUE(received(2));
  EXPECT_EQ(bench.ram.get<u32>(kRxRing), kFirst | 512);
  EXPECT_EQ(bench.ram.get<u32>(kRxRing + 16), 512u);
  EXPECT_EQ(bench.ram.get<u32>(kRxRing + 32), kLast | rxd::kPhysical | 1104);
  EXPECT_EQ(bench.ram.get<u8>(kRxBuffers + 2 * 0x2000 + 75), low<u8>(1099 * 7 + 3));
  EXPECT_FALSE(received(3));
}

TEST_F(Rtl8139CplusTest, RingSetAfterTheReceiverWasSwitchedOn) {
  w16(CPCR, 0x000b);
  w8(CR, kOn);
  w32(RCR, 0xe700 | kFilter);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(wire.waiting.size(), 1u);
  for (u32 i = 0; i < 64; ++i) give(i);
  w32(RDSAR, low<u32>(kRxRing));
  EXPECT_TRUE(received(0));
}

TEST_F(Rtl8139CplusTest, VlanTagIsTakenOut) {
  start_cplus(cpcr::RxVlan::kMask);
  wire.arrive(tagged(frame_to(kMac, 100), 0x2123));
  const Received one = rx(0);
  EXPECT_EQ(one.tag, rxd::kTagged | 0x2321) << "as on the wire";
  EXPECT_EQ(bytes(one.frame()), frame_to(kMac, 100));
  wire.arrive(tagged(frame_to(kMac, 56), 1));
  EXPECT_EQ(rx(1).header & 0x1fff, 64u) << "padded again";
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(rx(2).tag, 0u);
  w16(CPCR, 0x000b);
  wire.arrive(tagged(frame_to(kMac, 100), 0x2123));
  EXPECT_EQ(rx(3).header & 0x1fff, 108u);
}

TEST_F(Rtl8139CplusTest, ReceivedChecksums) {
  start_cplus(cpcr::RxChecksum::kMask | cpcr::RxVlan::kMask);
  constexpr u32 kSums = 0x0003e000;
  u32 next = 0;
  const auto flags = [&](std::vector<u8> frame) {
    wire.arrive(std::move(frame));
    return rx(next++).header & kSums;
  };
  EXPECT_EQ(flags(ip_frame(kMac, 100)), rxd::Protocol::of(rxd::kTcp));
  EXPECT_EQ(flags(ip_frame(kMac, 100, false)), rxd::Protocol::of(rxd::kUdp));
  EXPECT_EQ(flags(tagged(ip_frame(kMac, 100), 5)), rxd::Protocol::of(rxd::kTcp));
  EXPECT_EQ(flags(frame_to(kMac, 100)), 0u);
  auto bad = ip_frame(kMac, 100);
  bad[80] ^= 1;
  EXPECT_EQ(flags(bad), rxd::Protocol::of(rxd::kTcp) | rxd::kTcpBad);
  bad = ip_frame(kMac, 100, false);
  bad[80] ^= 1;
  EXPECT_EQ(flags(bad), rxd::Protocol::of(rxd::kUdp) | rxd::kUdpBad);
  put16(bad, 40, 0);  // UDP without a sum
  EXPECT_EQ(flags(bad), rxd::Protocol::of(rxd::kIp));
  bad = ip_frame(kMac, 100);
  bad[24] ^= 1;
  EXPECT_EQ(flags(bad), rxd::Protocol::of(rxd::kTcp) | rxd::kIpBad);
  w16(CPCR, 0x000b);
  EXPECT_EQ(flags(bad), 0u);
}

// --- transmit ---

TEST_F(Rtl8139CplusTest, PacketsLeaveInOneBatch) {
  start_cplus();
  for (u8 i = 0; i < 10; ++i) tx(frame_to(kStranger, 100, i));
  EXPECT_TRUE(wire.sent.empty());
  poll();
  ASSERT_EQ(wire.sent.size(), 10u);
  EXPECT_EQ(wire.batches, 1);
  for (u8 i = 0; i < 10; ++i) EXPECT_EQ(wire.sent[i], frame_to(kStranger, 100, i));
  for (u32 i = 0; i < 10; ++i) EXPECT_EQ(tx_flags(i), kFirst | kLast | 100);
  EXPECT_EQ(take_isr(), isr::kTok | isr::kTdu);
  poll();
  EXPECT_EQ(take_isr(), 0u) << "nothing to do";
}

TEST_F(Rtl8139CplusTest, PacketOfSeveralBuffers) {
  start_cplus(0, 8);
  const auto frame = frame_to(kStranger, 1200);
  for (int round = 0; round < 5; ++round) {
    tx(Bytes(frame).first(100), kFirst);
    tx(Bytes(frame).subspan(100, 1000), 0);
    tx(Bytes(frame).subspan(1100), kLast);
    poll();
    ASSERT_EQ(wire.sent.size(), 1u);
    EXPECT_EQ(wire.sent[0], frame);
    wire.sent.clear();
  }
}

// Half a packet stays the guest's, so that no state but the ring knows of it.
TEST_F(Rtl8139CplusTest, HalfAPacketWaits) {
  start_cplus();
  const auto frame = frame_to(kStranger, 1200);
  tx(Bytes(frame).first(100), kFirst);
  poll();
  EXPECT_NE(tx_flags(0) & desc::Own::kMask, 0u);
  EXPECT_EQ(take_isr(), 0u);
  tx(Bytes(frame).subspan(100), kLast);
  poll();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0], frame);
}

TEST_F(Rtl8139CplusTest, PacketWithoutEndIsDropped) {
  start_cplus();
  tx(frame_to(kStranger, 100, 1), kFirst);
  tx(frame_to(kStranger, 100, 2));
  poll();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0], frame_to(kStranger, 100, 2));
  EXPECT_EQ(tx_flags(0), kFirst | 100);
}

TEST_F(Rtl8139CplusTest, FullBackEndStopsTheRing) {
  start_cplus();
  wire.room = 0;
  tx(frame_to(kStranger, 100, 1));
  poll();
  tx(frame_to(kStranger, 100, 2));
  poll();
  EXPECT_NE(tx_flags(1) & desc::Own::kMask, 0u);
  wire.room = 100;
  wire.client->writable();
  EXPECT_EQ(wire.sent.size(), 2u);
}

TEST_F(Rtl8139CplusTest, TransmitterAndModeMustBeOn) {
  start_cplus();
  w16(CPCR, cpcr::Receive::kMask);
  tx(frame_to(kStranger, 100));
  poll();
  EXPECT_TRUE(wire.sent.empty());
  w16(CPCR, 0x000b);
  w8(CR, cr::ReceiverEnable::kMask);
  poll();
  EXPECT_TRUE(wire.sent.empty());
  w8(CR, kOn);
  poll();
  EXPECT_EQ(wire.sent.size(), 1u);
}

TEST_F(Rtl8139CplusTest, HighPriorityRingIsNotThere) {
  start_cplus();
  w32(THPDS, low<u32>(kTxRing));
  tx(frame_to(kStranger, 100));
  w8(TPPOLL, tppoll::High::kMask);
  EXPECT_TRUE(wire.sent.empty());
}

TEST_F(Rtl8139CplusTest, Loopback) {
  start_cplus();
  w32(TCR, 0x03000700 | tcr::Loopback::kMask);
  for (u8 i = 0; i < 3; ++i) tx(frame_to(kMac, 100, i));
  poll();
  EXPECT_TRUE(wire.sent.empty());
  for (u8 i = 0; i < 3; ++i) EXPECT_EQ(bytes(rx(i).frame()), frame_to(kMac, 100, i));
}

// --- counters ---

TEST_F(Rtl8139CplusTest, TallyCounters) {
  start_cplus();
  w32(RCR, r32(RCR) | rcr::AcceptMulticast::kMask);
  w32(MAR0, ~0u);
  for (int i = 0; i < 3; ++i) tx(frame_to(kStranger, 100));
  poll();
  wire.arrive(frame_to(kMac, 100));
  wire.arrive(frame_to(kBroadcast, 100));
  wire.arrive(frame_to(kBroadcast, 100));
  wire.arrive(frame_to(kGroup, 100));
  wire.arrive(frame_to(kStranger, 100));
  EXPECT_EQ(tally(0), 3u) << "TxOk";
  EXPECT_EQ(tally(8), 4u) << "RxOk";
  EXPECT_EQ(tally(24), 0u) << "RxERR: a filter is no error";
  EXPECT_EQ(tally(40), 1u) << "RxOkPhy";
  EXPECT_EQ(tally(48), 2u) << "RxOkBrd";
  EXPECT_EQ(tally(56), 1u) << "RxOkMul";
  w8(CR, cr::Reset::kMask);
  w16(CPCR, 0x000b);
  EXPECT_EQ(tally(0), 0u);
}

}  // namespace
}  // namespace net
