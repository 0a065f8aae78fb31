// Intel 8254 Programmable Interval Timer, data sheet 231164: control word, read-back command and
// status byte.
#pragma once

#include "hw/emul/core/bits.h"

namespace timer::i8254 {

inline constexpr core::u16 kBasePort = 0x40;  // counters 0..2, then the control word (WO)
inline constexpr unsigned kControl = 3;

inline constexpr core::u64 kHz = 1193182;  // CLK of all three counters in a PC

// "Control Word Format".
using Select = core::Bits<core::u8, 7, 6>;  // 3: read-back command
using Access = core::Bits<core::u8, 5, 4>;  // RW1, RW0; 0: counter latch command
using Mode = core::Bits<core::u8, 3, 1>;    // the high bit does not count in modes 2 and 3
using Bcd = core::Bits<core::u8, 0>;

inline constexpr core::u8 kReadBack = 3;

enum AccessMode : core::u8 { kLatch = 0, kLow = 1, kHigh = 2, kLowThenHigh = 3, kHighNext = 4 };

// "Read-Back Command Format".
using LatchCount_n = core::Bits<core::u8, 5>;
using LatchStatus_n = core::Bits<core::u8, 4>;

// "Status Byte".
using StatusOut = core::Bits<core::u8, 7>;

// System control port B (PIIX3 2.5.5).
inline constexpr core::u16 kPortB = 0x61;
using SpeakerOut = core::Bits<core::u8, 5>;     // RO: OUT of counter 2
using RefreshToggle = core::Bits<core::u8, 4>;  // RO
using SpeakerEnable = core::Bits<core::u8, 1>;
using SpeakerGate = core::Bits<core::u8, 0>;  // GATE of counter 2

}  // namespace timer::i8254
