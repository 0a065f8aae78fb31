// -machine xenpv: a guest without emulated hardware (PV, PVH, domain 0, or one whose device model
// runs elsewhere). There is no ioreq server and no board: PV back ends and the monitor are all of
// it.
//
// Thread: device thread.
#pragma once

#include <memory>

#include "hw/emul/core/result.h"
#include "machine/config/machine.h"
#include "machine/loop/loop.h"

namespace board {

class XenpvMachine {
 public:
  static core::Result<std::unique_ptr<XenpvMachine>> create(loop::Loop& loop,
                                                            const config::Machine& machine);
  ~XenpvMachine();
  XenpvMachine(const XenpvMachine&) = delete;
  XenpvMachine& operator=(const XenpvMachine&) = delete;

  void start();
  void terminate(int signal);
  void report() {}  // there are no accesses
  void finish();

 private:
  struct Impl;
  explicit XenpvMachine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace board
