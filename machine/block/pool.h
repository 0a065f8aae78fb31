// A few threads that do calls which io_uring does not do, or all where there is none.
//
// Thread: queue() and collect() on the device thread; the workers touch no device.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "machine/block/transfer.h"

namespace block {

class Pool {
 public:
  /// `wake` is called on a worker when collect() has something new.
  explicit Pool(std::function<void()> wake);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void queue(Transfer& transfer);
  /// Moves the transfers whose call has ended to `ended`.
  void collect(TransferList& ended);

 private:
  void add_worker();
  void work();

  std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable due_changed_;
  TransferList due_;
  TransferList ended_;
  unsigned idle_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace block
