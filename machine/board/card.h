// A card for a PCI slot, before it has a place: how to build it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hw/emul/core/result.h"
#include "hw/emul/pci/bus.h"
#include "hw/emul/pci/function.h"

namespace board {

struct Card {
  std::string driver;               // "xen-pvdevice", for messages
  std::string id;                   // of -device or device_add; may be empty
  std::optional<core::u8> devfn{};  // none: the first free slot
  /// Builds the function into that place. Its destructor may run between any two accesses of the
  /// guest (an eject), so it ends what is still in flight and lets go of pinned memory. Its names
  /// (its own and those of its BARs) are literals: the log of accesses keeps pointers to them.
  std::function<core::Result<std::unique_ptr<pci::Function>>(pci::Bus&, core::u8 devfn)> make;
};

}  // namespace board
