// A recording from a stranger: any bytes, up to the end that it claims.
#include "tests/unit/replay/recorded_guest.h"

extern "C" int LLVMFuzzerTestOneInput(const core::u8* data, std::size_t size) {
  const replay::Played played = replay::play(core::Bytes(data, size));
  return played.differences.size() > 1'000'000 ? -1 : 0;
}
