// SIGTERM, SIGINT and SIGHUP (the toolstack's way to end us) as events of the loop.
#pragma once

#include <functional>

#include "machine/loop/loop.h"

namespace board {

class Signals {
 public:
  /// Blocks the signals for this thread and those it starts later; call before any. `received`
  /// runs on the device thread with the signal's number.
  Signals(loop::Loop& loop, std::function<void(int)> received);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  void read_all();

  std::function<void(int)> received_;
  int fd_ = -1;
  loop::WatchPtr watch_;
};

}  // namespace board
