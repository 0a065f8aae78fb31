// The Internet checksum (RFC 1071), and what a frame says about its own.
#pragma once

#include "hw/emul/core/types.h"

namespace net {

/// One's complement sum of big-endian words, not folded; an odd last byte counts as the high half.
core::u64 checksum_add(core::Bytes data);
/// Folds carries into 16 bits.
core::u16 checksum_fold(core::u64 sum);

/// What the receiver of a frame can check by itself.
struct ReceivedChecksums {
  bool ip_checked = false, ip_good = false;
  bool tcp_checked = false, tcp_good = false;  // TCP or UDP
};
/// Looks at an Ethernet frame that may carry IPv4 or IPv6, whole, without VLAN tag.
ReceivedChecksums check_frame(core::Bytes frame);

}  // namespace net
