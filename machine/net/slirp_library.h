// libslirp, loaded when the first user network needs it: few machines have one.
#pragma once

#include <slirp/libslirp.h>

#include "hw/emul/core/result.h"

namespace netdev {

#define XENOLITH_SLIRP(use)                                                             \
  use(new) use(cleanup) use(input) use(pollfds_fill) use(pollfds_poll) use(add_hostfwd) \
      use(remove_hostfwd) use(add_exec) use(connection_info)

struct Slirplib {
// NOLINTNEXTLINE(bugprone-macro-parentheses): it names a member
#define XENOLITH_SLIRP_MEMBER(name) decltype(&::slirp_##name) slirp_##name = nullptr;
  XENOLITH_SLIRP(XENOLITH_SLIRP_MEMBER)
#undef XENOLITH_SLIRP_MEMBER

  /// Null, with why in `error`, where it is not installed. Stays for the life of the process.
  static const Slirplib* load(core::Error& error);
};

}  // namespace netdev
