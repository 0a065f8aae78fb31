// -accel qtest: a board without a hypervisor. RAM is this process's, time moves when a client says
// so, and what Xen otherwise provides is emulated: timer, clock, interrupt controllers.
//
// Thread: device thread.
#pragma once

#include <memory>

#include "hw/emul/core/result.h"
#include "machine/config/machine.h"
#include "machine/loop/loop.h"

namespace board {

class QtestMachine {
 public:
  /// Connects to the qtest client first, then to everybody else; on failure nothing is left.
  static core::Result<std::unique_ptr<QtestMachine>> create(loop::Loop& loop,
                                                            const config::Machine& machine);
  ~QtestMachine();
  QtestMachine(const QtestMachine&) = delete;
  QtestMachine& operator=(const QtestMachine&) = delete;

  void start();
  void terminate(int signal);
  void report() {}  // nobody but the client has done anything
  void finish();

 private:
  struct Impl;
  explicit QtestMachine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace board
