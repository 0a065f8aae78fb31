#include "machine/board/daemon.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace board {
namespace {

core::Result<void> failed(const char* what) {
  return core::fail(std::string("-daemonize: ") + what + ": " + std::strerror(errno));
}

}  // namespace

core::Result<void> Daemon::split() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed("pipe");
  core::Fd reader(ends[0]);
  pipe_.reset(ends[1]);
  const pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child > 0) {
    pipe_.reset();
    char verdict = 1;
    ssize_t got = 0;
    do {
      got = read(reader.get(), &verdict, 1);
    } while (got < 0 && errno == EINTR);
    // Nothing came: the machine has said why on standard error.
    _exit(got == 1 ? verdict : 1);
  }
  if (setsid() < 0) return failed("setsid");
  return {};
}

void Daemon::ready() {
  if (!pipe_) return;
  const core::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (null) dup2(null.get(), standard);
  }
  // Relative paths of the command line have been opened by now.
  [[maybe_unused]] const int moved = chdir("/");
  const char good = 0;
  [[maybe_unused]] const auto written = write(pipe_.get(), &good, 1);
  pipe_.reset();
}

}  // namespace board
