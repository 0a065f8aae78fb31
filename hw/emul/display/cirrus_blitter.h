// The BitBLT engine of the CL-GD5446 (technical reference manual, chapter 8): rectangles of video
// memory combined with a source by one of sixteen raster operations. The source is video memory,
// an 8x8 pattern, one bit a pixel, a single colour, or bytes that the processor sends.
//
// What of memory a blit may reach is decided by blit_fits() once, and BlitMemory makes every
// address an offset within its bytes: nothing else here computes one (CVE-2007-1320, 2008-4539,
// 2014-8106, 2017-2615, 2017-2620).
//
// Not modelled: time (a blit is done when the write that starts it is), blits to the processor.
#pragma once

#include <array>

#include "hw/emul/display/cirrus_regs.h"

namespace display::cirrus {

/// Bytes whose addresses wrap at a power of two.
class BlitMemory {
 public:
  /// The largest power of two within `bytes` and `most` is the size.
  BlitMemory(core::MutableBytes bytes, u64 most);

  u64 size() const { return u64{mask_} + 1; }
  u8& at(u32 address) const { return bytes_[address & mask_]; }
  /// The bytes from `address` on: `length`, or fewer where they wrap. At least one if any is asked
  /// for.
  core::MutableBytes run(u32 address, u32 length) const;
  /// As at(), the lower bits of the address being ignored.
  template <typename T>
  u8* aligned(u32 address) const {
    return &bytes_[address & mask_ & ~core::low<u32>(sizeof(T) - 1)];
  }

 private:
  u8* bytes_;
  u32 mask_;
};

/// Whether `height` lines of `width` bytes, `pitch` from each other, lie within [0, memory). With a
/// negative pitch the address is the last byte of the last line, and lines are taken upwards. A
/// pitch of 0 never fits.
bool blit_fits(i64 address, i64 pitch, u32 width, u32 height, u64 memory);

/// GR32.
enum class Rop : u8 {
  k0 = 0x00,
  kSrcAndDst = 0x05,
  kDst = 0x06,
  kSrcAndNotDst = 0x09,
  kNotDst = 0x0b,
  kSrc = 0x0d,
  k1 = 0x0e,
  kNotSrcAndDst = 0x50,
  kSrcXorDst = 0x59,
  kSrcOrDst = 0x6d,
  kNotSrcOrNotDst = 0x90,
  kSrcNotXorDst = 0x95,
  kSrcOrNotDst = 0xad,
  kNotSrc = 0xd0,
  kNotSrcOrDst = 0xd6,
  kNotSrcAndNotDst = 0xda,
};

enum class BlitSource : u8 { kCopy, kPattern, kExpandPattern, kExpand, kSolid };

/// A blit as the registers describe it at its start.
struct Blit {
  BlitSource source = BlitSource::kCopy;
  bool from_system = false;
  bool backwards = false;    // kCopy: addresses fall
  bool transparent = false;  // kCopy: results equal to `key` are not written; expansion: zero bits
  bool inverted = false;     // transparent expansion: one bits are not written
  u8 rop = 0;
  u32 pixel_bytes = 1;
  u32 width = 1;  // bytes
  u32 height = 1;
  i32 dst_pitch = 0, src_pitch = 0;
  u32 dst = 0, src = 0;
  u32 preset = 0;  // the pattern's first line
  u32 foreground = 0, background = 0;
  u16 key = 0;
  u8 skip = 0;          // GR2F
  u32 system_line = 0;  // bytes of a line, or of the pattern, that the processor sends
};

/// Decodes the registers, `background0` and `foreground0` being all of GR0 and GR1. False: the
/// engine has no such blit, or it does not fit into `memory`.
struct BlitRegisters {
  const std::array<u8, 256>& gr;
  u8 background0, foreground0;
};
bool decode_blit(const BlitRegisters& registers, u64 memory, Blit& blit);

/// Draws all lines from video memory.
void draw_blit(const Blit& blit, const BlitMemory& video);
/// Draws `lines` lines to `dst` with what the processor sent, from the beginning of `system`.
void draw_system_lines(const Blit& blit, const BlitMemory& video, const BlitMemory& system, u32 dst,
                       u32 lines);

/// The smallest stretch of video memory that `lines` lines of the blit from `dst` on may have
/// written; all of it when it is not one stretch.
struct BlitExtent {
  u64 begin = 0, length = 0;
};
BlitExtent written_by(const Blit& blit, u32 dst, u32 lines, u64 memory);

/// The engine's side of a blit whose source the processor sends, by writes to video memory.
class SystemBlit {
 public:
  static constexpr u32 kLine = 8192;

  bool active() const { return left_ != 0; }
  void start(const Blit& blit);
  void cancel() { left_ = 0; }
  /// Takes bytes of the beginning of `data` until the blit is done, and draws the lines that they
  /// complete, to `written`; the rest of the data is returned.
  core::Bytes take(core::Bytes data, const BlitMemory& video, BlitExtent& written);

 private:
  Blit blit_;
  u32 dst_ = 0;
  u64 left_ = 0;    // bytes to come, those of the unfinished line among them
  u32 filled_ = 0;  // of the line
  std::array<u8, kLine> line_{};
};

}  // namespace display::cirrus
