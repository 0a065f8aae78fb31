// Direct kernel boot: a bzImage, its command line and initrd become fw_cfg items, which the option
// ROM linuxboot_dma.bin copies to where the header says before it starts the kernel.
//
// Document: the Linux/x86 boot protocol, 2.00 to 2.15. Not modelled: multiboot, PVH and EFI
// entries, device trees.
#pragma once

#include <optional>
#include <string>

#include "hw/emul/core/result.h"
#include "hw/emul/firmware/fw_cfg.h"

namespace firmware {

/// Images are views of memory that stays, unchanged, for as long as the fw_cfg does.
struct LinuxBoot {
  core::Bytes kernel;
  std::string kernel_name;  // for messages: the file's path
  std::optional<core::Bytes> initrd;
  std::string initrd_name;
  std::string command_line;
  core::Bytes option_rom;
  u64 ram_below_4g = 0;
  /// Kept free at the top of low memory for ACPI tables.
  u64 acpi_data_size = 0x28000;
};

/// The option ROM's place in the boot order (FwCfgMachine::boot_paths).
inline constexpr std::string_view kLinuxBootPath = "/rom@genroms/linuxboot_dma.bin";

/// Puts everything into `fw_cfg`, or says what is wrong with which file.
core::Result<void> add_linux_boot(FwCfg& fw_cfg, const LinuxBoot& boot);

}  // namespace firmware
