// A device model and the processes that it started, as /proc shows them: ours keeps the VNC server
// in a process of its own, and a fair figure counts it.
#pragma once

#include <sys/types.h>

#include <vector>

namespace measure {

struct TreeFigures {
  double resident_kib = 0;  // of shared pages, each process's
  double private_kib = 0;   // dirty and clean
  double libraries = 0;     // files mapped for execution, distinct
  double cpu_ms = 0;
  double wakeups = 0;  // voluntary context switches of all threads
  double threads = 0;
};

/// The process and its descendants.
std::vector<pid_t> process_tree(pid_t root);
TreeFigures tree_figures(pid_t root);

}  // namespace measure
