// The bitmap of CPUs that are present, a bit each, at AF00h: what the CPU hot-plug code of Xen's
// DSDT reads a byte at a time after general-purpose event 2.
//
// Document: QEMU's docs/specs/acpi_cpu_hotplug ("legacy"). Not modelled: the newer interface that
// a write of 0 to AF00h turns on; Xen's DSDT never does that, and our write does nothing.
#pragma once

#include <array>

#include "hw/emul/core/io_space.h"

namespace chipset {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

class CpuHotplug final : public core::IoHandler {
 public:
  static constexpr u16 kPort = 0xaf00;
  static constexpr u16 kLength = 32;

  explicit CpuHotplug(core::RegionMap& pio);

  /// CPU `number` (of vCPUs, not of APIC ids) is there from now on. False: no room for it.
  bool add(unsigned number);
  bool present(unsigned number) const;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  // Follows from the machine's set of CPUs, so neither reset nor the stream touch it.
  std::array<u8, kLength> present_{};
  core::ScopedRegion ports_;
};

}  // namespace chipset
