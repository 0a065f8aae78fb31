// Pictures to files.
#pragma once

#include "hw/emul/core/display.h"
#include "hw/emul/core/result.h"

namespace screen {

enum class ImageFormat : core::u8 { kPpm, kPng };

/// Writes `surface` to `fd`, blocking. PPM is the binary kind (P6), PNG 8-bit RGB.
core::Result<void> write_image(int fd, ImageFormat format, const core::Surface& surface);

}  // namespace screen
