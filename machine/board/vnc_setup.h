// The VNC server of a command line, and what monitors hear of its clients.
//
// Thread: device thread.
#pragma once

#include <memory>

#include "machine/config/machine.h"
#include "machine/display/console.h"
#include "machine/display/input_router.h"
#include "machine/display/vnc_server.h"
#include "machine/loop/loop.h"
#include "machine/monitor/events.h"

namespace board {

/// Listening; null with `-vnc none`. All references outlive it.
core::Result<std::unique_ptr<screen::VncServer>> start_vnc(loop::Loop& loop,
                                                           const config::Machine& machine,
                                                           screen::Console& console,
                                                           screen::InputRouter& input,
                                                           monitor::Events& events);

}  // namespace board
