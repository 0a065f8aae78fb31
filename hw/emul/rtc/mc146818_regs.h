// Motorola MC146818A Real-Time Clock Plus RAM, data sheet ADI1018.
#pragma once

#include "hw/emul/core/bits.h"

namespace rtc::mc146818 {

inline constexpr core::u16 kIndexPort = 0x70;  // WO: cell, and NMI mask in bit 7; data is at 71h
inline constexpr core::u8 kIndexMask = 0x7f;

// "Address Map". 0Eh and up is RAM.
enum Cell : core::u8 {
  kSeconds = 0x00,
  kSecondsAlarm = 0x01,
  kMinutes = 0x02,
  kMinutesAlarm = 0x03,
  kHours = 0x04,
  kHoursAlarm = 0x05,
  kDayOfWeek = 0x06,  // 1: Sunday
  kDayOfMonth = 0x07,
  kMonth = 0x08,
  kYear = 0x09,
  kRegisterA = 0x0a,
  kRegisterB = 0x0b,
  kRegisterC = 0x0c,  // RO, cleared by reading
  kRegisterD = 0x0d,  // RO
  kShutdownStatus = 0x0f,
  kCentury = 0x32,
  kCenturyPs2 = 0x37,  // another name of 32h
};

// "Register A".
using UpdateInProgress = core::Bits<core::u8, 7>;  // RO
using Divider = core::Bits<core::u8, 6, 4>;        // 0..2: runs; 6, 7: held in reset
using DividerReset = core::Bits<core::u8, 6, 5>;   // both: held in reset
using RateSelect = core::Bits<core::u8, 3, 0>;
inline constexpr core::u8 kDividerLast = 2;  // of those that run
inline constexpr core::u8 kDividerHeld = 3;  // of DividerReset

// "Register B".
using Set = core::Bits<core::u8, 7>;
using PeriodicEnable = core::Bits<core::u8, 6>;
using AlarmEnable = core::Bits<core::u8, 5>;
using UpdateEnable = core::Bits<core::u8, 4>;
using SquareWave = core::Bits<core::u8, 3>;
using DataMode = core::Bits<core::u8, 2>;  // 1: binary, 0: BCD
using Hours24 = core::Bits<core::u8, 1>;

// "Register C".
using IrqFlag = core::Bits<core::u8, 7>;
using PeriodicFlag = core::Bits<core::u8, 6>;
using AlarmFlag = core::Bits<core::u8, 5>;
using UpdateFlag = core::Bits<core::u8, 4>;
inline constexpr core::u8 kFlags = 0x70;

inline constexpr core::u8 kRegisterAStart = 0x26;  // 32768 Hz, 1024 Hz periodic
inline constexpr core::u8 kRegisterBStart = 0x02;
inline constexpr core::u8 kRegisterDStart = 0x80;  // VRT

inline constexpr core::u8 kShutdownResume = 0xfe;
inline constexpr core::u8 kPm = 0x80;        // of the hours, in 12-hour mode
inline constexpr core::u8 kDontCare = 0xc0;  // alarm bytes: both bits

inline constexpr core::i64 kHz = 32768;
inline constexpr core::i64 kUipTicks = 8;  // UIP is high that long before an update

}  // namespace rtc::mc146818
