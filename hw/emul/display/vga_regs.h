// IBM VGA registers ("PS/2 Video Subsystem Technical Reference", 1992, chapter 2; FreeVGA) and
// the Bochs display interface ("DISPI", ID 0xb0c5) with the memory-mapped window of QEMU's
// standard VGA (docs/specs/standard-vga.txt).
#pragma once

#include "hw/emul/core/bits.h"

namespace display {

using core::i32;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

// Ports. CRTC and input status 1 move from 3bx to 3dx with the I/O address select bit.
enum Port : u16 {
  kPortFirst = 0x3b0,
  kPortsLength = 0x30,
  kPortCrtcIndexMono = 0x3b4,  // RW
  kPortCrtcDataMono = 0x3b5,   // RW
  kPortStatus1Mono = 0x3ba,    // RO; WO: feature control
  kPortAttribute = 0x3c0,      // index and data by turns; RO: index
  kPortAttributeRead = 0x3c1,  // RO
  kPortStatus0 = 0x3c2,        // RO; WO: miscellaneous output
  kPortSequencerIndex = 0x3c4,
  kPortSequencerData = 0x3c5,
  kPortDacMask = 0x3c6,
  kPortDacReadIndex = 0x3c7,  // WO; RO: DAC state
  kPortDacWriteIndex = 0x3c8,
  kPortDacData = 0x3c9,
  kPortFeatureRead = 0x3ca,  // RO
  kPortMiscRead = 0x3cc,     // RO
  kPortGraphicsIndex = 0x3ce,
  kPortGraphicsData = 0x3cf,
  kPortCrtcIndexColor = 0x3d4,
  kPortCrtcDataColor = 0x3d5,
  kPortStatus1Color = 0x3da,
};

// Miscellaneous output (3cc).
using MiscColor = core::Bits<u8, 0>;  // I/O address select: 1 is 3dx

// Input status 1.
using StatusRetrace = core::Bits<u8, 3>;
using StatusDisplayOff = core::Bits<u8, 0>;  // not in the displayed part of a line

// Sequencer.
enum Sequencer : u8 {
  kSeqReset = 0,
  kSeqClockingMode = 1,
  kSeqMapMask = 2,
  kSeqCharacterMap = 3,
  kSeqMemoryMode = 4,
};
using ClockEightDots = core::Bits<u8, 0>;
using ClockHalved = core::Bits<u8, 3>;
using ClockScreenOff = core::Bits<u8, 5>;
using MemoryChain4 = core::Bits<u8, 3>;

// Graphics controller.
enum Graphics : u8 {
  kGfxSetReset = 0,
  kGfxEnableSetReset = 1,
  kGfxColorCompare = 2,
  kGfxDataRotate = 3,
  kGfxReadMapSelect = 4,
  kGfxMode = 5,
  kGfxMiscellaneous = 6,
  kGfxColorDontCare = 7,
  kGfxBitMask = 8,
};
using RotateCount = core::Bits<u8, 2, 0>;
using RotateFunction = core::Bits<u8, 4, 3>;
using ModeShift = core::Bits<u8, 6, 5>;  // 0: 16 colours, 1: 4 colours (CGA), 2 and 3: 256
using ModeOddEven = core::Bits<u8, 4>;
using ModeReadCompare = core::Bits<u8, 3>;
using ModeWrite = core::Bits<u8, 1, 0>;
using MiscMemoryMap = core::Bits<u8, 3, 2>;
using MiscGraphics = core::Bits<u8, 0>;

// Attribute controller.
enum Attribute : u8 {
  kAttrMode = 0x10,
  kAttrOverscan = 0x11,
  kAttrPlaneEnable = 0x12,
  kAttrPanning = 0x13,
  kAttrColorSelect = 0x14,
  kAttrCount = 0x15,
};
using AttrIndexVideo = core::Bits<u8, 5>;  // palette address source: 0 blanks the screen
using AttrModeInternalPalette = core::Bits<u8, 7>;
using AttrModePanCompat = core::Bits<u8, 5>;
using AttrModeBlink = core::Bits<u8, 3>;
using AttrModeLineGraphics = core::Bits<u8, 2>;

// CRT controller.
enum Crtc : u8 {
  kCrtcTotal = 0x00,
  kCrtcDisplayEnd = 0x01,
  kCrtcVerticalTotal = 0x06,
  kCrtcOverflow = 0x07,
  kCrtcPresetRow = 0x08,
  kCrtcMaxScan = 0x09,
  kCrtcCursorStart = 0x0a,
  kCrtcCursorEnd = 0x0b,
  kCrtcStartHigh = 0x0c,
  kCrtcStartLow = 0x0d,
  kCrtcCursorHigh = 0x0e,
  kCrtcCursorLow = 0x0f,
  kCrtcRetraceEnd = 0x11,
  kCrtcVerticalEnd = 0x12,
  kCrtcOffset = 0x13,
  kCrtcUnderline = 0x14,
  kCrtcMode = 0x17,
  kCrtcLineCompare = 0x18,
};
using OverflowVerticalEnd8 = core::Bits<u8, 1>;
using OverflowLineCompare8 = core::Bits<u8, 4>;
using OverflowVerticalEnd9 = core::Bits<u8, 6>;
using PresetRowScan = core::Bits<u8, 4, 0>;
using PresetBytePan = core::Bits<u8, 6, 5>;
using MaxScanRow = core::Bits<u8, 4, 0>;
using MaxScanLineCompare9 = core::Bits<u8, 6>;
using MaxScanDouble = core::Bits<u8, 7>;
using CursorRow = core::Bits<u8, 4, 0>;
using CursorOff = core::Bits<u8, 5>;
using RetraceProtect = core::Bits<u8, 7>;  // of CR0..CR7
using UnderlineRow = core::Bits<u8, 4, 0>;
using CrtcRow0_n = core::Bits<u8, 0>;  // 0: row scan bit 0 replaces address bit 13 (CGA)
using CrtcRow1_n = core::Bits<u8, 1>;  // 0: row scan bit 1 replaces address bit 14 (Hercules)
using CrtcByteMode = core::Bits<u8, 6>;

// Bits that exist; the others read zero.
inline constexpr u8 kSequencerMask[8] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0x00, 0x00, 0xff};
inline constexpr u8 kGraphicsMask[16] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};

// Bochs DISPI.
enum Dispi : u16 {
  kDispiId = 0,
  kDispiXres = 1,
  kDispiYres = 2,
  kDispiBpp = 3,
  kDispiEnable = 4,
  kDispiBank = 5,
  kDispiVirtWidth = 6,
  kDispiVirtHeight = 7,
  kDispiXoffset = 8,
  kDispiYoffset = 9,
  kDispiCount = 10,
  kDispiMemory64k = 10,  // RO
};
inline constexpr u16 kDispiPort = 0x1ce;
inline constexpr u16 kDispiIdFirst = 0xb0c0;
inline constexpr u16 kDispiIdLast = 0xb0c5;
inline constexpr u16 kDispiMaxXres = 16000;
inline constexpr u16 kDispiMaxYres = 12000;
inline constexpr u16 kDispiMaxBpp = 32;
using DispiEnabled = core::Bits<u16, 0>;
using DispiGetCaps = core::Bits<u16, 1>;
using DispiDac8 = core::Bits<u16, 5>;
using DispiNoClear = core::Bits<u16, 7>;

// BAR 2 of the PCI card.
inline constexpr u64 kMmioSize = 0x1000;
inline constexpr u64 kMmioEdid = 0x000;
inline constexpr u64 kMmioPorts = 0x400;  // of 3c0..3df
inline constexpr u64 kMmioPortsSize = 0x20;
inline constexpr u64 kMmioDispi = 0x500;
inline constexpr u64 kMmioDispiSize = 0x16;
inline constexpr u64 kMmioExtended = 0x600;
inline constexpr u64 kMmioExtendedSize = 8;
inline constexpr u32 kByteOrderLittle = 0x1e1e1e1e;
inline constexpr u32 kByteOrderBig = 0xbebebebe;

inline constexpr u64 kWindowBase = 0xa0000;
inline constexpr u64 kWindowSize = 0x20000;

}  // namespace display
