// The CRC of Ethernet frames (IEEE 802.3, 3.2.9).
#pragma once

#include "hw/emul/core/types.h"

namespace net {

/// As it follows a frame on the wire, least significant byte first.
core::u32 crc32(core::Bytes data);

/// The first six bits of an address's CRC as they leave the shift register, which multicast filters
/// use as a hash.
core::u32 multicast_hash(core::Bytes address);

}  // namespace net
