// National Semiconductor PC16550D UART, data sheet of June 1995, chapter 8 (registers).
#pragma once

#include "hw/emul/core/bits.h"

namespace serial::uart_regs {

using core::Bits;
using core::u8;

enum Reg : unsigned {
  RBR_THR = 0,  // RO receiver buffer, WO transmitter holding; with DLAB: divisor, low byte
  IER = 1,      // RW; with DLAB: divisor, high byte
  IIR_FCR = 2,  // RO interrupt identification, WO FIFO control
  LCR = 3,      // RW
  MCR = 4,      // RW
  LSR = 5,      // RO
  MSR = 6,      // RO
  SCR = 7,      // RW
};
inline constexpr unsigned kRegisters = 8;
inline constexpr unsigned kFifoDepth = 16;

namespace lcr {  // 8.1
using DivisorLatch = Bits<u8, 7>;
using SetBreak = Bits<u8, 6>;
using StickParity = Bits<u8, 5>;
using EvenParity = Bits<u8, 4>;
using ParityEnable = Bits<u8, 3>;
using TwoStopBits = Bits<u8, 2>;
using WordLength = Bits<u8, 1, 0>;  // 5..8 bits as 0..3
}  // namespace lcr

namespace lsr {  // 8.4
using FifoError = Bits<u8, 7>;
using TransmitterEmpty = Bits<u8, 6>;
using HoldingEmpty = Bits<u8, 5>;
using Break = Bits<u8, 4>;
using Framing = Bits<u8, 3>;
using Parity = Bits<u8, 2>;
using Overrun = Bits<u8, 1>;
using DataReady = Bits<u8, 0>;
/// What raises the receiver line status interrupt.
using AnyError = Bits<u8, 4, 1>;
}  // namespace lsr

namespace fcr {                  // 8.5
using Trigger = Bits<u8, 7, 6>;  // 1, 4, 8, 14 bytes
using DmaMode = Bits<u8, 3>;
using ResetTransmit = Bits<u8, 2>;
using ResetReceive = Bits<u8, 1>;
using Enable = Bits<u8, 0>;
}  // namespace fcr

namespace iir {  // 8.6
using FifosEnabled = Bits<u8, 7, 6>;
using Id = Bits<u8, 3, 1>;
using NonePending = Bits<u8, 0>;
// Bits 3..0 as they are read, highest priority first.
inline constexpr u8 kLineStatus = 0x06;
inline constexpr u8 kDataAvailable = 0x04;
inline constexpr u8 kTimeout = 0x0c;
inline constexpr u8 kHoldingEmpty = 0x02;
inline constexpr u8 kModemStatus = 0x00;
inline constexpr u8 kNone = 0x01;
}  // namespace iir

namespace ier {  // 8.7
using ModemStatus = Bits<u8, 3>;
using LineStatus = Bits<u8, 2>;
using HoldingEmpty = Bits<u8, 1>;
using DataAvailable = Bits<u8, 0>;
using Implemented = Bits<u8, 3, 0>;
}  // namespace ier

namespace mcr {  // 8.8
using Loop = Bits<u8, 4>;
using Out2 = Bits<u8, 3>;
using Out1 = Bits<u8, 2>;
using Rts = Bits<u8, 1>;
using Dtr = Bits<u8, 0>;
using Implemented = Bits<u8, 4, 0>;
}  // namespace mcr

namespace msr {  // 8.9
using Dcd = Bits<u8, 7>;
using Ri = Bits<u8, 6>;
using Dsr = Bits<u8, 5>;
using Cts = Bits<u8, 4>;
using DeltaDcd = Bits<u8, 3>;
using TrailingRi = Bits<u8, 2>;
using DeltaDsr = Bits<u8, 1>;
using DeltaCts = Bits<u8, 0>;
using Lines = Bits<u8, 7, 4>;
using Deltas = Bits<u8, 3, 0>;
}  // namespace msr

}  // namespace serial::uart_regs
