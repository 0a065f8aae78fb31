// Modes as drivers set them, and what a person sees, as screendump writes it.
//
// Thread: the test's.
#pragma once

#include <fmt/format.h>
#include <array>

#include <fstream>
#include <iterator>

#include "tests/diff/script.h"

namespace diff {

/// The picture as PPM.
inline std::vector<u8> dump(xensim::Machine& machine) {
  const std::string path = machine.file("screen.ppm");
  machine.qmp().call("screendump", {{"filename", path}});
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The first byte that differs, under `label`, but for so many low bits.
inline void compare(Pair& pair, const char* label, const std::vector<u8>& here,
                    const std::vector<u8>& there, unsigned low_bits) {
  std::size_t count = 0;
  std::size_t first = 0;
  for (std::size_t i = here.size(); i-- > 0;) {
    if (here[i] >> low_bits == there[i] >> low_bits) continue;
    ++count;
    first = i;
  }
  if (count == 0) return;
  pair.same(label, fmt::format("{:#x} at {} ({} bytes differ)", here[first], first, count),
            fmt::format("{:#x}", there[first]));
}

/// Colours of fewer than 8 bits are widened: their low bits are a label of its own.
inline void screen(Pair& pair, unsigned colour_bits = 6) {
  const std::vector<u8> here = dump(pair.ours());
  const std::vector<u8> there = dump(pair.stock());
  pair.same("size", std::to_string(here.size()), std::to_string(there.size()));
  if (here.size() != there.size()) return;
  compare(pair, "screen", here, there, 8 - colour_bits);
  compare(pair, "low bits of the screen", here, there, 0);
}

/// An index and its data register, from register 0 on.
template <typename Values = std::initializer_list<u32>>
void set(Pair& pair, u16 port, const Values& values) {
  u32 index = 0;
  for (const u32 value : values) {
    pair.out(port, index++);
    pair.out(static_cast<u16>(port + 1), value);
  }
}
/// The palette's indexes and the modes of the attribute controller.
template <typename Values = std::initializer_list<u32>>
void attributes(Pair& pair, const Values& values) {
  for (auto* machine : {&pair.ours(), &pair.stock()}) {
    machine->vcpu().inb(0x3da);  // the beam's place is of no matter
    u8 index = 0;
    for (const u32 value : values) {
      machine->vcpu().outb(0x3c0, index++);
      machine->vcpu().outb(0x3c0, static_cast<u8>(value));
    }
    machine->vcpu().outb(0x3c0, 0x20);
  }
}
/// Colours that all differ.
inline void palette(Pair& pair) {
  pair.out(0x3c6, 0xff);
  pair.out(0x3c8, 0);
  for (u32 i = 0; i < 256; ++i) {
    pair.out(0x3c9, i & 0x3f);
    pair.out(0x3c9, i * 3 & 0x3f);
    pair.out(0x3c9, i * 7 & 0x3f);
  }
}

/// What the VGA BIOS writes to set a mode.
struct VgaMode {
  u32 misc;
  std::array<u8, 5> sequencer;
  std::array<u8, 25> crtc;
  std::array<u8, 9> graphics;
  std::array<u8, 20> attributes;
};

/// Mode 3.
inline constexpr VgaMode kTextMode = {
    0x67,
    {0x03, 0x00, 0x03, 0x00, 0x02},
    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff},
    {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39,
     0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x04, 0x00, 0x0f, 0x08}};

/// Sixteen colours at 640x480, as mode 12h.
inline constexpr VgaMode kPlanarMode = {
    0xe3,
    {0x03, 0x01, 0x0f, 0x00, 0x06},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0f, 0xff},
    {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39,
     0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x01, 0x00, 0x0f, 0x00}};

/// 256 colours at 320x200, as mode 13h.
inline constexpr VgaMode kChainedMode = {
    0x63,
    {0x03, 0x01, 0x0f, 0x00, 0x0e},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0f, 0xff},
    {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
     0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x41, 0x00, 0x0f, 0x00}};

inline void set_mode(Pair& pair, const VgaMode& mode) {
  pair.out(0x3c2, mode.misc);
  set(pair, 0x3c4, mode.sequencer);
  pair.out(0x3d4, 0x11);  // unlock
  pair.out(0x3d5, 0x0e);
  set(pair, 0x3d4, mode.crtc);
  set(pair, 0x3ce, mode.graphics);
  palette(pair);
  attributes(pair, mode.attributes);
}

/// A made-up font in plane 2.
inline void font(Pair& pair) {
  set(pair, 0x3c4, {0x03, 0x00, 0x04, 0x00, 0x06});
  pair.out(0x3ce, 5);
  pair.out(0x3cf, 0);
  pair.out(0x3ce, 6);
  pair.out(0x3cf, 4);
  for (u64 glyph = 0; glyph < 256; ++glyph) {
    for (u64 line = 0; line < 16; ++line) {
      pair.write(0xa0000 + glyph * 32 + line, glyph * 5 ^ line * 37, 1);
    }
  }
  set(pair, 0x3c4, {0x03, 0x00, 0x03, 0x00, 0x02});
  pair.out(0x3ce, 5);
  pair.out(0x3cf, 0x10);
  pair.out(0x3ce, 6);
  pair.out(0x3cf, 0x0e);
}

}  // namespace diff
