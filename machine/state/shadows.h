// What the stock device model saves under Xen beside the devices that we have: guest time, the sums
// of the bus's interrupt pins, and shadows of what the hypervisor does (processors, their APICs,
// the I/O APIC, the HPET) that no guest can reach. We write them as stock would and keep what a
// stream brings, so that a guest goes back there as it came.
//
// Thread: device thread.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "hw/emul/core/device.h"
#include "hw/emul/pci/bus.h"
#include "machine/loop/loop.h"

namespace state {

class Shadows {
 public:
  /// Both outlive it.
  Shadows(loop::Loop& loop, const pci::Bus& bus, unsigned processors);
  ~Shadows();

  /// The clock comes first: devices arm their timers by it.
  std::vector<core::Device*> devices() const;

 private:
  std::vector<std::unique_ptr<core::Device>> devices_;
};

}  // namespace state
