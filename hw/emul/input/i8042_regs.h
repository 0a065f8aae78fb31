// Keyboard controller of the PC/AT and PS/2 (8042). IBM PS/2 Hardware Interface Technical
// Reference, "Keyboard and Auxiliary Device Controller".
#pragma once

#include "hw/emul/core/bits.h"

namespace input::kbc {

using core::Bits;
using core::u8;

inline constexpr core::u16 kDataPort = 0x60;
inline constexpr core::u16 kCommandPort = 0x64;  // status when read

namespace status {
using ParityError = Bits<u8, 7>;
using Timeout = Bits<u8, 6>;
using AuxOutputFull = Bits<u8, 5>;
using Unlocked = Bits<u8, 4>;  // keyboard not inhibited
using Command = Bits<u8, 3>;   // last write was to the command port
using System = Bits<u8, 2>;    // self test passed
using InputFull = Bits<u8, 1>;
using OutputFull = Bits<u8, 0>;
}  // namespace status

namespace mode {  // the controller command byte
using Translate = Bits<u8, 6>;
using AuxDisabled = Bits<u8, 5>;
using KeyboardDisabled = Bits<u8, 4>;
using System = Bits<u8, 2>;
using AuxInterrupt = Bits<u8, 1>;
using KeyboardInterrupt = Bits<u8, 0>;
}  // namespace mode

namespace outport {
using KeyboardData = Bits<u8, 7>;
using KeyboardClock = Bits<u8, 6>;
using AuxIrq = Bits<u8, 5>;
using KeyboardIrq = Bits<u8, 4>;
using A20 = Bits<u8, 1>;
using Reset_n = Bits<u8, 0>;
}  // namespace outport

namespace command {
inline constexpr u8 kReadMode = 0x20;
inline constexpr u8 kWriteMode = 0x60;
inline constexpr u8 kDisableAux = 0xa7;
inline constexpr u8 kEnableAux = 0xa8;
inline constexpr u8 kTestAux = 0xa9;
inline constexpr u8 kSelfTest = 0xaa;
inline constexpr u8 kTestKeyboard = 0xab;
inline constexpr u8 kDisableKeyboard = 0xad;
inline constexpr u8 kEnableKeyboard = 0xae;
inline constexpr u8 kReadInputPort = 0xc0;
inline constexpr u8 kReadOutputPort = 0xd0;
inline constexpr u8 kWriteOutputPort = 0xd1;
inline constexpr u8 kWriteKeyboardBuffer = 0xd2;
inline constexpr u8 kWriteAuxBuffer = 0xd3;
inline constexpr u8 kWriteAux = 0xd4;
inline constexpr u8 kDisableA20 = 0xdd;
inline constexpr u8 kEnableA20 = 0xdf;
inline constexpr u8 kPulse = 0xf0;  // bits 3..0: output port lines to leave alone
}  // namespace command

inline constexpr u8 kSelfTestPassed = 0x55;
inline constexpr u8 kTestPassed = 0x00;
inline constexpr u8 kInputPort = 0x80;  // keyboard not locked

}  // namespace input::kbc
