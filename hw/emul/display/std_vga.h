// The standard VGA of QEMU as a PCI card (1234:1111 revision 2): VgaCore with its video memory in
// BAR 0, registers in BAR 2 and the VGA BIOS in the expansion ROM.
//
// Document: QEMU docs/specs/standard-vga.txt. Not modelled: the EDID extension blocks.
#pragma once

#include <optional>
#include <vector>

#include "hw/emul/core/result.h"
#include "hw/emul/display/edid.h"
#include "hw/emul/display/graphics_card.h"

namespace display {

struct StdVgaConfig {
  std::vector<u8> rom;          // vgabios-stdvga.bin; empty: no expansion ROM
  u32 vgamem_mb = 16;           // see vgamem_bytes()
  bool edid = false;            // off in pc-i440fx-3.1 and with it in xenfv
  u32 xres = 1280, yres = 800;  // what the EDID prefers
};

/// The size of video memory that `vgamem_mb` stands for: within 1..512 and rounded up to a power
/// of two, as QEMU does.
u64 vgamem_bytes(u32 vgamem_mb);

class StdVga final : public GraphicsCard {
 public:
  /// `video` has at least vgamem_bytes(config.vgamem_mb) bytes.
  StdVga(pci::Bus& bus, u8 devfn, core::VideoMemory& video, core::Clock& clock,
         StdVgaConfig config);
  ~StdVga() override;

  std::string_view name() const override { return "VGA"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  core::DisplaySource& screen() override { return core_; }
  const VgaCore& vga() const override { return core_; }

  struct State {
    pci::FunctionState dev;
    VgaState vga;
  };

 private:
  /// BAR 0: the machine moves the frames; nothing is trapped.
  class MemoryBar final : public pci::BarTarget {
   public:
    explicit MemoryBar(core::VideoMemory& video) : video_(video) {}
    void map_at(core::Gpa address) override { video_.map_at(address); }
    void unmap() override { video_.unmap(); }

   private:
    core::VideoMemory& video_;
  };

  u8 mmio_byte(u64 offset);

  State state_;
  MemoryBar memory_bar_;
  VgaCore core_;
  std::optional<std::array<u8, kEdidSize>> edid_;
};

extern const core::StateTable kStdVgaTable;

}  // namespace display
