// The PCI cards that -device and device_add can put into a slot: one entry of a table each. Their
// properties are declared in machine/config/device_types.
//
// Thread: device thread.
#pragma once

#include "machine/board/board_setup.h"
#include "machine/board/card.h"
#include "machine/config/machine.h"

namespace board {

/// The card that these settings describe. Messages are QEMU's. Nothing of `ends` is used later than
/// the card itself.
core::Result<Card> make_card(const config::Device& device, const BackEnds& ends);

}  // namespace board
