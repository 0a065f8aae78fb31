// The monitor's saving and loading of this machine.
//
// Thread: device thread.
#pragma once

#include <functional>

#include "machine/board/pc_board.h"
#include "machine/monitor/machine_port.h"
#include "machine/state/shadows.h"

namespace board {

class StatePort final : public monitor::StateControl {
 public:
  struct Host {
    /// Makes durable what the guest wrote, or says why not.
    std::function<core::Result<void>()> flush_disks;
    /// Those whose writes nobody else could go on with, and why; else empty.
    std::function<std::string()> unsaveable_disks;
    /// Another process goes on with the images.
    std::function<void()> release_disks;
    /// Tells Xen of the pages that we write from now on, or no longer.
    std::function<void(bool)> watch_writes;
  };

  /// Both outlive it.
  StatePort(PcBoard& board, const state::Shadows& shadows, Host host)
      : board_(board), shadows_(shadows), host_(std::move(host)) {}

  core::Result<void> save_devices(int fd, bool live) override;
  core::Result<void> load_devices(int fd) override;
  core::Result<void> load(core::Bytes stream);
  core::Result<void> set_global_dirty_log(bool enable) override;
  core::Result<void> migratable() const override;
  monitor::PvDriverInfo pv_driver_info() const override;

 private:
  PcBoard& board_;
  const state::Shadows& shadows_;
  Host host_;
};

}  // namespace board
