// Intel 82078 (44-pin) floppy disk controller datasheet, 290475-004: registers (2.1), status
// registers (5.4) and commands (5.2, 6).
#pragma once

#include "hw/emul/core/bits.h"

namespace floppy {

using core::i32;
using core::i64;
using core::u32;
using core::u64;
using core::u8;

// 2.1: offsets from the base port.
enum Register : u8 {
  kSra = 0,   // RO, PS/2
  kSrb = 1,   // RO, PS/2
  kDor = 2,   // RW digital output
  kTdr = 3,   // RW tape drive
  kMsr = 4,   // RO main status; writes: data rate select (DSR)
  kFifo = 5,  // RW data
  kDir = 7,   // RO digital input; writes: configuration control (CCR)
};

// 2.1.1 SRA.
inline constexpr u8 kSraIntPending = 0x80;
inline constexpr u8 kSraDrive2_n = 0x40;
// 2.1.2 SRB.
using SrbDrive0 = core::Bits<u8, 5>;
using SrbMotor1 = core::Bits<u8, 1>;
using SrbMotor0 = core::Bits<u8, 0>;
inline constexpr u8 kSrbAtReset = 0xc0;
// 2.1.3 DOR.
using DorMotor1 = core::Bits<u8, 5>;
using DorMotor0 = core::Bits<u8, 4>;
using DorDmaGate_n = core::Bits<u8, 3>;
using DorReset_n = core::Bits<u8, 2>;
using DorDrive = core::Bits<u8, 0>;  // of the two drive lines that the model has
// 2.1.4 TDR.
inline constexpr u8 kTdrWritable = 0x04;
using TdrBootDrive = core::Bits<u8, 2>;
// 2.1.5 DSR.
inline constexpr u8 kDsrSoftReset = 0x80;
inline constexpr u8 kDsrPowerDown = 0x40;
inline constexpr u8 kDsrRate = 0x03;
enum Rate : u8 { kRate500K = 0, kRate300K = 1, kRate250K = 2, kRate1M = 3 };
// 2.1.6 MSR.
inline constexpr u8 kMsrRqm = 0x80;
inline constexpr u8 kMsrDio = 0x40;
inline constexpr u8 kMsrNonDma = 0x20;
inline constexpr u8 kMsrBusy = 0x10;
// 2.1.8 DIR.
inline constexpr u8 kDirDiskChange = 0x80;

// 5.4 Status register 0 and 1.
inline constexpr u8 kSt0Drive = 0x03;
inline constexpr u8 kSt0Head = 0x04;
inline constexpr u8 kSt0SeekEnd = 0x20;
inline constexpr u8 kSt0Abnormal = 0x40;
inline constexpr u8 kSt0Invalid = 0x80;
inline constexpr u8 kSt0Polling = 0xc0;  // a drive's ready line changed: after a reset
inline constexpr u8 kSt1MissingAddress = 0x01;
inline constexpr u8 kSt1NotWritable = 0x02;
inline constexpr u8 kSt1NoData = 0x04;
inline constexpr u8 kSt1DataError = 0x20;
inline constexpr u8 kSt1EndOfTrack = 0x80;
// Status register 2.
inline constexpr u8 kSt2ScanNotSatisfied = 0x04;
inline constexpr u8 kSt2ScanEqual = 0x08;
inline constexpr u8 kSt2DataError = 0x20;
// Status register 3.
inline constexpr u8 kSt3Fixed = 0x28;  // ready, two sides
inline constexpr u8 kSt3Track0 = 0x10;
inline constexpr u8 kSt3WriteProtected = 0x40;

// 5.2: opcodes. Multi-track, MFM and skip bits are masked by the decoder.
enum Command : u8 {
  kReadTrack = 0x02,
  kSpecify = 0x03,
  kSenseDrive = 0x04,
  kWriteData = 0x05,
  kReadData = 0x06,
  kRecalibrate = 0x07,
  kSenseInterrupt = 0x08,
  kWriteDeleted = 0x09,
  kReadId = 0x0a,
  kReadDeleted = 0x0c,
  kFormatTrack = 0x0d,
  kDumpReg = 0x0e,
  kSeek = 0x0f,
  kVersion = 0x10,
  kScanEqual = 0x11,
  kPerpendicular = 0x12,
  kConfigure = 0x13,
  kLock = 0x14,
  kVerify = 0x16,
  kPowerdownMode = 0x17,
  kPartId = 0x18,
  kScanLow = 0x19,
  kScanHigh = 0x1d,
  kSave = 0x2e,
  kOption = 0x33,
  kRestore = 0x4e,
  kDriveSpecification = 0x8e,
  kRelativeSeekOut = 0x8f,
  kFormatAndWrite = 0xcd,
  kRelativeSeekIn = 0xcf,
};
inline constexpr u8 kVersion82078 = 0x90;
inline constexpr u8 kPartIdStepping1 = 0x41;
inline constexpr u8 kSectorSizeCode = 2;  // 512 bytes
inline constexpr u8 kMultiTrack = 0x80;
inline constexpr u8 kOpcodeMask = 0x1f;

// 5.2.7 CONFIGURE.
inline constexpr u8 kConfigImpliedSeek = 0x40;
inline constexpr u8 kConfigFifoOff = 0x20;

// 6.2: DRIVE SPECIFICATION COMMAND, a parameter byte.
inline constexpr u8 kDriveSpecDone = 0x80;
inline constexpr u8 kDriveSpecNoResult = 0x40;

}  // namespace floppy
