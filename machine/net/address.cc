#include "machine/net/address.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

namespace netdev {
namespace {

using Action = std::function<int(int, const sockaddr*, socklen_t)>;

core::Result<void> failed(const std::string& what, const char* why) {
  return core::fail(fmt::format("{}: {}", what, why));
}

/// Does it to the first address of "HOST:PORT" that works; makes the socket if there is none yet.
core::Result<void> with_inet(const std::string& text, int type, core::Fd& fd,
                             const Action& action) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return failed(text, "must be HOST:PORT");
  std::string host = text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) return failed(text, ::gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, &::freeaddrinfo);
  int last = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    core::Fd made;
    if (!fd) made = core::Fd(::socket(one->ai_family, type | SOCK_CLOEXEC, 0));
    const int target = fd ? fd.get() : made.get();
    if (target >= 0 && action(target, one->ai_addr, one->ai_addrlen) == 0) {
      if (made) fd = std::move(made);
      return {};
    }
    last = errno;
  }
  return failed(text, std::strerror(last));
}

core::Result<void> with_unix(const std::string& path, int type, core::Fd& fd,
                             const Action& action) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return failed(path, "longer than a socket's may be");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (!fd) fd = core::Fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd) return failed(path, std::strerror(errno));
  if (action(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
  return failed(path, std::strerror(errno));
}

core::Result<void> act(const std::string& inet, const std::string& path, int type, core::Fd& fd,
                       const Action& action) {
  return path.empty() ? with_inet(inet, type, fd, action) : with_unix(path, type, fd, action);
}

}  // namespace

core::Result<Endpoint> make_socket(const Spec& spec) {
  Endpoint made;
  core::Result<void> done;
  if (!spec.connect.empty() || !spec.connect_path.empty()) {
    done = act(spec.connect, spec.connect_path, SOCK_STREAM, made.fd, &::connect);
  } else {
    if (!spec.local_path.empty()) (void)::unlink(spec.local_path.c_str());
    done = act(spec.local, spec.local_path, SOCK_DGRAM, made.fd, &::bind);
    if (done) {
      // Nobody need be there yet.
      const auto keep = [&made](int, const sockaddr* address, socklen_t length) {
        std::memcpy(&made.peer, address, length);
        made.peer_length = length;
        return 0;
      };
      done = act(spec.remote, spec.remote_path, SOCK_DGRAM, made.fd, keep);
    }
  }
  if (!done) return core::fail(fmt::format("netdev {}: {}", spec.id, done.error().message));
  return made;
}

}  // namespace netdev
