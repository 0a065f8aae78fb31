// Programs that we start: with the signals that programs expect, and nothing of ours inherited
// but what the caller says.
//
// Thread: device thread.
#pragma once

#include <spawn.h>
#include <sys/types.h>

#include <string>
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
  void give(int from, int to) { ::posix_spawn_file_actions_adddup2(&files_, from, to); }
  void open(int to, const char* path, int flags) {
    ::posix_spawn_file_actions_addopen(&files_, to, path, flags, 0);
  }

  /// The program at `path`; `arguments` begin with its name. 0 or an errno value.
  int start(const std::string& path, std::vector<std::string> arguments, pid_t& pid) const;

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

/// Until it has ended; its status as waitpid gives it.
int wait_for(pid_t pid);

}  // namespace child
