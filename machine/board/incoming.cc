#include "machine/board/incoming.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "hw/emul/core/fd.h"
#include "machine/child/child.h"
#include "machine/state/descriptor.h"

namespace board {
namespace {

using Bytes = std::vector<core::u8>;

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    return fmt::format("it was killed by SIG{}", name != nullptr ? name : "?");
  }
  const int code = WEXITSTATUS(status);
  // The shell's own, and what its last line on standard error has explained.
  if (code == 127) return "no such command (exit status 127)";
  return fmt::format("it failed with exit status {}", code);
}

core::Result<Bytes> output_of(const std::string& command) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return core::fail(fmt::format("no pipe: {}", std::strerror(errno)));
  }
  core::Fd ours(ends[0]);
  core::Fd theirs(ends[1]);

  child::Plan plan;
  plan.give(theirs.get(), STDOUT_FILENO);
  pid_t pid = -1;
  const int error = plan.start("/bin/sh", {"sh", "-c", command}, pid);
  if (error != 0) return core::fail(fmt::format("cannot start /bin/sh: {}", std::strerror(error)));

  theirs.reset();
  auto bytes = state::read_all(ours.get(), state::Patience::kUntilSignalled);
  ours.reset();
  if (!bytes) kill(pid, SIGKILL);
  const int status = child::wait_for(pid);
  if (bytes && status != 0) return core::fail(how_it_ended(status));
  return bytes;
}

}  // namespace

core::Result<Bytes> read_incoming(const config::Machine::Incoming& incoming) {
  if (!incoming.command.empty()) return output_of(incoming.command);
  const core::Fd file(incoming.fd >= 0 ? incoming.fd
                                       : open(incoming.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return core::fail(std::strerror(errno));
  return state::read_all(file.get(), state::Patience::kUntilSignalled);
}

}  // namespace board
