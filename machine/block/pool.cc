#include "machine/block/pool.h"

#include <csignal>
#include <system_error>
#include <utility>

namespace block {

namespace {

constexpr std::size_t kMaxWorkers = 8;

}  // namespace

Pool::Pool(std::function<void()> wake) : wake_(std::move(wake)) {}

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  due_changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::queue(Transfer& transfer) {
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    due_.push(transfer);
    waiting = due_.size() > idle_ ? due_.size() - idle_ : 0;
  }
  if (waiting > 0 && workers_.size() < kMaxWorkers) add_worker();
  if (!workers_.empty()) {
    due_changed_.notify_one();
    return;
  }
  // Not a single thread to be had: slow is better than never.
  const std::lock_guard lock(mutex_);
  Transfer* const own = due_.pop();
  own->result = own->perform();
  ended_.push(*own);
  wake_();
}

void Pool::add_worker() {
  // Signals are for the device thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // Out of threads; those that there are do the work.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Pool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    due_changed_.wait(lock, [this] { return stop_ || !due_.empty(); });
    --idle_;
    Transfer* const transfer = due_.pop();
    if (transfer == nullptr) return;
    lock.unlock();
    transfer->result = transfer->perform();
    lock.lock();
    const bool first = ended_.empty();
    ended_.push(*transfer);
    if (first) wake_();
  }
}

void Pool::collect(TransferList& ended) {
  const std::lock_guard lock(mutex_);
  ended.take_all(ended_);
}

}  // namespace block
