// The ISA bridge of the PIIX3: PCI function 01.0, the reset control port, and port 92.
//
// Document: Intel 82371SB data sheet. Not modelled: decoding of ISA ranges (everything is
// decoded always), SMI generation, APIC chip select; soft reset is done as a hard one. The bridge's
// other parts are elsewhere: i8237.h, and on Xen the hypervisor's interrupt controllers, timer
// and clock.
#pragma once

#include "hw/emul/core/io_space.h"
#include "hw/emul/core/power.h"
#include "hw/emul/pci/bus.h"
#include "hw/emul/pci/function.h"

namespace chipset {

using core::i32;
using core::u32;
using core::u64;
using core::u8;

/// Connects PCI interrupt pins to ISA interrupts: Xen, or a router inside the machine.
class PirqRouter {
 public:
  virtual ~PirqRouter() = default;
  /// Link 0..3 is PIRQA#..PIRQD#; irq 0 is disconnected. Repeats of the same route are normal.
  virtual void set_link_route(unsigned link, u8 irq) = 0;
};

class Piix3Isa final : public pci::Function {
 public:
  struct State {
    pci::FunctionState dev;
    std::array<i32, 4> pci_irq_levels{};
    u8 rcr = 0;
  };

  Piix3Isa(pci::Bus& bus, u8 devfn, PirqRouter& router, core::PowerControl& power);

  std::string_view name() const override { return "PIIX3"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override;
  void config_write(u8 reg, u32 value, unsigned width) override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  void route(unsigned link);

  PirqRouter& router_;
  core::PowerControl& power_;
  State s_;
  core::ScopedRegion reset_control_;
};

/// System control port A. A20 has no effect: all of memory is always there on Xen.
class Port92 final : public core::Device, public core::IoHandler {
 public:
  struct State {
    u8 outport = 0;
  };

  Port92(core::RegionMap& pio, core::PowerControl& power);

  std::string_view name() const override { return "port92"; }
  void reset() override;
  core::StateSection section() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  bool a20() const;

 private:
  core::PowerControl& power_;
  State s_;
  core::ScopedRegion port_;
};

}  // namespace chipset
