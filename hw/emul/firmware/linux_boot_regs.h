// The Linux/x86 boot protocol: Documentation/x86/boot.rst of Linux 6.1, "The Real-Mode Kernel
// Header". Offsets are into the file.
#pragma once

#include "hw/emul/core/bits.h"

namespace firmware::bzimage {

enum Header : core::u16 {
  kSetupSects = 0x1f1,     // u8
  kVidMode = 0x1fa,        // u16
  kMagic = 0x202,          // u32 "HdrS"
  kVersion = 0x206,        // u16
  kTypeOfLoader = 0x210,   // u8
  kLoadflags = 0x211,      // u8
  kRamdiskImage = 0x218,   // u32
  kRamdiskSize = 0x21c,    // u32
  kHeapEndPtr = 0x224,     // u16
  kCmdLinePtr = 0x228,     // u32
  kInitrdAddrMax = 0x22c,  // u32, 2.03+
  kXloadflags = 0x236,     // u16, 2.12+
  kHeaderEnd = 0x268,
  kOldCmdLineMagic = 0x20,   // u16, before 2.02
  kOldCmdLineOffset = 0x22,  // u16
};

inline constexpr core::u32 kMagicHdrS = 0x53726448;
inline constexpr core::u16 kOldMagic = 0xa33f;
inline constexpr core::u8 kDefaultSetupSects = 4;
inline constexpr core::u32 kSector = 512;

using LoadedHigh = core::Bits<core::u8, 0>;
using CanUseHeap = core::Bits<core::u8, 7>;
using CanBeLoadedAbove4G = core::Bits<core::u16, 1>;

inline constexpr core::u8 kLoaderQemu = 0xb0;  // boot loader ids: 0xB QEMU
inline constexpr core::u32 kDefaultInitrdMax = 0x37ffffff;

// vid_mode
inline constexpr core::u16 kVideoNormal = 0xffff;
inline constexpr core::u16 kVideoExtended = 0xfffe;
inline constexpr core::u16 kVideoAsk = 0xfffd;

// Formats that are not this one: Multiboot 0.6.96, ELF.
inline constexpr core::u32 kMultibootMagic = 0x1badb002;
inline constexpr core::u32 kMultibootSearch = 8192;
inline constexpr core::u32 kElfMagic = 0x464c457f;

}  // namespace firmware::bzimage
