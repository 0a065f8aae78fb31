#include "machine/net/netdev.h"

#include "machine/net/socket.h"
#include "machine/net/tap.h"
#include "machine/net/user.h"

namespace netdev {

core::Result<std::unique_ptr<Netdev>> open(loop::Loop& loop, const Spec& spec) {
  if (spec.kind == Spec::Kind::kSocket) return open_socket(loop, spec);
  if (spec.kind == Spec::Kind::kUser) return UserNetdev::open(loop, spec);
  return Tap::open(loop, spec);
}

}  // namespace netdev
