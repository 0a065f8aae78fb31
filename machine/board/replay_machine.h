// The board of a recording, without a hypervisor, for a replay::Player to play to.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "machine/board/board_setup.h"
#include "machine/replay/player.h"

namespace board {

/// The machine of the recording: its command line is read as it was then, but nothing of the
/// outside that it names is opened, except what the firmware starts directly. That may be elsewhere
/// here: `kernel` and `initrd`, unless empty.
core::Result<config::Machine> recorded_machine(const replay::Header& header,
                                               const std::string& kernel,
                                               const std::string& initrd);

class ReplayMachine {
 public:
  /// All outlive it.
  ReplayMachine(replay::Reader& reader, const replay::Header& header,
                const config::Machine& machine);

  /// The board, reset. Fails on a kernel that is not the recorded one, or a missing ROM.
  core::Result<void> build();
  /// `difference` gets one line for each.
  core::Result<void> run(std::function<void(const std::string&)> difference);
  const replay::Summary& summary() const { return player_.summary(); }

 private:
  void control(replay::Control what);

  const replay::Header& header_;
  const config::Machine& machine_;
  replay::Player player_;
  core::PioSpace pio_;
  core::MmioSpace mmio_;
  pci::Bus pci_;
  BootFiles files_;
  std::unique_ptr<PcBoard> board_;
};

}  // namespace board
