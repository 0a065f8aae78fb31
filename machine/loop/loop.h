// The device thread's event loop: the guest's accesses, file descriptors, timers, and a mailbox
// from other threads. glib's main context underneath; no other folder sees glib.
//
// The guest's accesses and its timers do not go through glib: the loop sleeps in ppoll() on glib's
// descriptors and the guest's, and runs glib only when something of glib's is due. After an access
// it is thus back asleep with one system call, and no access waits for glib's bookkeeping.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "hw/emul/core/clock.h"

namespace loop {

enum Events : unsigned { kReadable = 1, kWritable = 2, kHangup = 4, kError = 8 };

/// Order of sources that are ready at the same time, after the guest's accesses: completions, host
/// I/O, the monitor, idle work. Guest timers fire at the end of each round.
enum class Priority : int { kCompletion = -150, kHost = 0, kMonitor = 50, kIdle = 200 };

/// A registration; the callback is not called after it is gone. May be destroyed inside its own
/// callback.
class Watch {
 public:
  virtual ~Watch() = default;
};
using WatchPtr = std::unique_ptr<Watch>;

/// Work of the device thread itself that has become due: what post() is for other threads, without
/// a lock, a system call or glib. Not to be destroyed by what it runs. Device thread.
class Task {
 public:
  virtual ~Task() = default;
  /// Runs once soon, but not from within this call.
  virtual void ask() = 0;
};
using TaskPtr = std::unique_ptr<Task>;

/// Where the guest's accesses come in: looked at before everything else, and served while there are
/// more of them, but in turns with the rest. Thread: device thread.
class GuestSource {
 public:
  virtual ~GuestSource() = default;
  virtual int fd() const = 0;
  /// `fd` is readable. Bounded work.
  virtual void ready() = 0;
  /// The loop is about to sleep, at most until `until_ns` of host time. May look for accesses for a
  /// while, but not when Loop::work_waits(). True if it found some: the loop then looks at its
  /// other sources and comes back. With 0 the loop will not sleep, for something else is due: one
  /// look, and no more. It never sleeps without a call that said until when.
  virtual bool linger(core::i64 until_ns) = 0;
  /// Host time at which linger() is to be called even if nothing else happens.
  virtual core::i64 due_ns() const { return kNever; }
  static constexpr core::i64 kNever = std::numeric_limits<core::i64>::max();
};

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
  /// Calls `run` after each ask(), and whenever `waits` is true, which must be cheap: it is asked
  /// in each round and while the guest is being looked at. Goes before glib's sources.
  [[nodiscard]] TaskPtr make_task(std::function<void()> run, std::function<bool()> waits = nullptr);
  /// Whether a task is due.
  bool work_waits() const;
  /// Calls `task` once from the loop, soon. Any thread.
  void post(std::function<void()> task);

  /// One at most; null takes it away again. It outlives its registration.
  void set_guest(GuestSource* source);

  core::Clock& clock();
  /// Stops and continues guest time; timers due meanwhile fire after resume.
  void stop_clock();
  void resume_clock();
  /// Guest time is this from now on: that of a machine that was saved.
  void set_clock(core::i64 now_ns);

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
  struct OwnTask;
  std::unique_ptr<Impl> impl_;
};

}  // namespace loop
