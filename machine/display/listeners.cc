#include "machine/display/listeners.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace screen {
namespace {

constexpr int kBacklog = 16;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

core::Result<Addresses> resolve(const std::string& host, unsigned port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST;
  const std::string service = std::to_string(port);
  const char* node = host.empty() ? nullptr : host.c_str();
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(node, service.c_str(), &hints, &found);
  if (error == EAI_NONAME && node != nullptr) {
    hints.ai_flags &= ~AI_NUMERICHOST;
    error = ::getaddrinfo(node, service.c_str(), &hints, &found);
  }
  if (error != 0) {
    return core::fail(fmt::format("VNC address {}: {}: give an address of this host", host,
                                  ::gai_strerror(error)));
  }
  return Addresses(found);
}

/// 0 or an errno value.
int bind_one(const addrinfo& address, vnc::Fd& socket) {
  socket = vnc::Fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno;
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0) return errno;
  return ::listen(socket.get(), kBacklog) != 0 ? errno : 0;
}

void describe(Listeners& listeners) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  char host[NI_MAXHOST] = "";
  char service[NI_MAXSERV] = "";
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(listeners.sockets.front().get(), generic, &length) == 0) {
    ::getnameinfo(generic, length, host, sizeof host, service, sizeof service,
                  NI_NUMERICHOST | NI_NUMERICSERV);
  }
  listeners.host = host;
  listeners.service = service;
  listeners.family = address.ss_family == AF_INET6 ? "ipv6" : "ipv4";
}

}  // namespace

core::Result<Listeners> listen_tcp(const std::string& host, unsigned first, unsigned last) {
  int error = 0;
  for (unsigned port = first; port <= last; ++port) {
    auto addresses = resolve(host, port);
    if (!addresses) return tl::unexpected(addresses.error());
    Listeners listeners;
    error = 0;
    for (const addrinfo* one = addresses->get(); one != nullptr; one = one->ai_next) {
      if (listeners.sockets.size() == vnc::kMaxListeners) break;
      vnc::Fd socket;
      const int failed = bind_one(*one, socket);
      if (failed == 0) listeners.sockets.push_back(std::move(socket));
      // A host without IPv6 still has its IPv4; a port that is taken on one address is no good.
      if (failed != 0) error = failed;
      if (failed == EADDRINUSE) break;
    }
    if (error == EADDRINUSE) continue;
    if (listeners.sockets.empty()) break;
    describe(listeners);
    return listeners;
  }
  const std::string where = host.empty() ? "*" : host;
  const std::string ports =
      first == last ? std::to_string(first) : fmt::format("{} to {}", first, last);
  const char* cure =
      error == EADDRINUSE ? "give another display or to=N" : "give an address of this host";
  return core::fail(fmt::format("VNC cannot listen on {} port {}: {}: {}", where, ports,
                                std::strerror(error), cure));
}

core::Result<Listeners> listen_unix(const std::string& path) {
  const auto failed = [&path](int error) {
    return core::fail(
        fmt::format("VNC cannot listen on {}: {}: give another path", path, std::strerror(error)));
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  vnc::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failed(errno);
  if (::connect(socket.get(), generic, sizeof address) != 0 && errno == ECONNREFUSED) {
    ::unlink(path.c_str());  // left behind by somebody who is gone
  }
  socket = vnc::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::bind(socket.get(), generic, sizeof address) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return failed(errno);
  }
  Listeners listeners;
  listeners.sockets.push_back(std::move(socket));
  listeners.service = path;
  listeners.family = "unix";
  return listeners;
}

}  // namespace screen
