// Intel ICH9 SATA controller in AHCI mode, as a PCI card of its own: six ports.
//
// Document: AHCI 1.3.1; Intel I/O Controller Hub 9 (316972-004), 15. Not modelled: command
// completion coalescing, enclosure management, IDE modes, hot plug of drives.
#pragma once

#include <memory>
#include <optional>

#include "hw/emul/ahci/ahci_port.h"
#include "hw/emul/ide/piix3_ide.h"

namespace ahci {

using DriveConfigs = std::array<std::optional<ide::DriveConfig>, kPorts>;

class Ahci final : public pci::Function, private ide::DmaPort, private Port::Controller {
 public:
  /// Drives without a serial number are numbered from `first_serial` on, as QEMU does: two numbers
  /// a port.
  Ahci(pci::Bus& bus, core::u8 devfn, const DriveConfigs& drives, unsigned first_serial = 5);
  ~Ahci() override;

  std::string_view name() const override { return "ich9-ahci"; }
  void reset() override;
  void pause() override;
  void resume() override;
  core::StateSection section() override;
  void after_restore() override;
  void config_write(u8 reg, u32 value, unsigned width) override;

  bool has_drive(unsigned port);
  bool is_cdrom(unsigned port);
  /// Unplugs a drive for good: waits for what is under way and lets go of its back end, which the
  /// caller flushes.
  void detach_drive(unsigned port);

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  enum Tag : u32 { kRegisters = 0, kIndexPair = 1 };

  void add_capabilities();
  u32 read_register(u32 offset);
  void write_register(u32 offset, u32 value);
  void controller_reset();
  void port_interrupt(bool fresh) override;
  bool msi_enabled() const;

  bool dma_read(core::Gpa gpa, core::MutableBytes to) override;
  bool dma_write(core::Gpa gpa, core::Bytes from) override;
  core::MemoryPin dma_pin(core::Gpa gpa, u64 length, core::MemoryAccess access) override;

  State s_;
  std::array<std::unique_ptr<Port>, kPorts> ports_;
};

}  // namespace ahci
