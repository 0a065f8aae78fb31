// What -netdev and netdev_add say.
#pragma once

#include "machine/config/machine.h"
#include "machine/config/options.h"

namespace config {

/// Takes all of `list`, "type" and "id" included.
core::Result<Netdev> read_netdev(OptionList& list);

}  // namespace config
