#include "hw/emul/display/text_renderer.h"

#include <algorithm>

namespace display {
namespace {

// A cell's looks in one word: character, attribute, and these.
constexpr u32 kHidden = 1u << 16;  // blinking, in the dark half
constexpr u32 kCursor = 1u << 17;
constexpr u32 kCursorFirstShift = 18;
constexpr u32 kCursorLastShift = 23;
constexpr u32 kNothing = ~0u;

u8 byte_at(core::Bytes vram, u32 address) {
  return vram[address & (vram.size() - 1)];
}

}  // namespace

void TextRenderer::draw(const TextMode& mode, const TextCursor& cursor, BlinkPhase phase,
                        const Palette& palette, core::Bytes vram, const core::Surface& surface,
                        core::DisplaySink& sink, bool fresh) {
  mode_ = mode;
  cursor_ = cursor;
  phase_ = phase;
  std::copy_n(palette.begin(), colors_.size(), colors_.begin());
  const bool simple =
      mode.pan == 0 && mode.preset_row == 0 && mode.line_compare >= mode.height() - 1;
  if (simple) {
    draw_cells(vram, surface, sink, fresh);
  } else {
    shown_.clear();
    draw_scan_lines(vram, surface, sink, fresh);
  }
}

u32 TextRenderer::cell_key(u32 address, core::Bytes vram) const {
  const u32 attribute = byte_at(vram, address + 1);
  u32 key = byte_at(vram, address) | attribute << 8;
  if (mode_.blink && (attribute & 0x80) != 0 && !phase_.text) key |= kHidden;
  if (cursor_.on && phase_.cursor && address == cursor_.address) {
    key |= kCursor | cursor_.first << kCursorFirstShift | cursor_.last << kCursorLastShift;
  }
  return key;
}

/// One glyph row of one cell, cell_width dots, doubled where the mode says so.
void TextRenderer::cell_row(u32* out, u32 key, u32 row, core::Bytes vram) const {
  const u32 character = key & 0xff;
  const u32 attribute = key >> 8 & 0xff;
  const u32 ink = colors_[attribute & 0xf];
  const u32 paper = colors_[mode_.blink ? attribute >> 4 & 7 : attribute >> 4];
  const u32 font = mode_.fonts[attribute >> 3 & 1];
  u32 bits = 0;
  if ((key & kHidden) == 0) {
    bits = u32{byte_at(vram, font + (character * 32 + row) * 4)} << 1;
    // IBM, attribute register 10: line graphics characters go on in the ninth dot.
    if (mode_.line_graphics && character >= 0xc0 && character <= 0xdf) bits |= bits >> 1 & 1;
    if (row == mode_.underline_row && (attribute & 0x77) == 0x01) bits = 0x1ff;
  }
  if ((key & kCursor) != 0 && row >= (key >> kCursorFirstShift & 0x1f) &&
      row <= (key >> kCursorLastShift & 0x1f)) {
    bits = 0x1ff;
  }
  const u32 flip = ink ^ paper;
  if (mode_.double_width) {
    for (u32 dot = 0; dot < mode_.cell_width; ++dot) {
      out[dot * 2] = out[dot * 2 + 1] = paper ^ (flip & (0u - (bits >> (8 - dot) & 1)));
    }
    return;
  }
  for (u32 dot = 0; dot < mode_.cell_width; ++dot) {
    out[dot] = paper ^ (flip & (0u - (bits >> (8 - dot) & 1)));
  }
}

void TextRenderer::draw_cells(core::Bytes vram, const core::Surface& surface,
                              core::DisplaySink& sink, bool fresh) {
  const std::size_t cells = std::size_t{mode_.columns} * mode_.rows;
  if (fresh || shown_.size() != cells) shown_.assign(cells, kNothing);
  const u32 width = mode_.cell_width * (mode_.double_width ? 2 : 1);
  const u32 height = mode_.cell_height * (mode_.double_scan ? 2 : 1);
  u32* shown = shown_.data();
  for (u32 y = 0; y < mode_.rows; ++y) {
    u32 first = mode_.columns;
    u32 end = 0;
    for (u32 x = 0; x < mode_.columns; ++x, ++shown) {
      const u32 key = cell_key(mode_.start + y * mode_.line_offset + x * 4, vram);
      if (key == *shown) continue;
      *shown = key;
      first = std::min(first, x);
      end = x + 1;
      for (u32 line = 0; line < height; ++line) {
        u8* row = surface.pixels + std::size_t{y * height + line} * surface.stride;
        cell_row(reinterpret_cast<u32*>(row) + x * width, key, mode_.double_scan ? line / 2 : line,
                 vram);
      }
    }
    if (end > first) {
      sink.update(
          {.x = first * width, .y = y * height, .width = (end - first) * width, .height = height});
    }
  }
}

void TextRenderer::draw_scan_lines(core::Bytes vram, const core::Surface& surface,
                                   core::DisplaySink& sink, bool fresh) {
  const u32 dot = mode_.double_width ? 2 : 1;
  const u32 width = mode_.cell_width * dot;
  // One cell more than shown: panning brings it in.
  line_.resize(std::size_t{mode_.columns + 1} * width);
  Painter painter(surface, sink, fresh);
  u32 address = mode_.start;
  u32 row = mode_.preset_row;
  u32 pan = mode_.pan;
  bool second = false;  // of a doubled scan line
  for (u32 y = 0; y < surface.height; ++y) {
    for (u32 x = 0; x <= mode_.columns; ++x) {
      cell_row(&line_[std::size_t{x} * width], cell_key(address + x * 4, vram), row, vram);
    }
    painter.line(y, &line_[std::size_t{pan} * dot]);
    if (y == mode_.line_compare) {
      address = 0;
      row = 0;
      second = false;
      if (!mode_.pan_split) pan = 0;
      continue;
    }
    if (mode_.double_scan) {
      second = !second;
      if (second) continue;
    }
    if (++row == mode_.cell_height) {
      row = 0;
      address += mode_.line_offset;
    }
  }
}

}  // namespace display
