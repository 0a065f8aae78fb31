#include "hw/emul/core/guest_error.h"

#include <algorithm>
#include <array>

namespace core {
namespace {

constexpr std::size_t kCapacity = 64;

struct Buffer {
  std::array<GuestError, kCapacity> records{};
  std::size_t used = 0;
  u64 lost = 0;
  u64 total = 0;
};

constinit Buffer buffer;

}  // namespace

void guest_error(const char* device, const char* what, u64 first, u64 second) {
  ++buffer.total;
  if (buffer.used == kCapacity) {
    ++buffer.lost;
    return;
  }
  buffer.records[buffer.used++] = {device, what, first, second};
}

std::size_t take_guest_errors(std::span<GuestError> to, u64& lost) {
  const std::size_t count = std::min(to.size(), buffer.used);
  std::copy_n(buffer.records.begin(), count, to.begin());
  std::copy(buffer.records.begin() + static_cast<std::ptrdiff_t>(count),
            buffer.records.begin() + static_cast<std::ptrdiff_t>(buffer.used),
            buffer.records.begin());
  buffer.used -= count;
  lost = buffer.lost;
  buffer.lost = 0;
  return count;
}

u64 guest_error_count() {
  return buffer.total;
}

}  // namespace core
