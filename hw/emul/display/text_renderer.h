// Draws character modes. Usually cell by cell, comparing with what was drawn last; while a guest
// scrolls smoothly or splits the screen, scan line by scan line.
#pragma once

#include <string>
#include <vector>

#include "hw/emul/display/painter.h"
#include "hw/emul/display/scan_mode.h"

namespace display {

/// Where the blinking stands: cursor and characters are shown or not.
struct BlinkPhase {
  bool cursor = true;
  bool text = true;
};

class TextRenderer {
 public:
  /// `mode` has at least two and at most kMaxCells cells; `vram` is a power of two in size.
  /// `fresh`: nothing on `surface` can be trusted.
  void draw(const TextMode& mode, const TextCursor& cursor, BlinkPhase phase,
            const Palette& palette, core::Bytes vram, const core::Surface& surface,
            core::DisplaySink& sink, bool fresh);

  /// The characters on the screen as UTF-8, a string a row, without trailing blanks.
  static std::vector<std::string> lines(const TextMode& mode, core::Bytes vram);

 private:
  void draw_cells(core::Bytes vram, const core::Surface& surface, core::DisplaySink& sink,
                  bool fresh);
  void draw_scan_lines(core::Bytes vram, const core::Surface& surface, core::DisplaySink& sink,
                       bool fresh);
  u32 cell_key(u32 address, core::Bytes vram) const;
  void cell_row(u32* out, u32 key, u32 row, core::Bytes vram) const;

  TextMode mode_;
  TextCursor cursor_;
  BlinkPhase phase_;
  std::array<u32, 16> colors_{};
  std::vector<u32> shown_;  // what each cell looks like on the surface, see cell_key()
  std::vector<u32> line_;
};

}  // namespace display
