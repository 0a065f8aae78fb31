#include "machine/board/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace board {

Signals::Signals(loop::Loop& loop, std::function<void(int)> received)
    : received_(std::move(received)) {
  // A client that hangs up is an error of write(), not the end of us.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit of files fails
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd_ >= 0) watch_ = loop.watch_fd(fd_, loop::kReadable, [this](unsigned) { read_all(); });
}

Signals::~Signals() {
  watch_.reset();
  if (fd_ >= 0) close(fd_);
}

void Signals::read_all() {
  signalfd_siginfo info;
  while (read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    received_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace board
