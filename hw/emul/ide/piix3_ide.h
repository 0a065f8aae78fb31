// PIIX3 function 1: two IDE channels at the legacy ports, with bus mastering.
//
// Document: 82371FB/82371SB datasheet, 290550-002, 2.7 and 3.3. Not modelled: drive timings, the
// decode enables of IDETIM (both channels always answer, as guests of QEMU expect).
#pragma once

#include <optional>

#include "hw/emul/ide/ata_drive.h"
#include "hw/emul/ide/geometry.h"
#include "hw/emul/ide/ide_channel.h"
#include "hw/emul/pci/bus.h"
#include "hw/emul/pci/function.h"

namespace ide {

enum class DriveKind : u8 { kDisk, kCdrom };

struct DriveConfig {
  DriveKind kind = DriveKind::kDisk;
  core::BlockBackend* backend = nullptr;  // outlives the controller
  // Empty means what QEMU reports, so that a guest finds the same drive under both.
  std::string serial;
  std::string model;
  std::string firmware;
  u64 wwn = 0;
  u16 rotation_rate = 0;
  std::optional<Geometry> geometry;  // of a disk; else guessed from its size
};

/// What the drive is called: as configured, or as QEMU's drive of that number.
DriveIdentity identity_of(const DriveConfig& config, unsigned number);

/// Primary master, primary slave, secondary master, secondary slave.
using DriveConfigs = std::array<std::optional<DriveConfig>, 4>;

class Piix3Ide final : public pci::Function, private DmaPort {
 public:
  Piix3Ide(pci::Bus& bus, u8 devfn, core::IrqLine primary, core::IrqLine secondary,
           const DriveConfigs& drives);
  ~Piix3Ide() override;

  std::string_view name() const override { return "piix3-ide"; }
  void reset() override;
  void pause() override;
  void resume() override;
  core::StateSection section() override;
  void after_restore() override;

  /// Drives are numbered as in DriveConfigs.
  bool has_drive(unsigned index);
  bool is_cdrom(unsigned index);
  /// All zero unless it is a disk.
  const Geometry& geometry(unsigned index);
  /// Unplugs a drive for good: waits for what is under way and lets go of its back end. The channel
  /// then shows an empty half. The caller flushes the back end.
  void detach_drive(unsigned index);
  /// Into an empty place: after a reset, what was unplugged comes back.
  void attach_drive(unsigned index, const DriveConfig& config) { attach(index, config); }

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  bool dma_read(core::Gpa gpa, core::MutableBytes to) override;
  bool dma_write(core::Gpa gpa, core::Bytes from) override;
  core::MemoryPin dma_pin(core::Gpa gpa, u64 length, core::MemoryAccess access) override;

  void attach(unsigned index, const DriveConfig& config);
  Drive& drive(unsigned index);

  State s_;
  std::array<Channel, 2> channels_;
  std::array<core::ScopedRegion, 4> regions_;
};

}  // namespace ide
