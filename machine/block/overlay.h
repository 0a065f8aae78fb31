// A file for what a guest writes over an image that is to stay as it is.
#pragma once

#include <string>

#include "hw/emul/core/fd.h"
#include "hw/emul/core/result.h"
#include "hw/emul/core/types.h"

namespace block {

struct Overlay {
  core::Fd file;
  std::string name;  // what it was called; it goes away with the last descriptor
};

/// An empty qcow2 image of `size` bytes in $TMPDIR, or /var/tmp.
core::Result<Overlay> make_overlay(core::u64 size);

}  // namespace block
