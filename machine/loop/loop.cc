#include "machine/loop/loop.h"

#include <glib-unix.h>
#include <glib.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "machine/loop/guest_clock.h"

namespace loop {

using core::i64;

namespace {

constexpr i64 kSecond = 1'000'000'000;

/// A glib source that owns its callback. glib may dispatch while the callback destroys the watch;
/// the callback object then lives on until the dispatch returns (glib holds a reference).
class SourceWatch final : public Watch {
 public:
  SourceWatch(GSource* source, std::shared_ptr<std::atomic<bool>> changed)
      : source_(source), changed_(std::move(changed)) {}
  ~SourceWatch() override {
    changed_->store(true);
    g_source_destroy(source_);
    g_source_unref(source_);
  }

 private:
  GSource* source_;
  std::shared_ptr<std::atomic<bool>> changed_;
};

template <typename Callback>
void destroy(gpointer data) {
  delete static_cast<Callback*>(data);
}

using FdCallback = std::function<void(unsigned)>;
using VoidCallback = std::function<void()>;

gboolean fd_ready(gint /*fd*/, GIOCondition condition, gpointer data) {
  unsigned events = 0;
  if ((condition & G_IO_IN) != 0) events |= kReadable;
  if ((condition & G_IO_OUT) != 0) events |= kWritable;
  if ((condition & G_IO_HUP) != 0) events |= kHangup;
  if ((condition & (G_IO_ERR | G_IO_NVAL)) != 0) events |= kError;
  (*static_cast<FdCallback*>(data))(events);
  return G_SOURCE_CONTINUE;
}

gboolean fire_again(gpointer data) {
  (*static_cast<VoidCallback*>(data))();
  return G_SOURCE_CONTINUE;
}

gboolean fire_once(gpointer data) {
  (*static_cast<VoidCallback*>(data))();
  return G_SOURCE_REMOVE;
}

}  // namespace

/// One round is: the guest, tasks, sleep, the guest, tasks, glib if anything of its is due, guest
/// timers.
///
/// What glib's sources wait for (`fds_`, `glib_wakes_at_`) is asked for once and kept while nobody
/// adds or takes away a source (`changed`) and none of them was due: other threads do so through
/// the context's own wake-up descriptor, which is among `fds_`.
struct Loop::Impl {
  GMainContext* context = g_main_context_new();
  GuestClock clock;
  GuestSource* guest = nullptr;
  std::atomic<bool> quit{false};
  std::shared_ptr<std::atomic<bool>> changed = std::make_shared<std::atomic<bool>>(true);

  WatchPtr attach(GSource* source, Priority priority) const {
    g_source_set_priority(source, static_cast<int>(priority));
    g_source_attach(source, context);
    changed->store(true);
    return std::make_unique<SourceWatch>(source, changed);
  }

  bool round(bool may_block);
  bool work_waits() const;

  std::vector<OwnTask*> tasks;  // null: destroyed while they run

 private:
  bool run_tasks();
  bool serve_first(bool may_sleep);
  void ask_glib();
  bool run_glib();
  std::size_t sleep(i64 until);
  bool serves_guest() const { return guest != nullptr && !in_guest_; }
  i64 wakes_at() const {
    const i64 until = std::min(glib_wakes_at_, clock.next_host_ns());
    return serves_guest() ? std::min(until, guest->due_ns()) : until;
  }

  // The first is the guest's, the others glib's.
  std::vector<GPollFD> fds_ = std::vector<GPollFD>(32);
  std::size_t glib_fds_ = 0;
  gint priority_ = 0;
  i64 glib_wakes_at_ = 0;
  bool asked_ = false;
  bool in_guest_ = false;       // an access is being served: a nested round leaves the guest alone
  bool told_of_sleep_ = false;  // by the last linger()
  unsigned running_ = 0;        // run_tasks() within run_tasks()
};

struct Loop::OwnTask final : Task {
  OwnTask(Impl& the_loop, std::function<void()> what, std::function<bool()> when)
      : loop(the_loop), run(std::move(what)), waits(std::move(when)) {
    loop.tasks.push_back(this);
  }
  ~OwnTask() override { std::replace(loop.tasks.begin(), loop.tasks.end(), this, kGone); }
  OwnTask(const OwnTask&) = delete;
  OwnTask& operator=(const OwnTask&) = delete;
  void ask() override { asked = true; }
  /// While it runs, a nested round leaves it alone.
  bool due() const { return !running && (asked || (waits && waits())); }

  static constexpr OwnTask* kGone = nullptr;
  Impl& loop;
  std::function<void()> run;
  std::function<bool()> waits;
  bool asked = false;
  bool running = false;
};

bool Loop::Impl::work_waits() const {
  return std::any_of(tasks.begin(), tasks.end(),
                     [](const OwnTask* task) { return task != nullptr && task->due(); });
}

/// Each that is due, once: what it asks for by that waits for the next time.
bool Loop::Impl::run_tasks() {
  bool any = false;
  ++running_;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    OwnTask* const task = tasks[i];
    if (task == nullptr || !task->due()) continue;
    task->asked = false;
    task->running = true;
    task->run();
    task->running = false;
    any = true;
  }
  if (--running_ == 0) std::erase(tasks, OwnTask::kGone);
  return any;
}

/// The guest's accesses that can be met before sleeping, and in turns with them the tasks that they
/// make, some times: a disk request that is done at once is then over with no system call of the
/// loop's. True if there was anything.
bool Loop::Impl::serve_first(bool may_sleep) {
  constexpr unsigned kTurns = 8;
  bool any = false;
  for (unsigned turn = 0; turn < kTurns; ++turn) {
    if (serves_guest()) {
      // Also when something is due: the guest may be waiting without raising its descriptor.
      const i64 until = may_sleep && !any && !work_waits() ? wakes_at() : 0;
      const i64 wait = until > Loop::host_ns() ? until : 0;
      in_guest_ = true;
      any = guest->linger(wait) || any;
      in_guest_ = false;
      told_of_sleep_ = wait != 0;
    }
    if (!run_tasks()) break;
    any = true;
  }
  return any;
}

void Loop::Impl::ask_glib() {
  changed->store(false);
  g_main_context_prepare(context, &priority_);
  for (;;) {
    gint timeout_ms = -1;
    const auto room = static_cast<gint>(fds_.size() - 1);
    const gint wanted =
        g_main_context_query(context, priority_, &timeout_ms, fds_.data() + 1, room);
    glib_fds_ = static_cast<std::size_t>(std::max(wanted, 0));
    glib_wakes_at_ =
        timeout_ms < 0 ? GuestClock::kNever : Loop::host_ns() + i64{timeout_ms} * 1'000'000;
    if (wanted <= room) break;
    fds_.resize(glib_fds_ + 1);
  }
  asked_ = true;
}

bool Loop::Impl::run_glib() {
  asked_ = false;
  if (g_main_context_check(context, priority_, fds_.data() + 1, static_cast<gint>(glib_fds_)) ==
      FALSE) {
    return false;
  }
  g_main_context_dispatch(context);
  return true;
}

bool Loop::Impl::round(bool may_block) {
  if (!asked_ || changed->load()) ask_glib();
  bool any = serve_first(may_block);
  // What it did may be due before what we know of.
  if (!asked_ || changed->load()) ask_glib();
  // Who was told that something is due, and did it, has not made ready for a sleep.
  const bool told = told_of_sleep_ || !serves_guest();
  const bool may_sleep = may_block && !any && told && !quit.load() && !work_waits();
  const std::size_t ready = sleep(may_sleep ? wakes_at() : 0);
  if (fds_[0].revents != 0) {
    in_guest_ = true;
    guest->ready();
    in_guest_ = false;
    any = true;
  }
  any = run_tasks() || any;
  // A nested round has run glib, and what we know of it is no longer true.
  if (asked_ && (ready != 0 || changed->load() || Loop::host_ns() >= glib_wakes_at_)) {
    any = run_glib() || any;
  }
  return clock.fire_due() || any;
}

/// How many of glib's descriptors are ready.
std::size_t Loop::Impl::sleep(i64 until) {
  fds_[0] = {.fd = serves_guest() ? guest->fd() : -1, .events = G_IO_IN, .revents = 0};
  static_assert(sizeof(GPollFD) == sizeof(pollfd) && G_IO_IN == POLLIN);
  const i64 wait = until == 0 ? 0 : std::max<i64>(until - Loop::host_ns(), 0);
  const timespec timeout{.tv_sec = wait / kSecond, .tv_nsec = wait % kSecond};
  const int ready = ppoll(reinterpret_cast<pollfd*>(fds_.data()), glib_fds_ + 1,
                          until == GuestClock::kNever ? nullptr : &timeout, nullptr);
  if (ready <= 0) {
    for (GPollFD& fd : fds_) fd.revents = 0;  // interrupted, or nothing
    return 0;
  }
  return static_cast<std::size_t>(ready) - (fds_[0].revents != 0 ? 1 : 0);
}

Loop::Loop() : impl_(std::make_unique<Impl>()) {
  g_main_context_push_thread_default(impl_->context);
}

Loop::~Loop() {
  g_main_context_pop_thread_default(impl_->context);
  g_main_context_unref(impl_->context);
}

WatchPtr Loop::watch_fd(int fd, unsigned events, std::function<void(unsigned)> ready,
                        Priority priority) {
  unsigned condition = G_IO_HUP | G_IO_ERR;
  if ((events & kReadable) != 0) condition |= G_IO_IN;
  if ((events & kWritable) != 0) condition |= G_IO_OUT;
  GSource* source = g_unix_fd_source_new(fd, static_cast<GIOCondition>(condition));
  // g_unix_fd_source_new's callback has its own signature; glib casts it back.
  g_source_set_callback(source, reinterpret_cast<GSourceFunc>(reinterpret_cast<void*>(&fd_ready)),
                        new FdCallback(std::move(ready)), &destroy<FdCallback>);
  return impl_->attach(source, priority);
}

WatchPtr Loop::every(unsigned interval_ms, std::function<void()> fire, Priority priority) {
  GSource* source = g_timeout_source_new(interval_ms);
  g_source_set_callback(source, &fire_again, new VoidCallback(std::move(fire)),
                        &destroy<VoidCallback>);
  return impl_->attach(source, priority);
}

WatchPtr Loop::after(unsigned delay_ms, std::function<void()> fire, Priority priority) {
  GSource* source = g_timeout_source_new(delay_ms);
  g_source_set_callback(source, &fire_once, new VoidCallback(std::move(fire)),
                        &destroy<VoidCallback>);
  return impl_->attach(source, priority);
}

TaskPtr Loop::make_task(std::function<void()> run, std::function<bool()> waits) {
  return std::make_unique<OwnTask>(*impl_, std::move(run), std::move(waits));
}

bool Loop::work_waits() const {
  return impl_->work_waits();
}

void Loop::post(std::function<void()> task) {
  GSource* source = g_idle_source_new();
  g_source_set_priority(source, static_cast<int>(Priority::kCompletion));
  g_source_set_callback(source, &fire_once, new VoidCallback(std::move(task)),
                        &destroy<VoidCallback>);
  g_source_attach(source, impl_->context);
  g_source_unref(source);
  impl_->changed->store(true);
}

void Loop::set_guest(GuestSource* source) {
  impl_->guest = source;
}

core::Clock& Loop::clock() {
  return impl_->clock;
}

void Loop::stop_clock() {
  impl_->clock.stop();
}

void Loop::resume_clock() {
  impl_->clock.resume();
}

void Loop::set_clock(core::i64 now_ns) {
  impl_->clock.set(now_ns);
}

void Loop::run() {
  while (!impl_->quit.load()) impl_->round(true);
}

bool Loop::step(bool may_block) {
  return impl_->round(may_block);
}

void Loop::quit() {
  impl_->quit.store(true);
  g_main_context_wakeup(impl_->context);
}

i64 Loop::host_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace loop
