#include "hw/emul/display/cirrus_cursor.h"

#include <algorithm>

namespace display::cirrus {
namespace {

u32 color(const CirrusState& s, u32 index) {
  u32 rgb = 0;
  for (u32 i = 0; i < 3; ++i) {
    const u32 level = s.cursor_palette[index * 3 + i] & 0x3fu;
    rgb = rgb << 8 | level << 2 | level >> 4;
  }
  return rgb;
}

}  // namespace

void Cursor::look(const CirrusState& s, core::Bytes memory) {
  Picture next;
  const u8 attribute = s.vga.sr[kSeqCursorAttribute];
  if (CursorShown::test(attribute) && memory.size() >= kMemory) {
    const bool large = CursorLarge::test(attribute);
    next.size = large ? 64 : 32;
    next.x = s.hw_cursor_x;
    next.y = s.hw_cursor_y;
    next.background = color(s, 0);
    next.foreground = color(s, kCursorForeground);
    const u32 pattern = s.vga.sr[kSeqCursorAddress] & (large ? 0x3cu : 0x3fu);
    const u64 at = kMemory - kCursorPatterns + u64{pattern} * kCursorPatternSize;
    std::copy_n(memory.begin() + static_cast<i64>(at), large ? 1024 : 256, next.bits.begin());
  }
  changed_from_ = changed_end_ = 0;
  if (next == now_) return;
  for (const Picture* one : {&now_, &next}) {
    if (one->size == 0) continue;
    changed_from_ = changed_end_ == 0 ? one->y : std::min(changed_from_, one->y);
    changed_end_ = std::max(changed_end_, one->y + one->size);
  }
  now_ = next;
}

/// Plane 1 says whose colour, plane 0 which; alone, plane 0 inverts what is below.
void Cursor::draw(u32 y, std::span<u32> line) const {
  if (!covers(y) || now_.x >= line.size()) return;
  const u32 row = y - now_.y;
  const u8* plane0 = &now_.bits[row * (now_.size == 64 ? 16 : 4)];
  const u8* plane1 = plane0 + (now_.size == 64 ? 8 : 128);
  const u32 width = std::min(now_.size, core::low<u32>(line.size()) - now_.x);
  for (u32 x = 0; x < width; ++x) {
    const u32 shift = 7 - x % 8;
    u32& pixel = line[now_.x + x];
    switch ((plane0[x / 8] >> shift & 1) | (plane1[x / 8] >> shift & 1) << 1) {
      case 1: pixel ^= 0xffffff; break;
      case 2: pixel = now_.background; break;
      case 3: pixel = now_.foreground; break;
      default: break;
    }
  }
}

}  // namespace display::cirrus
