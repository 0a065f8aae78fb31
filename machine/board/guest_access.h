// Joins the ioreq server to the event loop.
//
// Thread: device thread.
#pragma once

#include <functional>

#include "ioreq/server/server.h"
#include "machine/loop/loop.h"

namespace board {

class GuestAccess final : public loop::GuestSource {
 public:
  /// `served` is called after accesses, away from their path.
  GuestAccess(ioreq::Server& server, int fd, std::function<void()> served)
      : server_(server), fd_(fd), served_(std::move(served)) {}

  /// How long to look for accesses before sleeping: not at all where this process has one CPU, for
  /// whoever it waits for may need just that one.
  static core::u64 polling_window();

  // loop::GuestSource
  int fd() const override { return fd_; }
  void ready() override;
  bool linger(core::i64 until_ns) override;
  core::i64 due_ns() const override;

 private:
  ioreq::Server& server_;
  const int fd_;
  std::function<void()> served_;
};

}  // namespace board
