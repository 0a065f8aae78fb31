#include "machine/loop/loop.h"

#include <glib-unix.h>
#include <glib.h>

#include <algorithm>
#include <atomic>
#include <chrono>

namespace loop {

using core::i64;

namespace {

/// A glib source that owns its callback. glib may dispatch while the callback destroys the watch;
/// the callback object then lives on until the dispatch returns (glib holds a reference).
class SourceWatch final : public Watch {
 public:
  explicit SourceWatch(GSource* source) : source_(source) {}
  ~SourceWatch() override {
    g_source_destroy(source_);
    g_source_unref(source_);
  }

 private:
  GSource* source_;
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

struct PollSource {
  GSource source;
  std::function<bool()>* poll;
};

gboolean poll_prepare(GSource* source, gint* timeout) {
  *timeout = -1;
  auto* self = reinterpret_cast<PollSource*>(source);
  if (!*self->poll || !(*self->poll)()) return FALSE;
  *timeout = 0;
  return FALSE;
}

gboolean poll_check(GSource* /*source*/) {
  return FALSE;
}

gboolean poll_dispatch(GSource* /*source*/, GSourceFunc /*callback*/, gpointer /*data*/) {
  return G_SOURCE_CONTINUE;
}

GSourceFuncs poll_functions = {poll_prepare, poll_check, poll_dispatch, nullptr, nullptr, nullptr};

}  // namespace

/// Guest timers share one glib source whose ready time is the earliest deadline.
class GuestClock final : public core::Clock {
 public:
  explicit GuestClock(GMainContext* context);
  ~GuestClock() override {
    g_source_destroy(source_);
    g_source_unref(source_);
  }

  i64 now_ns() const override { return stopped_ ? stopped_at_ : Loop::host_ns() - offset_; }
  std::unique_ptr<core::Timer> make_timer(std::function<void()> fire) override;

  void stop() {
    if (stopped_) return;
    stopped_at_ = now_ns();
    stopped_ = true;
    update();
  }
  void resume() {
    if (!stopped_) return;
    stopped_ = false;
    offset_ = Loop::host_ns() - stopped_at_;
    update();
  }

 private:
  class GuestTimer;
  struct TimerSource {
    GSource source;
    GuestClock* clock;
  };

  static gboolean dispatch(GSource* source, GSourceFunc callback, gpointer data);
  void update();
  void fire_due();

  GSource* source_;
  std::vector<GuestTimer*> armed_;  // few: a linear look is cheaper than a heap
  i64 offset_ = Loop::host_ns();
  i64 stopped_at_ = 0;
  bool stopped_ = false;
};

class GuestClock::GuestTimer final : public core::Timer {
 public:
  GuestTimer(GuestClock& clock, std::function<void()> fire)
      : clock_(clock), fire_(std::move(fire)) {}
  ~GuestTimer() override { cancel(); }

  void arm(i64 deadline_ns) override {
    if (deadline_ < 0) clock_.armed_.push_back(this);
    deadline_ = std::max<i64>(deadline_ns, 0);
    clock_.update();
  }
  void cancel() override {
    if (deadline_ < 0) return;
    deadline_ = -1;
    std::erase(clock_.armed_, this);
    clock_.update();
  }
  bool armed() const override { return deadline_ >= 0; }
  i64 deadline_ns() const override { return deadline_; }

  void fire() {
    deadline_ = -1;
    std::erase(clock_.armed_, this);
    fire_();
  }

 private:
  GuestClock& clock_;
  std::function<void()> fire_;
  i64 deadline_ = -1;
};

namespace {
GSourceFuncs timer_functions;
}

GuestClock::GuestClock(GMainContext* context) {
  timer_functions.dispatch = &GuestClock::dispatch;
  source_ = g_source_new(&timer_functions, sizeof(TimerSource));
  reinterpret_cast<TimerSource*>(source_)->clock = this;
  g_source_set_priority(source_, static_cast<int>(Priority::kTimer));
  g_source_set_ready_time(source_, -1);
  g_source_attach(source_, context);
}

std::unique_ptr<core::Timer> GuestClock::make_timer(std::function<void()> fire) {
  return std::make_unique<GuestTimer>(*this, std::move(fire));
}

gboolean GuestClock::dispatch(GSource* source, GSourceFunc /*callback*/, gpointer /*data*/) {
  reinterpret_cast<TimerSource*>(source)->clock->fire_due();
  return G_SOURCE_CONTINUE;
}

void GuestClock::update() {
  i64 next = -1;
  if (!stopped_) {
    for (const GuestTimer* timer : armed_) {
      if (next < 0 || timer->deadline_ns() < next) next = timer->deadline_ns();
    }
  }
  // glib counts microseconds; round up so that a timer never fires early.
  g_source_set_ready_time(source_, next < 0 ? -1 : (next + offset_ + 999) / 1000);
}

void GuestClock::fire_due() {
  if (stopped_) return;
  // Only what is due on entry: a timer that re-arms itself in the past waits for the next round.
  const i64 now = now_ns();
  std::size_t budget = armed_.size();
  while (budget-- > 0) {
    GuestTimer* due = nullptr;
    for (GuestTimer* timer : armed_) {
      if (timer->deadline_ns() > now) continue;
      if (due == nullptr || timer->deadline_ns() < due->deadline_ns()) due = timer;
    }
    if (due == nullptr) break;
    due->fire();
  }
  update();
}

struct Loop::Impl {
  GMainContext* context = g_main_context_new();
  std::unique_ptr<GuestClock> clock = std::make_unique<GuestClock>(context);
  std::function<bool()> before_sleep;
  GSource* poll = nullptr;
  std::atomic<bool> quit{false};

  WatchPtr attach(GSource* source, Priority priority) const {
    g_source_set_priority(source, static_cast<int>(priority));
    g_source_attach(source, context);
    return std::make_unique<SourceWatch>(source);
  }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {
  g_main_context_push_thread_default(impl_->context);
}

Loop::~Loop() {
  if (impl_->poll != nullptr) {
    g_source_destroy(impl_->poll);
    g_source_unref(impl_->poll);
  }
  impl_->clock.reset();
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

void Loop::post(std::function<void()> task) {
  GSource* source = g_idle_source_new();
  g_source_set_priority(source, static_cast<int>(Priority::kCompletion));
  g_source_set_callback(source, &fire_once, new VoidCallback(std::move(task)),
                        &destroy<VoidCallback>);
  g_source_attach(source, impl_->context);
  g_source_unref(source);
}

void Loop::set_before_sleep(std::function<bool()> poll) {
  impl_->before_sleep = std::move(poll);
  if (impl_->poll != nullptr) return;
  impl_->poll = g_source_new(&poll_functions, sizeof(PollSource));
  reinterpret_cast<PollSource*>(impl_->poll)->poll = &impl_->before_sleep;
  g_source_set_priority(impl_->poll, static_cast<int>(Priority::kIdle));
  g_source_attach(impl_->poll, impl_->context);
}

core::Clock& Loop::clock() {
  return *impl_->clock;
}

void Loop::stop_clock() {
  impl_->clock->stop();
}

void Loop::resume_clock() {
  impl_->clock->resume();
}

void Loop::run() {
  while (!impl_->quit.load()) g_main_context_iteration(impl_->context, TRUE);
}

bool Loop::step(bool may_block) {
  return g_main_context_iteration(impl_->context, may_block ? TRUE : FALSE) != FALSE;
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
