#include "machine/board/board_setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "machine/board/cards.h"

namespace board {
namespace {

core::Result<void> add_linux_boot(const config::Machine& machine, PcSetup& setup,
                                  BootFiles& files) {
  auto kernel = MappedFile::open(machine.kernel);
  if (!kernel) return tl::unexpected(kernel.error());
  files.kernel = std::move(*kernel);
  firmware::LinuxBoot boot{.kernel = files.kernel.bytes(),
                           .kernel_name = machine.kernel,
                           .initrd = std::nullopt,
                           .initrd_name = machine.initrd,
                           .command_line = machine.append,
                           .option_rom = {},
                           .ram_below_4g = setup.ram_below_4g};
  if (!machine.initrd.empty()) {
    auto initrd = MappedFile::open(machine.initrd);
    if (!initrd) return tl::unexpected(initrd.error());
    files.initrd = std::move(*initrd);
    boot.initrd = files.initrd.bytes();
  }
  const auto path = find_firmware("linuxboot_dma.bin", machine.data_dirs);
  if (!path) return tl::unexpected(path.error());
  auto rom = read_file(*path);
  if (!rom) return tl::unexpected(rom.error());
  files.option_rom = std::move(*rom);
  boot.option_rom = files.option_rom;
  setup.linux_boot = boot;
  setup.fw_cfg = {.graphics = machine.vga.has_value(),
                  .boot_menu = machine.boot.menu,
                  .menu_wait = machine.boot.splash_time,
                  .boot_fail_wait = machine.boot.reboot_timeout,
                  .cpus = static_cast<u16>(machine.smp.cpus),
                  .s3_enabled = machine.acpi.s3,
                  .s4_enabled = machine.acpi.s4,
                  .s4_type = machine.acpi.s4_value};
  return {};
}

}  // namespace

u64 ram_below_4g(const config::Machine& machine) {
  return std::min(machine.ram_bytes, machine.max_ram_below_4g);
}

core::Result<PcSetup> board_setup(const config::Machine& machine, const BackEnds& ends,
                                  BootFiles& files) {
  const u64 below = ram_below_4g(machine);
  PcSetup setup{.ram_below_4g = below,
                .ram_above_4g = machine.ram_bytes - below,
                .cpus = machine.smp.cpus,
                .power_management = machine.acpi.present,
                .boot_order = machine.boot.once.empty() ? machine.boot.order : machine.boot.once,
                .floppy_signature_check = machine.boot.floppy_signature_check};
  for (const config::SerialPort& serial : machine.serials) {
    const auto known = std::find_if(serial::kIsaUarts.begin(), serial::kIsaUarts.end(),
                                    [&](const auto& port) { return port.base == serial.iobase; });
    if (known == serial::kIsaUarts.end()) {
      return core::fail(
          fmt::format("-device isa-serial,iobase={:#x}: there are 0x3f8, 0x2f8, "
                      "0x3e8 and 0x2e8",
                      serial.iobase));
    }
    serial::IsaPort port = *known;
    port.irq = serial.irq;
    setup.uarts.push_back({.port = port, .backend = ends.line(serial.chardev)});
  }
  if (!machine.parallels.empty()) {
    setup.parallel = ends.line(machine.parallels.front().chardev);
  }
  for (const config::DebugPort& debug : machine.debug_ports) {
    setup.debug_ports.push_back(
        {.port = debug.iobase, .readback = debug.readback, .backend = ends.line(debug.chardev)});
  }
  setup.drives = ends.drives;
  setup.floppies = ends.floppies;
  if (machine.platform.present) {
    setup.platform =
        PcSetup::Platform{.slot = machine.platform.slot ? int{*machine.platform.slot} : -1,
                          .unplug_supported = ends.unplug};
  }
  if (machine.vga) {
    const bool cirrus = machine.vga->model == config::Vga::Model::kCirrus;
    PcSetup::Vga vga{.config = {},
                     .slot = machine.vga->slot ? static_cast<int>(*machine.vga->slot) : -1,
                     .id = machine.vga->id};
    std::vector<u8> rom;
    if (machine.vga->rom) {
      std::string name = machine.vga->rom_file;
      if (name.empty()) name = cirrus ? "vgabios-cirrus.bin" : "vgabios-stdvga.bin";
      const auto path = find_firmware(name, machine.data_dirs);
      if (!path) return tl::unexpected(path.error());
      auto content = read_file(*path);
      if (!content) return tl::unexpected(content.error());
      rom = std::move(*content);
    }
    if (cirrus) {
      vga.config = display::CirrusConfig{.rom = std::move(rom),
                                         .vgamem_mb = machine.vga->memory_mb,
                                         .blitter = machine.vga->blitter};
    } else {
      vga.config = display::StdVgaConfig{.rom = std::move(rom),
                                         .vgamem_mb = machine.vga->memory_mb,
                                         .edid = machine.vga->edid,
                                         .xres = machine.vga->xres,
                                         .yres = machine.vga->yres};
    }
    setup.vga = std::move(vga);
  }
  for (const config::Device& device : machine.devices) {
    auto card = make_card(device, ends);
    if (!card) {
      return core::fail(fmt::format("-device {}: {}", device.driver, card.error().message));
    }
    setup.cards.push_back(std::move(*card));
  }
  if (!machine.kernel.empty()) {
    if (auto result = add_linux_boot(machine, setup, files); !result)
      return tl::unexpected(result.error());
  }
  return setup;
}

}  // namespace board
