// The client's line of -qtest, on one of the character devices.
//
// Thread: device thread.
#pragma once

#include <memory>

#include "hw/emul/core/result.h"
#include "machine/board/chardevs.h"
#include "machine/config/machine.h"
#include "machine/loop/loop.h"
#include "machine/qtest/server.h"

namespace board {

class QtestLine {
 public:
  /// Null if the command line names no client. `target` outlives it.
  static core::Result<std::unique_ptr<QtestLine>> open(loop::Loop& loop,
                                                       const config::Machine& machine,
                                                       const ChardevMap& chardevs,
                                                       const qtest::Target& target);
  QtestLine(loop::Loop& loop, core::CharBackend& line, const qtest::Target& target, std::FILE* log);

 private:
  loop::WatchPtr idle_work_;
  qtest::Server server_;
};

}  // namespace board
