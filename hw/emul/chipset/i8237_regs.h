// Intel 8237A High Performance Programmable DMA Controller, order number 231466-005 ("Register
// Description"), as it sits twice in the 82371SB PIIX3 (2.5.1 DMA registers).
#pragma once

#include "hw/emul/core/bits.h"

namespace chipset::i8237 {

// Registers above the eight address and count registers, by their number.
enum Register : core::u8 {
  kStatusCommand = 0,  // RO status, WO command
  kRequest = 1,        // WO; reads give the mask here, as firmware for QEMU has it
  kSingleMask = 2,     // WO
  kMode = 3,           // WO
  kClearFlipFlop = 4,  // WO
  kMasterClear = 5,    // WO
  kClearMask = 6,      // WO
  kAllMask = 7,        // RW in the PIIX3
};

// Command register.
using MemoryToMemory = core::Bits<core::u8, 0>;
using ControllerDisable = core::Bits<core::u8, 2>;
// What nobody ever wired up on a PC: memory-to-memory, address hold, compressed timing, rotating
// priority, extended write, DREQ and DACK polarity.
inline constexpr core::u8 kCommandUnsupported = 0xfb;

// Mode register.
using ModeDecrement = core::Bits<core::u8, 5>;
using ModeAutoInitialize = core::Bits<core::u8, 4>;
using ModeTransfer = core::Bits<core::u8, 3, 2>;  // 0 verify, 1 write to memory, 2 read from it
using ModeChannel = core::Bits<core::u8, 1, 0>;
inline constexpr core::u8 kTransferVerify = 0;

// Request and single mask registers.
using SetBit = core::Bits<core::u8, 2>;
using Channel = core::Bits<core::u8, 1, 0>;

// Status register: requests in the high nibble, terminal counts (cleared by reads) in the low.
using StatusRequests = core::Bits<core::u8, 7, 4>;
using StatusTerminalCounts = core::Bits<core::u8, 3, 0>;

}  // namespace chipset::i8237
