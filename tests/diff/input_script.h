// The keyboard controller, keyboard and mouse as drivers speak with them, and what they answer.
//
// Thread: the test's.
#pragma once

#include <fmt/format.h>

#include "tests/diff/script.h"

namespace diff {

/// All that waits in the output buffer, with the status before each byte; on each side by itself,
/// so that one that says less does not shift what follows.
inline std::string take(xensim::Vcpu& cpu) {
  std::string all;
  for (int i = 0; i < 64; ++i) {
    const unsigned status = cpu.inb(0x64);
    if ((status & 1) == 0) return fmt::format("{}({:02x})", all, status);
    all += fmt::format("{:02x}:{:02x} ", status, cpu.inb(0x60));
  }
  return all + "...";
}
inline void drain(Pair& pair) {
  pair.same("says", take(pair.ours().vcpu()), take(pair.stock().vcpu()));
}

inline void to_controller(Pair& pair, u32 command) {
  pair.out(0x64, command);
  drain(pair);
}
inline void to_keyboard(Pair& pair, std::initializer_list<u32> bytes) {
  for (const u32 byte : bytes) {
    pair.out(0x60, byte);
    drain(pair);
  }
}
inline void to_mouse(Pair& pair, std::initializer_list<u32> bytes) {
  for (const u32 byte : bytes) {
    pair.out(0x64, 0xd4);
    pair.out(0x60, byte);
    drain(pair);
  }
}

}  // namespace diff
