// QEMU's command line, as toolstacks write it, into a config::Machine.
#pragma once

#include <span>

#include "hw/emul/core/result.h"
#include "machine/config/machine.h"

namespace config {

/// `argv` includes the program's name. What is not built yet is refused with a line that names
/// the option and the way round; what has no meaning here is accepted with a note.
core::Result<Machine> parse(std::span<const char* const> argv);

}  // namespace config
