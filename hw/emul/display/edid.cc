#include "hw/emul/display/edid.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "hw/emul/core/bits.h"

namespace display {
namespace {

using core::low;
using core::u32;
using core::u8;

constexpr u32 kDotsPerCm = 40;  // about 100 dpi

/// 3.10.2: detailed timing with reduced blanking in the spirit of CVT-RB.
void put_timing(u8* to, u32 width, u32 height) {
  constexpr u32 kHblank = 160, kHfront = 48, kHsync = 32;
  constexpr u32 kVblank = 35, kVfront = 3, kVsync = 6;
  const u32 clock = (width + kHblank) * (height + kVblank) * 60 / 10000;  // units of 10 kHz
  const u32 mm_x = width * 10 / kDotsPerCm;
  const u32 mm_y = height * 10 / kDotsPerCm;
  const u8 bytes[18] = {low<u8>(clock),
                        low<u8>(clock >> 8),
                        low<u8>(width),
                        low<u8>(kHblank),
                        low<u8>(width >> 8 << 4 | kHblank >> 8),
                        low<u8>(height),
                        low<u8>(kVblank),
                        low<u8>(height >> 8 << 4 | kVblank >> 8),
                        kHfront,
                        kHsync,
                        low<u8>(kVfront << 4 | kVsync),
                        0,
                        low<u8>(mm_x),
                        low<u8>(mm_y),
                        low<u8>(mm_x >> 8 << 4 | mm_y >> 8),
                        0,
                        0,
                        0x18};
  std::copy(std::begin(bytes), std::end(bytes), to);
}

/// 3.10.3: a text descriptor, ended by a line feed and padded with blanks.
void put_text(u8* to, u8 tag, std::string_view text) {
  std::fill_n(to, 18, u8{0x20});
  std::fill_n(to, 5, u8{0});
  to[3] = tag;
  std::copy(text.begin(), text.end(), to + 5);
  to[5 + text.size()] = 0x0a;
}

}  // namespace

std::array<u8, kEdidSize> make_edid(u32 width, u32 height) {
  width = std::clamp<u32>(width, 640, 4095);
  height = std::clamp<u32>(height, 480, 4095);
  std::array<u8, kEdidSize> edid{};
  constexpr u8 kHead[] = {
      0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,  // header
      0x60, 0xae,                                      // maker XEN, 5 bits a letter
      0x01, 0x00, 0x00, 0x00, 0x00, 0x00,              // product, serial number
      0x00, 0x1c, 0x01, 0x04,                          // week, year 2018, version 1.4
      0xa5,                                            // digital, 8 bits a colour, DisplayPort
  };
  std::copy(std::begin(kHead), std::end(kHead), edid.begin());
  edid[21] = low<u8>(width / kDotsPerCm);
  edid[22] = low<u8>(height / kDotsPerCm);
  edid[23] = 120;   // gamma 2.2
  edid[24] = 0x06;  // sRGB, preferred timing is native
  constexpr u8 kSrgb[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
  std::copy(std::begin(kSrgb), std::end(kSrgb), &edid[25]);
  edid[35] = 0x21;                       // 640x480 and 800x600 at 60 Hz
  edid[36] = 0x08;                       // 1024x768 at 60 Hz
  std::fill_n(&edid[38], 16, u8{0x01});  // no standard timings
  put_timing(&edid[54], width, height);
  put_text(&edid[72], 0xfc, "Xenolith");
  put_text(&edid[90], 0xff, "0");
  put_text(&edid[108], 0xfe, "");
  edid[127] = low<u8>(0u - std::accumulate(edid.begin(), edid.end() - 1, 0u));
  return edid;
}

}  // namespace display
