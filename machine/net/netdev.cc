#include "machine/net/netdev.h"

#include "machine/net/socket.h"
#include "machine/net/tap.h"

namespace netdev {

core::Result<std::unique_ptr<Netdev>> open(loop::Loop& loop, const Spec& spec) {
  if (spec.kind == Spec::Kind::kSocket) return open_socket(loop, spec);
  return Tap::open(loop, spec);
}

}  // namespace netdev
