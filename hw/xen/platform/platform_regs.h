// The xen-platform device, after Xen's docs/misc/hvm-emulated-unplug.pandoc and the PV drivers
// that use it.
#pragma once

#include "hw/emul/core/bits.h"

namespace xen_platform {

using core::Bits;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

// The fixed ports are told apart by width, too.
inline constexpr u16 kFixedPorts = 0x10;
inline constexpr u16 kFixedPortCount = 0x10;

enum FixedPort : u8 {
  kFlags = 0,    // byte, RW
  kMagic = 0,    // word, RO
  kUnplug = 0,   // word, WO
  kBuild = 0,    // dword, WO: build number of the guest's drivers
  kVersion = 2,  // byte, RO: of this protocol
  kLog = 2,      // byte, WO: a character
  kProduct = 2,  // word, WO: who made the guest's drivers
};

inline constexpr u16 kMagicValue = 0x49d2;
inline constexpr u8 kProtocolVersion = 1;

using FlagRomLock = Bits<u8, 0>;

// kUnplug.
using UnplugDisks = Bits<u16, 0>;  // IDE and SCSI disks, not CD-ROM drives
using UnplugNics = Bits<u16, 1>;
using UnplugAuxDisks = Bits<u16, 2>;  // IDE disks but the primary master; void with bit 0
using UnplugNvme = Bits<u16, 3>;
inline constexpr u16 kUnplugMask = 0x000f;

// BAR 0, bytes: the older protocol of SUSE's drivers.
enum BarPort : u8 {
  kBarFlags = 0,
  kBarUnplugAll = 4,  // 1: disks and NICs
  kBarUnplug = 8,     // 1: disks, 2: NICs, others: log character
};

// What the ROM lock covers: 0xc0000-0xfffff.
inline constexpr u64 kRomFirstFrame = 0xc0;
inline constexpr u64 kRomFrames = 0x40;

inline constexpr u16 kXenVendor = 0x5853;
inline constexpr u16 kPlatformDevice = 0x0001;

}  // namespace xen_platform
