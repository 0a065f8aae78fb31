// Intel 8259A Programmable Interrupt Controller, data sheet 231468, and the edge/level registers
// of the PIIX3 (2.5.4).
#pragma once

#include "hw/emul/core/bits.h"

namespace interrupt::i8259 {

inline constexpr core::u16 kMasterPort = 0x20;  // two ports each
inline constexpr core::u16 kSlavePort = 0xa0;
inline constexpr core::u16 kMasterElcr = 0x4d0;
inline constexpr core::u16 kSlaveElcr = 0x4d1;
inline constexpr core::u8 kMasterElcrMask = 0xf8;  // IRQ 0, 1, 2 are edges
inline constexpr core::u8 kSlaveElcrMask = 0xde;   // IRQ 8, 13 likewise
inline constexpr unsigned kCascade = 2;            // the slave's place on the master
inline constexpr unsigned kSpurious = 7;

// A0 = 0. ICW1 has bit 4, OCW3 bit 3, else it is OCW2.
using IsIcw1 = core::Bits<core::u8, 4>;
using IsOcw3 = core::Bits<core::u8, 3>;
using Icw1Single = core::Bits<core::u8, 1>;
using Icw1NeedsIcw4 = core::Bits<core::u8, 0>;

// OCW2.
using Ocw2Command = core::Bits<core::u8, 7, 5>;  // R, SL, EOI
using Ocw2Level = core::Bits<core::u8, 2, 0>;
enum Ocw2 : core::u8 {
  kRotateAutoClear = 0,
  kEoi = 1,
  kNothing = 2,
  kSpecificEoi = 3,
  kRotateAutoSet = 4,
  kRotateEoi = 5,
  kSetPriority = 6,
  kRotateSpecificEoi = 7,
};

// OCW3.
using Ocw3MaskEnable = core::Bits<core::u8, 6>;
using Ocw3Mask = core::Bits<core::u8, 5>;
using Ocw3Poll = core::Bits<core::u8, 2>;
using Ocw3ReadEnable = core::Bits<core::u8, 1>;
using Ocw3ReadIsr = core::Bits<core::u8, 0>;

// A0 = 1: ICW2, ICW3, ICW4 in that order after ICW1, then OCW1, the mask.
using Icw2Vector = core::Bits<core::u8, 7, 3>;
using Icw4FullyNested = core::Bits<core::u8, 4>;
using Icw4AutoEoi = core::Bits<core::u8, 1>;

inline constexpr core::u8 kPollPending = 0x80;

}  // namespace interrupt::i8259
