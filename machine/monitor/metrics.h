// Figures of the machine in the text form that Prometheus reads.
//
// Thread: device thread.
#pragma once

#include <string>

#include "machine/monitor/machine_port.h"

namespace monitor {

/// All of them. Nothing here waits for the guest or a disk.
std::string metrics_text(const MachinePorts& ports);

/// The answer to `request`, which may be HTTP's GET or nothing at all.
std::string metrics_answer(const MachinePorts& ports, std::string_view request);

}  // namespace monitor
