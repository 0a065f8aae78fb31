// The interrupt wiring of a PC without a hypervisor: ISA lines to 8259s and I/O APIC, PCI links to
// ISA lines as the PIIX3 routes them, and a tap for a client that wants to see the I/O APIC's
// inputs change.
//
// Thread: device thread.
#pragma once

#include <array>
#include <functional>

#include "hw/emul/chipset/piix3.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/interrupt/i8259.h"
#include "hw/emul/interrupt/ioapic.h"
#include "hw/emul/pci/bus.h"

namespace qtest {

using core::u64;
using core::u8;

/// Called on changes of an input from what was reported last; all were low at first.
using InputReport = std::function<void(unsigned input, bool level)>;

class Interrupts final : public core::IrqSink,
                         public core::MsiSink,
                         public pci::IntxSink,
                         public chipset::PirqRouter {
 public:
  Interrupts(core::RegionMap& pio, core::RegionMap& mmio);

  /// Where the board's ISA lines and the PCI links meet.
  core::IrqSink& isa() { return joined_; }

  void report_to(InputReport report) { report_ = std::move(report); }
  /// For a new client: all count as low again.
  void forget_reported() { reported_ = {}; }
  /// Drives an input of the I/O APIC alone.
  void set_ioapic_input(unsigned input, bool level);

  void reset();
  std::array<core::Device*, 3> devices() { return {&pics_.master(), &pics_.slave(), &ioapic_}; }

  // core::IrqSink: joined ISA lines.
  void set_irq(unsigned number, bool level) override;
  /// There is no processor to take a message.
  void send_msi(u64 /*address*/, core::u32 /*data*/) override {}
  // pci::IntxSink
  void set_intx(unsigned slot, unsigned pin, bool level) override;
  // chipset::PirqRouter
  void set_link_route(unsigned link, u8 irq) override;

 private:
  void drive_links();

  interrupt::PicPair pics_;
  interrupt::IoApic ioapic_;
  core::IrqOr joined_{*this};
  std::array<core::IrqLine, 16> links_lines_;  // one driver for each ISA line
  std::array<u8, 4> link_irq_{};               // 0: not connected
  std::array<unsigned, 4> link_high_{};        // slots that hold the link
  InputReport report_;
  std::array<bool, interrupt::ioapic::kPins> reported_{};
};

}  // namespace qtest
