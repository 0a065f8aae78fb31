// Intel 440FX PCIset, 82441FX PCI and Memory Controller (PMC), order number 290549-001,
// chapter 3 (register description), and PCI Local Bus Specification 3.0, 3.2.2.3.2.
#pragma once

#include "hw/emul/core/bits.h"

namespace chipset::i440fx {

inline constexpr core::u16 kVendor = 0x8086;
inline constexpr core::u16 kDevice = 0x1237;
inline constexpr core::u8 kRevision = 0x02;
inline constexpr core::u16 kClassHostBridge = 0x0600;

// PCI configuration space.
enum Config : core::u8 {
  kRamSize = 0x57,  // not the data sheet's: RAM in units of 8 MiB, for firmware of virtual machines
  kPam0 = 0x59,     // 3.2.18 PAM0..PAM6: programmable attribute map
  kPam6 = 0x5f,
  kSmram = 0x72,  // 3.2.22
};

// 3.2.18: each nibble of PAM1..PAM6 and the high one of PAM0 governs a segment.
using PamReadEnable = core::Bits<core::u8, 0>;
using PamWriteEnable = core::Bits<core::u8, 1>;

// 3.2.22 SMRAM: System Management RAM control.
using SmramOpen = core::Bits<core::u8, 6>;     // DOPEN
using SmramEnable = core::Bits<core::u8, 3>;   // SMRAME
inline constexpr core::u8 kSmramReset = 0x02;  // DBASESEG: A0000h-BFFFFh

// Ports: 3.1.1 CONFADD, 3.1.2 CONFDATA.
inline constexpr core::u16 kConfAddPort = 0xcf8;
inline constexpr core::u16 kConfDataPort = 0xcfc;

using ConfigEnable = core::Bits<core::u32, 31>;  // CONE
using BusNumber = core::Bits<core::u32, 23, 16>;
using DeviceFunction = core::Bits<core::u32, 15, 8>;

}  // namespace chipset::i440fx
