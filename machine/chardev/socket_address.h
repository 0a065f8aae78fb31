// Addresses of unix and TCP sockets: what the operator gave, what the kernel says, how QMP
// prints them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vector>

#include "machine/chardev/chardev.h"

namespace chardev {

struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_un un;
    sockaddr_in in;
    sockaddr_in6 in6;
    sockaddr_storage storage;
  };
  socklen_t length = 0;

  SocketAddress() : storage{} {}
  int family() const { return any.sa_family; }
};

/// Every address that `spec` may mean, in the order to try. May ask a name server.
core::Result<std::vector<SocketAddress>> resolve(const Spec& spec, int type = SOCK_STREAM);

SocketAddress local_address(int fd);
SocketAddress peer_address(int fd);
/// Of a TCP address.
void set_port(SocketAddress& address, core::u16 port);
core::u16 port_of(const SocketAddress& address);

/// "unix:/path", "tcp:127.0.0.1:4555"; brackets for IPv6 only where asked for.
std::string to_text(const SocketAddress& address, bool brackets = false);

}  // namespace chardev
