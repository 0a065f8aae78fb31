// ATA/ATAPI-7 (T13/1532D), volumes 1 and 2: task file, commands, IDENTIFY DEVICE words.
#pragma once

#include "hw/emul/core/bits.h"

namespace ide {

using core::i32;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

inline constexpr u32 kSectorSize = 512;

// Volume 2, 9.2: command block registers, by offset from the channel's base port.
enum Register : u8 {
  kData = 0,         // RW, 16 or 32 bits
  kError = 1,        // RO; writes: Features
  kSectorCount = 2,  // RW
  kLbaLow = 3,       // RW
  kLbaMid = 4,       // RW; byte count low of a packet command
  kLbaHigh = 5,      // RW; byte count high
  kDevice = 6,       // RW
  kStatus = 7,       // RO; writes: Command
};

// Volume 1, 5.14: Status.
inline constexpr u8 kStatusErr = 0x01;
inline constexpr u8 kStatusDrq = 0x08;
inline constexpr u8 kStatusDsc = 0x10;  // seek complete in ATA-3; command dependent since
inline constexpr u8 kStatusDrdy = 0x40;
inline constexpr u8 kStatusBsy = 0x80;
inline constexpr u8 kStatusIdle = kStatusDrdy | kStatusDsc;

// Volume 1, 5.9: Error.
inline constexpr u8 kErrorAbrt = 0x04;
inline constexpr u8 kErrorMc = 0x20;

// Volume 1, 5.7: Device.
using DeviceHead = core::Bits<u8, 3, 0>;  // or LBA bits 27:24
using DeviceUnit = core::Bits<u8, 4>;
using DeviceLba = core::Bits<u8, 6>;
inline constexpr u8 kDeviceObsolete = 0xa0;  // bits 7 and 5, which read as one

// Volume 1, 5.8: Device Control.
using ControlNien = core::Bits<u8, 1>;
using ControlSrst = core::Bits<u8, 2>;
using ControlHob = core::Bits<u8, 7>;

// Volume 1, 6: commands, and those that earlier standards had and drivers still use.
enum Command : u8 {
  kNop = 0x00,
  kDataSetManagement = 0x06,
  kDeviceReset = 0x08,
  kRecalibrate = 0x10,
  kReadSectors = 0x20,
  kReadSectorsOnce = 0x21,
  kReadSectorsExt = 0x24,
  kReadDmaExt = 0x25,
  kReadNativeMaxExt = 0x27,
  kReadMultipleExt = 0x29,
  kReadLogExt = 0x2f,
  kWriteSectors = 0x30,
  kWriteSectorsOnce = 0x31,
  kWriteSectorsExt = 0x34,
  kWriteDmaExt = 0x35,
  kWriteMultipleExt = 0x39,
  kWriteVerify = 0x3c,
  kVerify = 0x40,
  kVerifyOnce = 0x41,
  kVerifyExt = 0x42,
  kSeek = 0x70,
  kExecuteDiagnostic = 0x90,
  kInitDeviceParameters = 0x91,
  kStandbyImmediateOld = 0x94,
  kIdleImmediateOld = 0x95,
  kStandbyOld = 0x96,
  kIdleOld = 0x97,
  kCheckPowerModeOld = 0x98,
  kSleepOld = 0x99,
  kPacket = 0xa0,
  kIdentifyPacketDevice = 0xa1,
  kSmart = 0xb0,
  kReadMultiple = 0xc4,
  kWriteMultiple = 0xc5,
  kSetMultipleMode = 0xc6,
  kReadDma = 0xc8,
  kReadDmaOnce = 0xc9,
  kWriteDma = 0xca,
  kWriteDmaOnce = 0xcb,
  kStandbyImmediate = 0xe0,
  kIdleImmediate = 0xe1,
  kStandby = 0xe2,
  kIdle = 0xe3,
  kCheckPowerMode = 0xe5,
  kSleep = 0xe6,
  kFlushCache = 0xe7,
  kFlushCacheExt = 0xea,
  kIdentifyDevice = 0xec,
  kSetFeatures = 0xef,
  kSecurityFreezeLock = 0xf5,
  kReadNativeMax = 0xf8,
};

// Volume 1, 6.49: SET FEATURES subcommands.
enum Feature : u8 {
  kEnableWriteCache = 0x02,
  kSetTransferMode = 0x03,
  kEnableApm = 0x05,
  kEnableAcoustic = 0x42,
  kDisableReadLookAhead = 0x55,
  kDisableRevert = 0x66,
  kObsolete67 = 0x67,
  kObsolete69 = 0x69,
  kDisableWriteCache = 0x82,
  kDisableApm = 0x85,
  kObsolete96 = 0x96,
  kObsolete9a = 0x9a,
  kEnableReadLookAhead = 0xaa,
  kDisableAcoustic = 0xc2,
  kEnableRevert = 0xcc,
};

// Table 48: transfer mode, the sector count of kSetTransferMode.
using TransferModeType = core::Bits<u8, 7, 3>;
using TransferModeValue = core::Bits<u8, 2, 0>;
enum TransferMode : u8 {
  kPioDefault = 0,
  kPioFlow = 1,
  kSingleWordDma = 2,
  kMultiwordDma = 4,
  kUltraDma = 8
};

// ACS-2 7.9: DATA SET MANAGEMENT.
inline constexpr u8 kDsmTrim = 0x01;
using TrimLba = core::Bits<u64, 47, 0>;
using TrimCount = core::Bits<u64, 63, 48>;

// Volume 1, 6.54: SMART subcommands and the signature that they need.
enum Smart : u8 {
  kSmartReadData = 0xd0,
  kSmartReadThresholds = 0xd1,
  kSmartAutosave = 0xd2,
  kSmartExecuteOffline = 0xd4,
  kSmartReadLog = 0xd5,
  kSmartEnable = 0xd8,
  kSmartDisable = 0xd9,
  kSmartReturnStatus = 0xda,
};
inline constexpr u8 kSmartMid = 0x4f;
inline constexpr u8 kSmartHigh = 0xc2;

// Volume 1, 6.17: IDENTIFY DEVICE words that more than one place touches.
enum IdentifyWord : unsigned {
  kWordCurrentCylinders = 54,
  kWordCurrentHeads = 55,
  kWordCurrentSectors = 56,
  kWordCurrentCapacity = 57,
  kWordSectors28 = 60,
  kWordSingleWordDma = 62,
  kWordMultiwordDma = 63,
  kWordEnabled = 85,
  kWordUltraDma = 88,
  kWordSectors48 = 100,
};
inline constexpr u16 kEnabledWriteCache = 1 << 5;

}  // namespace ide
