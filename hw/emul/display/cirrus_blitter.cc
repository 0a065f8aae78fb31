// Which blit the registers describe, whether it fits, and the bytes that the processor sends.
#include "hw/emul/display/cirrus_blitter.h"

#include <algorithm>
#include <bit>

namespace display::cirrus {
namespace {

u32 pair(const std::array<u8, 256>& gr, u8 reg) {
  return gr[reg] | u32{gr[reg + 1u]} << 8;
}
u32 address(const std::array<u8, 256>& gr, u8 reg) {
  return (pair(gr, reg) | u32{gr[reg + 2u]} << 16) & core::low<u32>(kMemory - 1);
}

/// The byte of GR0 or GR1, and the others of the same colour.
u32 color(const std::array<u8, 256>& gr, u8 first, u8 second, u32 pixel_bytes) {
  const u32 all =
      first | u32{gr[second]} << 8 | u32{gr[second + 2u]} << 16 | u32{gr[second + 4u]} << 24;
  return pixel_bytes == 4 ? all : all & ((1u << (pixel_bytes * 8)) - 1);
}

BlitSource source_of(u8 mode, u8 extension) {
  const bool pattern = BlitPattern::test(mode);
  const bool expand = BlitExpand::test(mode);
  if (pattern && expand) {
    const bool solid =
        BlitSolid::test(extension) && !BlitTransparent::test(mode) && !BlitToSystem::test(mode);
    return solid ? BlitSource::kSolid : BlitSource::kExpandPattern;
  }
  if (expand) return BlitSource::kExpand;
  return pattern ? BlitSource::kPattern : BlitSource::kCopy;
}

/// What the processor sends for a line, or for a pattern (8.4).
u32 system_line(const Blit& blit, u8 extension) {
  const u32 pixels = blit.width / blit.pixel_bytes;
  switch (blit.source) {
    case BlitSource::kExpandPattern: return 8;
    case BlitSource::kPattern: return 64 * blit.pixel_bytes;
    case BlitSource::kExpand:
      return BlitWholeDwords::test(extension) ? (pixels + 31) / 32 * 4 : (pixels + 7) / 8;
    default: return (blit.width + 3) & ~3u;
  }
}

/// Where a pattern in video memory begins: it is aligned to its own size.
u32 pattern_size(const Blit& blit) {
  if (blit.source == BlitSource::kExpandPattern) return 8;
  return blit.pixel_bytes == 1 ? 64 : blit.pixel_bytes == 2 ? 128 : 256;
}

}  // namespace

BlitMemory::BlitMemory(core::MutableBytes bytes, u64 most)
    : bytes_(bytes.data()),
      mask_(core::low<u32>(std::bit_floor(std::min<u64>(bytes.size(), most)) - 1)) {}

core::MutableBytes BlitMemory::run(u32 address, u32 length) const {
  const u32 first = address & mask_;
  return {bytes_ + first, std::min(length, mask_ - first + 1)};
}

bool blit_fits(i64 address, i64 pitch, u32 width, u32 height, u64 memory) {
  if (pitch == 0 || width == 0 || height == 0) return false;
  const i64 last_line = address + (i64{height} - 1) * pitch;
  const i64 first = pitch > 0 ? address : last_line - width + 1;
  const i64 end = pitch > 0 ? last_line + width : address + 1;
  return first >= 0 && end <= static_cast<i64>(memory);
}

bool decode_blit(const BlitRegisters& registers, u64 memory, Blit& blit) {
  const auto& gr = registers.gr;
  const u8 mode = gr[kGfxBlitMode];
  const u8 extension = gr[kGfxBlitExtension];
  blit = {};
  blit.source = source_of(mode, extension);
  const bool copy = blit.source == BlitSource::kCopy;
  blit.from_system = BlitFromSystem::test(mode) && blit.source != BlitSource::kSolid;
  blit.backwards = copy && BlitBackwards::test(mode);
  blit.transparent = BlitTransparent::test(mode) && blit.source != BlitSource::kPattern;
  blit.inverted = BlitInverted::test(extension);
  blit.rop = gr[kGfxBlitRop];
  blit.pixel_bytes = BlitPixelBytes::get(mode) + 1u;
  blit.width = pair(gr, kGfxBlitWidth) + 1;
  blit.height = pair(gr, kGfxBlitHeight) + 1;
  blit.dst_pitch = static_cast<i32>(pair(gr, kGfxBlitDestinationPitch));
  blit.src_pitch = static_cast<i32>(pair(gr, kGfxBlitSourcePitch));
  if (blit.backwards) {
    blit.dst_pitch = -blit.dst_pitch;
    blit.src_pitch = -blit.src_pitch;
  }
  blit.dst = address(gr, kGfxBlitDestination);
  blit.src = address(gr, kGfxBlitSource);
  blit.preset = blit.src & 7;
  blit.foreground = color(gr, registers.foreground0, kGfxForeground1, blit.pixel_bytes);
  blit.background = color(gr, registers.background0, kGfxBackground1, blit.pixel_bytes);
  blit.key = core::low<u16>(pair(gr, kGfxBlitKey));
  blit.skip = gr[kGfxBlitSkip];
  blit.system_line = system_line(blit, extension);

  if (BlitToSystem::test(mode)) return false;
  if (copy && blit.transparent && blit.pixel_bytes > 2) return false;
  if (blit.width > SystemBlit::kLine) return false;
  if (!blit_fits(blit.dst, blit.dst_pitch, blit.width, blit.height, memory)) return false;
  if (blit.from_system || blit.source == BlitSource::kSolid) return true;
  switch (blit.source) {
    case BlitSource::kCopy:
    case BlitSource::kExpand:
      return blit_fits(blit.src, blit.src_pitch, blit.width, blit.height, memory);
    default:
      blit.src &= ~(pattern_size(blit) - 1);
      return blit_fits(blit.src, 1, pattern_size(blit), 1, memory);
  }
}

BlitExtent written_by(const Blit& blit, u32 dst, u32 lines, u64 memory) {
  // Pixels are aligned, and the last one may be wider than what is left of the line.
  const i64 pitch = blit.dst_pitch;
  const i64 far = i64{dst} + (i64{lines} - 1) * pitch;
  i64 begin = std::min<i64>(dst, far);
  i64 end = std::max<i64>(dst, far);
  if (blit.backwards) begin -= blit.width;
  if (!blit.backwards) end += blit.width;
  begin -= 4;
  end += 4;
  if (end - begin >= static_cast<i64>(memory)) return {0, memory};
  const u64 first = static_cast<u64>(begin) & (memory - 1);
  const u64 length = static_cast<u64>(end - begin);
  if (first + length > memory) return {0, memory};
  return {first, length};
}

void SystemBlit::start(const Blit& blit) {
  blit_ = blit;
  dst_ = blit.dst;
  filled_ = 0;
  const bool pattern =
      blit.source == BlitSource::kPattern || blit.source == BlitSource::kExpandPattern;
  left_ = u64{blit.system_line} * (pattern ? 1 : blit.height);
}

core::Bytes SystemBlit::take(core::Bytes data, const BlitMemory& video, BlitExtent& written) {
  const u32 first = dst_;
  u32 lines = 0;
  const bool pattern =
      blit_.source == BlitSource::kPattern || blit_.source == BlitSource::kExpandPattern;
  while (left_ != 0 && !data.empty()) {
    const u32 count = core::low<u32>(std::min<u64>(data.size(), blit_.system_line - filled_));
    std::copy_n(data.begin(), count, line_.begin() + filled_);
    data = data.subspan(count);
    filled_ += count;
    if (filled_ < blit_.system_line) break;
    filled_ = 0;
    left_ -= blit_.system_line;
    const BlitMemory system(line_, kLine);
    const u32 drawn = pattern ? blit_.height : 1;
    draw_system_lines(blit_, video, system, dst_, drawn);
    dst_ += core::low<u32>(blit_.dst_pitch);
    lines += drawn;
  }
  written = lines == 0 ? BlitExtent{} : written_by(blit_, first, lines, video.size());
  return data;
}

}  // namespace display::cirrus
