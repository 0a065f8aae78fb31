// The board: a 440FX/PIIX3 PC as QEMU's xenfv and pc machines have it, less what Xen provides
// (interrupt controllers, timers, the clock, memory). pc_board.cc is its wiring diagram.
//
// Thread: device thread.
#pragma once

#include <array>
#include <memory>
#include <variant>
#include <vector>

#include "hw/emul/chipset/cmos.h"
#include "hw/emul/chipset/i440fx.h"
#include "hw/emul/chipset/i8237.h"
#include "hw/emul/chipset/piix3.h"
#include "hw/emul/chipset/piix4_pm.h"
#include "hw/emul/core/chardev.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/power.h"
#include "hw/emul/display/cirrus_vga.h"
#include "hw/emul/display/std_vga.h"
#include "hw/emul/firmware/debug_ports.h"
#include "hw/emul/firmware/fw_cfg.h"
#include "hw/emul/firmware/linux_boot.h"
#include "hw/emul/floppy/fdc.h"
#include "hw/emul/ide/piix3_ide.h"
#include "hw/emul/input/i8042.h"
#include "hw/emul/pci/bus.h"
#include "hw/emul/serial/isa_uart.h"
#include "hw/emul/serial/parallel.h"
#include "hw/xen/platform/platform.h"
#include "machine/board/card.h"

namespace board {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// What the board is connected to. All outlive it.
struct PcWires {
  core::PioSpace& pio;
  core::MmioSpace& mmio;
  pci::Bus& pci;
  core::GuestMemory& memory;
  core::Clock& clock;
  core::IrqSink& isa_irqs;
  chipset::PirqRouter& pirqs;
  core::PowerControl& power;
  core::LedSink* leds = nullptr;              // may be null
  core::VideoMemory* video = nullptr;         // of the graphics card, if there is one
  xen_platform::RomLock* rom_lock = nullptr;  // of the platform device, if there is one
  xen_platform::Unplugger* unplugger = nullptr;
  xen_platform::GuestLog* guest_log = nullptr;
  chipset::ShadowListener* shadow = nullptr;  // of a machine that moves memory itself
  /// Told of a card that the guest let go of, just before it is destroyed. May be empty.
  std::function<void(const pci::Function&)> card_leaves{};
};

/// What is on the board.
struct PcSetup {
  u64 ram_below_4g = 0;
  u64 ram_above_4g = 0;
  unsigned cpus = 1;
  bool power_management = true;  // -no-acpi takes the PIIX4 away
  std::string boot_order = "cad";
  bool floppy_signature_check = true;

  struct Uart {
    serial::IsaPort port;
    core::CharBackend* backend;
  };
  std::vector<Uart> uarts;
  core::CharBackend* parallel = nullptr;
  struct DebugPort {
    u16 port;
    u8 readback;
    core::CharBackend* backend;
  };
  std::vector<DebugPort> debug_ports;

  ide::DriveConfigs drives;
  floppy::DriveConfigs floppies{};

  /// The platform device of Xen; in the first free slot unless told.
  struct Platform {
    int slot = -1;
    bool unplug_supported = false;
  };
  std::optional<Platform> platform;

  struct Vga {
    std::variant<display::StdVgaConfig, display::CirrusConfig> config;
    int slot = -1;
    std::string id;  // qdev id
  };
  std::optional<Vga> vga;
  std::vector<Card> cards;  // in the order in which they take free slots

  /// Direct kernel boot; the images stay mapped as long as the board.
  std::optional<firmware::LinuxBoot> linux_boot;
  firmware::FwCfgMachine fw_cfg;
  bool fw_cfg_always = false;  // also without a kernel: for firmware that Xen did not place
};

class PcBoard final : private chipset::HotplugSlots {
 public:
  /// Fails on what the operator can mend: a bad kernel image, a slot that is taken.
  static core::Result<std::unique_ptr<PcBoard>> create(const PcWires& wires, PcSetup setup);
  ~PcBoard() override;
  PcBoard(const PcBoard&) = delete;
  PcBoard& operator=(const PcBoard&) = delete;

  /// All devices to their state at power-on.
  void reset();
  /// As reset(), after a sleep: the guest sees that it slept, and finds power management where its
  /// firmware placed it, which does not do so again.
  void wake_up();
  void pause();
  void resume();

  /// In the order of QEMU's stream.
  const std::vector<core::Device*>& devices() const { return devices_; }

  input::I8042& keyboard_controller() { return i8042_; }
  display::GraphicsCard* vga() { return vga_.get(); }
  chipset::Piix4Pm* power_management() { return pm_.get(); }
  ide::Piix3Ide& ide() { return ide_; }
  xen_platform::Platform* platform() { return platform_.get(); }
  chipset::Cmos& cmos() { return cmos_; }

  pci::Function* function(unsigned devfn) { return devfn < 256 ? bus_.at(u8(devfn)) : nullptr; }
  /// Those of PcSetup::cards, and those plugged in since.
  std::vector<const pci::Function*> cards() const;
  /// Whether slots may be filled and emptied while the guest runs: it needs ACPI for that.
  bool hotplug() const { return pm_ != nullptr; }
  /// Puts a card in and tells the guest. Messages are QEMU's.
  core::Result<void> plug(const Card& card);
  /// The guest has drivers of its own for the network: its cards go at once, until the next
  /// restore_network_cards(), which comes ahead of a reset.
  void remove_network_cards();
  void restore_network_cards();
  /// The same for disks of AHCI controllers: they go, CD drives and the controllers stay. The
  /// caller flushes their back ends.
  void detach_sata_disks();
  /// Asks the guest, again if need be, to let go of a removable function; `card_leaves` follows,
  /// or never.
  void request_eject(const pci::Function& function);

 private:
  PcBoard(const PcWires& wires, const PcSetup& setup);
  core::Result<void> add_cards(const PcWires& wires, PcSetup& setup);
  core::Result<void> add_fw_cfg(const PcWires& wires, PcSetup& setup);
  core::Result<void> fill_cmos(const PcSetup& setup);
  core::Result<u8> take_slot(pci::Bus& bus, int wanted, std::string_view card) const;
  core::Result<u8> place_of(const Card& card, bool hotplug) const;
  std::vector<Card> remove_cards(const std::function<bool(const pci::Function&)>& which);
  core::Result<pci::Function*> add_card(const Card& card, bool hotplug);

  // chipset::HotplugSlots
  bool slot_removable(unsigned slot) override;
  void slot_ejected(unsigned slot) override;

  /// Firmware knows a wake-up from a start by a mark in the CMOS.
  class SleepMark final : public core::PowerControl {
   public:
    SleepMark(core::PowerControl& machine, chipset::Cmos& cmos) : machine_(machine), cmos_(cmos) {}
    void reset_requested(core::ResetCause cause) override { machine_.reset_requested(cause); }
    void power_off() override { machine_.power_off(); }
    void suspend_to_ram() override {
      cmos_.mark_sleep();
      machine_.suspend_to_ram();
    }
    void suspend_to_disk() override { machine_.suspend_to_disk(); }

   private:
    core::PowerControl& machine_;
    chipset::Cmos& cmos_;
  };

  pci::Bus& bus_;
  std::function<void(const pci::Function&)> card_leaves_;

  // Destroyed from the bottom up.
  core::IrqOr isa_irqs_;
  chipset::I440fx host_bridge_;
  chipset::PciConfigPorts config_ports_;
  chipset::Piix3Isa isa_bridge_;
  chipset::Port92 port92_;
  chipset::I8237 dma_low_;
  chipset::I8237 dma_high_;
  chipset::Cmos cmos_;
  SleepMark sleep_mark_;
  input::I8042 i8042_;
  floppy::Fdc floppy_;
  ide::Piix3Ide ide_;
  std::unique_ptr<chipset::Piix4Pm> pm_;
  std::vector<std::unique_ptr<serial::IsaUart>> uarts_;
  std::unique_ptr<serial::Parallel> parallel_;
  std::vector<std::unique_ptr<firmware::DebugConsole>> debug_ports_;
  std::unique_ptr<xen_platform::Platform> platform_;
  std::unique_ptr<display::GraphicsCard> vga_;
  struct Plugged {
    Card card;
    std::unique_ptr<pci::Function> function;
  };
  std::vector<Plugged> cards_;
  std::vector<Card> unplugged_;  // by the guest, in its place each
  std::unique_ptr<firmware::FwCfg> fw_cfg_;
  std::vector<core::Device*> devices_;
};

}  // namespace board
