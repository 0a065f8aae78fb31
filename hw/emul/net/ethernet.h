// Ethernet frames (IEEE 802.3), without their CRC as everywhere here.
#pragma once

#include <algorithm>

#include "hw/emul/core/types.h"

namespace net {

inline constexpr std::size_t kEthernetHeader = 14;  // destination, source, type
inline constexpr std::size_t kShortest = 60;        // shorter ones are padded
inline constexpr std::size_t kCrc = 4;

/// Of a frame with a destination.
inline bool is_broadcast(core::Bytes frame) {
  return std::all_of(frame.begin(), frame.begin() + 6, [](core::u8 byte) { return byte == 0xff; });
}
/// Broadcast included.
inline bool is_multicast(core::Bytes frame) {
  return (frame[0] & 1) != 0;
}

}  // namespace net
