// Stands for the ring in a build without liburing.
#include "machine/net/write_ring.h"

namespace netdev {

struct WriteRing::Ring {};

WriteRing::WriteRing(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}
WriteRing::~WriteRing() = default;

std::unique_ptr<WriteRing> WriteRing::make() {
  return nullptr;
}

bool WriteRing::write(int /*fd*/, std::span<const iovec> /*pieces*/, unsigned /*parts*/,
                      std::span<int> /*results*/) {
  return false;
}

}  // namespace netdev
