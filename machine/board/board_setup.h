// What is on the board, from the command line: the one translation of config::Machine into a
// PcSetup, for whoever builds a board.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "hw/emul/ahci/ahci.h"
#include "machine/board/firmware_files.h"
#include "machine/board/networks.h"
#include "machine/board/pc_board.h"
#include "machine/config/machine.h"

namespace board {

/// RAM from 0 on, below the hole for devices; the rest is above 4 GiB.
u64 ram_below_4g(const config::Machine& machine);

/// Files that the board refers to: they outlive it.
struct BootFiles {
  MappedFile kernel, initrd;
  std::vector<u8> option_rom;
};

/// What the board's devices are connected to outside of it.
struct BackEnds {
  /// The line of a chardev's id; null if there is none.
  std::function<core::CharBackend*(std::string_view id)> line;
  ide::DriveConfigs drives;
  floppy::DriveConfigs floppies{};
  // Of cards. Without a network, or without a clock, no network card can be built.
  Networks* networks = nullptr;
  core::Clock* clock = nullptr;
  std::vector<std::string> rom_directories{};
  /// What is plugged into an AHCI controller of the command line; none: nothing.
  std::function<ahci::DriveConfigs(const config::Device& controller)> sata_drives{};
  /// PV devices can take the place of unplugged ones.
  bool unplug = false;
};

/// Reads ROMs, kernel and initrd.
core::Result<PcSetup> board_setup(const config::Machine& machine, const BackEnds& ends,
                                  BootFiles& files);

}  // namespace board
