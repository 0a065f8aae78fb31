#include "hw/emul/display/painter.h"

#include <algorithm>
#include <cstring>

namespace display {

using core::u32;

namespace {

/// Lines this far apart still go into one rectangle.
constexpr u32 kGap = 16;

}  // namespace

void Painter::line(u32 y, const u32* pixels) {
  u32* old = reinterpret_cast<u32*>(surface_.pixels + std::size_t{y} * surface_.stride);
  const u32 width = surface_.width;
  u32 first = 0;
  u32 last = width;
  if (!fresh_) {
    if (std::memcmp(old, pixels, std::size_t{width} * 4) == 0) return;
    while (old[first] == pixels[first]) ++first;
    while (old[last - 1] == pixels[last - 1]) --last;
  }
  std::memcpy(old + first, pixels + first, std::size_t{last - first} * 4);
  if (right_ != 0 && y > bottom_ + kGap) flush();
  if (right_ == 0) {
    left_ = first;
    right_ = last;
    top_ = y;
  } else {
    left_ = std::min(left_, first);
    right_ = std::max(right_, last);
  }
  bottom_ = y + 1;
}

void Painter::flush() {
  if (right_ == 0) return;
  sink_.update({.x = left_, .y = top_, .width = right_ - left_, .height = bottom_ - top_});
  right_ = 0;
}

}  // namespace display
