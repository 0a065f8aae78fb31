// xen-pvdevice: a PCI function with a device id of the vendor's choice, for Windows Update to
// offer PV drivers for. It does nothing.
//
// Document: Xen, docs/misc/pci-device-reservations.txt.
#pragma once

#include "hw/emul/pci/function.h"

namespace xen_platform {

struct PvDeviceOptions {
  core::u16 vendor = 0x5853;
  core::u16 device = 0;  // 0xc000 for XenServer's drivers
  core::u8 revision = 1;
  core::u64 size = 4 << 20;  // of BAR 1, a power of two
};

struct PvDeviceState {
  pci::FunctionState pci;
};

class PvDevice final : public pci::Function {
 public:
  PvDevice(pci::Bus& bus, core::u8 devfn, const PvDeviceOptions& options);

  std::string_view name() const override { return "xen-pvdevice"; }
  core::StateSection section() override;

 private:
  PvDeviceState s_;
};

}  // namespace xen_platform
