// Does the input and output of all images: at once where that takes no waiting, else by one
// io_uring, or by a few threads where the kernel has or allows none. Both are set up by the first
// request that needs them.
//
// Thread: device thread. Every Backend must be gone before its Engine.
#pragma once

#include <memory>

#include "machine/loop/loop.h"

namespace block {

class Backend;
class Transfer;

class Engine {
 public:
  /// kBest is all of the above; the others do without calls at once, or without the ring, too.
  enum class Method { kBest, kRing, kThreads };

  explicit Engine(loop::Loop& loop, Method method = Method::kBest);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// True once requests go by io_uring.
  bool uses_ring() const;
  /// How many calls were made at once.
  core::u64 calls_at_once() const;

 private:
  friend class Backend;

  Transfer& take();
  /// Starts a transfer, or lets a settled one be delivered by the loop.
  void start(Transfer& transfer);
  /// Delivers what `backend` has, and only that; waits for it if nothing has ended.
  void drain_some(Backend& backend);
  loop::Loop& loop() const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace block
