// From the state of the card to the viewer's surface: which kind of picture, whether anything
// must be redrawn, and which pages of video memory to look at.

#include <algorithm>

#include "hw/emul/display/vga_core.h"

namespace display {
namespace {

// 60 frames a second: the cursor is on for 16 frames and off for 16, characters half as fast
// (IBM VGA, attribute controller).
constexpr i64 kCursorHalfPeriodNs = core::kNsPerSecond * 16 / 60;

}  // namespace

VgaCore::Screen VgaCore::screen() const {
  if (!AttrIndexVideo::test(s_.ar_index)) return Screen::kBlank;
  if (!dispi_enabled(s_) && ClockScreenOff::test(s_.sr[kSeqClockingMode])) return Screen::kBlank;
  return MiscGraphics::test(s_.gr[kGfxMiscellaneous]) ? Screen::kGraphics : Screen::kText;
}

TextMode VgaCore::text_mode() const {
  TextMode mode = decode_text(s_);
  if (extension_ != nullptr) extension_->extend(mode);
  return mode;
}

GraphicsMode VgaCore::graphics_mode() const {
  GraphicsMode mode = decode_graphics(s_);
  if (extension_ != nullptr) extension_->extend(mode);
  return mode;
}

BlinkPhase VgaCore::blink() const {
  const i64 phase = wires_.clock.now_ns() / kCursorHalfPeriodNs;
  return {.cursor = (phase & 1) == 0, .text = (phase & 2) == 0};
}

/// True if the surface is new and its content undefined.
bool VgaCore::resize(u32 width, u32 height) {
  if (surface_.pixels != nullptr && surface_.width == width && surface_.height == height) {
    return false;
  }
  surface_ = sink_->resize(width, height);
  width_ = width;
  height_ = height;
  return true;
}

void VgaCore::refresh(core::DisplaySink& sink, bool full) {
  if (&sink != sink_) {
    sink_ = &sink;
    surface_ = {};
  }
  const core::Bytes memory = vram();
  Screen now = memory.empty() ? Screen::kBlank : screen();
  const bool fresh = full || stale_ || now != shown_ || surface_.pixels == nullptr;
  stale_ = false;
  stirred_ = false;
  shown_ = now;
  if (now != Screen::kGraphics && tracking_) {
    tracking_ = false;
    wires_.video.stop_tracking();
  }
  switch (now) {
    case Screen::kText: draw_text(memory, fresh); break;
    case Screen::kGraphics: draw_graphics(memory, fresh); break;
    case Screen::kBlank: draw_blank(fresh); break;
  }
}

void VgaCore::idle() {
  // The surface may be gone from here on.
  sink_ = nullptr;
  surface_ = {};
  stale_ = true;
  if (!tracking_) return;
  tracking_ = false;
  wires_.video.stop_tracking();
}

void VgaCore::draw_blank(bool fresh) {
  if (surface_.pixels == nullptr) {
    resize(width_, height_);
  } else if (!fresh) {
    return;
  }
  if (surface_.pixels == nullptr) return;
  for (u32 y = 0; y < surface_.height; ++y) {
    std::fill_n(surface_.pixels + std::size_t{y} * surface_.stride, surface_.width * 4, u8{0});
  }
  sink_->update({.x = 0, .y = 0, .width = surface_.width, .height = surface_.height});
}

void VgaCore::draw_text(core::Bytes memory, bool fresh) {
  const TextMode mode = text_mode();
  const u32 cells = mode.columns * mode.rows;
  // Half-programmed registers: keep the old picture until they make sense.
  if (cells <= 1 || cells > kMaxCells) {
    if (surface_.pixels == nullptr) draw_blank(true);
    stale_ = true;
    return;
  }
  Palette palette{};
  decode_palette16(s_, palette);
  fresh = resize(mode.width(), mode.height()) || fresh || mode != text_mode_ ||
          palette != palette_ || font_written_;
  if (surface_.pixels == nullptr) return;
  text_mode_ = mode;
  palette_ = palette;
  font_written_ = false;
  text_.draw(mode, decode_cursor(s_), blink(), palette_, memory, surface_, *sink_, fresh);
}

void VgaCore::draw_graphics(core::Bytes memory, bool fresh) {
  const GraphicsMode mode = graphics_mode();
  if (u64{mode.width} * mode.height > kMaxPixels) {
    draw_blank(fresh || graphics_mode_ != mode);
    graphics_mode_ = mode;
    return;
  }
  Palette palette{};
  if (mode.format == PixelFormat::kIndexed8) {
    decode_palette256(s_, palette);
  } else if (mode.format < PixelFormat::kIndexed8) {
    decode_palette16(s_, palette);
  }
  // A new surface has undefined content; otherwise all lines are drawn but only pixels that
  // differ are reported.
  fresh = resize(mode.width, mode.height) || fresh;
  if (surface_.pixels == nullptr) return;
  const bool all = fresh || mode != graphics_mode_ || palette != palette_;
  graphics_mode_ = mode;
  palette_ = palette;
  // Asked before drawing, and also when everything is drawn: what the guest writes meanwhile is
  // then reported next time.
  const Extent extent = shown_memory(mode, memory.size());
  dirty_.cover(extent.begin, extent.end);
  wires_.video.take_dirty(dirty_.offset(), dirty_.length(), dirty_.bitmap());
  tracking_ = true;
  LineOverlay* const overlay = extension_ != nullptr ? extension_->overlay(mode, memory) : nullptr;
  graphics_.draw(mode, palette_, memory, surface_, *sink_,
                 {.dirty = all ? nullptr : &dirty_, .fresh = fresh, .overlay = overlay});
}

std::vector<std::string> VgaCore::text_lines() const {
  const core::Bytes memory = vram();
  if (memory.empty() || screen() != Screen::kText) return {};
  const TextMode mode = text_mode();
  if (mode.columns * mode.rows > kMaxCells) return {};
  return TextRenderer::lines(mode, memory);
}

}  // namespace display
