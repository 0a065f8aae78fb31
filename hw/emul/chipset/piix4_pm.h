// The power management function of the PIIX4, 01.3: ACPI's fixed registers, APM command port,
// general-purpose events with the hot-plug blocks behind them, and the SMBus host.
//
// Documents: Intel 82371AB PIIX4 data sheet chapter 7; ACPI 3.0 chapter 4.7; see the headers of
// the parts. Not modelled: the PIIX4's own GPE and clock registers above 0Bh of its range (all
// ones), SMI#, device monitors, throttling. On Xen the hypervisor answers the PM1 event block and
// the timer itself; here come the control register, the events at AFE0h, and the rest.
#pragma once

#include "hw/emul/chipset/cpu_hotplug.h"
#include "hw/emul/chipset/pci_hotplug.h"
#include "hw/emul/chipset/smbus_host.h"
#include "hw/emul/core/clock.h"
#include "hw/emul/core/power.h"
#include "hw/emul/pci/bus.h"
#include "hw/emul/pci/function.h"

namespace chipset {

using core::i64;

/// Differences between machine types. The defaults are xenfv's (pc-i440fx-3.1).
struct Piix4PmType {
  bool acpi_only = false;       // SCI_EN is set from the start, APM cannot change it
  bool saves_smbus = false;     // the stream carries the SMBus host
  bool bridge_hotplug = false;  // hot-plug below bridges; never on Xen
};

/// What each wire of the PM function is connected to.
struct Piix4PmWires {
  core::Clock& clock;
  core::IrqLine sci;  // ISA interrupt 9
  core::PowerControl& power;
  HotplugSlots& slots;
};

/// Why a sleeping machine woke; shows in the PM1 status.
enum class WakeReason : u8 { kClock, kTimer, kOther };

/// Where firmware placed its ports: PMBA, PMREGMISC, SMBBA, SMBHSTCFG.
struct PmPorts {
  u32 pm = 0;
  u8 pm_enable = 0;
  u32 smbus = 0;
  u8 smbus_enable = 0;
};

class Piix4Pm final : public pci::Function {
 public:
  struct ApmState {
    u8 apmc = 0;
    u8 apms = 0;
  };
  struct GpeState {
    u16 sts = 0;
    u16 en = 0;
  };
  struct State {
    pci::FunctionState parent_obj;
    u16 pm1_sts = 0;
    u16 pm1_en = 0;
    u16 pm1_cnt = 0;
    ApmState apm;
    SmbusState smb;
    i64 tmr_timer = -1;
    i64 tmr_overflow_time = 0;
    GpeState gpe;
    PciHotplugState hotplug;
    u32 memhp_selector = 0;
    bool saves_smbus = false;
  };

  Piix4Pm(pci::Bus& bus, u8 devfn, const Piix4PmWires& wires, const Piix4PmType& type = {});

  std::string_view name() const override { return "PIIX4_PM"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override;
  void config_write(u8 reg, u32 value, unsigned width) override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  /// A CPU that is there when the guest starts. False: beyond what the block can show.
  bool cpu_present(unsigned number) { return cpus_.add(number); }
  /// A CPU that arrived while the guest runs: shows it and raises the event.
  bool cpu_plugged(unsigned number);
  /// The functions of a slot have arrived.
  void pci_slot_plugged(unsigned slot);
  /// Asks the guest to let go of a slot; HotplugSlots::slot_ejected() follows, or never.
  void pci_slot_eject_requested(unsigned slot);
  bool pci_slot_eject_pending(unsigned slot) const { return pci_slots_.eject_pending(slot); }

  /// Sets the power button's status if the guest enabled its event. (On Xen the guest looks at
  /// the hypervisor's status register instead.)
  void press_power_button();
  void woken(WakeReason reason);
  PmPorts ports() const;
  void place(const PmPorts& ports);

  /// For the monitor; no side effects.
  u16 pm1_control() const { return s_.pm1_cnt; }

 private:
  u16 read_pm1_status();
  u16 read_pm16(u64 offset);
  u64 read_pm(u64 offset, unsigned width);
  void write_pm(u64 offset, u64 value, unsigned width);
  void write_pm1_control(u16 value);
  void write_apm_command(u8 value);
  u8 read_gpe(u64 offset) const;
  void write_gpe(u64 offset, u8 value);

  i64 timer_ticks() const;
  i64 overflow_ns() const;
  void raise_event(u16 gpe_mask);
  void update_sci();
  void update_ranges();

  const Piix4PmType type_;
  core::PowerControl& power_;
  core::Clock& clock_;
  core::IrqLine sci_;
  State s_;
  std::unique_ptr<core::Timer> timer_;
  SmbusHost smbus_;
  PciHotplug pci_slots_;
  CpuHotplug cpus_;
  core::ScopedRegion apm_ports_;
  core::ScopedRegion gpe_ports_;
  core::ScopedRegion pm_ports_;
  core::ScopedRegion smbus_ports_;
  u32 pm_base_ = 0;     // where pm_ports_ is mapped, 0 nowhere
  u32 smbus_base_ = 0;  // likewise
};

}  // namespace chipset
