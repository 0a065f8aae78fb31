#include "machine/block/nbd_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace block {

ForeignServer::~ForeignServer() {
  if (address_.fd >= 0) ::close(address_.fd);
}

core::Result<void> ForeignServer::connect(NbdLink& link) {
  const Libnbd& nbd = link.library();
  nbd_handle* const handle = link.handle();
  int result = nbd.set_export_name(handle, address_.export_name.c_str());
  if (result == 0 && !peer_.empty()) {
    result = nbd.aio_connect(handle, reinterpret_cast<const sockaddr*>(peer_.data()),
                             static_cast<socklen_t>(peer_.size()));
  } else if (result == 0 && !address_.uri.empty()) {
    // Certificates and keys are named in it, by whoever started us.
    nbd.set_uri_allow_local_file(handle, true);
    result = nbd.aio_connect_uri(handle, address_.uri.c_str());
  } else if (result == 0 && !address_.path.empty()) {
    result = nbd.aio_connect_unix(handle, address_.path.c_str());
  } else if (result == 0 && !address_.host.empty()) {
    result = nbd.aio_connect_tcp(handle, address_.host.c_str(), address_.port.c_str());
  } else if (result == 0) {
    used_up_ = true;
    result = nbd.aio_connect_socket(handle, std::exchange(address_.fd, -1));
  }
  if (result == 0) return {};
  link.note_error();
  return core::fail(link.error());
}

/// A name service that hangs would hang the guest when the connection is made anew.
void ForeignServer::connected(NbdLink& link) {
  if (address_.host.empty() || !peer_.empty()) return;
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (::getpeername(link.fd(), reinterpret_cast<sockaddr*>(&peer), &length) != 0) return;
  if (length == 0 || length > sizeof peer) return;
  peer_.assign(reinterpret_cast<const char*>(&peer), length);
}

}  // namespace block
