// Large TCP packets over a wire that cuts them itself: cut by what finishes a tap's frames, they
// are the very frames that the card sends over a wire that does not.
#include "tests/device/net/e1000_fixture.h"
#include "tests/device/net/large_wire.h"

namespace net {
namespace {

constexpr u32 kEop = 1u << 24, kTse = 1u << 26;

class E1000LargeTest : public E1000Test {
 protected:
  ~E1000LargeTest() override { card.reset(); }  // before its wire
  /// Plays `script` over a wire that cuts, and over one that does not.
  template <typename Script>
  void play(Script script) {
    start_tx();
    script();
    plain = wire.sent;
    card.reset();
    card = std::make_unique<E1000>(bench.pci, kCard, large, bench.clock,
                                   E1000Config{.mac = kMac, .rom = {}});
    card->reset();
    enable();
    start_tx();
    script();
    EXPECT_EQ(large.all_finished(), plain);
  }
  /// Headers for segmentation, as a driver leaves them, around `payload` bytes.
  static std::vector<u8> packet(std::size_t payload) {
    std::vector<u8> frame = ip_frame(kStranger, payload);
    put16(frame, 16, 0);
    put16(frame, 24, 0);
    put16(frame, 50, checksum_fold(checksum_add(Bytes(frame).subspan(26, 8)) + 6));
    return frame;
  }

  LargeWire large;
  std::vector<std::vector<u8>> plain;
};

TEST_F(E1000LargeTest, OnePieceGoesOut) {
  play([&] {
    const auto frame = packet(40000);
    tx_context(true, 40000, 54, 1448);
    tx_data(Bytes(frame).first(54), kTse, 3);
    tx_data(Bytes(frame).subspan(54, 15000), kTse, 0);
    tx_data(Bytes(frame).subspan(15054, 14000), kTse, 0);
    tx_data(Bytes(frame).subspan(29054), kTse | kEop, 0);
    ring_tx();
  });
  EXPECT_EQ(plain.size(), 28u);
  ASSERT_EQ(large.sent.size(), 1u);
  EXPECT_EQ(large.sent[0].size(), 40054u);
  EXPECT_EQ(get16(large.sent[0], 16), 40040u) << "the IP length is the whole's";
  EXPECT_EQ(large.todo[0].segment, 1448);
  EXPECT_EQ(large.todo[0].headers, 54);
  EXPECT_EQ(rd(TSCTC), 1u);
  EXPECT_EQ(rd(GPTC), 28u) << "segments count as packets";
}

TEST_F(E1000LargeTest, SeveralInARow) {
  play([&] {
    for (const std::size_t size : {3000u, 1000u, 1448u, 2896u, 200u}) {
      const auto frame = packet(size);
      tx_context(true, low<u32>(size), 54, 1448);
      tx_data(frame, kTse | kEop, 3);
    }
    ring_tx();
  });
  EXPECT_EQ(large.sent.size(), 5u);
  EXPECT_EQ(large.todo[1].cut, core::NetOffload::Cut::kNone) << "one segment needs no cutting";
  EXPECT_EQ(large.batches, 1);
}

TEST_F(E1000LargeTest, OverIpv6) {
  play([&] {
    std::vector<u8> frame = frame_to(kStranger, 14 + 40 + 20 + 5000);
    put16(frame, 12, 0x86dd);
    frame[14] = 0x60;
    frame[20] = 6;
    put16(frame, 18, 0);
    frame[54 + 12] = 0x50;
    frame[54 + 13] = 0x18;
    put16(frame, 54 + 16, checksum_fold(checksum_add(Bytes(frame).subspan(22, 32)) + 6));
    tx_context(true, 5000, 74, 1000, false, true, 14, 54);
    tx_data(frame, kTse | kEop, 2);
    ring_tx();
  });
  ASSERT_EQ(large.sent.size(), 1u);
  EXPECT_EQ(large.todo[0].cut, core::NetOffload::Cut::kTcp6);
}

// Its driver rings the doorbell in the middle, or says something else in the middle: what there is
// goes out.
TEST_F(E1000LargeTest, InterruptedByTheDriver) {
  play([&] {
    const auto frame = packet(9000);
    tx_context(true, 9000, 54, 1448);
    tx_data(Bytes(frame).first(54), kTse, 3);
    tx_data(Bytes(frame).subspan(54, 5000), kTse, 0);
    ring_tx();
    tx_data(Bytes(frame).subspan(5054), kTse | kEop, 0);
    ring_tx();
  });
  EXPECT_EQ(large.sent.size(), 2u);
}

TEST_F(E1000LargeTest, AnotherContextInTheMiddleOfAPacket) {
  start_tx();
  card.reset();
  card = std::make_unique<E1000>(bench.pci, kCard, large, bench.clock,
                                 E1000Config{.mac = kMac, .rom = {}});
  card->reset();
  enable();
  start_tx();
  const auto frame = packet(9000);
  tx_context(true, 9000, 54, 1448);
  tx_data(Bytes(frame).first(5054), kTse, 3);
  tx_context(true, 9000, 255, 0xffff, true, true, 200, 250);
  tx_data(Bytes(frame).subspan(5054), kEop, 0);
  ring_tx();
  ASSERT_GE(large.sent.size(), 1u);
  EXPECT_EQ(large.finished(0).size(), 3u) << "by what it was begun with";
}

TEST_F(E1000LargeTest, NotWhatLinuxWouldCutInAnotherWay) {
  play([&] {
    auto reduced = packet(3000);
    reduced[47] |= 0x80;  // CWR
    tx_context(true, 3000, 54, 1448);
    tx_data(reduced, kTse | kEop, 3);
    auto options = packet(3000);
    options[46] = 0x60;  // the header's length does not fit
    tx_context(true, 3000, 54, 1448);
    tx_data(options, kTse | kEop, 3);
    tx_context(true, 3000, 54, 1448);
    tx_data(packet(3000), kTse | kEop, 2);  // no IP checksum
    wr(CTRL, rd(CTRL) | ctrl::VlanMode::kMask);
    tx_context(true, 3000, 54, 1448);
    tx_data(packet(3000), kTse | kEop | 1u << 30, 3);
    tx_context(true, 3000, 42, 1448, true, false);
    tx_data(ip_frame(kStranger, 3000, false), kTse | kEop, 1);
    ring_tx();
  });
  EXPECT_EQ(large.sent.size(), plain.size());
}

TEST_F(E1000LargeTest, AWireThatDoesNotJustNow) {
  large.on = false;
  play([&] {
    tx_context(true, 3000, 54, 1448);
    tx_data(packet(3000), kTse | kEop, 3);
    ring_tx();
  });
  EXPECT_EQ(large.sent.size(), 3u);
}

TEST_F(E1000LargeTest, ChecksumsOfTcpAreLeftThoseOfUdpAreNot) {
  play([&] {
    std::vector<u8> tcp = ip_frame(kStranger, 1001);
    put16(tcp, 50, checksum_fold(checksum_add(Bytes(tcp).subspan(26, 8)) + 6 + 1021));
    const u64 offsets = u64{14} | u64{24} << 8 | u64{33} << 16 | u64{34} << 32 | u64{50} << 40;
    tx_raw(offsets, 0x20000000 | 1u << 24 | 1u << 25, 0);
    tx_data(tcp, kEop, 3);
    tx_context(false, 0, 0, 0, true, false);
    tx_data(ip_frame(kStranger, 1001, false), kEop, 1);
    ring_tx();
  });
  ASSERT_EQ(large.sent.size(), 2u);
  EXPECT_EQ(large.todo[0].sum_start, 34);
  EXPECT_EQ(large.todo[0].sum_at, 50);
  EXPECT_EQ(large.todo[1].sum_at, 0);
}

// 64 KiB of data do not fit behind IPv4's length.
TEST_F(E1000LargeTest, LongerThanIpCanSay) {
  play([&] {
    tx_context(true, 70000, 54, 8000);
    const auto frame = packet(70000);
    tx_data(Bytes(frame).first(54), kTse, 3);
    for (std::size_t at = 54; at < frame.size(); at += 14000) {
      const std::size_t part = std::min<std::size_t>(14000, frame.size() - at);
      tx_data(Bytes(frame).subspan(at, part), kTse | (at + part == frame.size() ? kEop : 0), 0);
    }
    ring_tx();
  });
  EXPECT_EQ(large.sent.size(), 2u);
}

}  // namespace
}  // namespace net
