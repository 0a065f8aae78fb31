// 82371FB/82371SB (PIIX/PIIX3) datasheet, 290550-002, 2.7 (bus master IDE registers) and 3.3
// (function 1 configuration); Programming Interface for Bus Master IDE Controller, revision 1.0.
#pragma once

#include "hw/emul/core/bits.h"

namespace ide {

// 2.7: registers of one channel, by offset; the secondary channel's are 8 higher.
enum BusMasterRegister : core::u8 {
  kBmCommand = 0,       // BMICX, RW
  kBmStatus = 2,        // BMISX, RW and R/WC
  kBmTableAddress = 4,  // BMIDTPX, RW, 32 bits
};
inline constexpr core::u64 kBmChannelStride = 8;

using BmStart = core::Bits<core::u8, 0>;
inline constexpr core::u8 kBmCommandWritable = 0x09;  // start, direction

inline constexpr core::u8 kBmActive = 0x01;     // RO
inline constexpr core::u8 kBmError = 0x02;      // R/WC
inline constexpr core::u8 kBmInterrupt = 0x04;  // R/WC
inline constexpr core::u8 kBmCapable = 0x60;    // RW: drive 0 and 1 set up for DMA

/// Physical region descriptor (2.7.3): base address, byte count, end of table.
struct Prd {
  core::u32 base;
  core::u32 control;
};
static_assert(sizeof(Prd) == 8);
using PrdBase = core::Bits<core::u32, 31, 1>;
using PrdCount = core::Bits<core::u32, 15, 1>;  // in words; 0 means 64 KiB
using PrdEnd = core::Bits<core::u32, 31>;
inline constexpr core::u32 kMaxPrds = 512;  // one page

// 3.3: function 1 configuration beyond the header.
enum IdeConfig : core::u8 {
  kIdeTiming = 0x40,    // IDETIM, one word a channel
  kSlaveTiming = 0x44,  // SIDETIM
};
inline constexpr unsigned kBmBar = 4;

}  // namespace ide
