// What a network card needs of the wire. Implemented in machine/net.
//
// Thread: the device thread. Frames are whole Ethernet frames without their CRC. Whoever hands
// frames over keeps the bytes until the call returns, and no longer: the receiver copies.
#pragma once

#include <span>

#include "hw/emul/core/types.h"

namespace core {

/// The longest frame that either side hands over.
inline constexpr std::size_t kMaxNetFrame = 65536 + 4;

/// The card's side.
class NetClient {
 public:
  virtual ~NetClient() = default;
  /// Whether receive() would take a frame now. While not, frames stay where they are.
  virtual bool can_receive() = 0;
  /// Frames from the wire, in order. Returns how many of them are dealt with (in the guest's
  /// memory, or dropped by a filter); the rest is offered again after accept_input().
  virtual std::size_t receive(std::span<const Bytes> frames) = 0;
  /// Room again after a send() that took less than offered. Not from within send().
  virtual void writable() = 0;
  /// The cable was plugged or pulled (the operator's `set_link`, or a carrier that is followed).
  virtual void link_changed(bool up) = 0;
};

/// The outside; never blocks.
class NetBackend {
 public:
  virtual ~NetBackend() = default;
  /// Takes a batch in order and says how many; writable() follows if that was less than all. With
  /// nobody at the other end all are taken and lost, as on a real cable.
  virtual std::size_t send(std::span<const Bytes> frames) = 0;
  virtual void set_client(NetClient* client) = 0;
  /// can_receive() may have become true: look again. May call receive() from within.
  virtual void accept_input() = 0;
};

}  // namespace core
