// What all network cards are to their machine.
#pragma once

#include <array>

#include "hw/emul/core/types.h"

namespace net {

using MacAddress = std::array<core::u8, 6>;

class Nic {
 public:
  virtual ~Nic() = default;
  virtual const MacAddress& mac() const = 0;
  /// The operator's cable.
  virtual void set_link(bool up) = 0;
  virtual bool link_up() const = 0;
};

}  // namespace net
