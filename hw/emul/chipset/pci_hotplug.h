// The register block through which ACPI code of the guest plugs and ejects PCI slots: 18h ports
// at AE00h, doublewords only.
//
//   AE00h up       RO  slots with a new function
//   AE04h down     RO  slots that the machine would like back
//   AE08h eject    WO  1 << slot: the guest let go of it
//   AE0Ch removable RO slots that may be ejected
//   AE10h select   RW  bus, in bridge mode
//   AE14h index    RW  acpi-index of a slot, in bridge mode
//
// Document: QEMU's docs/specs/acpi_pci_hotplug. Not modelled: buses behind bridges, indexes
// (there are none: 0).
#pragma once

#include "hw/emul/core/io_space.h"
#include "hw/emul/core/state_table.h"

namespace chipset {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// The machine's side: who sits in the slots.
class HotplugSlots {
 public:
  virtual ~HotplugSlots() = default;
  /// Whether the guest may eject the slot (empty ones included).
  virtual bool slot_removable(unsigned slot) = 0;
  /// The guest let go of the slot: take its functions out. Called from within a port access; the
  /// functions may be destroyed at once. Never called for a slot that is not removable.
  virtual void slot_ejected(unsigned slot) = 0;
};

struct SlotStatus {
  u32 up = 0;
  u32 down = 0;
};
extern const core::StateTable kSlotStatusTable;

struct PciHotplugState {
  SlotStatus root;
  u32 hotplug_select = 0;
  u32 acpi_index = 0;
  bool bridges = false;
};

class PciHotplug final : public core::IoHandler {
 public:
  static constexpr u16 kPort = 0xae00;

  PciHotplug(core::RegionMap& pio, HotplugSlots& slots, PciHotplugState& state);

  void reset();
  void plugged(unsigned slot) { s_.root.up |= u32{1} << (slot & 31); }
  void eject_requested(unsigned slot) { s_.root.down |= u32{1} << (slot & 31); }
  bool eject_pending(unsigned slot) const { return (s_.root.down >> (slot & 31) & 1) != 0; }

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  void eject(u32 slots);
  u32 removable();

  HotplugSlots& slots_;
  PciHotplugState& s_;
  core::ScopedRegion ports_;
};

}  // namespace chipset
