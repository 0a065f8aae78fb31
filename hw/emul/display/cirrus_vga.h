// Cirrus Logic CL-GD5446 as a PCI card (1013:00b8): VgaCore with the chip's extensions, 4 MiB of
// memory that its addresses reach, the BitBLT engine and a hardware cursor.
//
// Document: CL-GD5446 Technical Reference Manual (see cirrus_regs.h). Not modelled: SR6 (the
// extensions are always unlocked, as in QEMU), clocks, video overlay, byte-swapped apertures,
// blits to the processor, EEPROM, signature generator.
#pragma once

#include "hw/emul/core/result.h"
#include "hw/emul/display/cirrus_blitter.h"
#include "hw/emul/display/cirrus_cursor.h"
#include "hw/emul/display/cirrus_state.h"
#include "hw/emul/display/graphics_card.h"

namespace display {

struct CirrusConfig {
  std::vector<u8> rom;  // vgabios-cirrus.bin; empty: no expansion ROM
  u32 vgamem_mb = 4;    // 4, 8 or 16
  bool blitter = true;
};

class CirrusVga final : public GraphicsCard, private VgaExtension {
 public:
  /// `video` has at least config.vgamem_mb MiB.
  CirrusVga(pci::Bus& bus, u8 devfn, core::VideoMemory& video, core::Clock& clock,
            CirrusConfig config);
  ~CirrusVga() override;

  std::string_view name() const override { return "cirrus-vga"; }
  void reset() override;
  void pause() override;
  core::StateSection section() override;
  void after_restore() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;
  void io_read_block(u32 tag, u64 offset, unsigned width, core::MutableBytes data) override;
  void io_write_block(u32 tag, u64 offset, unsigned width, core::Bytes data) override;

  core::DisplaySource& screen() override { return core_; }
  const VgaCore& vga() const override { return core_; }

 private:
  enum Tag : u32 { kRegisters, kLinear, kBlitAperture };
  /// So many accesses cost about as much as moving video memory there and back.
  static constexpr u32 kTrappedAccesses = 64;

  /// BAR 0: video memory where the guest may reach it without us, registers of ours elsewhere.
  class MemoryBar final : public pci::BarTarget {
   public:
    explicit MemoryBar(CirrusVga& card) : card_(card) {}
    void map_at(core::Gpa address) override { card_.memory_bar_at(address); }
    void unmap() override { card_.memory_bar_at(0); }

   private:
    CirrusVga& card_;
  };

  // VgaExtension
  bool extended_read(u16 port, u8& value) override;
  bool extended_write(u16 port, u8 value) override;
  bool extended_window_read(u64 offset, core::MutableBytes data) override;
  bool extended_window_write(u64 offset, core::Bytes data) override;
  void extend(TextMode& mode) const override;
  void extend(GraphicsMode& mode) const override;
  LineOverlay* overlay(const GraphicsMode& mode, core::Bytes memory) override;

  void power_on();
  u8 sequencer_read() const;
  void sequencer_write(u8 value);
  u8 crtc_read() const;
  bool crtc_write(u8 value);
  u8 graphics_read(u8 reg) const;
  void graphics_write(u8 reg, u8 value);
  u8 cursor_palette_read();
  void cursor_palette_write(u8 value);
  u8 hidden_dac_read();
  u8 blit_register_read(u64 offset) const;
  void blit_register_write(u64 offset, u8 value);

  void write_status(u8 value);
  void start_blit();
  void end_blit();
  core::Bytes feed_blit(core::Bytes data);

  bool direct() const;
  void place_memory();
  void memory_bar_at(core::Gpa address);
  bool extended_writes() const;
  u32 scaled(u32 address) const;
  void store(u32 address, core::Bytes data);
  void load(u32 address, core::MutableBytes data) const;
  void store_pixels(u32 address, u8 bits);
  void linear_read(u64 offset, core::MutableBytes data);
  void linear_write(u64 offset, core::Bytes data);
  bool registers_at_end() const;
  struct Bank {
    u32 base = 0;
    u32 limit = 0;
  };
  Bank bank(u32 index) const;
  void count_trapped();

  CirrusPciState state_;
  CirrusState& s_ = state_.cirrus;
  VgaState& vga_ = state_.cirrus.vga;
  core::VideoMemory& video_;
  const u64 memory_;
  const bool blitter_;
  MemoryBar memory_bar_;
  VgaCore core_;
  cirrus::SystemBlit system_blit_;
  cirrus::Cursor cursor_;

  // Where BAR 0 decodes, 0 when it does not, and whether the guest reaches video memory there.
  core::Gpa bar_ = 0;
  bool direct_ = false;
  // After a blit from the processor another is likely: video memory is moved back to the BAR only
  // when the guest draws without the engine.
  u32 trapped_left_ = 0;
  std::array<core::ScopedRegion, 2> bar_regions_;
};

}  // namespace display
