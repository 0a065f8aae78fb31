// Frames for the tests of network cards.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "hw/emul/core/bits.h"
#include "hw/emul/net/checksum.h"

namespace net {

using namespace core;  // NOLINT(google-build-using-namespace)

inline constexpr std::array<u8, 6> kMac{0x00, 0x16, 0x3e, 0x11, 0x22, 0x33};
inline constexpr std::array<u8, 6> kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
inline constexpr std::array<u8, 6> kGroup{0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb};
inline constexpr std::array<u8, 6> kStranger{0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

inline void put16(std::vector<u8>& bytes, std::size_t at, u32 value) {
  bytes[at] = low<u8>(value >> 8);
  bytes[at + 1] = low<u8>(value);
}
inline u32 get16(Bytes bytes, std::size_t at) {
  return u32{bytes[at]} << 8 | bytes[at + 1];
}
inline u32 get32(Bytes bytes, std::size_t at) {
  return get16(bytes, at) << 16 | get16(bytes, at + 2);
}

/// An Ethernet frame of `size` bytes with a counting payload.
inline std::vector<u8> frame_to(const std::array<u8, 6>& to, std::size_t size, u8 seed = 0) {
  std::vector<u8> frame(size);
  for (std::size_t i = 0; i < size; ++i) frame[i] = low<u8>(i * 7 + seed);
  std::copy(to.begin(), to.end(), frame.begin());
  const u8 from[6] = {0x02, 0, 0, 0, 0, 1};
  std::copy(std::begin(from), std::end(from), frame.begin() + 6);
  put16(frame, 12, 0x88b5);  // for experiments
  return frame;
}

/// IPv4 and TCP or UDP around `payload` bytes; sums right.
inline std::vector<u8> ip_frame(const std::array<u8, 6>& to, std::size_t payload, bool tcp = true) {
  const std::size_t transport = tcp ? 20 : 8;
  std::vector<u8> frame = frame_to(to, 14 + 20 + transport + payload);
  put16(frame, 12, 0x0800);
  std::fill(frame.begin() + 14, frame.begin() + 34, u8{0});
  frame[14] = 0x45;
  put16(frame, 16, low<u32>(20 + transport + payload));
  put16(frame, 18, 0x1234);
  frame[22] = 64;
  frame[23] = tcp ? 6 : 17;
  for (std::size_t i = 26; i < 34; ++i) frame[i] = low<u8>(i);
  put16(frame, 24, low<u16>(~checksum_fold(checksum_add(Bytes(frame).subspan(14, 20)))));
  const std::size_t sum_at = tcp ? 34 + 16 : 34 + 6;
  if (tcp) {
    frame[46] = 0x50;
    frame[47] = 0x19;  // ACK, PSH, FIN
  } else {
    put16(frame, 38, low<u32>(8 + payload));
  }
  put16(frame, sum_at, 0);
  const u64 sum = checksum_add(Bytes(frame).subspan(26, 8)) + frame[23] + transport + payload +
                  checksum_add(Bytes(frame).subspan(34));
  put16(frame, sum_at, low<u16>(~checksum_fold(sum)));
  return frame;
}

}  // namespace net
