// A VGA with Bochs DISPI modes, without a bus around it: registers at their legacy ports, the
// memory window at a0000, and the picture. PCI cards (StdVga, CirrusVga) own one.
//
// Document: see vga_regs.h. Not modelled: the DAC mask register, the feature connector, light
// pen, vertical retrace interrupt, exact retrace timing (the status bits alternate on each read,
// which satisfies every loop that waits for an edge), overscan, CRTC address wrap at 64 K.
//
// Video memory holds the four planes interleaved: byte p of the little-endian word n is address n
// of plane p. Everything linear (chain-4, DISPI) is then a plain byte address.
#pragma once

#include <string>
#include <vector>

#include "hw/emul/core/clock.h"
#include "hw/emul/core/display.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/memory.h"
#include "hw/emul/display/graphics_renderer.h"
#include "hw/emul/display/text_renderer.h"
#include "hw/emul/display/vga_state.h"

namespace display {

/// What a card is wired to; all outlive it.
struct VgaWires {
  core::RegionMap& pio;
  core::RegionMap& mmio;
  core::VideoMemory& video;
  core::Clock& clock;
};

/// What a card adds to the VGA that it is built on. It is asked first; the VGA does the rest.
class VgaExtension {
 public:
  virtual ~VgaExtension() = default;
  /// A legacy port that is not at the wrong address; false: it is the VGA's.
  virtual bool extended_read(u16 port, u8& value) = 0;
  virtual bool extended_write(u16 port, u8 value) = 0;
  /// The window at a0000; false: it is the VGA's.
  virtual bool extended_window_read(u64 offset, core::MutableBytes data) = 0;
  virtual bool extended_window_write(u64 offset, core::Bytes data) = 0;
  /// What the card scans out differently.
  virtual void extend(TextMode& mode) const = 0;
  virtual void extend(GraphicsMode& mode) const = 0;
  /// Drawn over graphics modes, from now on as it is in `memory`; null: nothing.
  virtual LineOverlay* overlay(const GraphicsMode& mode, core::Bytes memory) = 0;
};

class VgaCore final : public core::IoHandler, public core::DisplaySource {
 public:
  /// Maps its ports and its window. `memory` is the size of video memory: a power of two, from
  /// 1 MiB on. `state` belongs to the card. A card with an extension has no DISPI, and all ports
  /// from 3b0 to 3df.
  VgaCore(VgaState& state, const VgaWires& wires, u64 memory, VgaExtension* extension = nullptr);

  void reset();
  /// The state was overwritten.
  void after_restore();

  /// One byte at a legacy port (3b0..3df), also through the card's MMIO window.
  u8 port_read(u16 port);
  void port_write(u16 port, u8 value);
  /// DISPI register `index`; leaves it selected, as the MMIO window does.
  u16 dispi_read_at(u16 index);
  void dispi_write_at(u16 index, u16 value);

  /// The window at a0000; `offset` is relative to it.
  void window_read(u64 offset, core::MutableBytes data);
  void window_write(u64 offset, core::Bytes data);

  /// Something may look different from now on. Registers that are only an index, too: seldom
  /// enough.
  void stir();
  /// An extension wrote `length` bytes of video memory.
  void wrote(u64 offset, u64 length);
  core::MutableBytes vram() const;

  // core::IoHandler
  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;
  void io_read_block(u32 tag, u64 offset, unsigned width, core::MutableBytes data) override;
  void io_write_block(u32 tag, u64 offset, unsigned width, core::Bytes data) override;

  // core::DisplaySource
  void refresh(core::DisplaySink& sink, bool full) override;
  void idle() override;

  /// What a text screen says, a string a row; empty in graphics modes and while blanked.
  std::vector<std::string> text_lines() const;

 private:
  enum class Screen : u8 { kBlank, kText, kGraphics };
  /// Where in the window the guest finds which video memory.
  struct Window {
    u32 base = 0;
    u32 length = 0;
    u64 bank = 0;
  };

  Window window() const;
  bool wrong_address(u16 port) const;
  u8 status1();
  void attribute_write(u8 value);
  void crtc_write(u8 value);
  void palette_write(u8 value);
  u8 palette_read();
  void dispi_data_write(u16 value);

  void write_chain4(u64 address, core::Bytes data, core::MutableBytes memory);
  void write_odd_even(u64 address, core::Bytes data, core::MutableBytes memory);
  void write_planar(u64 address, core::Bytes data, core::MutableBytes memory);
  void read_odd_even(u64 address, core::MutableBytes data, core::Bytes memory);
  void read_planar(u64 address, core::MutableBytes data, core::Bytes memory);

  Screen screen() const;
  TextMode text_mode() const;
  GraphicsMode graphics_mode() const;
  BlinkPhase blink() const;
  bool resize(u32 width, u32 height);
  void draw_blank(bool fresh);
  void draw_text(core::Bytes memory, bool fresh);
  void draw_graphics(core::Bytes memory, bool fresh);

  VgaState& s_;
  VgaWires wires_;
  const u64 size_;
  VgaExtension* const extension_;

  // What is on the viewer's surface. All of it may be dropped at any time by setting stale_.
  core::DisplaySink* sink_ = nullptr;
  core::Surface surface_{};
  // Of the last picture: a blanked screen keeps it, for viewers that come only now, too.
  u32 width_ = 640;
  u32 height_ = 480;
  Screen shown_ = Screen::kBlank;
  bool stale_ = true;
  bool stirred_ = false;       // the sink was told
  bool font_written_ = false;  // plane 2 changed since text was last drawn
  bool tracking_ = false;      // the machine watches video memory for us
  TextMode text_mode_;
  GraphicsMode graphics_mode_;
  Palette palette_{};
  DirtyPages dirty_;
  TextRenderer text_;
  GraphicsRenderer graphics_;

  std::vector<core::ScopedRegion> regions_;
};

}  // namespace display
