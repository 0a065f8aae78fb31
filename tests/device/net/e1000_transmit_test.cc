// Descriptors, batches, checksums, segmentation, VLAN tags and back-pressure of the transmitter.
// Numbers are sections of Intel's 8254x manual.
#include "tests/device/net/e1000_fixture.h"

namespace net {
namespace {

using TransmitTest = E1000Test;

constexpr u32 kEop = 1u << 24, kIfcs = 1u << 25, kRs = 1u << 27, kTse = 1u << 26, kVle = 1u << 30;
constexpr u32 kIc = 1u << 26, kIde = 1u << 31;

bool sums_good(Bytes frame) {
  const ReceivedChecksums sums = check_frame(frame);
  return sums.ip_checked && sums.ip_good && sums.tcp_checked && sums.tcp_good;
}

TEST_F(TransmitTest, LegacyFrame) {
  start_tx();
  const std::vector<u8> frame = frame_to(kStranger, 100);
  tx_legacy(frame);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0], frame);
  EXPECT_EQ(bench.ram.get<u32>(kTxRing + 12), 1u) << "DD (3.3.3.2)";
  EXPECT_EQ(rd(TDH), 1u);
  EXPECT_EQ(rd(ICR), icr::kTxdw | icr::kTxqe);
}

TEST_F(TransmitTest, NoReportNoWriteBack) {
  start_tx();
  tx_legacy(frame_to(kStranger, 100), kEop | kIfcs);
  ring_tx();
  EXPECT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(bench.ram.get<u32>(kTxRing + 12), 0u);
  EXPECT_EQ(rd(ICR), icr::kTxqe);
}

TEST_F(TransmitTest, FrameOfSeveralDescriptors) {
  start_tx();
  const std::vector<u8> frame = frame_to(kStranger, 300);
  tx_legacy(Bytes(frame).first(14), kRs);
  tx_legacy(Bytes(frame).subspan(14, 100), kRs);
  ring_tx();
  EXPECT_TRUE(wire.sent.empty());
  tx_legacy(Bytes(frame).subspan(114), kRs | kEop);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0], frame);
}

TEST_F(TransmitTest, ADoorbellSendsOneBatch) {
  start_tx();
  for (u8 i = 0; i < 40; ++i) tx_legacy(frame_to(kStranger, 1514, i));
  ring_tx();
  EXPECT_EQ(wire.sent.size(), 40u);
  EXPECT_EQ(wire.batches, 1);
  for (u8 i = 0; i < 40; ++i) EXPECT_EQ(wire.sent[i], frame_to(kStranger, 1514, i));
}

TEST_F(TransmitTest, WrapsAtTheRingsEnd) {
  start_tx(8);
  for (int round = 0; round < 5; ++round) {
    for (u8 i = 0; i < 5; ++i) tx_legacy(frame_to(kStranger, 60, i));
    ring_tx();
  }
  EXPECT_EQ(wire.sent.size(), 25u);
  EXPECT_EQ(rd(TDH), 25u % 8);
}

TEST_F(TransmitTest, WaitsForTheEnableBit) {
  start_tx();
  wr(TCTL, 0);
  tx_legacy(frame_to(kStranger, 100));
  ring_tx();
  EXPECT_TRUE(wire.sent.empty());
  wr(TCTL, tctl::Enable::kMask);
  EXPECT_EQ(wire.sent.size(), 1u);
}

TEST_F(TransmitTest, PadsShortPacketsIfTold) {
  start_tx();
  tx_legacy(frame_to(kStranger, 20));
  ring_tx();
  EXPECT_EQ(wire.sent[0].size(), 20u);
  wr(TCTL, tctl::Enable::kMask | tctl::PadShort::kMask);  // 13.4.33
  tx_legacy(frame_to(kStranger, 20));
  ring_tx();
  ASSERT_EQ(wire.sent[1].size(), 60u);
  EXPECT_EQ(wire.sent[1][59], 0);
}

TEST_F(TransmitTest, LegacyChecksum) {
  start_tx();
  std::vector<u8> frame = ip_frame(kStranger, 101, false);
  const std::vector<u8> want = frame;
  // The driver puts the pseudo header's sum into the field (3.3.3).
  const u64 pseudo = checksum_add(Bytes(frame).subspan(26, 8)) + 17 + 109;
  put16(frame, 40, checksum_fold(pseudo));
  tx_raw(tx_buffer(frame), low<u32>(frame.size()) | kEop | kIc | 40u << 16, 34u << 8);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0], want);
}

TEST_F(TransmitTest, ContextChecksums) {
  start_tx();
  std::vector<u8> frame = ip_frame(kStranger, 333);
  const std::vector<u8> want = frame;
  put16(frame, 24, 0);
  put16(frame, 50, checksum_fold(checksum_add(Bytes(frame).subspan(26, 8)) + 6 + 353));
  tx_context(false, 0, 0, 0);
  tx_data(Bytes(frame).first(60), 0, 3);
  tx_data(Bytes(frame).subspan(60), kEop | kRs, 0);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0], want) << "the first descriptor's POPTS counts (3.3.7)";
  // The context stays for the next packet.
  tx_data(frame, kEop, 3);
  ring_tx();
  EXPECT_EQ(wire.sent[1], want);
  tx_data(frame, kEop, 0);
  ring_tx();
  EXPECT_EQ(wire.sent[2], frame) << "and does nothing unasked";
}

TEST_F(TransmitTest, SegmentsTcp) {
  start_tx();
  constexpr u32 kPayload = 10000, kMss = 1448;
  std::vector<u8> frame = ip_frame(kStranger, kPayload);
  const u32 sequence = get32(frame, 38);
  put16(frame, 16, 0);
  put16(frame, 24, 0);
  put16(frame, 50, checksum_fold(checksum_add(Bytes(frame).subspan(26, 8)) + 6));
  tx_context(true, kPayload, 54, kMss);
  tx_data(Bytes(frame).first(54), kTse, 3);
  tx_data(Bytes(frame).subspan(54, 5000), kTse, 0);
  tx_data(Bytes(frame).subspan(5054), kTse | kEop | kRs, 0);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), (kPayload + kMss - 1) / kMss);
  EXPECT_EQ(wire.batches, 1);
  std::vector<u8> payload;
  for (u32 i = 0; i < wire.sent.size(); ++i) {
    const std::vector<u8>& segment = wire.sent[i];
    EXPECT_TRUE(sums_good(segment)) << i;
    EXPECT_EQ(get16(segment, 18), 0x1234 + i) << "identification counts (3.5.9)";
    EXPECT_EQ(get32(segment, 38), sequence + i * kMss);
    const bool last = i + 1 == wire.sent.size();
    EXPECT_EQ(segment[47], last ? 0x19 : 0x10) << "FIN and PSH in the last one";
    payload.insert(payload.end(), segment.begin() + 54, segment.end());
  }
  EXPECT_EQ(payload, std::vector<u8>(frame.begin() + 54, frame.end()));
  EXPECT_EQ(rd(TSCTC), 1u);
}

TEST_F(TransmitTest, NoEmptySegmentAfterAWholeNumberOfThem) {
  start_tx();
  std::vector<u8> frame = ip_frame(kStranger, 3000);
  tx_context(true, 3000, 54, 1000);
  tx_data(frame, kTse | kEop, 3);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 3u);
  EXPECT_EQ(wire.sent[2].size(), 1054u);
  EXPECT_EQ(wire.sent[2][47], 0x19);
}

TEST_F(TransmitTest, SegmentsTcpOverIpv6) {
  start_tx();
  std::vector<u8> frame = frame_to(kStranger, 14 + 40 + 20 + 2500);
  put16(frame, 12, 0x86dd);
  frame[14] = 0x60;
  frame[20] = 6;
  put16(frame, 18, 0);
  frame[54 + 12] = 0x50;
  put16(frame, 54 + 16, checksum_fold(checksum_add(Bytes(frame).subspan(22, 32)) + 6));
  tx_context(true, 2500, 74, 1000, false, true, 14, 54);
  tx_data(frame, kTse | kEop, 2);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 3u);
  for (const std::vector<u8>& segment : wire.sent) {
    EXPECT_EQ(get16(segment, 18), segment.size() - 54);
    const ReceivedChecksums sums = check_frame(segment);
    EXPECT_TRUE(sums.tcp_checked && sums.tcp_good);
  }
}

TEST_F(TransmitTest, SegmentsUdp) {
  start_tx();
  const std::vector<u8> frame = ip_frame(kStranger, 1500, false);
  tx_context(true, 1500, 42, 1000, true, false);
  tx_data(frame, kTse | kEop, 1);
  ring_tx();
  ASSERT_EQ(wire.sent.size(), 2u);
  EXPECT_EQ(get16(wire.sent[0], 38), 1008u);
  EXPECT_EQ(get16(wire.sent[1], 38), 508u);
}

TEST_F(TransmitTest, InsertsVlanTags) {
  start_tx();
  const std::vector<u8> frame = frame_to(kStranger, 100);
  tx_raw(tx_buffer(frame), 100 | kEop | kVle, 0x20050000);
  ring_tx();
  EXPECT_EQ(wire.sent[0], frame) << "only with CTRL.VME (9.3)";
  wr(CTRL, rd(CTRL) | ctrl::VlanMode::kMask);
  tx_raw(tx_buffer(frame), 100 | kEop | kVle, 0x20050000);
  ring_tx();
  ASSERT_EQ(wire.sent[1].size(), 104u);
  EXPECT_EQ(get32(wire.sent[1], 12), 0x81002005u);
  EXPECT_TRUE(std::equal(frame.begin() + 12, frame.end(), wire.sent[1].begin() + 16));
  tx_legacy(frame);
  ring_tx();
  EXPECT_EQ(wire.sent[2], frame) << "the tag is the packet's";
}

TEST_F(TransmitTest, Statistics) {
  start_tx();
  tx_legacy(frame_to(kStranger, 60));
  tx_legacy(frame_to(kBroadcast, 100));
  tx_legacy(frame_to(kGroup, 1514));
  ring_tx();
  EXPECT_EQ(rd(TPT), 3u);
  EXPECT_EQ(rd(TPT), 0u) << "reading clears (13.7)";
  EXPECT_EQ(rd(GPTC), 3u);
  EXPECT_EQ(rd(BPTC), 1u);
  EXPECT_EQ(rd(MPTC), 1u);
  EXPECT_EQ(rd(PTC64), 1u) << "with CRC";
  EXPECT_EQ(rd(PTC64 + 4), 1u);
  EXPECT_EQ(rd(PTC64 + 20), 1u);
  EXPECT_EQ(rd(TOTL), 60u + 100 + 1514 + 12);
  EXPECT_EQ(rd(TOTH), 0u);
  EXPECT_EQ(rd(TOTL), 0u) << "the high half clears both";
}

TEST_F(TransmitTest, DelayedInterrupts) {
  start_tx();
  wr(IMS, icr::kTxdw);
  wr(TADV, 1000);  // of 1.024 us
  tx_legacy(frame_to(kStranger, 60), 0x0b000000 | kIde);
  ring_tx();
  EXPECT_TRUE(irq());
  rd(ICR);
  tx_legacy(frame_to(kStranger, 60), 0x0b000000 | kIde);
  ring_tx();
  bench.clock.advance(1'000'000);
  EXPECT_FALSE(irq());
  bench.clock.advance(30'000);
  EXPECT_TRUE(irq());
}

// --- a back end without room ---

TEST_F(TransmitTest, FullBackEndStopsTheRing) {
  start_tx(256);
  wire.room = 10;
  for (u8 i = 0; i < 200; ++i) tx_legacy(frame_to(kStranger, 60, i));
  ring_tx();
  EXPECT_EQ(wire.sent.size(), 10u);
  EXPECT_LT(rd(TDH), 128u) << "what was not read waits in the guest";
  EXPECT_EQ(rd(ICR) & icr::kTxqe, 0u);
  wire.room = ~std::size_t{0};
  wire.client->writable();
  ASSERT_EQ(wire.sent.size(), 200u);
  for (u8 i = 0; i < 200; ++i) EXPECT_EQ(wire.sent[i], frame_to(kStranger, 60, i)) << int{i};
  EXPECT_EQ(rd(ICR) & icr::kTxqe, icr::kTxqe);
}

TEST_F(TransmitTest, WithoutLinkFramesAreLost) {
  start_tx();
  card->set_link(false);
  tx_legacy(frame_to(kStranger, 60));
  ring_tx();
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_EQ(rd(TDH), 1u);
}

// --- loopback ---

TEST_F(TransmitTest, LoopbackStaysInTheCard) {
  for (const bool by_phy : {true, false}) {
    card->reset();
    enable();
    start_tx();
    start_rx(kRxControl | (by_phy ? 0 : rctl::Loopback::of(1)));
    if (by_phy) phy(PCTRL, 0x4140);
    const std::vector<u8> frame = frame_to(kBroadcast, 1000);
    for (int i = 0; i < 3; ++i) tx_legacy(frame);
    ring_tx();
    EXPECT_TRUE(wire.sent.empty());
    for (u32 i = 0; i < 3; ++i) {
      ASSERT_TRUE(received(i));
      std::vector<u8> got = rx(i).data;
      got.resize(1000);
      EXPECT_EQ(got, frame);
    }
    wire.arrive(frame);
    EXPECT_TRUE(wire.waiting.empty());
    EXPECT_FALSE(received(3)) << "the wire is not heard";
  }
}

TEST_F(TransmitTest, LoopbackIntoAFullRing) {
  start_tx();
  start_rx(kRxControl | rctl::Loopback::of(1), 8);
  for (int i = 0; i < 60; ++i) tx_legacy(frame_to(kBroadcast, 100));
  ring_tx();
  EXPECT_EQ(rd(TDH), 60u);
  EXPECT_EQ(rd(MPC), 53u);
}

// --- long visits ---

TEST_F(TransmitTest, ALargeRingIsWorkedOffInVisits) {
  start_tx(1024);
  for (u32 i = 0; i < 1000; ++i) {
    tx_raw(kTxBuffers, 1514 | kEop, 0);
  }
  ring_tx();
  EXPECT_LT(wire.sent.size(), 400u);
  EXPECT_GT(wire.sent.size(), 100u);
  bench.clock.advance(1);
  bench.clock.advance(1);
  bench.clock.advance(1);
  bench.clock.advance(1);
  bench.clock.advance(1);
  EXPECT_EQ(wire.sent.size(), 1000u);
  EXPECT_LT(wire.batches, 40);
}

}  // namespace
}  // namespace net
