// Work on a frame that a card may leave to the other end of its wire, which does it later, better,
// or not at all: a frame that stays on the host needs no checksum.
//
// Thread: the device thread.
#pragma once

#include <span>

#include "hw/emul/core/types.h"

namespace core {

/// What is still to be done to a frame. TCP only: a checksum of UDP that is left out has been known
/// to reach DHCP clients that look.
struct NetOffload {
  enum class Cut : u8 { kNone, kTcp4, kTcp6 };
  Cut cut = Cut::kNone;  // its data into segments...
  u16 segment = 0;       // of so many bytes each...
  u16 headers = 0;       // behind its first so many bytes. Its IP header is that of the whole.
  u16 sum_start = 0;     // what is summed from here to the end goes...
  u16 sum_at = 0;        // here, where the pseudo header's sum is; 0: there is nothing to sum
};

/// What a NetBackend may be, too.
class OffloadingBackend {
 public:
  virtual ~OffloadingBackend() = default;
  /// Whether it is just now: another end may have been put behind it.
  virtual bool offloads() const = 0;
  /// As NetBackend::send(). As many of the one as of the other.
  virtual std::size_t send_offloading(std::span<const Bytes> frames,
                                      std::span<const NetOffload> todo) = 0;
};

}  // namespace core
