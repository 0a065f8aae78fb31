// PS/2 mouse: commands and status. IBM PS/2 Hardware Interface Technical Reference, Mouse;
// Microsoft "Five-button mouse" notes for the wheel and the extra buttons.
#pragma once

#include "hw/emul/core/bits.h"

namespace input::aux {

using core::Bits;
using core::u8;

inline constexpr u8 kScaling1To1 = 0xe6;
inline constexpr u8 kScaling2To1 = 0xe7;
inline constexpr u8 kSetResolution = 0xe8;
inline constexpr u8 kStatusRequest = 0xe9;
inline constexpr u8 kStreamMode = 0xea;
inline constexpr u8 kReadData = 0xeb;
inline constexpr u8 kResetWrap = 0xec;
inline constexpr u8 kWrapMode = 0xee;
inline constexpr u8 kRemoteMode = 0xf0;
inline constexpr u8 kReadId = 0xf2;
inline constexpr u8 kSetRate = 0xf3;
inline constexpr u8 kEnable = 0xf4;
inline constexpr u8 kDisable = 0xf5;
inline constexpr u8 kSetDefault = 0xf6;
inline constexpr u8 kReset = 0xff;

inline constexpr u8 kSelfTestPassed = 0xaa;
inline constexpr u8 kAck = 0xfa;
inline constexpr u8 kResend = 0xfe;

// What kReadId answers, and with it the form of packets.
inline constexpr u8 kPlain = 0;        // 3 bytes
inline constexpr u8 kWheel = 3;        // 4 bytes, the last is the wheel
inline constexpr u8 kFiveButtons = 4;  // 4 bytes, the last is wheel and two more buttons

namespace status {
using Remote = Bits<u8, 6>;
using Enabled = Bits<u8, 5>;
using Scaling2To1 = Bits<u8, 4>;
using Left = Bits<u8, 2>;
using Middle = Bits<u8, 1>;
using Right = Bits<u8, 0>;
}  // namespace status

namespace packet {  // first byte
using YSign = Bits<u8, 5>;
using XSign = Bits<u8, 4>;
using One = Bits<u8, 3>;
using Buttons = Bits<u8, 2, 0>;  // middle, right, left
}  // namespace packet

namespace button {
using Extra = Bits<u8, 4>;
using Side = Bits<u8, 3>;
using Middle = Bits<u8, 2>;
using Right = Bits<u8, 1>;
using Left = Bits<u8, 0>;
}  // namespace button

}  // namespace input::aux
