// A device model's process: started as libxl starts it, watched, and ended.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hw/emul/core/types.h"

namespace xensim {

using core::u64;

struct ProcessOptions {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;  // added to ours
  std::string log;                                 // stdout and stderr, appended
  std::vector<int> files;                          // inherited under their own numbers
};

/// From /proc; bytes, milliseconds and counts.
struct Figures {
  u64 resident = 0;
  u64 private_bytes = 0;  // also of the program's file, while no other runs it
  u64 anonymous = 0;      // bytes of heap, stacks and such, swapped out or not
  u64 mapped_libraries = 0;
  u64 threads = 0;
  u64 cpu_ms = 0;
  u64 voluntary_switches = 0;
};

class Process {
 public:
  explicit Process(const ProcessOptions& options);
  /// Kills what still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  /// As waitpid gives it; nothing if it did not end in time.
  std::optional<int> wait(u64 milliseconds = 30'000);
  Figures figures() const;
  std::string log() const;

 private:
  pid_t pid_ = -1;
  int handle_ = -1;  // pidfd
  std::optional<int> status_;
  std::string log_;
};

}  // namespace xensim
