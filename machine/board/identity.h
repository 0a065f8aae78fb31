// What the machine is called and what its command line takes, for the monitor.
#pragma once

#include <memory>

#include "machine/config/machine.h"
#include "machine/monitor/machine_port.h"

namespace board {

std::unique_ptr<monitor::MachineIdentity> make_identity(const config::Machine& machine);

}  // namespace board
