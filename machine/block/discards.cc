#include "machine/block/discards.h"

#include "machine/block/backend.h"
#include "machine/block/node.h"

namespace block {

core::u64 block_size(const Backend& backend) {
  return backend.image() != nullptr ? backend.image()->node().block_size : kSectorSize;
}

bool can_discard(const Backend& backend) {
  if (backend.image() == nullptr) return false;
  const Node& node = backend.image()->node();
  return node.can_discard && !node.options.read_only;
}

void allow_discards(const Backend& backend) {
  if (backend.image() != nullptr) {
    backend.image()->node().options.discard = Options::Discard::kUnmap;
  }
}

}  // namespace block
