#include "machine/board/replay_machine.h"

#include <fmt/format.h>

#include "machine/config/parse.h"

namespace board {
namespace {

core::Result<void> check_image(std::string_view option, core::Bytes image, u64 recorded) {
  if (image.size() == recorded) return {};
  return core::fail(fmt::format("{}: an image of {} bytes, the recorded one had {}", option,
                                image.size(), recorded));
}

}  // namespace

core::Result<config::Machine> recorded_machine(const replay::Header& header,
                                               const std::string& kernel,
                                               const std::string& initrd) {
  std::vector<const char*> argv;
  for (const std::string& one : header.arguments) {
    // Parsing opens nothing else, and a recording has the content of such a file instead.
    if (one == "-readconfig" || one == "--readconfig") {
      return core::fail("the recorded command line names a file of options");
    }
    argv.push_back(one.c_str());
  }
  auto machine = config::parse(argv);
  if (!machine) return machine;
  if (machine->help) return core::fail("the recorded command line is of no machine");
  machine->data_dirs.clear();
  if (!kernel.empty()) machine->kernel = kernel;
  if (!initrd.empty()) machine->initrd = initrd;
  if (machine->vga) machine->vga->rom_file.clear();
  return machine;
}

ReplayMachine::ReplayMachine(replay::Reader& reader, const replay::Header& header,
                             const config::Machine& machine)
    : header_(header),
      machine_(machine),
      player_(reader, header, machine.vga ? display::vgamem_bytes(machine.vga->memory_mb) : u64{0}),
      pci_({pio_, mmio_, player_.memory(), player_.intx(), player_.msis()}) {}

core::Result<void> ReplayMachine::build() {
  ide::DriveConfigs drives;
  for (const config::IdeDisk& disk : machine_.ide_disks) {
    if (disk.ahci) continue;
    const unsigned place = disk.channel * 2 + disk.unit;
    if (player_.disk(place) == nullptr) continue;
    drives[place] =
        ide::DriveConfig{.kind = disk.cdrom ? ide::DriveKind::kCdrom : ide::DriveKind::kDisk,
                         .backend = player_.disk(place),
                         .serial = disk.serial,
                         .model = disk.model,
                         .firmware = disk.version,
                         .wwn = disk.wwn};
  }
  auto setup = board_setup(
      machine_,
      {.line = [this](std::string_view) { return &player_.next_line(); }, .drives = drives},
      files_);
  if (!setup) return tl::unexpected(setup.error());
  if (auto good = check_image("-kernel", files_.kernel.bytes(), header_.kernel_bytes); !good) {
    return good;
  }
  if (auto good = check_image("-initrd", files_.initrd.bytes(), header_.initrd_bytes); !good) {
    return good;
  }
  auto board = PcBoard::create({.pio = pio_,
                                .mmio = mmio_,
                                .pci = pci_,
                                .memory = player_.memory(),
                                .clock = player_.clock(),
                                .isa_irqs = player_.irqs(),
                                .pirqs = player_.pirqs(),
                                .power = player_.power(),
                                .video = machine_.vga ? &player_.video() : nullptr,
                                .rom_lock = &player_.rom_lock(),
                                .unplugger = &player_.unplugger(),
                                .guest_log = &player_.guest_log()},
                               std::move(*setup));
  if (!board) return tl::unexpected(board.error());
  board_ = std::move(*board);
  board_->reset();
  return {};
}

core::Result<void> ReplayMachine::run(std::function<void(const std::string&)> difference) {
  player_.on_difference(std::move(difference));
  input::I8042& i8042 = board_->keyboard_controller();
  return player_.play({.pio = pio_,
                       .mmio = mmio_,
                       .pci = pci_,
                       .keyboard = i8042.keyboard(),
                       .pointer = i8042.mouse(),
                       .control = [this](replay::Control what) { control(what); },
                       .invalidate =
                           [this] {
                             board_->ide().pause();
                             board_->ide().resume();
                           }});
}

void ReplayMachine::control(replay::Control what) {
  switch (what) {
    case replay::Control::kReset: board_->reset(); return;
    case replay::Control::kPause: board_->pause(); return;
    case replay::Control::kResume: board_->resume(); return;
    case replay::Control::kPowerButton:
      if (board_->power_management() != nullptr) board_->power_management()->press_power_button();
      return;
    case replay::Control::kWake: board_->wake_up(); return;
  }
}

}  // namespace board
