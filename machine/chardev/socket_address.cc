#include "machine/chardev/socket_address.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace chardev {
namespace {

constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);

core::Result<std::vector<SocketAddress>> unix_address(const Spec& spec) {
  SocketAddress address;
  address.un.sun_family = AF_UNIX;
  const std::size_t start = spec.abstract_socket ? 1 : 0;
  if (spec.path.size() + 1 > sizeof address.un.sun_path) {
    return core::fail(fmt::format(
        "chardev {}: the socket path {} is longer than {} characters; use a shorter one", spec.id,
        spec.path, sizeof address.un.sun_path - 1));
  }
  std::memcpy(address.un.sun_path + start, spec.path.data(), spec.path.size());
  const bool exact = spec.abstract_socket && spec.tight;
  address.length =
      static_cast<socklen_t>(exact ? kPathOffset + 1 + spec.path.size() : sizeof address.un);
  return std::vector{address};
}

}  // namespace

core::Result<std::vector<SocketAddress>> resolve(const Spec& spec, int type) {
  if (!spec.path.empty()) return unix_address(spec);
  addrinfo hints{};
  hints.ai_socktype = type;
  hints.ai_flags = spec.server ? AI_PASSIVE : 0;
  hints.ai_family = AF_UNSPEC;
  if (spec.ipv4.value_or(false) != spec.ipv6.value_or(false)) {
    hints.ai_family = spec.ipv4.value_or(false) ? AF_INET : AF_INET6;
  } else if (spec.ipv4 == false) {
    hints.ai_family = AF_INET6;
  } else if (spec.ipv6 == false) {
    hints.ai_family = AF_INET;
  }
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(spec.host.empty() ? nullptr : spec.host.c_str(),
                                  spec.port.c_str(), &hints, &found);
  if (error != 0) {
    return core::fail(fmt::format("chardev {}: cannot resolve {}:{}: {}; check host and port",
                                  spec.id, spec.host, spec.port, ::gai_strerror(error)));
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (one->ai_addrlen > sizeof(sockaddr_storage)) continue;
    SocketAddress address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.length = one->ai_addrlen;
    addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

SocketAddress local_address(int fd) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(fd, &address.any, &address.length) != 0) address.length = 0;
  return address;
}

SocketAddress peer_address(int fd) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getpeername(fd, &address.any, &address.length) != 0) address.length = 0;
  return address;
}

void set_port(SocketAddress& address, core::u16 port) {
  if (address.family() == AF_INET) address.in.sin_port = htons(port);
  if (address.family() == AF_INET6) address.in6.sin6_port = htons(port);
}

core::u16 port_of(const SocketAddress& address) {
  if (address.family() == AF_INET) return ntohs(address.in.sin_port);
  if (address.family() == AF_INET6) return ntohs(address.in6.sin6_port);
  return 0;
}

std::string to_text(const SocketAddress& address, bool brackets) {
  if (address.family() == AF_UNIX) {
    if (address.length <= kPathOffset) return "unix:";
    const std::size_t size = std::min<std::size_t>(address.length, sizeof address.un) - kPathOffset;
    if (address.un.sun_path[0] != '\0') {
      return "unix:" + std::string(address.un.sun_path, ::strnlen(address.un.sun_path, size));
    }
    const char* name = address.un.sun_path + 1;
    return "unix:" + std::string(name, ::strnlen(name, size - 1)) + ",abstract=on";
  }
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(&address.any, address.length, host.data(), host.size(), port.data(),
                    port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown";
  }
  const bool wrap = brackets && address.family() == AF_INET6;
  return fmt::format("tcp:{}{}{}:{}", wrap ? "[" : "", host.data(), wrap ? "]" : "", port.data());
}

}  // namespace chardev
