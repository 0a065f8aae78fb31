#include "machine/board/pc_board.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/ahci/ahci.h"
#include "machine/log/log.h"

namespace board {
namespace {

// PCI functions of the chip set.
constexpr u8 kIsaBridge = pci::devfn(1, 0);
constexpr u8 kIde = pci::devfn(1, 1);
constexpr u8 kPowerManagement = pci::devfn(1, 3);
constexpr unsigned kFirstCardSlot = 2;
constexpr unsigned kFloppyDma = 2;

// ISA interrupts.
enum Irq : unsigned {
  kKeyboardIrq = 1,
  kFloppyIrq = 6,
  kParallelIrq = 7,
  kSciIrq = 9,
  kMouseIrq = 12,
  kPrimaryIdeIrq = 14,
  kSecondaryIdeIrq = 15,
};

}  // namespace

core::Result<std::unique_ptr<PcBoard>> PcBoard::create(const PcWires& wires, PcSetup setup) {
  std::unique_ptr<PcBoard> board(new PcBoard(wires, setup));
  if (auto result = board->add_cards(wires, setup); !result) {
    return tl::unexpected(result.error());
  }
  if (auto result = board->add_fw_cfg(wires, setup); !result) {
    return tl::unexpected(result.error());
  }
  if (auto result = board->fill_cmos(setup); !result) return tl::unexpected(result.error());
  return board;
}

/// The chip set and what is soldered on. The constructors read like a schematic: what each chip
/// is plugged into, which interrupt it drives, whom it asks for reset or power-off.
PcBoard::PcBoard(const PcWires& wires, const PcSetup& setup)
    : bus_(wires.pci),
      card_leaves_(wires.card_leaves),
      isa_irqs_(wires.isa_irqs),
      host_bridge_(wires.pci, setup.ram_below_4g, wires.shadow),
      config_ports_(wires.pci, /*saves_latch=*/false),
      isa_bridge_(wires.pci, kIsaBridge, wires.pirqs, wires.power),
      port92_(wires.pio, wires.power),
      dma_low_(wires.pio, wires.memory, /*second=*/false),
      dma_high_(wires.pio, wires.memory, /*second=*/true),
      cmos_(wires.pio),
      sleep_mark_(wires.power, cmos_),
      i8042_(wires.pio,
             {.keyboard = {isa_irqs_, kKeyboardIrq},
              .mouse = {isa_irqs_, kMouseIrq},
              .a20 = {}},  // all of memory is always there on Xen
             wires.power, wires.leds),
      floppy_(wires.pio, {isa_irqs_, kFloppyIrq}, wires.clock, &dma_low_.channel(kFloppyDma),
              setup.floppies),
      ide_(wires.pci, kIde, {isa_irqs_, kPrimaryIdeIrq}, {isa_irqs_, kSecondaryIdeIrq},
           setup.drives) {
  devices_ = {&host_bridge_,      &config_ports_,  &dma_low_, &dma_high_, &isa_bridge_, &cmos_,
              &i8042_.keyboard(), &i8042_.mouse(), &i8042_,   &port92_,   &floppy_,     &ide_};
  if (setup.power_management) {
    pm_ = std::make_unique<chipset::Piix4Pm>(wires.pci, kPowerManagement,
                                             chipset::Piix4PmWires{.clock = wires.clock,
                                                                   .sci = {isa_irqs_, kSciIrq},
                                                                   .power = sleep_mark_,
                                                                   .slots = *this});
    for (unsigned cpu = 0; cpu < setup.cpus; ++cpu) pm_->cpu_present(cpu);
    devices_.push_back(pm_.get());
  }
  for (const PcSetup::Uart& uart : setup.uarts) {
    const auto instance = static_cast<u32>(uarts_.size());
    uarts_.push_back(std::make_unique<serial::IsaUart>(wires.pio, uart.port, instance,
                                                       core::IrqLine(isa_irqs_, uart.port.irq),
                                                       *uart.backend, wires.clock));
    devices_.push_back(uarts_.back().get());
  }
  if (setup.parallel != nullptr) {
    parallel_ = std::make_unique<serial::Parallel>(
        wires.pio, serial::kParallelBase, core::IrqLine(isa_irqs_, kParallelIrq), *setup.parallel);
    devices_.push_back(parallel_.get());
  }
  for (const PcSetup::DebugPort& debug : setup.debug_ports) {
    debug_ports_.push_back(std::make_unique<firmware::DebugConsole>(
        wires.pio, debug.port, *debug.backend, debug.readback));
  }
}

PcBoard::~PcBoard() = default;

core::Result<u8> PcBoard::take_slot(pci::Bus& bus, int wanted, std::string_view card) const {
  const int slot = wanted >= 0 ? wanted : bus.free_slot(kFirstCardSlot);
  if (slot < 0) return core::fail(fmt::format("no PCI slot is left for {}", card));
  const u8 devfn = pci::devfn(static_cast<unsigned>(slot), 0);
  if (bus.at(devfn) != nullptr) {
    return core::fail(fmt::format("PCI slot {} of {} is taken by {}; give another addr=", slot,
                                  card, bus.at(devfn)->name()));
  }
  return devfn;
}

/// Cards in the order in which they take free slots.
core::Result<void> PcBoard::add_cards(const PcWires& wires, PcSetup& setup) {
  if (setup.platform) {
    const auto devfn = take_slot(wires.pci, setup.platform->slot, "xen-platform");
    if (!devfn) return tl::unexpected(devfn.error());
    platform_ = std::make_unique<xen_platform::Platform>(
        xen_platform::PlatformWires{.bus = wires.pci,
                                    .rom_lock = *wires.rom_lock,
                                    .unplugger = *wires.unplugger,
                                    .log = *wires.guest_log,
                                    .clock = wires.clock},
        *devfn,
        xen_platform::PlatformOptions{.unplug_supported = setup.platform->unplug_supported});
    platform_->set_removable(true);
    devices_.push_back(platform_.get());
  }
  if (setup.vga) {
    const auto devfn = take_slot(wires.pci, setup.vga->slot, "VGA");
    if (!devfn) return tl::unexpected(devfn.error());
    if (auto* config = std::get_if<display::CirrusConfig>(&setup.vga->config); config != nullptr) {
      vga_ = std::make_unique<display::CirrusVga>(wires.pci, *devfn, *wires.video, wires.clock,
                                                  std::move(*config));
    } else {
      vga_ = std::make_unique<display::StdVga>(
          wires.pci, *devfn, *wires.video, wires.clock,
          std::move(std::get<display::StdVgaConfig>(setup.vga->config)));
    }
    vga_->set_qdev_id(setup.vga->id);
    devices_.push_back(vga_.get());
  }
  for (const Card& card : setup.cards) {
    if (auto added = add_card(card, /*hotplug=*/false); !added) {
      return core::fail(fmt::format("-device {}: {}", card.driver, added.error().message));
    }
  }
  return {};
}

core::Result<u8> PcBoard::place_of(const Card& card, bool hotplug) const {
  const std::string& driver = card.driver;
  if (!card.devfn) {
    const int slot = bus_.free_slot(kFirstCardSlot);
    if (slot >= 0) return pci::devfn(static_cast<unsigned>(slot), 0);
    return core::fail(
        fmt::format("PCI: no slot/function available for {}, all in use or reserved", driver));
  }
  const unsigned slot = pci::slot_of(*card.devfn);
  const unsigned number = pci::function_of(*card.devfn);
  if (const pci::Function* other = bus_.at(*card.devfn); other != nullptr) {
    return core::fail(fmt::format(
        "PCI: slot {} function {} not available for {}, in use by {},id={}", slot, number, driver,
        other->name(), other->qdev_id().empty() ? "(null)" : other->qdev_id()));
  }
  const pci::Function* first = bus_.at(pci::devfn(slot, 0));
  if (hotplug && first != nullptr) {
    return core::fail(fmt::format(
        "PCI: slot {} function 0 already occupied by {}, new func {} cannot be exposed to guest.",
        slot, first->name(), driver));
  }
  // What is not function 0 is found only behind one that says there are more.
  const auto several = [](const pci::Function* function) {
    return (function->config_get(pci::kHeaderType, 1) & pci::kHeaderMultiFunction) != 0;
  };
  if (number != 0 && first != nullptr && !several(first)) {
    return core::fail(fmt::format(
        "PCI: single function device can't be populated in function {:x}.{:x}", slot, number));
  }
  for (unsigned other = 1; number == 0 && other < 8; ++other) {
    if (bus_.at(pci::devfn(slot, other)) == nullptr) continue;
    return core::fail(
        fmt::format("PCI: {:x}.0 indicates single function, but {:x}.{:x} is already populated.",
                    slot, slot, other));
  }
  return *card.devfn;
}

core::Result<pci::Function*> PcBoard::add_card(const Card& card, bool hotplug) {
  const auto devfn = place_of(card, hotplug);
  if (!devfn) return tl::unexpected(devfn.error());
  auto made = card.make(bus_, *devfn);
  if (!made) return tl::unexpected(made.error());
  pci::Function* function = made->get();
  function->set_qdev_id(card.id);
  function->set_removable(true);
  if (hotplug) function->set_hotplugged();
  cards_.push_back({card, std::move(*made)});
  cards_.back().card.devfn = *devfn;
  devices_.push_back(function);
  return function;
}

std::vector<const pci::Function*> PcBoard::cards() const {
  std::vector<const pci::Function*> result;
  for (const Plugged& one : cards_) result.push_back(one.function.get());
  return result;
}

core::Result<void> PcBoard::plug(const Card& card) {
  const auto added = add_card(card, /*hotplug=*/true);
  if (!added) return tl::unexpected(added.error());
  pm_->pci_slot_plugged((*added)->slot());
  return {};
}

void PcBoard::request_eject(const pci::Function& function) {
  pm_->pci_slot_eject_requested(function.slot());
}

/// On Xen the firmware looks for fw_cfg only to boot a kernel directly; without one its ports
/// read all ones. Without Xen it is always there.
core::Result<void> PcBoard::add_fw_cfg(const PcWires& wires, PcSetup& setup) {
  if (!setup.linux_boot && !setup.fw_cfg_always) return {};
  fw_cfg_ = std::make_unique<firmware::FwCfg>(wires.pio, &wires.memory);
  devices_.push_back(fw_cfg_.get());
  if (setup.linux_boot) {
    setup.fw_cfg.boot_paths.insert(setup.fw_cfg.boot_paths.begin(),
                                   std::string(firmware::kLinuxBootPath));
    if (auto result = firmware::add_linux_boot(*fw_cfg_, *setup.linux_boot); !result) return result;
  }
  return firmware::add_machine_items(*fw_cfg_, setup.fw_cfg);
}

core::Result<void> PcBoard::fill_cmos(const PcSetup& setup) {
  chipset::CmosSetup cmos{.ram_below_4g = setup.ram_below_4g,
                          .ram_above_4g = setup.ram_above_4g,
                          .boot_order = setup.boot_order,
                          .floppy_signature_check = setup.floppy_signature_check,
                          .cpus = setup.cpus};
  for (unsigned i = 0; i < cmos.floppies.size(); ++i) {
    constexpr std::array kTypes = {chipset::FloppyType::kNone, chipset::FloppyType::k1200K,
                                   chipset::FloppyType::k1440K, chipset::FloppyType::k2880K};
    const floppy::DriveType type = floppy_.drive_type(i);
    if (type != floppy::DriveType::kByDisk) cmos.floppies[i] = kTypes[static_cast<u8>(type)];
  }
  for (unsigned i = 0; i < cmos.disks.size(); ++i) {
    if (!ide_.has_drive(i) || ide_.is_cdrom(i)) continue;
    const ide::Geometry& geometry = ide_.geometry(i);
    cmos.disks[i] = {.cylinders = core::low<u16>(geometry.cylinders),
                     .heads = core::low<u8>(geometry.heads),
                     .sectors = core::low<u8>(geometry.sectors),
                     .translation = static_cast<u8>(geometry.translation)};
  }
  return cmos_.configure(cmos);
}

/// By index: power management, which comes ahead of all cards, takes out those that the guest was
/// to let go of.
void PcBoard::reset() {
  for (std::size_t i = 0; i < devices_.size(); ++i) devices_[i]->reset();
}

void PcBoard::wake_up() {
  if (pm_ == nullptr) return reset();
  const chipset::PmPorts ports = pm_->ports();
  reset();
  pm_->place(ports);
  pm_->woken(chipset::WakeReason::kOther);
}

void PcBoard::pause() {
  for (core::Device* device : devices_) device->pause();
}

void PcBoard::resume() {
  for (core::Device* device : devices_) device->resume();
}

/// As stock has it: everything but the chip set and the screen, empty slots included.
bool PcBoard::slot_removable(unsigned slot) {
  for (unsigned number = 0; number < 8; ++number) {
    const pci::Function* function = bus_.at(pci::devfn(slot, number));
    if (function != nullptr && !function->removable()) return false;
  }
  return true;
}

/// The newest first. Returns what they were made of.
std::vector<Card> PcBoard::remove_cards(const std::function<bool(const pci::Function&)>& which) {
  std::vector<Card> removed;
  for (std::size_t i = cards_.size(); i-- > 0;) {
    const pci::Function& function = *cards_[i].function;
    if (!which(function)) continue;
    if (card_leaves_) card_leaves_(function);
    std::erase(devices_, &function);
    removed.push_back(std::move(cards_[i].card));
    cards_.erase(cards_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return removed;
}

void PcBoard::remove_network_cards() {
  constexpr u32 kEthernet = 0x0200;
  std::vector<Card> removed = remove_cards(
      [](const pci::Function& card) { return card.config_get(pci::kClassDevice, 2) == kEthernet; });
  for (Card& card : removed) unplugged_.push_back(std::move(card));
}

void PcBoard::restore_network_cards() {
  const std::vector<Card> cards = std::exchange(unplugged_, {});
  for (auto card = cards.rbegin(); card != cards.rend(); ++card) {
    const auto added = add_card(*card, /*hotplug=*/false);
    // Only where somebody put another card into its slot meanwhile.
    if (!added) mlog::warning("{} does not come back: {}", card->driver, added.error().message);
  }
}

void PcBoard::detach_sata_disks() {
  for (const Plugged& card : cards_) {
    auto* const controller = dynamic_cast<ahci::Ahci*>(card.function.get());
    for (unsigned port = 0; controller != nullptr && port < ahci::kPorts; ++port) {
      if (!controller->is_cdrom(port)) controller->detach_drive(port);
    }
  }
}

/// All functions of the slot.
void PcBoard::slot_ejected(unsigned slot) {
  (void)remove_cards([slot](const pci::Function& card) { return card.slot() == slot; });
  if (platform_ == nullptr || platform_->slot() != slot) return;
  if (card_leaves_) card_leaves_(*platform_);
  std::erase(devices_, platform_.get());
  platform_.reset();
}

}  // namespace board
