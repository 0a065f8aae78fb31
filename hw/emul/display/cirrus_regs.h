// Cirrus Logic CL-GD5446: what it adds to the VGA ("CL-GD5446 Technical Reference Manual", 1996:
// chapter 4 sequencer, 5 CRT controller, 6 graphics controller, 8 BitBLT engine, 9 hidden DAC
// register; appendix D memory-mapped registers).
#pragma once

#include "hw/emul/display/vga_regs.h"

namespace display::cirrus {

using core::i32;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

// PCI.
inline constexpr u16 kVendor = 0x1013;
inline constexpr u16 kDevice = 0x00b8;
inline constexpr u64 kMemoryBarSize = 32 << 20;
inline constexpr u64 kRegisterBarSize = 4096;
inline constexpr u64 kBlitAperture = 16 << 20;  // in BAR 0: source of blits from the processor
inline constexpr u64 kBlitApertureSize = 4 << 20;
inline constexpr u64 kMemory = 4 << 20;  // what addresses of the chip reach, however much there is
inline constexpr u64 kRegisterBlit = 0x100;  // in BAR 1, behind the ports from 3c0 on
inline constexpr u8 kPartId = 0xb8;          // CR27

// Sequencer, 3c5.
enum Sequencer : u8 {
  kSeqUnlock = 0x06,
  kSeqExtendedMode = 0x07,
  kSeqDramControl = 0x0f,
  kSeqCursorX = 0x10,  // the index's upper three bits are the coordinate's lower ones
  kSeqCursorY = 0x11,
  kSeqCursorAttribute = 0x12,
  kSeqCursorAddress = 0x13,
  kSeqScratch3 = 0x15,
  kSeqConfiguration = 0x17,
  kSeqMemoryClock = 0x1f,
  kSeqLast = 0x1f,
};
inline constexpr u8 kUnlockMask = 0x17;
inline constexpr u8 kUnlocked = 0x12;
inline constexpr u8 kLocked = 0x0f;
using ModeExtended = core::Bits<u8, 0>;   // SR7: packed pixels, not a VGA mode
using ModePixels = core::Bits<u8, 3, 1>;  // SR7
using CursorShown = core::Bits<u8, 0>;    // SR12
using CursorPalette = core::Bits<u8, 1>;  // SR12: 3c9 reaches the cursor's colours
using CursorLarge = core::Bits<u8, 2>;    // SR12: 64 x 64
using ConfigMmio = core::Bits<u8, 2>;     // SR17
using ConfigMmioPci = core::Bits<u8, 6>;  // SR17: at the end of BAR 0, not at b8000
inline constexpr u8 kConfigFixed = 0x38;  // SR17: the bus, read-only
enum Pixels : u8 {
  kPixels8 = 0,
  kPixels16Doubled = 1,
  kPixels24 = 2,
  kPixels16 = 3,
  kPixels32 = 4
};

// CRT controller, 3d5.
enum Crtc : u8 {
  kCrtcVgaLast = 0x18,
  kCrtcExtendedFirst = 0x19,
  kCrtcMiscellaneous = 0x1a,
  kCrtcExtendedDisplay = 0x1b,
  kCrtcOverlay = 0x1d,
  kCrtcLatches = 0x22,
  kCrtcAttributeToggle = 0x24,
  kCrtcPartStatus = 0x25,
  kCrtcAttributeIndex = 0x26,
  kCrtcPartId = 0x27,
};
using Interlaced = core::Bits<u8, 0>;  // CR1A
using StartBit16 = core::Bits<u8, 0>;  // CR1B
using StartBits18_17 = core::Bits<u8, 3, 2>;
using OffsetBit8 = core::Bits<u8, 4>;  // CR1B
using StartBit19 = core::Bits<u8, 7>;  // CR1D

// Graphics controller, 3cf.
enum Graphics : u8 {
  kGfxBank0 = 0x09,
  kGfxBank1 = 0x0a,
  kGfxExtension = 0x0b,
  kGfxBackground1 = 0x10,
  kGfxForeground1 = 0x11,
  kGfxBackground2 = 0x12,
  kGfxForeground2 = 0x13,
  kGfxBackground3 = 0x14,
  kGfxForeground3 = 0x15,
  kGfxActiveDisplay = 0x18,
  kGfxBlitWidth = 0x20,
  kGfxBlitHeight = 0x22,
  kGfxBlitDestinationPitch = 0x24,
  kGfxBlitSourcePitch = 0x26,
  kGfxBlitDestination = 0x28,
  kGfxBlitSource = 0x2c,
  kGfxBlitSkip = 0x2f,
  kGfxBlitMode = 0x30,
  kGfxBlitStatus = 0x31,
  kGfxBlitRop = 0x32,
  kGfxBlitExtension = 0x33,
  kGfxBlitKey = 0x34,
  kGfxBlitKeyMask = 0x38,
  kGfxLast = 0x39,
};
using ExtensionDualBank = core::Bits<u8, 0>;     // GRB
using ExtensionBy8 = core::Bits<u8, 1>;          // GRB: an address is 8 bytes
using ExtensionWrites = core::Bits<u8, 2>;       // GRB: write modes 4 and 5
using ExtensionBy16 = core::Bits<u8, 4>;         // GRB with the former: an address is 16 bytes
using ExtensionGranularity = core::Bits<u8, 5>;  // GRB: banks of 16 KiB, not 4
using WriteModeExtended = core::Bits<u8, 2, 0>;  // GR5

using BlitBackwards = core::Bits<u8, 0>;  // GR30
using BlitToSystem = core::Bits<u8, 1>;
using BlitFromSystem = core::Bits<u8, 2>;
using BlitTransparent = core::Bits<u8, 3>;
using BlitPixelBytes = core::Bits<u8, 5, 4>;  // less one
using BlitPattern = core::Bits<u8, 6>;
using BlitExpand = core::Bits<u8, 7>;
using StatusBusy = core::Bits<u8, 0>;  // GR31
using StatusStart = core::Bits<u8, 1>;
using StatusReset = core::Bits<u8, 2>;
using StatusFifo = core::Bits<u8, 4>;
using StatusAutostart = core::Bits<u8, 7>;
using BlitWholeDwords = core::Bits<u8, 0>;  // GR33: of a line from the system
using BlitInverted = core::Bits<u8, 1>;
using BlitSolid = core::Bits<u8, 2>;

// Hidden DAC register: 3c6 after four reads of it.
inline constexpr u8 kHiddenDacReads = 4;
using DacFormat = core::Bits<u8, 3, 0>;
inline constexpr u8 kDacXga = 1;  // 5-6-5; otherwise 5-5-5

// Hardware cursor: 16 KiB of patterns at the end of memory.
inline constexpr u32 kCursorPatterns = 16 << 10;
inline constexpr u32 kCursorPatternSize = 256;
inline constexpr u32 kCursorColors = 16;
inline constexpr u32 kCursorForeground = 15;

}  // namespace display::cirrus
