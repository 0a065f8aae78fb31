// Registers of the SMBus host controller, by offset from SMBBA. Section numbers: 82371AB PIIX4.
#pragma once

#include "hw/emul/core/bits.h"
#include "hw/emul/core/types.h"

namespace chipset::smbus {

using core::u8;

enum Register : u8 {
  kHstSts = 0x00,   // 7.3.1 SMBHSTSTS, W1C
  kHstCnt = 0x02,   // 7.3.3 SMBHSTCNT
  kHstCmd = 0x03,   // 7.3.4 SMBHSTCMD
  kHstAdd = 0x04,   // 7.3.5 SMBHSTADD
  kHstDat0 = 0x05,  // 7.3.6 SMBHSTDAT0
  kHstDat1 = 0x06,  // 7.3.7 SMBHSTDAT1
  kBlkDat = 0x07,   // 7.3.8 SMBBLKDAT
  kAuxCtl = 0x0d,   // the ICH's
};

using HostBusy = core::Bits<u8, 0>;
using Interrupt = core::Bits<u8, 1>;  // done
using DeviceError = core::Bits<u8, 2>;
using Failed = core::Bits<u8, 4>;
using ByteDone = core::Bits<u8, 7>;  // the ICH's

using InterruptEnable = core::Bits<u8, 0>;
using Kill = core::Bits<u8, 1>;
using Protocol = core::Bits<u8, 4, 2>;
using LastByte = core::Bits<u8, 5>;  // the ICH's
using Start = core::Bits<u8, 6>;
inline constexpr u8 kHstCntReadable = 0x1f;

enum ProtocolCode : u8 {
  kQuick = 0,
  kByte = 1,
  kByteData = 2,
  kWordData = 3,
  kBlock = 5,
  kI2cBlockRead = 6,  // the ICH's
};

using ReadNotWrite = core::Bits<u8, 0>;  // of SMBHSTADD
using Address = core::Bits<u8, 7, 1>;

using BlockBuffer = core::Bits<u8, 1>;  // E32B
inline constexpr u8 kAuxCtlWritable = 0x03;

}  // namespace chipset::smbus
