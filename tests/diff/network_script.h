// What scripts of both network cards share: a cable on each side, and frames.
#pragma once

#include <fmt/format.h>

#include <cstring>

#include "tests/diff/pair.h"
#include "tests/xensim/cable.h"

namespace diff {

using Frame = std::vector<u8>;

/// As text, or "none".
inline std::string text_of(const Frame& frame) {
  if (frame.empty()) return "none";
  return fmt::format("{}: {:02x}", frame.size(), fmt::join(frame, " "));
}

/// Its cable's names have the side's in them.
inline GuestConfig guest_with_card(const std::string& model) {
  return {.serial = {"null"},
          .extra = {"-device", model + ",id=nic0,netdev=net0,mac=00:16:3e:01:02:03", "-netdev",
                    xensim::Cable::option("net0", "SIDE")}};
}

inline Frame frame_to(const std::string& mac, std::size_t length) {
  Frame frame(length);
  for (std::size_t i = 0; i < length; ++i) frame[i] = static_cast<u8>(i * 7);
  std::memcpy(frame.data(), mac.data(), 6);
  frame[12] = 0x88;
  frame[13] = 0xb5;  // for experiments
  return frame;
}
inline const std::string kMine = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
inline const std::string kEverybody = "\xff\xff\xff\xff\xff\xff";

}  // namespace diff
