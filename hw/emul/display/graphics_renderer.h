// Draws graphics modes: the lines whose memory was written, or all.
#pragma once

#include <span>
#include <vector>

#include "hw/emul/display/painter.h"
#include "hw/emul/display/scan_mode.h"

namespace display {

/// Which 4 KiB pages of [first_byte, ...) were written.
class DirtyPages {
 public:
  static constexpr u64 kPageSize = 4096;

  /// Room for the pages that touch [begin, end); all clean.
  void cover(u64 begin, u64 end);
  u64 offset() const { return offset_; }
  u64 length() const { return length_; }
  core::MutableBytes bitmap() { return bits_; }
  /// Whether any page of [begin, end) was written; what is not covered counts as written.
  bool any(u64 begin, u64 end) const;

 private:
  u64 offset_ = 0;
  u64 length_ = 0;
  std::vector<u8> bits_;
};

/// The stretch of memory that `mode` shows, in a memory of `size` bytes.
struct Extent {
  u64 begin = 0, end = 0;
};
Extent shown_memory(const GraphicsMode& mode, u64 size);

/// Something that the card draws over its picture: a hardware cursor.
class LineOverlay {
 public:
  virtual ~LineOverlay() = default;
  /// Whether line `y` looks different from when it was last drawn.
  virtual bool changed(u32 y) const = 0;
  virtual bool covers(u32 y) const = 0;
  /// Over the pixels of line `y`.
  virtual void draw(u32 y, std::span<u32> line) const = 0;
};

/// What is to be drawn of a picture.
struct Redraw {
  const DirtyPages* dirty = nullptr;  // null: all
  bool fresh = false;                 // what is on the surface is undefined
  const LineOverlay* overlay = nullptr;
};

class GraphicsRenderer {
 public:
  /// `vram` is a power of two in size.
  void draw(const GraphicsMode& mode, const Palette& palette, core::Bytes vram,
            const core::Surface& surface, core::DisplaySink& sink, const Redraw& redraw);

 private:
  std::vector<u32> line_;  // pixels, with what panning cuts off
  std::vector<u32> overlaid_;
  std::vector<u8> source_;  // a line that wraps at the end of memory, put together
};

/// Decodes `pixels` memory pixels from `from` (mode.line_bytes() of it, so planar modes may write
/// up to seven more), each once or twice as the mode says.
void draw_scanline(const GraphicsMode& mode, const u8* from, u32 pixels, const Palette& palette,
                   u32* to);

}  // namespace display
