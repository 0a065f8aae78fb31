// PCI Local Bus Specification 3.0, chapter 6 (configuration space).
#pragma once

#include "hw/emul/core/bits.h"

namespace pci {

using core::u16;
using core::u32;
using core::u8;

enum Config : u8 {
  kVendorId = 0x00,
  kDeviceId = 0x02,
  kCommand = 0x04,
  kStatus = 0x06,
  kRevisionId = 0x08,
  kClassProg = 0x09,
  kClassDevice = 0x0a,
  kCacheLineSize = 0x0c,
  kLatencyTimer = 0x0d,
  kHeaderType = 0x0e,
  kBar0 = 0x10,
  kSubsystemVendorId = 0x2c,
  kSubsystemId = 0x2e,
  kRomBar = 0x30,
  kCapabilityList = 0x34,
  kInterruptLine = 0x3c,
  kInterruptPin = 0x3d,
  kHeaderEnd = 0x40,
};

// 6.2.2 Device control: the command register.
using CommandIo = core::Bits<u16, 0>;
using CommandMemory = core::Bits<u16, 1>;
using CommandMaster = core::Bits<u16, 2>;
using CommandIntxDisable = core::Bits<u16, 10>;
inline constexpr u16 kCommandWritable = 0x0507;  // I/O, memory, master, SERR#, INTx disable

// 6.2.3 Device status.
using StatusInterrupt = core::Bits<u16, 3>;
using StatusCapabilities = core::Bits<u16, 4>;
inline constexpr u16 kStatusW1C = 0xf900;

inline constexpr u8 kHeaderMultiFunction = 0x80;
inline constexpr u32 kBarIo = 0x1;
inline constexpr u32 kBarPrefetch = 0x8;
inline constexpr u32 kBarMemoryFlags = 0xf;  // below the address
inline constexpr u32 kRomEnable = 0x1;

inline constexpr unsigned kRomIndex = 6;  // of the expansion ROM among a function's BARs
inline constexpr unsigned kBars = 7;

constexpr u8 bar_register(unsigned index) {
  return index == kRomIndex ? u8{kRomBar} : core::low<u8>(kBar0 + 4 * index);
}

constexpr u8 devfn(unsigned slot, unsigned function) {
  return core::low<u8>(slot << 3 | function);
}
constexpr unsigned slot_of(u8 devfn) {
  return devfn >> 3;
}
constexpr unsigned function_of(u8 devfn) {
  return devfn & 7;
}

}  // namespace pci
