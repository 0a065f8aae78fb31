// The sockets that VNC listens on. The machine opens them itself, before the guest runs: a port
// that is taken is then known at once, and a VNC process that is started again finds them still
// open.
#pragma once

#include <string>
#include <vector>

#include "hw/emul/core/result.h"
#include "machine/vnc/channel.h"

namespace screen {

struct Listeners {
  std::vector<vnc::Fd> sockets;
  std::string host;     // as bound, numeric
  std::string service;  // the port, or the path of a unix socket
  std::string family;   // "ipv4", "ipv6" or "unix"
};

/// Listens on every address of `host` (empty: all there are) at the first of the ports
/// [`first`, `last`] that is free on them all.
core::Result<Listeners> listen_tcp(const std::string& host, unsigned first, unsigned last);

/// Listens on a unix socket; a socket file that nobody listens on is replaced.
core::Result<Listeners> listen_unix(const std::string& path);

}  // namespace screen
