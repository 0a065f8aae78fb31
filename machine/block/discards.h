// What PV disks offer of an image beyond what an emulated one does: discards and the size of
// blocks.
//
// Thread: device thread.
#pragma once

#include "hw/emul/core/types.h"

namespace block {

class Backend;

/// Of the device under the image, in bytes.
core::u64 block_size(const Backend& backend);
/// Whether a discard may do something.
bool can_discard(const Backend& backend);
/// From now on discards do it, whatever the image was opened with.
void allow_discards(const Backend& backend);

}  // namespace block
