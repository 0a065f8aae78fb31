#include "hw/xen/platform/pvdevice.h"

namespace xen_platform {
namespace {

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&PvDeviceState::pci>("parent_obj", pci::kFunctionTable),
});
constexpr core::StateTable kTable{
    .name = "xen-pvdevice", .version = 1, .min_version = 1, .fields = kFields};
static_assert(core::covers<PvDeviceState>(kTable));

}  // namespace

PvDevice::PvDevice(pci::Bus& bus, core::u8 devfn, const PvDeviceOptions& options)
    : pci::Function(bus, devfn,
                    {.vendor = options.vendor,
                     .device = options.device,
                     .revision = options.revision,
                     .class_code = 0x0880,
                     .subsystem_vendor = options.vendor,
                     .subsystem = options.device,
                     .interrupt_pin = 1}) {
  adopt_state(s_.pci);
  // Until the first reset it decodes memory: one that comes while the guest runs shows that.
  pci_state().config[pci::kCommand] = pci::CommandMemory::kMask;
  // The default handler reads all ones.
  add_bar(1, pci::BarKind::kPrefetchable, options.size, "xen-pvdevice", 0, {1, 8});
}

core::StateSection PvDevice::section() {
  return core::section_of(kTable, s_, "xen-pvdevice");
}

}  // namespace xen_platform
