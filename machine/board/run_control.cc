#include "machine/board/run_control.h"

#include "machine/log/log.h"

namespace board {

using monitor::RunState;

void RunControl::start(bool paused, bool restored) {
  if (restored) state_ = RunState::kPaused;
  if (!paused) {
    run();
    return;
  }
  loop_.stop_clock();
  actions_.serve(false);
}

void RunControl::run() {
  state_ = RunState::kRunning;
  loop_.resume_clock();
  actions_.resume_devices();
  actions_.serve(true);
  actions_.report_running();
}

core::Result<void> RunControl::stop(RunState next) {
  actions_.serve(false);
  actions_.pause_devices();
  loop_.stop_clock();
  state_ = next;
  events_.stop();
  return {};
}

/// A machine that does not run makes the request again when it does.
void RunControl::stop_for_io_error() {
  if (state_ != RunState::kRunning) return;
  if (auto stopped = stop(RunState::kIoError); !stopped) {
    mlog::error("{}", stopped.error().message);
  }
}

core::Result<void> RunControl::cont() {
  if (auto result = actions_.take_over(); !result) return result;
  events_.resume();
  run();
  return {};
}

core::Result<void> RunControl::system_reset() {
  actions_.shut_domain_down(/*reboot=*/true);
  reset_now(/*guest=*/false, "host-qmp-system-reset");
  return {};
}

void RunControl::system_powerdown() {
  events_.powerdown();
  if (!actions_.press_power_button()) {
    mlog::warning("system_powerdown: this machine has no power button (acpi=0)");
  }
}

/// Devices wake up nearly as after a reset, which is not one to tell of.
core::Result<void> RunControl::system_wakeup() {
  actions_.wake_devices();
  state_ = RunState::kRunning;
  if (!actions_.set_sleep_state(0)) return core::fail("Xen refused to wake the domain");
  events_.wakeup();
  return {};
}

void RunControl::quit() {
  terminate("host-qmp-quit");
}

core::Result<void> RunControl::inject_nmi() {
  return core::fail("NMIs are the hypervisor's: use `xl trigger DOMAIN nmi`");
}

void RunControl::terminate(std::string_view reason) {
  if (ending_) return;
  ending_ = true;
  events_.shutdown(/*guest=*/false, reason);
  // After the answer of a monitor's `quit` has gone out.
  loop_.post([this] { loop_.quit(); });
}

void RunControl::reset_requested(core::ResetCause cause) {
  if (reset_pending_) return;
  constexpr std::string_view kNames[] = {"port cf9", "port 92", "the keyboard controller"};
  mlog::info("the guest reset itself through {}", kNames[static_cast<unsigned>(cause)]);
  if (options_.no_reboot) {
    power_off();
    return;
  }
  reset_pending_ = true;
  // Now, ahead of the answer: the guest may halt right after this access.
  actions_.shut_domain_down(/*reboot=*/true);
  loop_.post([this] {
    reset_pending_ = false;
    reset_now(/*guest=*/true, "guest-reset");
  });
}

void RunControl::reset_now(bool guest, std::string_view reason) {
  actions_.reset_devices();
  events_.reset(guest, reason);
  // Whatever a machine waited in, after a restart it waits to be started.
  if (state_ != RunState::kRunning) state_ = RunState::kPrelaunch;
}

void RunControl::power_off() {
  mlog::info("the guest powered itself off");
  actions_.shut_domain_down(/*reboot=*/false);
  loop_.post([this] { shut_down(/*guest=*/true, "guest-shutdown"); });
}

void RunControl::shut_down(bool guest, std::string_view reason) {
  if (state_ == RunState::kShutdown) return;
  events_.shutdown(guest, reason);
  if (!options_.no_shutdown) {
    loop_.quit();
    return;
  }
  actions_.pause_devices();
  loop_.stop_clock();
  state_ = RunState::kShutdown;
  events_.stop();
}

void RunControl::suspend_to_disk() {
  events_.suspend_disk();
  power_off();
}

void RunControl::suspend_to_ram() {
  mlog::info("the guest sleeps (ACPI S3)");
  if (!actions_.set_sleep_state(3)) mlog::warning("Xen refused to put the domain to sleep");
  loop_.post([this] {
    state_ = RunState::kSuspended;
    events_.suspend();
  });
}

}  // namespace board
