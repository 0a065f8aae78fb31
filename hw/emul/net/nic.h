// What all network cards are to their machine.
#pragma once

#include <array>

#include "hw/emul/core/types.h"

namespace net {

using MacAddress = std::array<core::u8, 6>;

class Nic {
 public:
  virtual ~Nic() = default;
  /// As the card was built. What the guest listens to may be another.
  virtual const MacAddress& mac() const = 0;
  /// The operator's cable.
  virtual void set_link(bool up) = 0;
  virtual bool link_up() const = 0;
  /// Tells the wire where the guest is now, unless the cable is pulled.
  virtual void announce() = 0;
};

/// A request that nobody answers, and every switch on the way learns the address from (RFC 903).
std::array<core::u8, 60> announcement(const MacAddress& address);

}  // namespace net
