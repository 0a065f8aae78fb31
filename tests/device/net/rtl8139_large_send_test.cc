// Large sends of the RTL8139C+ over a wire that cuts them itself; see e1000_large_send_test.
#include "tests/device/net/large_wire.h"
#include "tests/device/net/rtl8139_fixture.h"

namespace net {
namespace {

class Rtl8139LargeTest : public Rtl8139Test {
 protected:
  ~Rtl8139LargeTest() override { card.reset(); }
  template <typename Script>
  void play(Script script) {
    start_cplus();
    script();
    plain = wire.sent;
    card.reset();
    card = std::make_unique<Rtl8139>(bench.pci, kDevfn, large, bench.clock,
                                     Rtl8139Config{.mac = kMac, .rom = {}});
    card->reset();
    enable();
    start_cplus();
    script();
    EXPECT_EQ(large.all_finished(), plain);
  }
  void send(const std::vector<u8>& frame, u32 flags) {
    tx(frame, kFirst | kLast | flags);
    poll();
  }
  static constexpr u32 large_send(u32 segment) {
    return txd::LargeSend::kMask | txd::SegmentSize::of(segment);
  }

  LargeWire large;
  std::vector<std::vector<u8>> plain;
};

TEST_F(Rtl8139LargeTest, OnePieceGoesOut) {
  play([&] { send(ip_frame(kStranger, 20000), large_send(1448)); });
  EXPECT_EQ(plain.size(), 14u);
  ASSERT_EQ(large.sent.size(), 1u);
  EXPECT_EQ(large.sent[0].size(), 20054u);
}

TEST_F(Rtl8139LargeTest, OneSegmentAndChecksums) {
  play([&] {
    send(ip_frame(kStranger, 1000), large_send(1448));
    send(ip_frame(kStranger, 1448), txd::IpSum::kMask | txd::TcpSum::kMask);
    send(ip_frame(kStranger, 500, false), txd::IpSum::kMask | txd::UdpSum::kMask);
  });
  ASSERT_EQ(large.sent.size(), 3u);
  EXPECT_EQ(large.todo[1].sum_at, 50);
  EXPECT_EQ(large.todo[2].sum_at, 0);
}

}  // namespace
}  // namespace net
