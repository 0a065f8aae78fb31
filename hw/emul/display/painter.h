// Puts finished scan lines on the surface and tells the viewer which rectangle really changed: a
// page of video memory that was written is a hint, the pixels decide.
#pragma once

#include "hw/emul/core/display.h"

namespace display {

class Painter {
 public:
  /// `fresh`: what is on the surface is undefined, everything counts as changed.
  Painter(const core::Surface& surface, core::DisplaySink& sink, bool fresh)
      : surface_(surface), sink_(sink), fresh_(fresh) {}
  ~Painter() { flush(); }
  Painter(const Painter&) = delete;
  Painter& operator=(const Painter&) = delete;

  /// Line `y` shows `pixels` (surface.width of them). Lines come in ascending order.
  void line(core::u32 y, const core::u32* pixels);
  /// Reports what was collected.
  void flush();

 private:
  const core::Surface& surface_;
  core::DisplaySink& sink_;
  const bool fresh_;
  // The rectangle under construction: [left_, right_) x [top_, bottom_).
  core::u32 left_ = 0, right_ = 0, top_ = 0, bottom_ = 0;
};

}  // namespace display
