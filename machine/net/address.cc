#include "machine/net/address.h"

#include <arpa/inet.h>
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

int listen_at(int socket, const sockaddr* address, socklen_t length) {
  constexpr int kOn = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof kOn);
  if (::bind(socket, address, length) != 0) return -1;
  return ::listen(socket, 1);
}

/// The socket hears what is sent to the group, by others on this host, too. `local` is the address
/// of the interface, if it is not the usual one.
int join_group(int socket, const sockaddr& group, const std::string& local) {
  if (group.sa_family != AF_INET) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  constexpr int kOn = 1;
  sockaddr_in address{};
  std::memcpy(&address, &group, sizeof address);
  ip_mreq request{};
  request.imr_multiaddr = address.sin_addr;
  request.imr_interface.s_addr = INADDR_ANY;
  if (!local.empty() && ::inet_pton(AF_INET, local.c_str(), &request.imr_interface) != 1) {
    errno = EINVAL;
    return -1;
  }
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof kOn);
  if (::bind(socket, &group, sizeof address) != 0) return -1;
  if (::setsockopt(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) != 0) return -1;
  ::setsockopt(socket, IPPROTO_IP, IP_MULTICAST_LOOP, &kOn, sizeof kOn);
  if (!local.empty()) {
    ::setsockopt(socket, IPPROTO_IP, IP_MULTICAST_IF, &request.imr_interface,
                 sizeof request.imr_interface);
  }
  return 0;
}

}  // namespace

core::Result<Endpoint> make_socket(const Spec& spec) {
  Endpoint made;
  core::Result<void> done;
  const auto keep = [&made](int, const sockaddr* address, socklen_t length) {
    std::memcpy(&made.peer, address, length);
    made.peer_length = length;
    return 0;
  };
  if (!spec.multicast.empty()) {
    made.many = true;
    const auto join = [&](int socket, const sockaddr* address, socklen_t length) {
      keep(socket, address, length);
      return join_group(socket, *address, spec.local);
    };
    done = with_inet(spec.multicast, SOCK_DGRAM, made.fd, join);
  } else if (!spec.listen.empty() || !spec.listen_path.empty()) {
    made.listens = true;
    if (!spec.listen_path.empty()) (void)::unlink(spec.listen_path.c_str());
    done = act(spec.listen, spec.listen_path, SOCK_STREAM, made.fd, &listen_at);
  } else if (!spec.connect.empty() || !spec.connect_path.empty()) {
    done = act(spec.connect, spec.connect_path, SOCK_STREAM, made.fd, &::connect);
  } else {
    if (!spec.local_path.empty()) (void)::unlink(spec.local_path.c_str());
    done = act(spec.local, spec.local_path, SOCK_DGRAM, made.fd, &::bind);
    if (done) {
      // Nobody need be there yet.
      done = act(spec.remote, spec.remote_path, SOCK_DGRAM, made.fd, keep);
    }
  }
  if (!done) return core::fail(fmt::format("netdev {}: {}", spec.id, done.error().message));
  return made;
}

}  // namespace netdev
