#include "machine/child/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "hw/emul/core/fd.h"

namespace child {

namespace {

std::vector<char*> pointers_to(std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// In the child, between fork and exec: system calls only.
void become(const char* path, char* const* arguments, const std::vector<std::pair<int, int>>& given,
            unsigned most_files, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have died before the kernel knew.
  if (::getppid() != parent) ::_exit(127);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  for (const auto& [from, to] : given) {
    // Onto itself, dup2() would leave close-on-exec set.
    const int done = from == to ? ::fcntl(to, F_SETFD, 0) : ::dup2(from, to);
    if (done < 0) return;
  }
  const rlimit files{most_files, most_files};
  if (most_files != 0) ::setrlimit(RLIMIT_NOFILE, &files);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGXFSZ, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(path, arguments, environ);
}

}  // namespace

Plan::Plan() {
  ::posix_spawn_file_actions_init(&files_);
  ::posix_spawnattr_init(&attributes_);
  sigset_t none;
  sigset_t ignored;  // by us, which it would inherit
  sigemptyset(&none);
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  sigaddset(&ignored, SIGXFSZ);
  ::posix_spawnattr_setsigmask(&attributes_, &none);
  ::posix_spawnattr_setsigdefault(&attributes_, &ignored);
  ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

Plan::~Plan() {
  ::posix_spawn_file_actions_destroy(&files_);
  ::posix_spawnattr_destroy(&attributes_);
}

int Plan::start(const std::string& path, std::vector<std::string> arguments, pid_t& pid) const {
  const std::vector<char*> pointers = pointers_to(arguments);
  return ::posix_spawn(&pid, path.c_str(), &files_, &attributes_, pointers.data(), environ);
}

/// posix_spawn() knows nothing of parents that die.
int Plan::start_bound(const std::string& path, std::vector<std::string> arguments,
                      pid_t& pid) const {
  const std::vector<char*> pointers = pointers_to(arguments);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
  const core::Fd ours(ends[0]);
  core::Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // Our handlers are not to run over there.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t made = ::fork();
  if (made == 0) {
    become(path.c_str(), pointers.data(), given_, most_files_, parent);
    const int error = errno;
    [[maybe_unused]] const ssize_t told = ::write(theirs.get(), &error, sizeof error);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (made < 0) return fork_error;
  theirs.reset();
  int error = 0;
  ssize_t got = 0;
  do {
    got = ::read(ours.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof error) {
    (void)wait_for(made);
    return error;
  }
  pid = made;
  return 0;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

void end(pid_t pid, int patience_ms) {
  ::kill(pid, SIGTERM);
  const core::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd ended{process.get(), POLLIN, 0};
  if (!process || ::poll(&ended, 1, patience_ms) <= 0) ::kill(pid, SIGKILL);
  (void)wait_for(pid);
}

}  // namespace child
