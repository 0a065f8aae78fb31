// Names of registers as their data sheets have them, for records of what a guest did. By region and
// place in it; what is not known by name has none.
#pragma once

#include <string_view>

#include "hw/emul/core/types.h"

namespace board {

/// `region` is the name under which the device mapped it.
std::string_view register_name(std::string_view region, core::u64 address, core::u64 offset,
                               bool write);
/// Of the PCI header.
std::string_view pci_register_name(core::u64 reg);

}  // namespace board
