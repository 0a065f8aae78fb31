// Intel 82371SB PCI ISA IDE Xcelerator (PIIX3), order number 290550-002: ISA bridge (function 0,
// chapter 2.2), reset control register (2.5.4.3), and port 92 (2.5.4.1).
#pragma once

#include "hw/emul/core/bits.h"

namespace chipset::piix3 {

inline constexpr core::u16 kVendor = 0x8086;
inline constexpr core::u16 kDevice = 0x7000;
inline constexpr core::u16 kClassIsaBridge = 0x0601;

// PCI configuration space.
enum Config : core::u8 {
  kIort = 0x4c,     // 2.2.9 ISA I/O recovery timer
  kXbcs = 0x4e,     // 2.2.10 X-bus chip select
  kPirqrcA = 0x60,  // 2.2.11 PIRQx route control, PIRQA#
  kPirqrcD = 0x63,
  kTom = 0x69,     // 2.2.12 top of memory
  kMbirq0 = 0x70,  // 2.2.14 motherboard device IRQ route control
  kMbdma0 = 0x76,  // 2.2.15 motherboard device DMA control
  kMbdma1 = 0x77,
  kPcsc = 0x78,     // 2.2.16 programmable chip select
  kSmicntl = 0xa0,  // 2.2.19 SMI control
  kCtlltmr = 0xa8,  // 2.2.23 clock throttle timer
};

// 2.2.11 PIRQRC: a set bit 7 disconnects the pin.
using PirqDisable = core::Bits<core::u8, 7>;
using PirqRouting = core::Bits<core::u8, 3, 0>;
inline constexpr core::u8 kPirqReset = 0x80;

// 2.5.4.3 RC, port CF9h.
inline constexpr core::u16 kResetControlPort = 0xcf9;
using ResetCpu = core::Bits<core::u8, 2>;     // RCPU: a write of 1 resets
using SystemReset = core::Bits<core::u8, 1>;  // SRST: 1 hard, 0 soft

// 2.5.4.1 Port 92.
inline constexpr core::u16 kPort92 = 0x92;
using Port92A20 = core::Bits<core::u8, 1>;       // FAST_A20
using Port92FastInit = core::Bits<core::u8, 0>;  // a rising edge resets

}  // namespace chipset::piix3
