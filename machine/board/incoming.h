// Where `-incoming` brings a saved machine from: an inherited descriptor, a file, or a command's
// standard output.
//
// Thread: device thread, before the guest runs.
#pragma once

#include <vector>

#include "hw/emul/core/result.h"
#include "machine/config/machine.h"

namespace board {

/// The whole stream. A command must have ended well; its child is gone when this returns.
core::Result<std::vector<core::u8>> read_incoming(const config::Machine::Incoming& incoming);

}  // namespace board
