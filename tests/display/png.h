// Pictures as PNG files: 8-bit RGB without filters, which is what this folder's hold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hw/emul/core/types.h"

namespace pictures {

using core::u32;
using core::u8;

struct Picture {
  u32 width = 0, height = 0;
  std::vector<u32> pixels;  // 0x00RRGGBB
  bool operator==(const Picture&) const = default;
};

std::optional<Picture> read_png(const std::string& path);
bool write_png(const std::string& path, const Picture& picture);

}  // namespace pictures
