// Frames from a tap that Linux left unfinished, because we said that we can finish them: a TCP
// packet that is still to be cut into segments, and a checksum still to be put in. The cards here
// take whole frames only.
//
// Document: Virtual I/O Device 1.1, 5.1.6 (struct virtio_net_hdr).
#pragma once

#include <vector>

#include "hw/emul/core/types.h"

namespace netdev {

/// struct virtio_net_hdr, which Linux' own header cannot give to C++.
struct VnetHeader {
  static constexpr core::u8 kNeedsSum = 1;                             // of flags
  static constexpr core::u8 kTcp4 = 1, kTcp6 = 4, kCongestion = 0x80;  // of kind; 0: nothing to cut
  core::u8 flags = 0;
  core::u8 kind = 0;
  core::u16 headers = 0;
  core::u16 segment = 0;
  core::u16 sum_start = 0;
  core::u16 sum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);

/// Puts the checksum in that the header asks for. False: it makes no sense.
bool finish_sum(core::MutableBytes frame, const VnetHeader& header);

/// Cuts `packet` into frames of at most header.segment bytes of data each, into `room`, and appends
/// them to `frames`. Returns how much of the room they took; 0: it makes no sense, or there is no
/// room.
std::size_t cut_segments(core::Bytes packet, const VnetHeader& header, core::MutableBytes room,
                         std::vector<core::Bytes>& frames);

}  // namespace netdev
