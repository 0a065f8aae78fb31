// PC parallel port in compatibility mode (IEEE 1284-1994, annex on the PC port; IBM PC Technical
// Reference, printer adapter).
#pragma once

#include "hw/emul/core/bits.h"

namespace serial::lpt_regs {

using core::Bits;
using core::u8;

enum Reg : unsigned {
  DATA = 0,     // RW
  STATUS = 1,   // RO
  CONTROL = 2,  // RW
};
inline constexpr unsigned kPorts = 8;

namespace status {
using Busy_n = Bits<u8, 7>;
using Ack_n = Bits<u8, 6>;
using PaperOut = Bits<u8, 5>;
using Selected = Bits<u8, 4>;
using Fault_n = Bits<u8, 3>;
using EppTimeout = Bits<u8, 0>;
}  // namespace status

namespace control {
using Unused = Bits<u8, 7, 6>;  // read as ones
using Input = Bits<u8, 5>;      // direction: 1 reads the data lines
using IrqEnable = Bits<u8, 4>;
using SelectIn = Bits<u8, 3>;
using Init_n = Bits<u8, 2>;
using AutoFeed = Bits<u8, 1>;
using Strobe = Bits<u8, 0>;
}  // namespace control

}  // namespace serial::lpt_regs
