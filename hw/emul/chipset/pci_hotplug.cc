#include "hw/emul/chipset/pci_hotplug.h"

#include <bit>

#include "hw/emul/core/bits.h"
#include "hw/emul/core/guest_error.h"

namespace chipset {
namespace {

enum Register : u8 {
  kUp = 0x00,
  kDown = 0x04,
  kEject = 0x08,
  kRemovable = 0x0c,
  kSelect = 0x10,
  kIndex = 0x14,
  kLength = 0x18
};

constexpr auto kSlotFields = std::to_array<core::Field>({
    core::field<&SlotStatus::up>("up"),
    core::field<&SlotStatus::down>("down"),
});

}  // namespace

constinit const core::StateTable kSlotStatusTable{.name = "pci_status", .fields = kSlotFields};
static_assert(core::covers<SlotStatus>(core::StateTable{.fields = kSlotFields}));

PciHotplug::PciHotplug(core::RegionMap& pio, HotplugSlots& slots, PciHotplugState& state)
    : slots_(slots),
      s_(state),
      ports_(pio, {.base = kPort, .length = kLength, .name = "acpi-pci-hotplug", .handler = this}) {
}

/// A restart finishes what the last system was asked to let go of.
void PciHotplug::reset() {
  for (unsigned slot = 0; slot < 32; ++slot) {
    if (eject_pending(slot)) eject(u32{1} << slot);
  }
  s_.root.down = 0;
}

u32 PciHotplug::removable() {
  u32 mask = 0;
  for (unsigned slot = 0; slot < 32; ++slot) {
    if (slots_.slot_removable(slot)) mask |= u32{1} << slot;
  }
  return mask;
}

/// One slot a write: the lowest.
void PciHotplug::eject(u32 slots) {
  if (slots == 0) return;
  const unsigned slot = static_cast<unsigned>(std::countr_zero(slots));
  s_.root.up &= ~(u32{1} << slot);
  s_.root.down &= ~(u32{1} << slot);
  if (slots_.slot_removable(slot)) {
    slots_.slot_ejected(slot);
  } else {
    core::guest_error("pci-hotplug", "eject of a slot that is fixed", slot);
  }
}

u64 PciHotplug::io_read(u32 /*tag*/, u64 offset, unsigned width) {
  if (width != 4 || offset % 4 != 0) return core::all_ones(width);
  const bool root = s_.hotplug_select == 0;
  switch (offset) {
    case kUp: {
      const u32 up = root ? s_.root.up : 0;
      // Code for bridges takes the event by reading it; Xen's looks at the bits again.
      if (s_.bridges && root) s_.root.up = 0;
      return up;
    }
    case kDown: return root ? s_.root.down : 0;
    case kRemovable: return root ? removable() : ~u32{0};
    case kSelect: return s_.hotplug_select;
    default: return 0;
  }
}

void PciHotplug::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned width) {
  if (width != 4 || offset % 4 != 0) return;
  s_.acpi_index = 0;
  if (offset == kEject && s_.hotplug_select == 0) eject(core::low<u32>(value));
  if (offset == kSelect) s_.hotplug_select = s_.bridges ? core::low<u32>(value) : 0;
}

}  // namespace chipset
