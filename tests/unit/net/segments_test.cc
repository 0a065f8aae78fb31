// Frames that Linux left unfinished on a tap.
#include "machine/net/segments.h"

#include <gtest/gtest.h>

#include "hw/emul/net/checksum.h"
#include "tests/device/net/frames.h"

namespace netdev {
namespace {

using core::Bytes;
using core::u8;

/// A TCP packet as Linux leaves it, its checksum field with the pseudo header's sum.
std::vector<u8> packet(std::size_t payload) {
  std::vector<u8> frame = net::ip_frame(net::kStranger, payload);
  const auto sum = net::checksum_add(Bytes(frame).subspan(26, 8)) + 6 + 20 + payload;
  net::put16(frame, 50, net::checksum_fold(sum));
  return frame;
}
VnetHeader header(core::u16 segment, u8 kind = VnetHeader::kTcp4) {
  return {.flags = VnetHeader::kNeedsSum,
          .kind = kind,
          .headers = 54,
          .segment = segment,
          .sum_start = 34,
          .sum_offset = 16};
}
std::vector<std::vector<u8>> cut(const std::vector<u8>& whole, const VnetHeader& how,
                                 std::size_t room_bytes = 1 << 20) {
  std::vector<u8> room(room_bytes);
  std::vector<Bytes> frames;
  const std::size_t taken = cut_segments(whole, how, room, frames);
  std::size_t sum = 0;
  std::vector<std::vector<u8>> all;
  for (const Bytes one : frames) {
    sum += one.size();
    all.emplace_back(one.begin(), one.end());
  }
  EXPECT_EQ(taken, sum);
  return all;
}

TEST(Segments, EachIsAPacketOfItsOwn) {
  std::vector<u8> whole = packet(5000);
  whole[47] |= 0x80;  // CWR
  const auto sum = net::checksum_add(Bytes(whole).subspan(26, 8)) + 6 + 20 + 5000;
  net::put16(whole, 50, net::checksum_fold(sum));
  const auto all = cut(whole, header(1448, VnetHeader::kTcp4 | VnetHeader::kCongestion));
  ASSERT_EQ(all.size(), 4u);
  std::vector<u8> data;
  for (std::size_t i = 0; i < 4; ++i) {
    const net::ReceivedChecksums sums = net::check_frame(all[i]);
    EXPECT_TRUE(sums.ip_good && sums.tcp_checked && sums.tcp_good) << i;
    EXPECT_EQ(net::get16(all[i], 16), all[i].size() - 14);
    EXPECT_EQ(net::get16(all[i], 18), 0x1234 + i);
    EXPECT_EQ(net::get32(all[i], 38), net::get32(whole, 38) + i * 1448);
    EXPECT_EQ(all[i][47], i == 3 ? 0x19 : i == 0 ? 0x90 : 0x10) << "FIN, PSH last; CWR first";
    data.insert(data.end(), all[i].begin() + 54, all[i].end());
  }
  EXPECT_TRUE(std::equal(data.begin(), data.end(), whole.begin() + 54, whole.end()));
}

TEST(Segments, OfIpv6BehindATag) {
  std::vector<u8> whole = net::frame_to(net::kStranger, 18 + 40 + 20 + 2500);
  net::put16(whole, 12, 0x8100);
  net::put16(whole, 16, 0x86dd);
  whole[18] = 0x60;
  whole[24] = 6;
  whole[58 + 12] = 0x50;
  net::put16(whole, 58 + 16,
             net::checksum_fold(net::checksum_add(Bytes(whole).subspan(26, 32)) + 6 + 2520));
  VnetHeader how = header(1000, VnetHeader::kTcp6);
  how.sum_start = 58;
  const auto all = cut(whole, how);
  ASSERT_EQ(all.size(), 3u);
  for (const auto& one : all) {
    EXPECT_EQ(net::get16(one, 22), one.size() - 58);
    std::vector<u8> untagged = one;
    untagged.erase(untagged.begin() + 12, untagged.begin() + 16);
    const net::ReceivedChecksums sums = net::check_frame(untagged);
    EXPECT_TRUE(sums.tcp_checked && sums.tcp_good);
  }
}

TEST(Segments, NonsenseGivesNone) {
  const std::vector<u8> whole = packet(5000);
  const auto none = [&](auto change) {
    std::vector<u8> frame = whole;
    VnetHeader how = header(1448);
    change(frame, how);
    return cut(frame, how).empty();
  };
  using Frame = std::vector<u8>&;
  using How = VnetHeader&;
  EXPECT_FALSE(none([](Frame, How) {}));
  EXPECT_TRUE(none([](Frame, How how) { how.flags = 0; }));
  EXPECT_TRUE(none([](Frame, How how) { how.kind = 3; })) << "UDP";
  EXPECT_TRUE(none([](Frame, How how) { how.segment = 0; }));
  EXPECT_TRUE(none([](Frame, How how) { how.segment = 1; }));
  EXPECT_TRUE(none([](Frame, How how) { how.sum_start = 0xffff; }));
  EXPECT_TRUE(none([](Frame, How how) { how.sum_start = 20; }));
  EXPECT_TRUE(none([](Frame, How how) { how.sum_start = 0; }));
  EXPECT_TRUE(none([](Frame, How how) { how.sum_offset = 6; }));
  EXPECT_TRUE(none([](Frame frame, How) { frame.resize(54); })) << "no data";
  EXPECT_TRUE(none([](Frame frame, How) { frame.resize(40); }));
  EXPECT_TRUE(none([](Frame frame, How) { frame.resize(1); }));
  EXPECT_TRUE(none([](Frame frame, How) { frame[46] = 0; }));
  EXPECT_TRUE(none([](Frame frame, How) { frame[14] = 0x46; }));
  EXPECT_TRUE(none([](Frame frame, How) { frame[14] = 0x65; }));
  EXPECT_TRUE(cut(whole, header(1448), 5000).empty()) << "no room";
  VnetHeader six = header(1448, VnetHeader::kTcp6);
  EXPECT_TRUE(cut(whole, six).empty());
}

TEST(Segments, AChecksumIsPutIn) {
  std::vector<u8> frame = packet(101);
  VnetHeader how = header(0, 0);
  ASSERT_TRUE(finish_sum(frame, how));
  EXPECT_EQ(frame, net::ip_frame(net::kStranger, 101));
  how.sum_offset = 0xffff;
  EXPECT_FALSE(finish_sum(frame, how));
  how = header(0, 0);
  how.sum_start = 155;
  how.sum_offset = 0;
  frame.resize(156);
  EXPECT_FALSE(finish_sum(frame, how));
}

}  // namespace
}  // namespace netdev
