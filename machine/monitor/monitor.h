// The monitor: QMP and the human monitor for as many clients as there are character devices for
// them. This is the header that machine/board includes.
//
// Thread: device thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "hw/emul/core/chardev.h"
#include "hw/emul/core/fd.h"
#include "machine/monitor/events.h"
#include "machine/monitor/fd_sets.h"
#include "machine/monitor/machine_port.h"

namespace monitor {

/// What a socket can do beyond carrying bytes. Implemented by an adapter over machine/chardev.
class ChannelControl {
 public:
  virtual ~ChannelControl() = default;
  /// The descriptor that the client passed last and that was not taken yet; older ones are
  /// closed. It may have come with bytes that were read before. Empty if none.
  virtual core::Fd take_fd() = 0;
  /// Hangs up; char_event(kClosed) follows, perhaps from within.
  virtual void disconnect() = 0;
};

struct QmpOptions {
  std::string label;    // of the character device
  bool pretty = false;  // answers over several lines
};

class Monitor {
 public:
  /// All references outlive the monitor. `delay` is host time (see events.h).
  Monitor(const MachinePorts& ports, FdSets& fd_sets, Events& events, Delay delay);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// Serves QMP on `backend`, and becomes its client. A backend that is connected already must
  /// report kOpened after this call. `control` is null for what is no socket.
  void add_qmp(core::CharBackend& backend, ChannelControl* control, QmpOptions options);
  /// Serves the human monitor on `backend`.
  void add_hmp(core::CharBackend& backend);

  /// Runs one line of the human monitor.
  std::string run_human(std::string_view line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace monitor
