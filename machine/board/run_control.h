// Whether the guest runs, and what happens when it, or a person, asks for something else: stop,
// go on, reset, sleep, power off.
//
// While stopped, the guest's accesses are left unanswered in their pages: a virtual CPU that makes
// one waits until the machine goes on. (Stock disables its ioreq server instead, and the guest
// reads all ones; toolstacks pause the domain first, so that neither shows there.)
//
// Thread: device thread.
#pragma once

#include <functional>
#include <string_view>

#include "hw/emul/core/power.h"
#include "machine/loop/loop.h"
#include "machine/monitor/events.h"
#include "machine/monitor/machine_port.h"

namespace board {

/// What the hypervisor and the board do on a change. All called on the device thread.
struct RunActions {
  /// Answers the guest's accesses from now on, or leaves them.
  std::function<void(bool)> serve;
  /// Devices: drain and stop; and go on.
  std::function<void()> pause_devices;
  std::function<void()> resume_devices;
  /// What another process has had is ours from here on; or why it cannot be.
  std::function<core::Result<void>()> take_over = [] { return core::Result<void>(); };
  std::function<void()> reset_devices;
  /// After a sleep (ACPI S3): a reset but for what firmware sets at a start only.
  std::function<void()> wake_devices;
  /// The domain stops now, for the toolstack to see: power-off or reboot.
  std::function<void(bool reboot)> shut_domain_down;
  /// HVM_PARAM_ACPI_S_STATE: 3 asleep, 0 awake. False if Xen refused.
  std::function<bool(unsigned)> set_sleep_state;
  /// The guest's power button; false if there is none.
  std::function<bool()> press_power_button;
  /// Tells the toolstack that we are running (xenstore).
  std::function<void()> report_running;
};

struct RunOptions {
  bool no_shutdown = false;  // a guest that powered off leaves us waiting
  bool no_reboot = false;    // a reset is a shutdown
};

class RunControl final : public monitor::RunControl, public core::PowerControl {
 public:
  RunControl(loop::Loop& loop, monitor::Events& events, RunOptions options)
      : loop_(loop), events_(events), options_(options) {}

  /// Before anything else is called.
  void set_actions(RunActions actions) { actions_ = std::move(actions); }
  /// The machine is complete: run, or wait for `cont`. One that was saved waits as any that was
  /// stopped does.
  void start(bool paused, bool restored = false);

  // monitor::RunControl
  monitor::RunState run_state() const override { return state_; }
  core::Result<void> stop(monitor::RunState next) override;
  core::Result<void> cont() override;
  core::Result<void> system_reset() override;
  void system_powerdown() override;
  core::Result<void> system_wakeup() override;
  void quit() override;
  core::Result<void> inject_nmi() override;

  // core::PowerControl: from within an access of the guest.
  void reset_requested(core::ResetCause cause) override;
  void power_off() override;
  void suspend_to_ram() override;
  void suspend_to_disk() override;

  /// A disk's request failed and its operator wants the guest to wait (rerror=stop).
  void stop_for_io_error();

  /// A signal asks us to end.
  void terminate(std::string_view reason);

 private:
  void run();
  void reset_now(bool guest, std::string_view reason);
  void shut_down(bool guest, std::string_view reason);

  loop::Loop& loop_;
  monitor::Events& events_;
  const RunOptions options_;
  RunActions actions_;
  monitor::RunState state_ = monitor::RunState::kPrelaunch;
  bool reset_pending_ = false;
  bool ending_ = false;
};

}  // namespace board
