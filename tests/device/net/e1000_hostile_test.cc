// Guests and wires that want to hurt.
#include "tests/device/net/e1000_fixture.h"

namespace net {
namespace {

using HostileTest = E1000Test;

struct Random {
  u32 seed;
  u32 operator()() {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
  }
};

constexpr u32 kEop = 1u << 24, kTse = 1u << 26;

TEST_F(HostileTest, EmptyRings) {
  start_tx();
  wr(TDLEN, 0);
  wr(TDT, 5);
  EXPECT_EQ(rd(TDH), 0u);
  start_rx();
  wr(RDLEN, 0);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(wire.waiting.size(), 1u);
}

TEST_F(HostileTest, HeadsAndTailsBeyondTheRing) {
  start_tx(8);
  for (const auto& [head, tail] : {std::pair{9u, 3u}, {0u, 0xffffu}, {0xffffu, 0u}, {8u, 8u}}) {
    wr(TDH, head);
    wr(TDT, tail);
    EXPECT_EQ(rd(TDH), head);
  }
  start_rx(kRxControl, 8);
  wr(RDH, 100);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(wire.waiting.size(), 1u);
  wr(RDH, 0);
  wr(RDT, 0xffff);
  for (int i = 0; i < 100; ++i) wire.arrive(frame_to(kMac, 100));
  EXPECT_LT(rd(RDH), 8u);
}

TEST_F(HostileTest, RingsOutsideMemory) {
  start_tx();
  wr(TDBAH, 0xffffffff);
  wr(TDT, 5);
  EXPECT_EQ(rd(TDH), 0u);
  EXPECT_EQ(bench.clock.next_deadline() >= 0 ? rd(TDH) : 0u, 0u);
  start_rx();
  wr(RDBAH, 1);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(wire.waiting.empty()) << "missed";
  EXPECT_EQ(rd(MPC), 1u);
}

TEST_F(HostileTest, BuffersOutsideMemory) {
  start_tx();
  tx_raw(u64{1} << 40, 100 | kEop | 1u << 27, 0);
  tx_legacy(frame_to(kStranger, 60));
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 1u) << "a frame that is not in memory is not sent";
  EXPECT_EQ(bench.ram.get<u32>(kTxRing + 12), 1u) << "but done with";
  start_rx();
  bench.ram.put<u64>(kRxRing, u64{1} << 40);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(received(0));
}

TEST_F(HostileTest, PacketWithoutEnd) {
  start_tx(256);
  for (int i = 0; i < 200; ++i) tx_raw(kTxBuffers, 0xffff, 0);
  ring_tx();
  for (int i = 0; i < 100; ++i) bench.clock.advance(1);
  EXPECT_EQ(rd(TDH), 200u);
  tx_raw(kTxBuffers, 0xffff | kEop, 0);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0].size(), 65535u);
}

TEST_F(HostileTest, SegmentsOfNextToNothing) {
  start_tx();
  for (const u16 mss : {u16{0}, u16{1}, u16{15}}) {
    tx_context(true, 0xfffff, 255, mss);
    tx_raw(kTxBuffers, 0xffff | 0x20100000 | kTse | kEop, 0x300);
  }
  ring_tx();
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_EQ(rd(TDH), 6u);
}

TEST_F(HostileTest, OneVisitIsBounded) {
  start_tx(4096);
  tx_context(true, 0xfffff, 255, 16);
  for (int i = 0; i < 4000; ++i) tx_raw(kTxBuffers, 0xffff | 0x20100000 | kTse, 0x300);
  ring_tx();
  EXPECT_LE(rd(TDH), 3u);
  EXPECT_LE(wire.sent.size(), 5000u);
}

TEST_F(HostileTest, ContextsThatPointBehindTheHeader) {
  start_tx();
  Random random{1};
  for (int round = 0; round < 300; ++round) {
    const u64 offsets = u64{random()} << 32 | random();
    const u32 command = random() & 0x07ffffff;
    tx_raw(offsets, 0x20000000 | command | kTse, random());
    tx_raw(kTxBuffers, random() % 3000 | 0x20100000 | (random() % 2 != 0 ? kTse : 0) | kEop,
           random());
    ring_tx();
    wire.sent.clear();
  }
}

TEST_F(HostileTest, FramesOfAllSizes) {
  start_rx(kRxControl | rctl::LongPackets::kMask | rctl::StoreBad::kMask, 256);
  for (const std::size_t size :
       {0u, 1u, 13u, 59u, 60u, 1514u, 1522u, 9018u, 16384u, 65535u, 65540u}) {
    std::vector<u8> frame(size, 0xff);
    wire.arrive(frame);
    EXPECT_TRUE(wire.waiting.empty());
    wr(RDT, (rd(RDH) + 255) % 256);
  }
}

// The ring's buffers are the ring: what the card writes is what it reads next.
TEST_F(HostileTest, RingsThatOverwriteThemselves) {
  start_rx(kRxControl | rctl::LongPackets::kMask, 128);
  for (u32 i = 0; i < 128; ++i) bench.ram.put<u64>(kRxRing + i * 16, kRxRing);
  for (int i = 0; i < 300; ++i) {
    wire.arrive(frame_to(kMac, 2000, low<u8>(i)));
    wr(RDT, (rd(RDH) + 127) % 128);
  }
  start_tx();
  wr(TDBAL, low<u32>(kRxRing));
  wr(TDT, 60);
  for (int i = 0; i < 50; ++i) bench.clock.advance(1);
}

TEST_F(HostileTest, RandomAccesses) {
  Random random{2};
  start_tx();
  start_rx();
  constexpr u32 kOften[] = {CTRL, RCTL, TCTL, TDT,   RDT,   TDH,  RDH,  TDLEN, RDLEN,
                            ICR,  IMS,  MDIC, TDBAL, RDBAL, EECD, EERD, ITR,   RXCSUM};
  for (int i = 0; i < 60000; ++i) {
    const u32 offset =
        random() % 2 != 0 ? kOften[random() % std::size(kOften)] : random() % (kMemoryBar - 8);
    const u32 value = random() % 4 != 0 ? random() : random() & 0xff;
    const unsigned width = 1u << random() % 4;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
      case 3:
        if (offset == CTRL && random() % 8 != 0) break;
        bench.poke(kBar + offset, value, width);
        break;
      case 4:
      case 5: bench.peek(kBar + offset, width); break;
      case 6:
        wire.arrive(frame_to(random() % 2 != 0 ? kBroadcast : kMac, random() % 3000 + 14));
        if (wire.waiting.size() > 8) wire.waiting.clear();
        wire.sent.clear();
        break;
      default: bench.clock.advance(random() % 1000); break;
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
