// Where an NBD server is, in the ways of writing that QEMU knows.
#pragma once

#include <string>
#include <string_view>

#include "hw/emul/core/result.h"

namespace block {

/// One of four: a URI (which says all), a path, host and port, or a connected socket.
struct NbdAddress {
  std::string uri;
  std::string path;
  std::string host, port;
  int fd = -1;
  std::string export_name;

  /// As query-block shows it.
  std::string canonical() const;
};

/// Whether `file` names an NBD server and no file: `nbd:...`, `nbds:...`, `nbd+unix:...`.
bool is_nbd_address(std::string_view file);

/// `nbd:unix:PATH`, `nbd:HOST:PORT`, `nbd:fd:N`, each with `:exportname=NAME`; or a URI.
core::Result<NbdAddress> parse_nbd_address(const std::string& file);

}  // namespace block
