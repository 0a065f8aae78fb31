// Motorola MC146818A Real-Time Clock Plus RAM, and the layout that IBM, Phoenix and Bochs/SeaBIOS
// gave its RAM (Ralf Brown's "CMOS Memory Map").
#pragma once

#include "hw/emul/core/bits.h"

namespace chipset::mc146818 {

inline constexpr core::u16 kIndexPort = 0x70;

enum Cell : core::u8 {
  kRegisterA = 0x0a,
  kRegisterB = 0x0b,
  kRegisterC = 0x0c,
  kRegisterD = 0x0d,
  kShutdownStatus = 0x0f,
  kFloppyTypes = 0x10,  // drive A in the high nibble
  kDiskTypes = 0x12,    // drive C in the high nibble; 15: see 19h, 1Ah
  kEquipment = 0x14,
  kBaseMemory = 0x15,      // KiB below 640, 16 bits
  kExtendedMemory = 0x17,  // KiB above 1 MiB, 16 bits
  kExtendedTypes = 0x19,   // of drive C, then D
  kDiskC = 0x1b,           // geometry, 9 bytes
  kDiskD = 0x24,
  kExtendedMemory2 = 0x30,  // as 17h, as found by the power-on test
  kCentury = 0x32,
  kMemoryAbove16M = 0x34,   // in 64 KiB, 16 bits
  kCenturyPs2 = 0x37,       // another name of 32h
  kBootFlags = 0x38,        // third boot device << 4, bit 0: no check of floppy signatures
  kDiskTranslation = 0x39,  // two bits a disk
  kBootDevices = 0x3d,      // second << 4 | first
  kMemoryAbove4G = 0x5b,    // in 64 KiB, 24 bits
  kCpuCount = 0x5f,         // less one
};

inline constexpr core::u8 kNmiDisable = 0x80;  // of the index port
inline constexpr core::u8 kShutdownResume = 0xfe;

// Values of registers A to D of a running clock without interrupts.
inline constexpr core::u8 kRegisterAReset = 0x26;  // 32768 Hz, 1024 Hz periodic
inline constexpr core::u8 kRegisterBReset = 0x02;  // 24 hours
inline constexpr core::u8 kRegisterDReset = 0x80;  // VRT: RAM and time are valid

// Equipment byte.
using EquipmentFloppies = core::Bits<core::u8, 7, 6>;  // less one
using EquipmentMouse = core::Bits<core::u8, 2>;
using EquipmentFpu = core::Bits<core::u8, 1>;
using EquipmentFloppy = core::Bits<core::u8, 0>;

// Boot device nibbles.
inline constexpr core::u8 kBootFloppy = 1;
inline constexpr core::u8 kBootDisk = 2;
inline constexpr core::u8 kBootCd = 3;
inline constexpr core::u8 kBootNetwork = 4;

inline constexpr core::u8 kDiskTypeUser = 47;

}  // namespace chipset::mc146818
