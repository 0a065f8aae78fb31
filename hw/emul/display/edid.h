// What the monitor says about itself: a 128-byte EDID block (VESA E-EDID release A2, version 1.4).
#pragma once

#include <array>

#include "hw/emul/core/types.h"

namespace display {

inline constexpr std::size_t kEdidSize = 128;

/// A digital monitor that prefers `width` by `height` (at most 4095 each) at 60 Hz.
std::array<core::u8, kEdidSize> make_edid(core::u32 width, core::u32 height);

}  // namespace display
