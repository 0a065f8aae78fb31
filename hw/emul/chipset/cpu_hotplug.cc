#include "hw/emul/chipset/cpu_hotplug.h"

#include "hw/emul/core/bits.h"
#include "hw/emul/core/guest_error.h"

namespace chipset {

CpuHotplug::CpuHotplug(core::RegionMap& pio)
    : ports_(pio, {.base = kPort,
                   .length = kLength,
                   .name = "acpi-cpu-hotplug",
                   .handler = this,
                   .widths = {1, 1}}) {}

bool CpuHotplug::add(unsigned number) {
  if (number / 8 >= present_.size()) return false;
  u8& byte = present_[number / 8];
  byte = core::low<u8>(byte | 1u << (number % 8));
  return true;
}

bool CpuHotplug::present(unsigned number) const {
  return number / 8 < present_.size() && (present_[number / 8] >> (number % 8) & 1) != 0;
}

u64 CpuHotplug::io_read(u32 /*tag*/, u64 offset, unsigned /*width*/) {
  return offset < present_.size() ? present_[offset] : 0xff;
}

void CpuHotplug::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) {
  core::guest_error("cpu-hotplug", "write to the bitmap of CPUs", offset, value);
}

}  // namespace chipset
