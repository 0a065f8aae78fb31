// xenolith-vnc: started by the machine with one end of a socket pair as descriptor 3, of no use
// without it.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "machine/vnc/server.h"

namespace {

/// What a process that talks to strangers can do without.
void drop_what_we_can() {
  ::close_range(vnc::kChannelFd + 1, ~0u, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit files{128, 128};
  ::setrlimit(RLIMIT_NOFILE, &files);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace

int main() {
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(vnc::kChannelFd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 ||
      type != SOCK_SEQPACKET) {
    std::fputs("xenolith-vnc: started by hand: use xenolith -vnc instead\n", stderr);
    return 1;
  }
  if (::chdir("/") != 0) return 1;
  std::signal(SIGPIPE, SIG_IGN);
  drop_what_we_can();
  ::fcntl(vnc::kChannelFd, F_SETFD, FD_CLOEXEC);
  return vnc::Server(vnc::Channel(vnc::Fd(vnc::kChannelFd))).run();
}
