// The device thread's event loop: file descriptors, timers, and a mailbox from other threads.
// glib's main context underneath; no other folder sees glib.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "hw/emul/core/clock.h"

namespace loop {

enum Events : unsigned { kReadable = 1, kWritable = 2, kHangup = 4, kError = 8 };

/// Order of sources that are ready at the same time: the guest's accesses come first, then
/// completions, then timers and host I/O, then the monitor, then idle work.
enum class Priority : int {
  kIoreq = -200,
  kCompletion = -150,
  kTimer = -100,
  kHost = 0,
  kMonitor = 50,
  kIdle = 200
};

/// A registration; the callback is not called after it is gone. May be destroyed inside its own
/// callback.
class Watch {
 public:
  virtual ~Watch() = default;
};
using WatchPtr = std::unique_ptr<Watch>;

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Calls `ready(events)` whenever `fd` is ready for any of `events` (hang-up and error are
  /// always reported). Level-triggered. Device thread.
  [[nodiscard]] WatchPtr watch_fd(int fd, unsigned events, std::function<void(unsigned)> ready,
                                  Priority priority = Priority::kHost);
  /// Calls `fire` every `interval_ms` of host time until the watch is gone.
  [[nodiscard]] WatchPtr every(unsigned interval_ms, std::function<void()> fire,
                               Priority priority = Priority::kHost);
  /// Calls `fire` once after `delay_ms` of host time unless the watch is gone before.
  [[nodiscard]] WatchPtr after(unsigned delay_ms, std::function<void()> fire,
                               Priority priority = Priority::kHost);
  /// Calls `task` once from the loop, soon. Any thread.
  void post(std::function<void()> task);

  /// Looks before the loop sleeps: `poll` returns true if it did something (the loop then does
  /// not sleep this time). For the ioreq pages' adaptive polling.
  void set_before_sleep(std::function<bool()> poll);

  core::Clock& clock();
  /// Stops and continues guest time; timers due meanwhile fire after resume.
  void stop_clock();
  void resume_clock();

  /// Runs until quit(). Device thread.
  void run();
  /// One round; true if something was dispatched. For tests and nested waits at start.
  bool step(bool may_block);
  /// Any thread, also from a callback.
  void quit();

  /// Host monotonic time in nanoseconds.
  static core::i64 host_ns();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace loop
