// Scan codes of the PS/2 keyboard. Sources: IBM PS/2 Hardware Interface Technical Reference
// (keyboards, 101/102-key), Microsoft Keyboard Scan Code Specification 1.3a.
//
// One table, for set 2 and set 3; set 1 is what the keyboard controller makes of set 2.
#pragma once

#include <array>

#include "hw/emul/core/display.h"

namespace input {

using core::u16;
using core::u8;

inline constexpr u8 kBreakPrefix = 0xf0;     // sets 2 and 3
inline constexpr u8 kExtendedPrefix = 0xe0;  // sets 1 and 2

struct ScanCode {
  u16 set2 = 0;  // 0xe0xx for extended keys; 0: this keyboard does not have the key
  u8 set3 = 0;
};

/// Of a key without a sequence of its own; all zero for unknown codes.
ScanCode scan_code(core::KeyCode code);

/// The controller's translation of one byte from set 2 to set 1.
u8 translate(u8 byte);

/// What a keyboard sends for one press or release.
struct KeySequence {
  std::array<u8, 8> bytes{};
  u8 count = 0;

  void add(u8 byte) {
    if (count < bytes.size()) bytes[count++] = byte;
  }
};

/// The modifiers that change what Pause and Print Screen send.
struct Modifiers {
  bool control = false;
  bool shift = false;
  bool left_alt = false;
  bool right_alt = false;
};

/// `set` is 1, 2 or 3. Empty for keys that this set does not have, and for releases that are
/// not sent.
KeySequence key_sequence(unsigned set, core::KeyCode code, bool down, Modifiers modifiers);

/// `sequence` through the controller's translation: a break prefix becomes the high bit of the
/// byte after it. `high_bit` carries a prefix from one call to the next.
KeySequence translate(const KeySequence& sequence, bool& high_bit);

}  // namespace input
