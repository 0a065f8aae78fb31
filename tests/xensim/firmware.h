// What hvmloader does to the devices before the BIOS runs, as far as drivers rely on it: base
// addresses, decoding, interrupt routes, ACPI.
#pragma once

#include <optional>
#include <vector>

#include "tests/xensim/vcpu.h"

namespace xensim {

struct Bar {
  unsigned index = 0;
  bool port = false;
  u64 address = 0;
  u64 size = 0;
};

struct PciFunction {
  PciAddress where;
  u16 vendor = 0;
  u16 device = 0;
  u16 class_code = 0;
  u8 pin = 0;  // 0 is none, 1 is INTA
  std::vector<Bar> bars;

  /// The address of that BAR; 0 if there is none.
  u64 bar(unsigned index) const;
};

/// Finds the functions of bus 0, sizes and places their BARs (the biggest first, memory from
/// 0xf0000000, ports from 0xc000), turns decoding on, and sets the chipset up.
std::vector<PciFunction> set_up_pci(Vcpu& cpu);
/// The first of that vendor and device.
std::optional<PciFunction> find_function(const std::vector<PciFunction>& all, u16 vendor,
                                         u16 device);
/// Switches the chipset to ACPI mode; whether it did.
bool enable_acpi(Vcpu& cpu);

}  // namespace xensim
