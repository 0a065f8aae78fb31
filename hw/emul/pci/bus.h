// PCI bus 0: its functions, and the way from configuration accesses and interrupt pins to the
// machine.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "hw/emul/core/io_space.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/core/memory.h"
#include "hw/emul/pci/pci_regs.h"

namespace pci {

class Function;

/// Where interrupt pins of the bus end: Xen, or in a machine without it the PIIX3's router.
class IntxSink {
 public:
  virtual ~IntxSink() = default;
  /// `pin` 0..3 for INTA#..INTD#; called on changes of the slot's pin, functions OR-ed.
  virtual void set_intx(unsigned slot, unsigned pin, bool level) = 0;
};

/// Told of functions as they come and go (Xen wants each registered).
class BusListener {
 public:
  virtual ~BusListener() = default;
  virtual void function_added(core::u8 devfn) = 0;
  virtual void function_removed(core::u8 devfn) = 0;
};

/// The spaces and sinks a bus is wired to; all outlive it.
struct BusWires {
  core::RegionMap& pio;
  core::RegionMap& mmio;
  core::GuestMemory& memory;
  IntxSink& intx;
  core::MsiSink& msi;
};

class Bus {
 public:
  explicit Bus(const BusWires& wires) : wires_(wires) {}
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  core::u32 config_read(core::u8 devfn, core::u8 reg, unsigned width);
  void config_write(core::u8 devfn, core::u8 reg, core::u32 value, unsigned width);

  Function* at(core::u8 devfn) { return functions_[devfn]; }
  /// In ascending devfn order.
  std::vector<Function*> functions() const;
  /// The first slot at or above `from` with no function 0; -1 if none.
  int free_slot(unsigned from = 0) const;

  void add_listener(BusListener* listener);

  const BusWires& wires() const { return wires_; }

 private:
  friend class Function;
  Function* visible(core::u8 number);
  void plug(Function& function);
  void unplug(Function& function);
  void set_intx(unsigned slot, unsigned pin, bool level);

  BusWires wires_;
  std::array<Function*, 256> functions_{};
  std::array<std::array<core::u8, 4>, 32> intx_count_{};  // functions that assert each pin
  std::vector<BusListener*> listeners_;
};

}  // namespace pci
