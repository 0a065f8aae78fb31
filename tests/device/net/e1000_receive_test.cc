// Filters, buffers, VLAN tags, checksums and back-pressure of the receiver.
// Numbers are sections of Intel's 8254x manual.
#include "tests/device/net/e1000_fixture.h"

namespace net {
namespace {

class ReceiveTest : public E1000Test {
 protected:
  /// Whether a frame to `to` got into the ring.
  bool passes(std::vector<u8> frame) {
    const u32 head = rd(RDH);
    wire.arrive(std::move(frame));
    const bool taken = rd(RDH) != head;
    if (taken) wr(RDT, head);
    return taken;
  }
  bool passes(const std::array<u8, 6>& to) { return passes(frame_to(to, 64)); }
  static std::vector<u8> tagged(const std::array<u8, 6>& to, u32 tag, u32 type = 0x8100) {
    std::vector<u8> frame = frame_to(to, 100);
    put16(frame, 12, type);
    put16(frame, 14, tag);
    put16(frame, 16, 0x88b5);
    return frame;
  }
};

TEST_F(ReceiveTest, Frame) {
  start_rx();
  const std::vector<u8> frame = frame_to(kMac, 200);
  wire.arrive(frame);
  ASSERT_TRUE(received(0));
  Received got = rx(0);
  EXPECT_EQ(got.length, 204) << "with CRC";
  EXPECT_EQ(got.status, rxd::kDone | rxd::kEnd | rxd::kIgnoreChecksum);
  EXPECT_EQ(got.errors, 0);
  got.data.resize(200);
  EXPECT_EQ(got.data, frame);
  EXPECT_EQ(rd(RDH), 1u);
  EXPECT_EQ(rd(ICR), icr::kRxt0);
}

TEST_F(ReceiveTest, StripsTheCrcIfTold) {
  start_rx(kRxControl | rctl::StripCrc::kMask);
  wire.arrive(frame_to(kMac, 200));
  EXPECT_EQ(rx(0).length, 200);
}

TEST_F(ReceiveTest, ShortFramesArePadded) {
  start_rx(kRxControl | rctl::StripCrc::kMask);
  for (const std::size_t size : {1u, 14u, 42u, 59u, 60u}) {
    std::vector<u8> frame = frame_to(kMac, 60);
    frame.resize(size);
    std::copy_n(kBroadcast.begin(), std::min<std::size_t>(6, size), frame.begin());
    if (size < 6) continue;
    const u32 at = rd(RDH);
    wire.arrive(frame);
    EXPECT_EQ(rx(at).length, 60) << size;
  }
}

TEST_F(ReceiveTest, NothingBeforeItIsEnabled) {
  start_rx(0);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(wire.waiting.size(), 1u) << "frames stay outside";
  wr(RCTL, kRxControl);
  wait_ms(900);
  EXPECT_FALSE(received(0)) << "Windows 10 would hang";
  wait_ms(101);
  EXPECT_TRUE(received(0));
  wr(RCTL, kRxControl | rctl::MulticastPromiscuous::kMask);
  wire.arrive(frame_to(kGroup, 100));
  EXPECT_TRUE(received(1)) << "changing a filter holds nothing back";
}

TEST_F(ReceiveTest, UnicastFilter) {
  start_rx();
  EXPECT_TRUE(passes(kMac));
  EXPECT_FALSE(passes(kStranger));
  wr(RA + 8 * 15, 0x33221102);
  wr(RA + 8 * 15 + 4, 0x00005544);
  EXPECT_FALSE(passes(kStranger)) << "not valid yet";
  wr(RA + 8 * 15 + 4, 0x80005544);
  EXPECT_TRUE(passes(kStranger)) << "13.5.2";
  wr(RA + 8 * 15 + 4, 0);
  wr(RCTL, kRxControl | rctl::UnicastPromiscuous::kMask);
  EXPECT_TRUE(passes(kStranger));
}

TEST_F(ReceiveTest, BroadcastFilter) {
  start_rx(rctl::Enable::kMask);
  EXPECT_FALSE(passes(kBroadcast));
  wr(RCTL, rctl::Enable::kMask | rctl::AcceptBroadcast::kMask);
  EXPECT_TRUE(passes(kBroadcast));
  wr(RCTL, rctl::Enable::kMask | rctl::MulticastPromiscuous::kMask);
  EXPECT_TRUE(passes(kBroadcast)) << "it is a group address";
}

TEST_F(ReceiveTest, MulticastHash) {
  start_rx();
  EXPECT_FALSE(passes(kGroup));
  // 13.5.1: bits 47:36, 46:35, 45:34 or 43:32 of the address.
  const u32 shifts[] = {4, 3, 2, 0};
  for (u32 offset = 0; offset < 4; ++offset) {
    const u32 hash = (0xfb00u >> shifts[offset]) & 0xfff;
    wr(RCTL, kRxControl | rctl::MulticastOffset::of(offset));
    EXPECT_FALSE(passes(kGroup)) << offset;
    wr(MTA + hash / 32 * 4, 1u << hash % 32);
    EXPECT_TRUE(passes(kGroup)) << offset;
    wr(MTA + hash / 32 * 4, 0);
  }
  wr(RCTL, kRxControl | rctl::MulticastPromiscuous::kMask);
  EXPECT_TRUE(passes(kGroup));
  EXPECT_FALSE(passes(kStranger));
}

TEST_F(ReceiveTest, VlanFilter) {
  start_rx(kRxControl | rctl::VlanFilter::kMask);
  EXPECT_TRUE(passes(kMac)) << "untagged frames pass";
  EXPECT_FALSE(passes(tagged(kMac, 100)));
  wr(VFTA + 100 / 32 * 4, 1u << 100 % 32);  // 13.5.4
  EXPECT_TRUE(passes(tagged(kMac, 0xe000 | 100))) << "priority does not count";
  EXPECT_FALSE(passes(tagged(kMac, 101)));
  wr(RCTL, kRxControl | rctl::VlanFilter::kMask | rctl::CfiEnable::kMask);
  EXPECT_FALSE(passes(tagged(kMac, 0x1000 | 100)));
  wr(VET, 0x88a8);
  EXPECT_TRUE(passes(tagged(kMac, 101))) << "another Ethertype now";
}

TEST_F(ReceiveTest, VlanTagsAreStripped) {
  start_rx(kRxControl | rctl::StripCrc::kMask);
  wr(CTRL, rd(CTRL) | ctrl::VlanMode::kMask);
  const std::vector<u8> frame = tagged(kMac, 0x2064);
  wire.arrive(frame);
  const Received got = rx(0);
  EXPECT_EQ(got.length, 96);  // 9.4
  EXPECT_EQ(got.special, 0x2064);
  EXPECT_NE(got.status & rxd::kVlan, 0);
  EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + 12, got.data.begin()));
  EXPECT_TRUE(std::equal(frame.begin() + 16, frame.end(), got.data.begin() + 12));
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(rx(1).status & rxd::kVlan, 0);
}

TEST_F(ReceiveTest, LongFrames) {
  start_rx();
  EXPECT_TRUE(passes(frame_to(kMac, 1514)));
  EXPECT_TRUE(passes(frame_to(kMac, 1518)));
  EXPECT_FALSE(passes(frame_to(kMac, 1519)));
  EXPECT_EQ(rd(ROC), 1u);  // 13.7.36
  wr(RCTL, kRxControl | rctl::LongPackets::kMask);
  EXPECT_TRUE(passes(frame_to(kMac, 9018)));
  EXPECT_TRUE(passes(frame_to(kMac, 16380)));
  EXPECT_FALSE(passes(frame_to(kMac, 16381)));
  EXPECT_FALSE(passes(frame_to(kMac, 65535)));
}

TEST_F(ReceiveTest, BufferSizes) {
  const struct {
    u32 control, size;
  } kSizes[] = {{0x00000, 2048},
                {0x10000, 1024},
                {0x20000, 512},
                {0x30000, 256},
                {0x10000 | 1u << 25, 16384},
                {0x20000 | 1u << 25, 8192},
                {0x30000 | 1u << 25, 4096}};
  for (const auto& [control, size] : kSizes) {  // 13.4.22
    card->reset();
    enable();
    start_rx(kRxControl | rctl::LongPackets::kMask | rctl::StripCrc::kMask | control, 64, 16384);
    const std::vector<u8> frame = frame_to(kMac, 9000);
    wire.arrive(frame);
    std::vector<u8> got;
    for (u32 i = 0; i < 64 && received(i); ++i) {
      const Received part = rx(i);
      const bool last = got.size() + part.length == 9000;
      EXPECT_EQ(part.length, last ? 9000 - got.size() : size);
      EXPECT_EQ((part.status & rxd::kEnd) != 0, last);
      got.insert(got.end(), part.data.begin(), part.data.end());
    }
    EXPECT_EQ(got, frame) << size;
  }
}

TEST_F(ReceiveTest, CrcInABufferOfItsOwn) {
  start_rx(kRxControl | rctl::BufferSize::of(3), 16, 256);
  wire.arrive(frame_to(kMac, 255));
  EXPECT_EQ(rx(0).length, 256);
  EXPECT_EQ(rx(0).status & rxd::kEnd, 0);
  EXPECT_EQ(rx(1).length, 3);
  EXPECT_NE(rx(1).status & rxd::kEnd, 0);
}

TEST_F(ReceiveTest, FullRingLeavesFramesOutside) {
  start_rx(kRxControl, 8);
  for (u8 i = 0; i < 10; ++i) wire.arrive(frame_to(kMac, 100, i));
  EXPECT_EQ(wire.waiting.size(), 3u);
  EXPECT_FALSE(wire.client->can_receive());
  EXPECT_EQ(rd(MPC), 0u) << "none missed";
  wr(RDT, 2);
  EXPECT_TRUE(wire.waiting.empty());
  EXPECT_EQ(rd(RDH), 2u);
}

TEST_F(ReceiveTest, TooFewBuffersForALongFrame) {
  start_rx(kRxControl | rctl::LongPackets::kMask, 8);
  wr(RDT, 2);
  wire.arrive(frame_to(kMac, 9000));
  EXPECT_EQ(rd(RDH), 0u);
  EXPECT_EQ(rd(ICR) & icr::kRxo, icr::kRxo);
  EXPECT_EQ(rd(RNBC), 1u);
  EXPECT_EQ(rd(MPC), 1u);
}

TEST_F(ReceiveTest, MinimumThreshold) {
  start_rx(kRxControl, 16);  // half of the ring
  rd(ICR);
  for (int i = 0; i < 6; ++i) wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(rd(ICR), icr::kRxt0);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(rd(ICR), icr::kRxt0 | icr::kRxdmt0) << "8 of 16 left";
}

TEST_F(ReceiveTest, DescriptorsWithoutABufferAreSkipped) {
  start_rx();
  bench.ram.put<u64>(kRxRing, 0);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(received(0));
  EXPECT_EQ(bench.ram.get<u8>(kRxRing + 12) & rxd::kEnd, 0);
  EXPECT_EQ(rx(1).length, 104);  // 3.2.2
}

TEST_F(ReceiveTest, Checksums) {
  start_rx(kRxControl | rctl::StripCrc::kMask);
  wr(RXCSUM, rxcsum::TcpUdp::kMask | rxcsum::Ip::kMask);
  wire.arrive(ip_frame(kMac, 333));
  EXPECT_EQ(rx(0).status, rxd::kDone | rxd::kEnd | rxd::kTcpChecked | rxd::kIpChecked);
  EXPECT_EQ(rx(0).errors, 0);
  std::vector<u8> bad = ip_frame(kMac, 333);
  ++bad[100];
  wire.arrive(bad);
  EXPECT_EQ(rx(1).errors, rxd::kTcpError);
  bad = ip_frame(kMac, 10, false);
  ++bad[24];
  wire.arrive(bad);
  EXPECT_EQ(rx(2).errors, rxd::kIpError);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(rx(3).status, rxd::kDone | rxd::kEnd | rxd::kIgnoreChecksum);
  wr(CTRL, rd(CTRL) | ctrl::VlanMode::kMask);
  std::vector<u8> vlan = ip_frame(kMac, 333);
  const u8 tag[] = {0x81, 0x00, 0x00, 0x07};
  vlan.insert(vlan.begin() + 12, std::begin(tag), std::end(tag));
  wire.arrive(vlan);
  EXPECT_EQ(rx(4).status, rxd::kDone | rxd::kEnd | rxd::kTcpChecked | rxd::kIpChecked | rxd::kVlan);
  EXPECT_EQ(rx(4).errors, 0);
}

TEST_F(ReceiveTest, HashMatchesSayThatTheyAreInexact) {
  start_rx(kRxControl | rctl::MulticastPromiscuous::kMask);
  wire.arrive(frame_to(kGroup, 100));
  EXPECT_NE(rx(0).status & rxd::kInexact, 0);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(rx(1).status & rxd::kInexact, 0);
}

TEST_F(ReceiveTest, Statistics) {
  start_rx(kRxControl | rctl::MulticastPromiscuous::kMask);
  wire.arrive(frame_to(kMac, 60));
  wire.arrive(frame_to(kBroadcast, 200));
  wire.arrive(frame_to(kGroup, 1514));
  wire.arrive(frame_to(kStranger, 100));
  EXPECT_EQ(rd(TPR), 3u);
  EXPECT_EQ(rd(GPRC), 3u);
  EXPECT_EQ(rd(BPRC), 1u);
  EXPECT_EQ(rd(MPRC), 1u);
  EXPECT_EQ(rd(PRC64), 1u);
  EXPECT_EQ(rd(PRC64 + 8), 1u);
  EXPECT_EQ(rd(PRC64 + 20), 1u);
  EXPECT_EQ(rd(TORL), 60u + 200 + 1514 + 12);
  EXPECT_EQ(rd(GORCL + 4), 0u);
  EXPECT_EQ(rd(GORCL), 0u);
}

TEST_F(ReceiveTest, NoBusMasterNoFrames) {
  start_rx();
  bench.pci.config_write(kCard, 0x04, 3, 2);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(wire.waiting.size(), 1u);
  bench.pci.config_write(kCard, 0x04, 7, 2);
  EXPECT_TRUE(received(0));
}

TEST_F(ReceiveTest, WithoutACableFramesAreLost) {
  start_rx();
  card->set_link(false);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(wire.waiting.empty());
  EXPECT_FALSE(received(0));
}

TEST_F(ReceiveTest, WhileNegotiatingFramesWait) {
  start_rx();
  phy(PCTRL, 0x1340);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(wire.waiting.size(), 1u);
  wait_ms(501);
  EXPECT_TRUE(received(0));
}

}  // namespace
}  // namespace net
