// Drivers of both network cards, as Linux's e1000 and 8139cp go about it: rings in RAM, a doorbell
// for a batch, an interrupt looked at when it is there.
#pragma once

#include <memory>

#include "tests/measure/net_wire.h"
#include "tests/xensim/firmware.h"
#include "tests/xensim/machine.h"

namespace measure {

using core::u16;
using core::u32;

class NetDriver {
 public:
  virtual ~NetDriver() = default;
  /// The frame that send() sends, in every buffer.
  virtual void set_frame(const Frame& frame) = 0;
  /// Copies of it, at most half a ring, by one doorbell; until the card has taken them.
  virtual void send(u32 count) = 0;
  /// A packet of `payload` bytes of TCP data for the card to cut; the same `count` times.
  virtual void send_large(u32 count, u32 payload) = 0;
  /// Takes what came; how many frames. Their buffers go back to the card.
  virtual u32 receive() = 0;
  /// If there is one: reads its cause. Whether there was.
  virtual bool interrupt() = 0;

  /// `driver` as -device calls it.
  static std::unique_ptr<NetDriver> make(xensim::Machine& machine, const std::string& driver);

  static constexpr u8 kAddress[6] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
  static constexpr u8 kElsewhere[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
};

}  // namespace measure
