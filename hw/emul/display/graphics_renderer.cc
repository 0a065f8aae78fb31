#include "hw/emul/display/graphics_renderer.h"

#include <algorithm>

namespace display {

void DirtyPages::cover(u64 begin, u64 end) {
  offset_ = begin & ~(kPageSize - 1);
  length_ = ((end + kPageSize - 1) & ~(kPageSize - 1)) - offset_;
  bits_.assign((length_ / kPageSize + 7) / 8, 0);
}

bool DirtyPages::any(u64 begin, u64 end) const {
  if (begin < offset_ || end > offset_ + length_) return true;
  for (u64 page = (begin - offset_) / kPageSize; page <= (end - 1 - offset_) / kPageSize; ++page) {
    if ((bits_[page / 8] >> (page % 8) & 1) != 0) return true;
  }
  return false;
}

Extent shown_memory(const GraphicsMode& mode, u64 size) {
  const bool folded = mode.row_address != 3;
  const bool split = mode.line_compare < mode.height - 1;
  const u64 rows = (mode.height + mode.preset_row + mode.repeat) / (mode.repeat + 1);
  const u64 end = mode.start + (rows - 1) * mode.line_offset + mode.line_bytes();
  if (folded || end > size) return {0, size};
  return {split ? 0 : mode.start, end};
}

void GraphicsRenderer::draw(const GraphicsMode& mode, const Palette& palette, core::Bytes vram,
                            const core::Surface& surface, core::DisplaySink& sink,
                            const Redraw& redraw) {
  const DirtyPages* const dirty = redraw.dirty;
  const u64 mask = vram.size() - 1;
  const u32 bytes = mode.line_bytes();
  const u32 scale = mode.double_width ? 2 : 1;
  // Planar lines are decoded eight pixels at a time.
  line_.resize((std::size_t{mode.source_pixels()} + 8) * scale);
  Painter painter(surface, sink, redraw.fresh);
  u64 address = mode.start;
  u32 left = mode.repeat - mode.preset_row;
  u32 row = 0;
  u32 pan = mode.pan;
  u64 drawn = ~u64{0};  // the address that line_ shows
  const u32 folds = mode.row_address ^ 3u;
  for (u32 y = 0; y < mode.height; ++y) {
    u64 from = address;
    if ((folds & 1) != 0) {
      from = (from & ~(u64{1} << mode.row_shift)) | u64{row & 1} << mode.row_shift;
    }
    if ((folds & 2) != 0) from = (from & ~u64{0x8000}) | u64{row & 2} << 14;
    from &= mask;
    const u64 end = from + bytes;
    const bool wraps = end > vram.size();
    bool draw = dirty == nullptr || (redraw.overlay != nullptr && redraw.overlay->changed(y));
    if (!draw) {
      draw = wraps ? dirty->any(from, vram.size()) || dirty->any(0, end & mask)
                   : dirty->any(from, end);
    }
    if (draw) {
      if (drawn != from) {
        const u8* source = vram.data() + from;
        if (wraps) {
          source_.resize(bytes);
          for (u32 i = 0; i < bytes; ++i) source_[i] = vram[(from + i) & mask];
          source = source_.data();
        }
        draw_scanline(mode, source, mode.source_pixels(), palette, line_.data());
        drawn = from;
      }
      const u32* pixels = &line_[std::size_t{pan} * scale];
      if (redraw.overlay != nullptr && redraw.overlay->covers(y)) {
        overlaid_.assign(pixels, pixels + mode.width);
        redraw.overlay->draw(y, overlaid_);
        pixels = overlaid_.data();
      }
      painter.line(y, pixels);
    }
    if (y == mode.line_compare) {
      address = 0;
      row = 0;
      left = mode.repeat;
      if (!mode.pan_split) pan = 0;
    } else if (left == 0) {
      if ((row & folds) == folds) address += mode.line_offset;
      ++row;
      left = mode.repeat;
    } else {
      --left;
    }
  }
}

}  // namespace display
