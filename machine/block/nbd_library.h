// libnbd, loaded when the first image needs it: with what it brings along (TLS, XML) it would cost
// every process that has none a part of its start and of its memory.
#pragma once

#include <libnbd.h>

#include "hw/emul/core/result.h"

namespace block {

#define XENOLITH_LIBNBD(use)                                                                       \
  use(create) use(close) use(get_error) use(get_errno) use(set_export_name)                        \
      use(set_uri_allow_local_file) use(aio_connect) use(aio_connect_uri) use(aio_connect_unix)    \
          use(aio_connect_tcp) use(aio_connect_socket) use(aio_pread) use(aio_pwrite)              \
              use(aio_flush) use(aio_trim) use(aio_zero) use(aio_get_fd) use(aio_get_direction)    \
                  use(aio_notify_read) use(aio_notify_write) use(aio_is_connecting)                \
                      use(aio_is_dead) use(aio_is_closed) use(aio_is_ready) use(aio_is_processing) \
                          use(get_size) use(get_block_size) use(is_read_only) use(can_flush)       \
                              use(can_trim) use(can_zero)

struct Libnbd {
// NOLINTNEXTLINE(bugprone-macro-parentheses): it names a member
#define XENOLITH_LIBNBD_MEMBER(name) decltype(&::nbd_##name) name = nullptr;
  XENOLITH_LIBNBD(XENOLITH_LIBNBD_MEMBER)
#undef XENOLITH_LIBNBD_MEMBER

  /// Null, with why in `error`, where it is not installed. Stays for the life of the process.
  static const Libnbd* load(core::Error& error);
};

}  // namespace block
