// -machine none: no guest, no devices; only the monitors answer. libxl starts this to find out
// what the program can do, and a person may use it to look around.
//
// Thread: device thread.
#pragma once

#include <memory>

#include "hw/emul/core/result.h"
#include "machine/config/machine.h"
#include "machine/loop/loop.h"

namespace board {

class NoMachine {
 public:
  static core::Result<std::unique_ptr<NoMachine>> create(loop::Loop& loop,
                                                         const config::Machine& machine);
  ~NoMachine();
  NoMachine(const NoMachine&) = delete;
  NoMachine& operator=(const NoMachine&) = delete;

  void start();
  void terminate(int signal);
  void report() {}  // nobody has done anything
  void finish() {}

 private:
  struct Impl;
  explicit NoMachine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace board
