// A disk image of a test, made once and gone with the program.
#pragma once

#include <string>

#include "hw/emul/core/types.h"

namespace measure {

inline constexpr core::u64 kImageBytes = core::u64{256} << 20;

/// In memory (tmpfs), every sector with contents of its own; the same file at each call.
const std::string& memory_image();
/// The same on the file system of the temporary folder.
const std::string& file_image();

/// The first as a qcow2 image, by qemu-img; empty where there is none. In memory.
const std::string& qcow2_image();

}  // namespace measure
