// Guests and wires that want to hurt.
#include "tests/device/net/rtl8139_fixture.h"

namespace net {
namespace {

class Rtl8139HostileTest : public Rtl8139Test {
 protected:
  u32 random() {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
  }
  u32 seed = 1;
};

// Every descriptor the guest's, none ends a packet, and the ring has no end.
TEST_F(Rtl8139HostileTest, RingWithoutEnd) {
  start_cplus();
  for (u32 i = 0; i < 64; ++i) {
    tx_raw(kTxBuffers, kFirst * (i == 0) | 100);
    bench.ram.put<u32>(kTxRing + i * 16, desc::Own::kMask | 100);
  }
  poll();
  EXPECT_TRUE(wire.sent.empty());
  for (u32 i = 0; i < 64; ++i) EXPECT_EQ(tx_flags(i), 100u);
}

TEST_F(Rtl8139HostileTest, RingOfOneDescriptor) {
  start_cplus(0, 1, 1);
  tx(frame_to(kStranger, 100), kFirst);
  poll();
  EXPECT_TRUE(wire.sent.empty());
  tx(frame_to(kStranger, 100));
  poll();
  EXPECT_EQ(wire.sent.size(), 1u);
  wire.arrive(frame_to(kMac, 1600));
  EXPECT_FALSE(received(0)) << "it takes two";
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(received(0));
}

TEST_F(Rtl8139HostileTest, RingsInHoles) {
  start_cplus();
  w32(TNPDS + 4, 0xffffffff);
  w32(RDSAR_HI, 0xffffffff);
  poll();
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_TRUE(wire.waiting.empty());
  EXPECT_EQ(r32(MPC), 1u);
  // Half in a hole.
  const u32 edge = (4u << 20) - 256;
  w32(TNPDS + 4, 0);
  w32(TNPDS, edge);
  w32(RDSAR_HI, 0);
  w32(RDSAR, edge);
  for (u32 i = 0; i < 16; ++i) {
    bench.ram.put<u64>(edge + i * 16 + 8, kTxBuffers);
    bench.ram.put<u32>(edge + i * 16, desc::Own::kMask | kFirst | kLast | 100);
  }
  poll();
  EXPECT_EQ(wire.sent.size(), 16u);
  for (u32 i = 0; i < 16; ++i) bench.ram.put<u32>(edge + i * 16, desc::Own::kMask | 1536);
  for (u32 i = 0; i < 20; ++i) wire.arrive(frame_to(kMac, 100));
  wait_us(1000);
  EXPECT_TRUE(wire.waiting.empty());
  w32(DTCCR + 4, 0xffffffff);
  w32(DTCCR, 0xfffffff8);
  EXPECT_EQ(r32(DTCCR), 0xfffffff0u);
}

TEST_F(Rtl8139HostileTest, BuffersInHoles) {
  start_cplus();
  tx_raw(u64{1} << 40, kFirst | kLast | 100);
  tx(frame_to(kStranger, 100));
  poll();
  EXPECT_EQ(wire.sent.size(), 1u) << "a frame that is not in memory is not sent";
  EXPECT_EQ(tx_flags(0), kFirst | kLast | 100);
  bench.ram.put<u64>(kRxRing + 8, ~u64{0} - 50);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(received(0));
  start_ring();
  w32(TSAD0, 0xfffffff0);
  w32(TSD0, 1000);
  EXPECT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(r32(TSD0), 0xa000u | 1000);
  w32(RBSTART, 0xffffff00);
  wire.arrive(frame_to(kMac, 1000));
  EXPECT_FALSE(ring_empty());
}

TEST_F(Rtl8139HostileTest, BuffersOfZeroAndOf65535Bytes) {
  start_cplus();
  tx_raw(0, kFirst | kLast);
  tx_raw(kTxBuffers, kFirst | kLast | 13);
  for (int i = 0; i < 30; ++i) tx_raw(0, i == 0 ? kFirst : 0);
  tx_raw(kTxBuffers, kLast | 0xffff);
  poll();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0].size(), 65535u);
  EXPECT_EQ(take_isr() & isr::kTok, isr::kTok);
  tx_raw(kTxBuffers, kFirst | 0xffff);
  tx_raw(kTxBuffers, kLast | 1);
  for (int i = 0; i < 20; ++i) tx_raw(kTxBuffers, 0xffff);
  tx_raw(kTxBuffers, kLast | 0xffff);
  poll();
  EXPECT_EQ(wire.sent.size(), 1u) << "too long";
  for (u32 i = 0; i < 64; ++i) give(i, 0);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(r32(MPC), 1u);
  for (u32 i = 0; i < 64; ++i) give(i, 1);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(r32(MPC), 2u) << "nobody has buffers of a byte";
  give(0, 0);
  for (u32 i = 1; i < 64; ++i) give(i, 0x1fff);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(received(1));
}

TEST_F(Rtl8139HostileTest, SegmentsOfNextToNothing) {
  start_cplus();
  const auto frame = ip_frame(kStranger, 3000);
  for (const u32 segment : {0u, 1u, 15u}) {
    tx(frame, kFirst | kLast | txd::LargeSend::kMask | txd::SegmentSize::of(segment));
  }
  poll();
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_EQ(tx_flags(2) & desc::Own::kMask, 0u);
}

TEST_F(Rtl8139HostileTest, OneVisitIsBounded) {
  start_cplus();
  const auto frame = ip_frame(kStranger, 60000);
  EXPECT_TRUE(bench.ram.write(kTxBuffers, frame));
  for (int i = 0; i < 60; ++i) {
    tx_raw(kTxBuffers, kFirst | kLast | txd::LargeSend::kMask | txd::SegmentSize::of(16) |
                           low<u32>(frame.size()));
  }
  poll();
  EXPECT_LE(wire.sent.size(), 3 * 3750u);
  EXPECT_NE(tx_flags(10) & desc::Own::kMask, 0u);
  const auto first = wire.sent.size();
  bench.clock.advance(1);
  EXPECT_GT(wire.sent.size(), first) << "it goes on by itself";
  for (int i = 0; i < 100; ++i) bench.clock.advance(1);
  EXPECT_EQ(wire.sent.size(), 60 * 3750u);
}

// CVE-2021-3416: what comes back must not be sent again from within.
TEST_F(Rtl8139HostileTest, LoopbackOntoItsOwnDescriptors) {
  start_cplus();
  w32(TCR, 0x03000700 | tcr::Loopback::kMask);
  // Each frame that comes back fills the transmit ring with owned descriptors.
  std::vector<u8> frame = frame_to(kMac, 1040);
  for (u32 i = 1; i < 65; ++i) {
    store_le<u32>(&frame[i * 16], desc::Own::kMask | kFirst | kLast | 1040);
    store_le<u32>(&frame[i * 16 + 4], 0);
    store_le<u64>(&frame[i * 16 + 8], kTxBuffers);
  }
  for (u32 i = 0; i < 64; ++i) bench.ram.put<u64>(kRxRing + i * 16 + 8, kTxRing - 16);
  tx(frame);
  poll();
  for (int i = 0; i < 200; ++i) bench.clock.advance(1);
  EXPECT_TRUE(wire.sent.empty());
  for (u32 i = 0; i < 64; ++i) give(i);
  // The receive ring in itself.
  for (u32 i = 0; i < 64; ++i) bench.ram.put<u64>(kRxRing + i * 16 + 8, kRxRing);
  w8(CR, 0);
  w8(CR, kOn);
  poll();
  for (int i = 0; i < 200; ++i) bench.clock.advance(1);
}

// CVE-2018-17958: frames of all sizes into rings of all sizes.
TEST_F(Rtl8139HostileTest, FramesOfAllSizes) {
  constexpr std::size_t kSizes[] = {0,    1,    13,   59,   60,    1514,  1518,
                                    1522, 4114, 4115, 9018, 16384, 65535, 65540};
  for (u32 length = 0; length < 4; ++length) {
    for (const u32 wrap : {0u, rcr::NoWrap::kMask}) {
      start_ring(length, wrap | rcr::AcceptAll::kMask);
      const Gpa behind = kRing + ring_size + 4200;
      bench.ram.put<u64>(behind, 0x1122334455667788);
      for (int round = 0; round < 20; ++round) {
        for (const std::size_t size : kSizes) {
          wire.arrive(std::vector<u8>(size, 0xff));
          ASSERT_TRUE(wire.waiting.empty());
          w16(CAPR, r16(CBR) - 16u);
        }
      }
      EXPECT_EQ(bench.ram.get<u64>(behind), 0x1122334455667788u);
    }
  }
  start_cplus(cpcr::RxVlan::kMask | cpcr::RxChecksum::kMask);
  w32(RCR, 0xe700 | kFilter | rcr::AcceptAll::kMask);
  for (u32 i = 0; i < 64; ++i) give(i, 0x1ff8);
  for (const std::size_t size : kSizes) {
    std::vector<u8> frame(size, 0x81);
    if (size > 14) put16(frame, 12, 0x8100);
    wire.arrive(frame);
    EXPECT_TRUE(wire.waiting.empty());
  }
  EXPECT_EQ(rx(9).header & kFirst, 0u) << "nine of them fit";
  EXPECT_TRUE(received(8));
}

// A guest that never reads: what does not fit stays outside, and costs nothing.
TEST_F(Rtl8139HostileTest, RingThatIsNeverRead) {
  start_ring(0);
  for (int i = 0; i < 100; ++i) wire.arrive(frame_to(kMac, 1514));
  EXPECT_EQ(wire.waiting.size(), 95u);
  EXPECT_EQ(bench.clock.next_deadline(), -1);
  for (const u32 value : {0u, 1u, 0x7fffu, 0xffffu, 0xfff1u, 0x1234u}) w16(CAPR, value);
}

TEST_F(Rtl8139HostileTest, CaprAtEveryPlace) {
  start_ring(0);
  for (u32 i = 0; i < 8192; i += 3) {
    w16(CAPR, i);
    wire.arrive(frame_to(kMac, 60 + i % 1400));
    wire.waiting.clear();
    take_isr();
    EXPECT_LT(r16(CBR), 8192u);
  }
}

TEST_F(Rtl8139HostileTest, ResetInTheMiddle) {
  start_cplus();
  wire.room = 0;
  for (int i = 0; i < 5; ++i) tx(frame_to(kStranger, 100));
  poll();
  w8(CR, cr::Reset::kMask | kOn);
  wire.room = 100;
  wire.client->writable();
  EXPECT_TRUE(wire.sent.empty());
  bench.clock.advance(1);
}

TEST_F(Rtl8139HostileTest, RandomAccesses) {
  start_cplus();
  constexpr u8 kOften[] = {TSD0, TSD1, TSAD0, RBSTART, CR,     CAPR, IMR,   ISR,      TCR,
                           RCR,  TCTR, EECR,  HLTCLK,  TPPOLL, CPCR, RDSAR, TIMERINT, BMCR};
  for (int i = 0; i < 100000; ++i) {
    const u32 offset = random() % 2 != 0 ? kOften[random() % std::size(kOften)] : random() % 256;
    const u32 value = random() % 4 != 0 ? random() & 0x3fffff : random() & 0xff;
    const unsigned width = 1u << random() % 3;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: bench.poke(kBar + offset, value, width); break;
      case 3: bench.pio.write(kIo + offset, value, width); break;
      case 4:
      case 5: bench.peek(kBar + offset, width); break;
      case 6:
        wire.arrive(frame_to(random() % 2 != 0 ? kBroadcast : kMac, random() % 3000 + 14));
        if (wire.waiting.size() > 8) wire.waiting.clear();
        wire.sent.clear();
        break;
      default: bench.clock.advance(random() % 100000); break;
    }
    if (i % 100 == 0) {
      w8(CR, kOn);
      w16(CPCR, i % 200 == 0 ? 0x6b : 0);
    }
    if (i % 5000 == 0) card->set_link(random() % 2 != 0);
    if (i % 10000 == 0) {
      card->reset();
      enable();
    }
  }
}

}  // namespace
}  // namespace net
