#include "tests/measure/process_tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace measure {
namespace {

namespace fs = std::filesystem;

void add_memory(pid_t pid, TreeFigures& sum) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key;
    double kib = 0;
    if (!(words >> key >> kib)) continue;
    if (key == "Rss:") sum.resident_kib += kib;
    if (key == "Private_Clean:" || key == "Private_Dirty:") sum.private_kib += kib;
  }
}

void add_libraries(pid_t pid, std::set<std::string>& names) {
  std::ifstream file(fmt::format("/proc/{}/maps", pid));
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t path = line.find('/');
    if (path != std::string::npos && line.find("r-xp") != std::string::npos) {
      names.insert(line.substr(path));
    }
  }
}

void add_threads(pid_t pid, TreeFigures& sum) {
  std::error_code error;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
    ++sum.threads;
    std::ifstream status(task.path() / "status");
    std::string line;
    while (std::getline(status, line)) {
      if (line.rfind("voluntary_ctxt_switches:", 0) == 0) {
        sum.wakeups += std::stod(line.substr(line.find(':') + 1));
      }
    }
  }
}

void add_cpu(pid_t pid, TreeFigures& sum) {
  // schedstat counts nanoseconds on the CPU, by thread.
  std::error_code error;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
    std::ifstream file(task.path() / "schedstat");
    double ns = 0;
    if (file >> ns) sum.cpu_ms += ns / 1e6;
  }
}

}  // namespace

std::vector<pid_t> process_tree(pid_t root) {
  std::vector<pid_t> tree{root};
  for (std::size_t i = 0; i < tree.size(); ++i) {
    std::error_code error;
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", tree[i]), error)) {
      std::ifstream children(task.path() / "children");
      pid_t child = 0;
      while (children >> child) tree.push_back(child);
    }
  }
  return tree;
}

TreeFigures tree_figures(pid_t root) {
  TreeFigures sum;
  std::set<std::string> libraries;
  for (const pid_t pid : process_tree(root)) {
    add_memory(pid, sum);
    add_libraries(pid, libraries);
    add_threads(pid, sum);
    add_cpu(pid, sum);
  }
  sum.libraries = static_cast<double>(libraries.size());
  return sum;
}

}  // namespace measure
