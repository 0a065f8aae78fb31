// Sockets for cables, made from what -netdev says of their addresses.
#pragma once

#include <sys/socket.h>

#include "hw/emul/core/fd.h"
#include "machine/net/netdev.h"

namespace netdev {

struct Endpoint {
  core::Fd fd;
  sockaddr_storage peer{};  // of datagrams
  socklen_t peer_length = 0;
  bool listens = false;  // for streams
  bool many = false;     // the peer is a group of which this is one
};

/// A stream that is connected, or a socket for datagrams that is bound. Blocks while a stream
/// connects.
core::Result<Endpoint> make_socket(const Spec& spec);

}  // namespace netdev
