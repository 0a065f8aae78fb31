// The hardware cursor of the CL-GD5446 (technical reference manual, 4: SR10 to SR13): 32 x 32 or
// 64 x 64 pixels of two bits, from the end of video memory, over graphics modes.
#pragma once

#include "hw/emul/display/cirrus_state.h"
#include "hw/emul/display/graphics_renderer.h"

namespace display::cirrus {

class Cursor final : public LineOverlay {
 public:
  /// Takes the cursor as it is now. What has changed since the last time is changed().
  void look(const CirrusState& s, core::Bytes memory);
  bool shown() const { return now_.size != 0; }

  bool changed(u32 y) const override { return y >= changed_from_ && y < changed_end_; }
  bool covers(u32 y) const override { return y >= now_.y && y - now_.y < now_.size; }
  void draw(u32 y, std::span<u32> line) const override;

 private:
  struct Picture {
    u32 size = 0;  // 0: none
    u32 x = 0, y = 0;
    u32 background = 0, foreground = 0;
    std::array<u8, 1024> bits{};  // of the larger: a line is 8 bytes of plane 0, 8 of plane 1
    bool operator==(const Picture&) const = default;
  };

  Picture now_;
  u32 changed_from_ = 0, changed_end_ = 0;
};

}  // namespace display::cirrus
