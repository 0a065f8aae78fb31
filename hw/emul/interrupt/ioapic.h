// The I/O APIC: 24 inputs, a redirection table behind an index and a data register, messages to
// local APICs. On Xen it is the hypervisor's; here it serves machines that have none.
//
// Document: Intel 82093AA data sheet 290566. Not modelled: the APIC bus (messages are writes to
// FEExxxxxh), input polarity, delivery status, arbitration.
#pragma once

#include <array>
#include <functional>

#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/interrupt/ioapic_regs.h"

namespace interrupt {

using core::u32;
using core::u64;
using core::u8;

class IoApic final : public core::Device, public core::IoHandler, public core::IrqSink {
 public:
  /// The stream's names and order.
  struct State {
    u8 id = 0;
    u8 ioregsel = 0;
    u32 irr = 0;
    std::array<u64, ioapic::kPins> ioredtbl{};
  };

  /// `acknowledge` asks the 8259s for a vector.
  IoApic(core::RegionMap& mmio, core::MsiSink& messages, std::function<u8()> acknowledge);

  std::string_view name() const override { return "ioapic"; }
  void reset() override;
  core::StateSection section() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  /// Inputs by ISA interrupt or number above; ISA interrupt 0 is on pin 2.
  void set_irq(unsigned number, bool level) override;
  /// The processor has dealt with a level interrupt.
  void end_of_interrupt(u8 vector);

 private:
  u32 read_register() const;
  void write_register(u32 value);
  void service();
  void send(u64& entry);

  core::MsiSink& messages_;
  std::function<u8()> acknowledge_;
  State s_;
  core::ScopedRegion window_;
};

}  // namespace interrupt
