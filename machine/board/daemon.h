// -daemonize: the process that was started ends when the machine is ready, and the machine goes
// on without a terminal.
#pragma once

#include "hw/emul/core/fd.h"
#include "hw/emul/core/result.h"

namespace board {

class Daemon {
 public:
  /// Splits the process. In the one that was started this does not return: it waits for ready()
  /// and exits 0, or 1 if the machine ended before. Before any thread is made.
  core::Result<void> split();
  /// The machine is complete: the standard descriptors go to /dev/null (the log stays where -D
  /// has put it), and whoever started us goes on.
  void ready();

 private:
  core::Fd pipe_;
};

}  // namespace board
