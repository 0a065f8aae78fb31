// The pixels of a blit. A line is drawn in one pass where nothing of it can be its own source, so
// that the compiler makes wide operations of it.
#include "hw/emul/display/cirrus_blitter.h"

namespace display::cirrus {
namespace {

/// Calls `with` for the raster operation: a function object (destination, source) to result.
/// Codes that are none leave the destination as it is.
template <typename With>
void by_rop(u8 rop, const With& with) {
  switch (static_cast<Rop>(rop)) {
    case Rop::k0: return with([](u32, u32) { return 0u; });
    case Rop::kSrcAndDst: return with([](u32 d, u32 s) { return s & d; });
    case Rop::kSrcAndNotDst: return with([](u32 d, u32 s) { return s & ~d; });
    case Rop::kNotDst: return with([](u32 d, u32) { return ~d; });
    case Rop::kSrc: return with([](u32, u32 s) { return s; });
    case Rop::k1: return with([](u32, u32) { return ~0u; });
    case Rop::kNotSrcAndDst: return with([](u32 d, u32 s) { return ~s & d; });
    case Rop::kSrcXorDst: return with([](u32 d, u32 s) { return s ^ d; });
    case Rop::kSrcOrDst: return with([](u32 d, u32 s) { return s | d; });
    case Rop::kNotSrcOrNotDst: return with([](u32 d, u32 s) { return ~s | ~d; });
    case Rop::kSrcNotXorDst: return with([](u32 d, u32 s) { return ~(s ^ d); });
    case Rop::kSrcOrNotDst: return with([](u32 d, u32 s) { return s | ~d; });
    case Rop::kNotSrc: return with([](u32, u32 s) { return ~s; });
    case Rop::kNotSrcOrDst: return with([](u32 d, u32 s) { return ~s | d; });
    case Rop::kNotSrcAndNotDst: return with([](u32 d, u32 s) { return ~s & ~d; });
    case Rop::kDst: break;
  }
}

template <typename T>
u32 load(const BlitMemory& memory, u32 address) {
  return core::load_le<T>(memory.aligned<T>(address));
}

/// One pixel of `Bytes` bytes becomes op(it, color).
template <u32 Bytes, typename Op>
void put(const BlitMemory& video, u32 address, u32 color, const Op& op) {
  if constexpr (Bytes == 1) {
    u8& d = video.at(address);
    d = core::low<u8>(op(d, color));
  } else if constexpr (Bytes == 2) {
    u8* d = video.aligned<u16>(address);
    core::store_le<u16>(d, core::low<u16>(op(core::load_le<u16>(d), color)));
  } else if constexpr (Bytes == 3) {
    for (u32 i = 0; i < 3; ++i) put<1>(video, address + i, color >> (i * 8), op);
  } else {
    u8* d = video.aligned<u32>(address);
    core::store_le<u32>(d, op(core::load_le<u32>(d), color));
  }
}

/// Rising addresses. Where the lines overlap, a byte may be the source of a later one: the loop is
/// in the order of the chip's.
template <typename Op>
void copy_up(const BlitMemory& video, const BlitMemory& source, u32 dst, u32 src, u32 width,
             const Op& op) {
  while (width != 0) {
    const core::MutableBytes to = video.run(dst, width);
    const core::MutableBytes from = source.run(src, core::low<u32>(to.size()));
    const u32 count = core::low<u32>(from.size());
    for (u32 i = 0; i < count; ++i) to[i] = core::low<u8>(op(to[i], from[i]));
    dst += count;
    src += count;
    width -= count;
  }
}

/// Falling addresses: from `dst` and `src` downwards.
template <typename Op>
void copy_down(const BlitMemory& video, const BlitMemory& source, u32 dst, u32 src, u32 width,
               const Op& op) {
  const u32 first_dst = dst - (width - 1);
  const u32 first_src = src - (width - 1);
  const core::MutableBytes to = video.run(first_dst, width);
  const core::MutableBytes from = source.run(first_src, width);
  if (to.size() == width && from.size() == width) {
    for (u32 i = width; i-- > 0;) to[i] = core::low<u8>(op(to[i], from[i]));
    return;
  }
  for (u32 i = 0; i < width; ++i) {
    u8& d = video.at(dst - i);
    d = core::low<u8>(op(d, source.at(src - i)));
  }
}

/// A result that is the key is not written.
template <typename T, typename Op>
void copy_keyed(const Blit& blit, const BlitMemory& video, const BlitMemory& source, u32 dst,
                u32 src, const Op& op) {
  const u32 back = blit.backwards ? core::low<u32>(sizeof(T) - 1) : 0;
  const u32 step = blit.backwards ? 0u - core::low<u32>(sizeof(T)) : core::low<u32>(sizeof(T));
  const T key = core::low<T>(blit.key);
  for (u32 x = 0; x < blit.width; x += core::low<u32>(sizeof(T))) {
    u8* d = video.aligned<T>(dst - back);
    const T result = core::low<T>(op(core::load_le<T>(d), load<T>(source, src - back)));
    if (result != key) core::store_le<T>(d, result);
    dst += step;
    src += step;
  }
}

template <typename Op>
void copy(const Blit& blit, const BlitMemory& video, const BlitMemory& source, u32 dst, u32 lines,
          const Op& op) {
  // Lines that would lie in each other are none that the engine draws.
  const i32 width = static_cast<i32>(blit.width);
  if (!blit.backwards && lines > 1 && (blit.dst_pitch < width || blit.src_pitch < width)) return;
  u32 src = blit.from_system ? 0 : blit.src;
  for (u32 y = 0; y < lines; ++y) {
    if (blit.transparent && blit.pixel_bytes == 1) {
      copy_keyed<u8>(blit, video, source, dst, src, op);
    } else if (blit.transparent) {
      copy_keyed<u16>(blit, video, source, dst, src, op);
    } else if (blit.backwards) {
      copy_down(video, source, dst, src, blit.width, op);
    } else {
      copy_up(video, source, dst, src, blit.width, op);
    }
    dst += core::low<u32>(blit.dst_pitch);
    src += core::low<u32>(blit.src_pitch);
  }
}

/// GR2F: what of a line's left is not drawn, in bytes of the destination and in source pixels. For
/// three-byte pixels the register counts bytes, but for expansion to two colours.
struct Skip {
  u32 bytes;
  u32 pixels;
};
template <u32 Bytes>
Skip skip_of(const Blit& blit) {
  const bool expands = blit.source != BlitSource::kPattern;
  if (Bytes == 3 && (!expands || blit.transparent))
    return {blit.skip & 0x1fu, (blit.skip & 0x1fu) / 3};
  return {(blit.skip & 7u) * Bytes, blit.skip & 7u};
}

template <u32 Bytes, typename Op>
void pattern(const Blit& blit, const BlitMemory& video, const BlitMemory& source, u32 dst,
             u32 lines, const Op& op) {
  constexpr u32 kPitch = Bytes == 3 ? 32 : 8 * Bytes;
  const Skip skip = skip_of<Bytes>(blit);
  const u32 from = blit.from_system ? 0 : blit.src;
  for (u32 y = 0; y < lines; ++y) {
    const u32 row = from + (blit.preset + y) % 8 * kPitch;
    u32 pixel = skip.pixels % 8;
    for (u32 x = skip.bytes; x < blit.width; x += Bytes) {
      const u32 at = row + pixel * Bytes;
      u32 color = 0;
      if constexpr (Bytes == 1) color = source.at(at);
      if constexpr (Bytes == 2) color = load<u16>(source, at);
      if constexpr (Bytes == 3) {
        color = source.at(at) | u32{source.at(at + 1)} << 8 | u32{source.at(at + 2)} << 16;
      }
      if constexpr (Bytes == 4) color = load<u32>(source, at);
      put<Bytes>(video, dst + x, color, op);
      pixel = (pixel + 1) % 8;
    }
    dst += core::low<u32>(blit.dst_pitch);
  }
}

/// One bit a pixel: an 8x8 pattern, or lines of whole bytes.
template <u32 Bytes, typename Op>
void expand(const Blit& blit, const BlitMemory& video, const BlitMemory& source, u32 dst, u32 lines,
            const Op& op) {
  const bool repeats = blit.source == BlitSource::kExpandPattern;
  const u8 flip = blit.transparent && blit.inverted ? 0xff : 0;
  const u32 ones = flip != 0 ? blit.background : blit.foreground;
  const Skip skip = skip_of<Bytes>(blit);
  u32 from = blit.from_system ? 0 : blit.src;
  for (u32 y = 0; y < lines; ++y) {
    if (repeats) {
      u32 bit = skip.pixels;
      const u8 bits = core::low<u8>(source.at(from + (blit.preset + y) % 8) ^ flip);
      for (u32 x = skip.bytes; x < blit.width; x += Bytes, ++bit) {
        const bool set = (bits >> (7 - bit % 8) & 1) != 0;
        if (set || !blit.transparent) {
          put<Bytes>(video, dst + x, set ? ones : blit.background, op);
        }
      }
    } else {
      u32 bit = skip.pixels;
      u8 bits = core::low<u8>(source.at(from++) ^ flip);
      for (u32 x = skip.bytes; x < blit.width; x += Bytes, ++bit) {
        if (bit >= 8) {
          bit = 0;
          bits = core::low<u8>(source.at(from++) ^ flip);
        }
        const bool set = (bits >> (7 - bit) & 1) != 0;
        if (set || !blit.transparent) {
          put<Bytes>(video, dst + x, set ? ones : blit.background, op);
        }
      }
    }
    dst += core::low<u32>(blit.dst_pitch);
  }
}

template <u32 Bytes, typename Op>
void fill(const Blit& blit, const BlitMemory& video, u32 dst, u32 lines, const Op& op) {
  for (u32 y = 0; y < lines; ++y) {
    for (u32 x = 0; x < blit.width; x += Bytes) put<Bytes>(video, dst + x, blit.foreground, op);
    dst += core::low<u32>(blit.dst_pitch);
  }
}

template <u32 Bytes, typename Op>
void pixels(const Blit& blit, const BlitMemory& video, const BlitMemory& source, u32 dst, u32 lines,
            const Op& op) {
  switch (blit.source) {
    case BlitSource::kPattern: return pattern<Bytes>(blit, video, source, dst, lines, op);
    case BlitSource::kSolid: return fill<Bytes>(blit, video, dst, lines, op);
    default: return expand<Bytes>(blit, video, source, dst, lines, op);
  }
}

void draw(const Blit& blit, const BlitMemory& video, const BlitMemory& source, u32 dst, u32 lines) {
  by_rop(blit.rop, [&](const auto& op) {
    if (blit.source == BlitSource::kCopy) return copy(blit, video, source, dst, lines, op);
    switch (blit.pixel_bytes) {
      case 1: return pixels<1>(blit, video, source, dst, lines, op);
      case 2: return pixels<2>(blit, video, source, dst, lines, op);
      case 3: return pixels<3>(blit, video, source, dst, lines, op);
      default: return pixels<4>(blit, video, source, dst, lines, op);
    }
  });
}

}  // namespace

void draw_blit(const Blit& blit, const BlitMemory& video) {
  draw(blit, video, video, blit.dst, blit.height);
}

void draw_system_lines(const Blit& blit, const BlitMemory& video, const BlitMemory& system, u32 dst,
                       u32 lines) {
  draw(blit, video, system, dst, lines);
}

}  // namespace display::cirrus
