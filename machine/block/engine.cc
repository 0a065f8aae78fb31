#include "machine/block/engine.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "machine/block/backend.h"
#include "machine/block/node.h"
#include "machine/block/pool.h"
#include "machine/block/ring.h"

namespace block {

namespace {

/// Calls under way; what comes above waits here.
constexpr unsigned kDepth = 128;
constexpr std::size_t kBlock = 16;  // transfers allocated at a time

}  // namespace

struct Engine::Impl final : Completions {
  Impl(loop::Loop& the_loop, Method the_method);
  ~Impl() override;

  // Completions
  void ended(Transfer& transfer) override;

  Transfer& take();
  void recycle(Transfer& transfer);
  void enter(Transfer& transfer);
  void admit(Transfer& transfer);
  static bool may_start(const Transfer& transfer);
  void run(Transfer& transfer);
  void leave_node(Transfer& transfer);
  void end_early(Transfer& transfer);
  void issue(Transfer& transfer);
  void dispatch(Transfer& transfer);
  void kick();
  void collect();
  std::size_t deliver(const Backend* only, std::size_t budget);
  void complete(Transfer& transfer);
  void ready();
  void drain_some(const Backend& backend);
  void wait(const Backend& backend);
  /// The loop calls ready() before it sleeps.
  void ask() const { task->ask(); }
  void wake() const;
  void clear_wake() const;
  void set_up();
  Pool& threads();

  loop::Loop& loop;
  Method method;
  int wake_fd;
  bool is_set_up = false;
  std::unique_ptr<Ring> ring;
  std::unique_ptr<Pool> pool;
  loop::WatchPtr wake_watch;
  loop::WatchPtr ring_watch;
  loop::TaskPtr task;

  std::vector<std::unique_ptr<std::array<Transfer, kBlock>>> blocks;
  Transfer* unused = nullptr;
  TransferList waiting;   // for others to leave the kernel
  TransferList at_once;   // their call has ended already
  TransferList answered;  // by servers
  TransferList finished;  // looked at by deliver()
  u64 calls_at_once = 0;
  unsigned in_flight = 0;
  unsigned holds = 0;  // while above 0, calls are only noted: they go to the kernel together
};

Engine::Impl::Impl(loop::Loop& the_loop, Method the_method)
    : loop(the_loop), method(the_method), wake_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd for disks");
  wake_watch = loop.watch_fd(
      wake_fd, loop::kReadable,
      [this](unsigned) {
        clear_wake();
        ready();
      },
      loop::Priority::kCompletion);
  // What the ring has done is in its memory: a guest that is being looked at need not wait for the
  // loop to hear of it.
  task = loop.make_task([this] { ready(); }, [this] { return ring && ring->has_ended(); });
}

Engine::Impl::~Impl() {
  task.reset();
  pool.reset();
  ring_watch.reset();
  wake_watch.reset();
  ::close(wake_fd);
}

void Engine::Impl::wake() const {
  const u64 one = 1;
  // Fails only where the counter is full: then it is readable all the same.
  [[maybe_unused]] const ssize_t written = ::write(wake_fd, &one, sizeof one);
}

void Engine::Impl::clear_wake() const {
  u64 count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_fd, &count, sizeof count);
}

void Engine::Impl::set_up() {
  is_set_up = true;
  if (method != Method::kThreads) ring = Ring::open(kDepth);
  if (!ring) return;
  ring_watch = loop.watch_fd(
      ring->fd(), loop::kReadable, [this](unsigned) { ready(); }, loop::Priority::kCompletion);
}

Pool& Engine::Impl::threads() {
  if (!pool) pool = std::make_unique<Pool>([this] { wake(); });
  return *pool;
}

Transfer& Engine::Impl::take() {
  if (unused == nullptr) {
    blocks.push_back(std::make_unique<std::array<Transfer, kBlock>>());
    for (Transfer& transfer : *blocks.back()) recycle(transfer);
  }
  Transfer& transfer = *unused;
  unused = transfer.next;
  return transfer;
}

/// The one used last is used first: its memory is warm.
void Engine::Impl::recycle(Transfer& transfer) {
  transfer.next = unused;
  unused = &transfer;
}

// --- writes of parts of blocks ---

bool Engine::Impl::may_start(const Transfer& transfer) {
  const Node& node = transfer.node();
  return !node.exclusive && (node.writes == 0 || !transfer.wants_exclusive());
}

/// Past the faults that somebody has asked for, if there are any.
void Engine::Impl::enter(Transfer& transfer) {
  if (Faults* const faults = transfer.node().faults.get()) {
    int error = 0;
    const Node& node = transfer.node();
    const bool dirty = node.unsynced() && node.written > 1;
    switch (faults->admit(transfer, dirty, error)) {
      case Faults::Verdict::kGo: break;
      case Faults::Verdict::kWait: return;
      case Faults::Verdict::kFail:
        transfer.settle(error);
        end_early(transfer);
        return;
    }
  }
  admit(transfer);
}

void Engine::Impl::admit(Transfer& transfer) {
  Node& node = transfer.node();
  const bool ordered = transfer.changes() && node.alignment > kSectorSize;
  if (ordered && (!node.held.empty() || !may_start(transfer))) {
    node.held.push(transfer);
    return;
  }
  transfer.counted = ordered;
  run(transfer);
}

void Engine::Impl::run(Transfer& transfer) {
  if (transfer.counted) {
    ++transfer.node().writes;
    transfer.node().exclusive = transfer.wants_exclusive();
  }
  if (transfer.begin()) {
    issue(transfer);
  } else {
    end_early(transfer);
  }
}

void Engine::Impl::leave_node(Transfer& transfer) {
  if (!std::exchange(transfer.counted, false)) return;
  Node& node = transfer.node();
  --node.writes;
  if (node.writes == 0) node.exclusive = false;
  while (Transfer* const first = node.held.front()) {
    if (!may_start(*first)) break;
    node.held.pop();
    first->counted = true;
    run(*first);
  }
}

// --- to the kernel ---

/// done() never comes from within submit(): the loop delivers it.
void Engine::Impl::end_early(Transfer& transfer) {
  transfer.settle(transfer.error());
  finished.push(transfer);
  ask();
}

void Engine::Impl::issue(Transfer& transfer) {
  // Not the kernel's call: does not count among those.
  if (transfer.node().remote) return transfer.node().remote->queue(transfer, *this);
  if (in_flight >= kDepth) {
    waiting.push(transfer);
    return;
  }
  dispatch(transfer);
}

void Engine::Impl::dispatch(Transfer& transfer) {
  ++in_flight;
  if (method == Method::kBest && transfer.node().at_once.perform(transfer)) {
    ++calls_at_once;
    at_once.push(transfer);
    ask();
    return;
  }
  if (!is_set_up) set_up();
  // io_uring has no discard of devices.
  if (!ring || ring->broken() || transfer.call() == Call::kDiscardDevice) {
    threads().queue(transfer);
    return;
  }
  ring->queue(transfer);
  if (holds == 0) kick();
}

void Engine::Impl::kick() {
  if (!ring) return;
  // Short of kernel memory: the loop comes back here.
  if (!ring->submit()) wake();
  if (!ring->broken()) return;
  TransferList left;
  ring->take_back(left);
  while (Transfer* const transfer = left.pop()) threads().queue(*transfer);
}

// --- back from the kernel ---

void Engine::Impl::ended(Transfer& transfer) {
  answered.push(transfer);
  ask();
}

void Engine::Impl::collect() {
  TransferList ended;
  ended.take_all(at_once);
  if (ring) ring->collect(ended);
  if (pool) pool->collect(ended);
  in_flight -= static_cast<unsigned>(ended.size());
  finished.take_all(ended);
  finished.take_all(answered);
  ++holds;
  while (in_flight < kDepth) {
    Transfer* const next = waiting.pop();
    if (next == nullptr) break;
    dispatch(*next);
  }
  --holds;
}

std::size_t Engine::Impl::deliver(const Backend* only, std::size_t budget) {
  std::size_t count = 0;
  ++holds;
  while (count < budget) {
    Transfer* const transfer = finished.pop(only);
    if (transfer == nullptr) break;
    ++count;
    if (!transfer->settled() && transfer->advance()) {
      issue(*transfer);
    } else {
      complete(*transfer);
    }
  }
  --holds;
  return count;
}

void Engine::Impl::complete(Transfer& transfer) {
  leave_node(transfer);
  core::BlockRequest& request = transfer.request();
  const int error = transfer.backend().ended(transfer);
  recycle(transfer);
  request.done(error);
}

void Engine::Impl::ready() {
  collect();
  // What done() adds waits for the next round of the loop.
  deliver(nullptr, finished.size());
  kick();
  if (!finished.empty()) ask();
}

void Engine::Impl::drain_some(const Backend& backend) {
  clear_wake();
  collect();
  const std::size_t delivered = deliver(&backend, finished.size());
  kick();
  if (delivered == 0 && at_once.empty() && answered.empty() && backend.outstanding_ > 0) {
    wait(backend);
  }
  // Of other back ends; their time comes in the loop.
  if (!finished.empty()) ask();
}

void Engine::Impl::wait(const Backend& backend) {
  if (backend.image_ && backend.image_->node().remote) return backend.image_->node().remote->wait();
  std::array<pollfd, 2> fds{pollfd{wake_fd, POLLIN, 0}, pollfd{ring ? ring->fd() : -1, POLLIN, 0}};
  // An interrupted wait is one that ended early.
  [[maybe_unused]] const int count = ::poll(fds.data(), fds.size(), -1);
}

Engine::Engine(loop::Loop& loop, Method method) : impl_(std::make_unique<Impl>(loop, method)) {}

Engine::~Engine() = default;

bool Engine::uses_ring() const {
  return impl_->ring != nullptr;
}

core::u64 Engine::calls_at_once() const {
  return impl_->calls_at_once;
}

Transfer& Engine::take() {
  return impl_->take();
}

void Engine::start(Transfer& transfer) {
  if (transfer.settled()) {
    impl_->end_early(transfer);
  } else {
    impl_->enter(transfer);
  }
}

void Engine::drain_some(Backend& backend) {
  impl_->drain_some(backend);
}

loop::Loop& Engine::loop() const {
  return impl_->loop;
}

}  // namespace block
