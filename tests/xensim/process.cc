#include "tests/xensim/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace xensim {
namespace {

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!more.contains(text.substr(0, text.find('=')))) found.push_back(text);
  }
  for (const auto& [name, value] : more) found.push_back(name + "=" + value);
  return found;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> found;
  for (const std::string& string : strings) found.push_back(const_cast<char*>(string.c_str()));
  found.push_back(nullptr);
  return found;
}

/// "Name:  123 kB" of a file under /proc.
u64 field(const std::string& text, const std::string& name) {
  const auto at = text.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::strtoull(&text[at + name.size() + 2], nullptr, 10);
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << '\n' << file.rdbuf();
  return text.str();
}

}  // namespace

Process::Process(const ProcessOptions& options) : log_(options.log) {
  const std::vector<std::string> environment = environment_with(options.environment);
  const std::vector<char*> arguments = pointers(options.command);
  const std::vector<char*> variables = pointers(environment);
  const int log = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw std::runtime_error("cannot write " + log_);
  pid_ = ::vfork();
  if (pid_ == 0) {
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::close(null);
    for (const int file : options.files) ::fcntl(file, F_SETFD, 0);
    ::setsid();
    ::execve(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }
  ::close(log);
  if (pid_ < 0) throw std::runtime_error("cannot start " + options.command[0]);
  handle_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
}

Process::~Process() {
  if (running()) {
    signal(SIGKILL);
    wait();
  }
  ::close(handle_);
}

bool Process::running() {
  return !wait(0).has_value();
}

void Process::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

std::optional<int> Process::wait(u64 milliseconds) {
  if (status_) return status_;
  pollfd polled{handle_, POLLIN, 0};
  if (::poll(&polled, 1, static_cast<int>(milliseconds)) <= 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) == pid_) status_ = status;
  return status_;
}

std::string Process::log() const {
  return contents(log_).substr(1);
}

Figures Process::figures() const {
  const std::string proc = "/proc/" + std::to_string(pid_);
  const std::string rollup = contents(proc + "/smaps_rollup");
  const std::string status = contents(proc + "/status");
  Figures found;
  found.resident = field(rollup, "Rss") * 1024;
  found.private_bytes = (field(rollup, "Private_Clean") + field(rollup, "Private_Dirty")) * 1024;
  found.anonymous = (field(rollup, "Anonymous") + field(rollup, "Swap")) * 1024;
  found.threads = field(status, "Threads");
  std::set<std::string> libraries;
  std::istringstream maps(contents(proc + "/maps"));
  for (std::string line; std::getline(maps, line);) {
    const auto slash = line.find('/');
    if (slash != std::string::npos && line.find(".so", slash) != std::string::npos) {
      libraries.insert(line.substr(slash));
    }
  }
  found.mapped_libraries = libraries.size();
  const std::string tasks = proc + "/task";
  if (DIR* directory = ::opendir(tasks.c_str())) {
    while (const dirent* entry = ::readdir(directory)) {
      if (entry->d_name[0] == '.') continue;
      found.voluntary_switches +=
          field(contents(tasks + "/" + entry->d_name + "/status"), "voluntary_ctxt_switches");
    }
    ::closedir(directory);
  }
  // The name may have spaces; times are the 12th and 13th field after it.
  const std::string stat = contents(proc + "/stat");
  std::istringstream rest(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  u64 user = 0;
  u64 system = 0;
  rest >> user >> system;
  found.cpu_ms = (user + system) * 1000 / static_cast<u64>(::sysconf(_SC_CLK_TCK));
  return found;
}

}  // namespace xensim
