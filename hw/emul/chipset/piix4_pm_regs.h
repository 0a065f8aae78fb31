// Intel 82371AB PIIX4, order number 290562-001, chapter 7 (function 3: power management and
// SMBus), and ACPI 3.0 chapter 4.7 (fixed and general-purpose event hardware).
#pragma once

#include "hw/emul/core/bits.h"

namespace chipset::piix4_pm {

inline constexpr core::u16 kVendor = 0x8086;
inline constexpr core::u16 kDevice = 0x7113;
inline constexpr core::u8 kRevision = 0x03;
inline constexpr core::u16 kClassOtherBridge = 0x0680;

// PCI configuration space.
enum Config : core::u8 {
  kPmba = 0x40,     // 7.1.9 power management base address
  kDevactb = 0x58,  // 7.1.15 device activity B; bit 25: APMC writes raise SMI#
  kDevresA = 0x5c,  // 7.1.16 device resource A
  kDevresB = 0x60,
  kDevresC = 0x64,
  kPmregmisc = 0x80,  // 7.1.26 bit 0: the range at PMBA is decoded
  kSmbba = 0x90,      // 7.1.27 SMBus base address
  kSmbhstcfg = 0xd2,  // 7.1.28 bit 0: the range at SMBBA is decoded
};
inline constexpr core::u32 kBaseMask = 0xffc0;
inline constexpr core::u32 kBaseIo = 0x1;
using IoEnable = core::Bits<core::u8, 0>;
inline constexpr core::u16 kRangeSize = 64;

// 7.2 registers at PMBA: ACPI's PM1a event and control blocks and the timer.
enum PmRegister : core::u8 {
  kPm1Status = 0x00,  // W1C
  kPm1Enable = 0x02,
  kPm1Control = 0x04,
  kPmTimer = 0x08,  // RO, 24 bits
};

// PM1 status and enable (the enable register has no wake bit).
using Pm1Timer = core::Bits<core::u16, 0>;
using Pm1GlobalLock = core::Bits<core::u16, 5>;
using Pm1PowerButton = core::Bits<core::u16, 8>;
using Pm1RealTimeClock = core::Bits<core::u16, 10>;
using Pm1Wake = core::Bits<core::u16, 15>;
inline constexpr core::u16 kPm1Events =
    Pm1Timer::kMask | Pm1GlobalLock::kMask | Pm1PowerButton::kMask | Pm1RealTimeClock::kMask;

// PM1 control.
using SciEnable = core::Bits<core::u16, 0>;
using SleepType = core::Bits<core::u16, 12, 10>;
using SleepEnable = core::Bits<core::u16, 13>;  // WO
enum SleepTypes : core::u16 {
  kSleepOff = 0,
  kSleepToRam = 1,
  kSleepToDisk = 2,  // QEMU's choice; the DSDT of Xen has S4 as 0, like S5
};

inline constexpr core::i64 kPmTimerHz = 3579545;
inline constexpr core::i64 kPmTimerHalf = 0x800000;  // the status bit follows bit 23

// 7.3 / APM: command and status ports.
inline constexpr core::u16 kApmPort = 0xb2;
inline constexpr core::u8 kAcpiEnable = 0xf1;
inline constexpr core::u8 kAcpiDisable = 0xf0;

// The board's general-purpose events (not the PIIX4's own GPE block), and who uses which.
inline constexpr core::u16 kGpePort = 0xafe0;  // status 2 bytes (W1C), enable 2 bytes
using GpePciHotplug = core::Bits<core::u16, 1>;
using GpeCpuHotplug = core::Bits<core::u16, 2>;

}  // namespace chipset::piix4_pm
