#include "machine/state/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace state {
namespace {

constexpr int kPatienceMs = 10'000;
constexpr int kLookMs = 200;

/// Not blocking while it lives. The flag belongs to everybody who shares the open file.
class NonBlocking {
 public:
  explicit NonBlocking(int fd) : fd_(fd), flags_(fcntl(fd, F_GETFL)) {
    if (flags_ >= 0) (void)fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
  }
  ~NonBlocking() {
    if (flags_ >= 0) (void)fcntl(fd_, F_SETFL, flags_);
  }
  NonBlocking(const NonBlocking&) = delete;
  NonBlocking& operator=(const NonBlocking&) = delete;

 private:
  int fd_;
  int flags_;
};

/// A signal to end that the loop, which is not reached yet, would take.
bool told_to_end() {
  sigset_t waiting;
  if (sigpending(&waiting) != 0) return false;
  return sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1 ||
         sigismember(&waiting, SIGHUP) == 1;
}

/// After a read or write that did nothing: whether to try again.
core::Result<void> wait(int fd, short events, const char* what, Patience patience) {
  const int error = errno;
  if (error == EINTR) return {};
  if (error != EAGAIN) return core::fail(fmt::format("cannot {}: {}", what, std::strerror(error)));
  pollfd waited{.fd = fd, .events = events, .revents = 0};
  if (patience == Patience::kUntilSignalled) {
    while (poll(&waited, 1, kLookMs) == 0) {
      if (told_to_end()) return core::fail(fmt::format("cannot {}: told to end", what));
    }
    return {};
  }
  const int ready = poll(&waited, 1, kPatienceMs);
  if (ready == 0) return core::fail(fmt::format("cannot {}: the other end does nothing", what));
  return {};
}

}  // namespace

core::Result<std::vector<core::u8>> read_all(int fd, Patience patience) {
  const NonBlocking guard(fd);
  std::vector<core::u8> bytes;
  constexpr std::size_t kPiece = 64 << 10;
  for (std::size_t used = 0;;) {
    bytes.resize(used + kPiece);
    const ssize_t got = read(fd, bytes.data() + used, kPiece);
    if (got < 0) {
      if (auto result = wait(fd, POLLIN, "read the saved state", patience); !result) {
        return tl::unexpected(result.error());
      }
      continue;
    }
    used += static_cast<std::size_t>(got);
    bytes.resize(used);
    if (got == 0) return bytes;
    if (used > kMostBytes) {
      return core::fail(fmt::format("this is no saved state: more than {} MiB", kMostBytes >> 20));
    }
  }
}

core::Result<void> write_all(int fd, core::Bytes bytes) {
  const NonBlocking guard(fd);
  while (!bytes.empty()) {
    const ssize_t done = write(fd, bytes.data(), bytes.size());
    if (done > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(done));
      continue;
    }
    if (done == 0) errno = EIO;
    if (auto result = wait(fd, POLLOUT, "write the state", Patience::kSeconds); !result)
      return result;
  }
  return {};
}

}  // namespace state
