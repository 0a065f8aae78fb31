// PS/2 keyboard: commands and replies. IBM PS/2 Hardware Interface Technical Reference, Keyboards
// (101- and 102-key), "Commands from the system" and "Commands to the system".
#pragma once

#include "hw/emul/core/types.h"

namespace input::kbd {

using core::u8;

inline constexpr u8 kSetLeds = 0xed;
inline constexpr u8 kEcho = 0xee;
inline constexpr u8 kScanCodeSet = 0xf0;
inline constexpr u8 kReadId = 0xf2;
inline constexpr u8 kSetRate = 0xf3;
inline constexpr u8 kEnable = 0xf4;
inline constexpr u8 kDefaultDisable = 0xf5;
inline constexpr u8 kSetDefault = 0xf6;
inline constexpr u8 kAllTypematic = 0xf7;
inline constexpr u8 kAllMakeBreak = 0xf8;
inline constexpr u8 kAllMake = 0xf9;
inline constexpr u8 kAllTypematicMakeBreak = 0xfa;
inline constexpr u8 kKeyMakeBreak = 0xfc;
inline constexpr u8 kReset = 0xff;

inline constexpr u8 kSelfTestPassed = 0xaa;
inline constexpr u8 kIdFirst = 0xab;
inline constexpr u8 kIdSecond = 0x83;  // 0x41 after translation
inline constexpr u8 kAck = 0xfa;
inline constexpr u8 kResend = 0xfe;

}  // namespace input::kbd
