// Programs that we start: with the signals that programs expect, and nothing of ours inherited
// but what the caller says.
//
// Thread: device thread.
#pragma once

#include <spawn.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace child {

/// What a program begins with: no signal blocked, none ignored. posix_spawn's attribute objects,
/// freed on every way out.
class Plan {
 public:
  Plan();
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// `from`, ours, is `to` in the program.
  void give(int from, int to) {
    given_.emplace_back(from, to);
    ::posix_spawn_file_actions_adddup2(&files_, from, to);
  }
  /// Of start_bound(): how many descriptors the program may have; 0 for as many as we.
  void limit_files(unsigned most) { most_files_ = most; }
  void open(int to, const char* path, int flags) {
    ::posix_spawn_file_actions_addopen(&files_, to, path, flags, 0);
  }

  /// The program at `path`; `arguments` begin with its name. 0 or an errno value.
  int start(const std::string& path, std::vector<std::string> arguments, pid_t& pid) const;
  /// The same, for a program that is of no use without us: the kernel ends it when this thread
  /// ends, in whatever way, and it cannot gain privileges. Takes no open().
  int start_bound(const std::string& path, std::vector<std::string> arguments, pid_t& pid) const;

 private:
  std::vector<std::pair<int, int>> given_;
  unsigned most_files_ = 0;
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

/// Until it has ended; its status as waitpid gives it.
int wait_for(pid_t pid);
/// Asks it to end, and makes it if it has not done so after `patience_ms`.
void end(pid_t pid, int patience_ms);

}  // namespace child
