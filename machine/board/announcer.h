// After a machine has moved to another host, switches still send its frames to the old one, until
// they see a frame with its address from here. So each card says where it is, a few times, with
// growing pauses: the bridge may not be there at once.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "machine/loop/loop.h"
#include "machine/monitor/machine_port.h"

namespace board {

class Announcer {
 public:
  /// `once` announces the cards of these names, or all if there are none.
  using Once = std::function<void(const monitor::Announcement& what)>;
  Announcer(loop::Loop& loop, Once once) : loop_(loop), once_(std::move(once)) {}

  /// Now, and its further rounds later. One of the same id that is under way ends.
  void start(monitor::Announcement what);

 private:
  struct Series {
    monitor::Announcement what;
    core::i64 done = 0;  // rounds
    loop::WatchPtr next;
  };
  void round(const std::string& id);

  loop::Loop& loop_;
  const Once once_;
  std::map<std::string, Series> series_;
};

}  // namespace board
