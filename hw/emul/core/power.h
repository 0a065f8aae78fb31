// What a device asks of the machine as a whole: reset, power-off, sleep. The machine answers with
// xendevicemodel_shutdown() on Xen, with a reset of every device elsewhere.
//
// Thread: device thread. Called from within register accesses: an implementation may tell the
// hypervisor at once (a guest that halts after the access must not win), but resets devices only
// after the access has returned.
#pragma once

#include "hw/emul/core/types.h"

namespace core {

/// Which of the board's ways to reset the guest took; for logs and events.
enum class ResetCause : u8 {
  kResetControl,  // port 0xcf9
  kPort92,        // fast init, bit 0
  kKeyboard,      // pulse of the keyboard controller's output line 0
};

class PowerControl {
 public:
  virtual ~PowerControl() = default;
  virtual void reset_requested(ResetCause cause) = 0;
  virtual void power_off() = 0;
  virtual void suspend_to_ram() = 0;
  /// The guest has saved itself to its disk: off, but for who wants to know.
  virtual void suspend_to_disk() { power_off(); }
};

}  // namespace core
