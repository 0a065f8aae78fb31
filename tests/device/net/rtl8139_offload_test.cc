// What the card does for packets of C+ mode: checksums, large sends, tags.
#include "tests/device/net/rtl8139_fixture.h"

namespace net {
namespace {

constexpr u32 kIpSum = txd::IpSum::kMask, kTcpSum = txd::TcpSum::kMask,
              kUdpSum = txd::UdpSum::kMask;

class Rtl8139OffloadTest : public Rtl8139Test {
 protected:
  Rtl8139OffloadTest() { start_cplus(); }

  static constexpr u32 large(u32 segment) {
    return kFirst | kLast | txd::LargeSend::kMask | txd::SegmentSize::of(segment);
  }
  void send(Bytes frame, u32 flags, u32 tag = 0) {
    wire.sent.clear();
    tx(frame, kFirst | kLast | flags, tag);
    poll();
  }
  static std::vector<u8> without_sums(std::vector<u8> frame, bool tcp) {
    put16(frame, 24, 0xdead);
    put16(frame, tcp ? 50 : 40, 0xbeef);
    return frame;
  }
  static bool sums_right(Bytes frame) {
    const ReceivedChecksums sums = check_frame(frame);
    return sums.ip_good && sums.tcp_good;
  }
};

TEST_F(Rtl8139OffloadTest, SumsAreInserted) {
  const auto tcp = ip_frame(kStranger, 101), udp = ip_frame(kStranger, 101, false);
  send(without_sums(tcp, true), kIpSum | kTcpSum);
  EXPECT_EQ(wire.sent.at(0), tcp);
  send(without_sums(udp, false), kIpSum | kUdpSum);
  EXPECT_EQ(wire.sent.at(0), udp);
  send(without_sums(udp, false), kIpSum);
  EXPECT_EQ(get16(wire.sent.at(0), 24), get16(udp, 24));
  EXPECT_EQ(get16(wire.sent.at(0), 40), 0xbeefu);
  send(without_sums(tcp, true), kIpSum | kUdpSum);
  EXPECT_EQ(get16(wire.sent.at(0), 50), 0xbeefu) << "it is not UDP";
  send(without_sums(tcp, true), 0);
  EXPECT_EQ(wire.sent.at(0), without_sums(tcp, true));
}

TEST_F(Rtl8139OffloadTest, UdpSumOfZeroIsAllOnes) {
  auto udp = ip_frame(kStranger, 2, false);
  // The payload that makes the sum zero.
  put16(udp, 42, 0);
  put16(udp, 40, 0);
  const u64 sum =
      checksum_add(Bytes(udp).subspan(26, 8)) + 17 + 10 + checksum_add(Bytes(udp).subspan(34, 10));
  put16(udp, 42, low<u16>(~checksum_fold(sum)));
  send(udp, kUdpSum);
  EXPECT_EQ(get16(wire.sent.at(0), 40), 0xffffu);
}

TEST_F(Rtl8139OffloadTest, PaddingBehindThePacketIsNotSummed) {
  auto frame = ip_frame(kStranger, 1);
  const auto want = get16(frame, 50);
  frame.resize(100, 0x77);
  send(without_sums(frame, true), kIpSum | kTcpSum);
  EXPECT_EQ(get16(wire.sent.at(0), 50), want);
}

TEST_F(Rtl8139OffloadTest, TagIsInserted) {
  const auto frame = frame_to(kStranger, 100);
  send(frame, 0, txd::InsertTag::kMask | 0x2321);
  const auto& sent = wire.sent.at(0);
  ASSERT_EQ(sent.size(), 104u);
  EXPECT_EQ(get32(sent, 12), 0x81002123u) << "the descriptor has the wire's order";
  EXPECT_TRUE(std::equal(frame.begin() + 12, frame.end(), sent.begin() + 16));
  send(frame_to(kStranger, 50), 0, txd::InsertTag::kMask);
  EXPECT_EQ(wire.sent.at(0).size(), 60u);
}

TEST_F(Rtl8139OffloadTest, LargeSend) {
  auto frame = ip_frame(kStranger, 3000);
  put16(frame, 38, 0xffff);  // the sequence number goes over
  put16(frame, 40, 0xff00);
  send(without_sums(frame, true), large(1448));
  ASSERT_EQ(wire.sent.size(), 3u);
  std::vector<u8> data;
  for (u32 i = 0; i < 3; ++i) {
    const auto& one = wire.sent[i];
    const u32 length = i == 2 ? 104 : 1448;
    ASSERT_EQ(one.size(), 54 + length);
    EXPECT_TRUE(sums_right(one));
    EXPECT_EQ(get16(one, 16), 40 + length);
    EXPECT_EQ(get16(one, 18), 0x1234 + i) << "identification";
    EXPECT_EQ(get32(one, 38), 0xffffff00 + i * 1448);
    EXPECT_EQ(one[47], i == 2 ? 0x19 : 0x10) << "PSH and FIN at the end";
    data.insert(data.end(), one.begin() + 54, one.end());
  }
  EXPECT_TRUE(std::equal(data.begin(), data.end(), frame.begin() + 54, frame.end()));
  EXPECT_EQ(tx_flags(0) & txd::kStatus, 0u) << "where errors are told";
}

TEST_F(Rtl8139OffloadTest, LargeSendOfWholeSegments) {
  send(ip_frame(kStranger, 2896), large(1448));
  EXPECT_EQ(wire.sent.size(), 2u);
  send(ip_frame(kStranger, 0), large(1448));
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_TRUE(sums_right(wire.sent[0]));
}

TEST_F(Rtl8139OffloadTest, LargestSendInManyBuffersWithTag) {
  const auto frame = ip_frame(kStranger, 64000);
  constexpr u32 kTag = txd::InsertTag::kMask | 0x0500;
  for (std::size_t at = 0; at < frame.size(); at += 4000) {
    const Bytes part = Bytes(frame).subspan(at, std::min<std::size_t>(4000, frame.size() - at));
    tx(part,
       (large(1460) & ~(kFirst | kLast)) | (at == 0 ? kFirst : 0) |
           (at + 4000 >= frame.size() ? kLast : 0),
       kTag);
  }
  poll();
  ASSERT_EQ(wire.sent.size(), 44u);
  EXPECT_EQ(wire.batches, 1);
  for (const auto& one : wire.sent) {
    EXPECT_EQ(get32(one, 12), 0x81000005u);
    std::vector<u8> plain(one.begin(), one.begin() + 12);
    plain.insert(plain.end(), one.begin() + 16, one.end());
    EXPECT_TRUE(sums_right(plain));
  }
}

TEST_F(Rtl8139OffloadTest, WhatIsNoTcpGoesAsItIs) {
  send(ip_frame(kStranger, 2000, false), large(1448));
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0], ip_frame(kStranger, 2000, false));
  send(frame_to(kStranger, 2000), large(1448));
  EXPECT_EQ(wire.sent.at(0), frame_to(kStranger, 2000));
}

// CVE-2015-5165: lengths in the headers that are not the packet's.
TEST_F(Rtl8139OffloadTest, LyingHeadersChangeNothing) {
  const auto check = [this](std::vector<u8> frame) {
    for (const u32 flags : {kIpSum | kTcpSum, kIpSum | kUdpSum, large(1448), large(16)}) {
      send(frame, flags);
      ASSERT_EQ(wire.sent.size(), 1u);
      EXPECT_EQ(wire.sent[0], frame);
    }
  };
  auto frame = ip_frame(kStranger, 100);
  put16(frame, 16, 19);  // total length less than the header's
  check(frame);
  put16(frame, 16, 141);  // one byte more than there is
  check(frame);
  put16(frame, 16, 0);
  check(frame);
  frame = ip_frame(kStranger, 100);
  frame[14] = 0x44;  // a header of 16 bytes
  check(frame);
  frame[14] = 0x65;  // another version
  check(frame);
  frame = ip_frame(kStranger, 100);
  frame.resize(33);
  send(frame, large(1448));
  ASSERT_EQ(wire.sent.size(), 1u);
  EXPECT_EQ(wire.sent[0].size(), 60u);
}

TEST_F(Rtl8139OffloadTest, LyingTcpHeaders) {
  for (const u8 offset : {u8{0x00}, u8{0x40}, u8{0xf0}}) {
    auto frame = ip_frame(kStranger, 10);
    frame[46] = offset;
    send(frame, large(1448));
    ASSERT_EQ(wire.sent.size(), 1u);
    EXPECT_TRUE(std::equal(frame.begin(), frame.end(), wire.sent[0].begin()));
  }
  // No room for a TCP header.
  auto frame = ip_frame(kStranger, 100);
  put16(frame, 16, 39);
  send(frame, large(1448));
  EXPECT_EQ(wire.sent.at(0), frame);
  send(frame, kTcpSum);
  EXPECT_EQ(wire.sent.at(0), frame);
}

}  // namespace
}  // namespace net
