// Registers of Intel's 8254x gigabit Ethernet controllers.
//
// Document: PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, 317453,
// revision 4.0. Numbers in comments are its sections.
#pragma once

#include "hw/emul/core/bits.h"

namespace net::e1000_regs {

using core::Bits;
using core::u16;
using core::u32;
using core::u8;

/// Offsets into the memory BAR (table 13-2).
enum Reg : u32 {
  CTRL = 0x0000,      // RW device control, 13.4.1
  CTRL_DUP = 0x0004,  // RW the same register
  STATUS = 0x0008,    // RO device status, 13.4.2
  EECD = 0x0010,      // RW EEPROM and flash control, 13.4.3
  EERD = 0x0014,      // RW EEPROM read, 13.4.4
  CTRL_EXT = 0x0018,  // RW extended device control
  FLA = 0x001c,       // RW flash access
  MDIC = 0x0020,      // RW MDI control
  FCAL = 0x0028,      // RW flow control address
  FCAH = 0x002c,
  FCT = 0x0030,   // RW flow control type
  VET = 0x0038,   // RW VLAN Ethertype
  ICR = 0x00c0,   // RC interrupt cause read, 13.4.17
  ITR = 0x00c4,   // RW interrupt throttling, 13.4.18
  ICS = 0x00c8,   // WO interrupt cause set, 13.4.19
  IMS = 0x00d0,   // RW interrupt mask set, 13.4.20
  IMC = 0x00d8,   // WO interrupt mask clear, 13.4.21
  RCTL = 0x0100,  // RW receive control, 13.4.22
  FCTTV = 0x0170,
  TXCW = 0x0178,
  RXCW = 0x0180,
  TCTL = 0x0400,  // RW transmit control, 13.4.33
  TIPG = 0x0410,
  AIT = 0x0458,
  LEDCTL = 0x0e00,
  PBA = 0x1000,  // RW packet buffer allocation
  FCRTL = 0x2160,
  FCRTH = 0x2168,
  RDFH = 0x2410,  // RW receive data FIFO, 13.8
  RDFT = 0x2418,
  RDFHS = 0x2420,
  RDFTS = 0x2428,
  RDFPC = 0x2430,
  RDBAL = 0x2800,  // RW receive descriptor ring, 13.4.25 to 13.4.29
  RDBAH = 0x2804,
  RDLEN = 0x2808,
  RDH = 0x2810,
  RDT = 0x2818,
  RDTR = 0x2820,
  RXDCTL = 0x2828,
  RADV = 0x282c,
  RSRPD = 0x2c00,
  TXDMAC = 0x3000,
  TDFH = 0x3410,  // RW transmit data FIFO, 13.8
  TDFT = 0x3418,
  TDFHS = 0x3420,
  TDFTS = 0x3428,
  TDFPC = 0x3430,
  TDBAL = 0x3800,  // RW transmit descriptor ring, 13.4.36 to 13.4.40
  TDBAH = 0x3804,
  TDLEN = 0x3808,
  TDH = 0x3810,
  TDT = 0x3818,
  TIDV = 0x3820,
  TXDCTL = 0x3828,
  TADV = 0x382c,
  TSPMT = 0x3830,
  // 13.7: statistics, RC
  CRCERRS = 0x4000,
  MPC = 0x4010,
  TSCTFC = 0x40fc,
  PRC64 = 0x405c,
  GPRC = 0x4074,
  BPRC = 0x4078,
  MPRC = 0x407c,
  GPTC = 0x4080,
  GORCL = 0x4088,
  GOTCL = 0x4090,
  RNBC = 0x40a0,
  RUC = 0x40a4,
  ROC = 0x40ac,
  TORL = 0x40c0,
  TORH = 0x40c4,
  TOTL = 0x40c8,
  TOTH = 0x40cc,
  TPR = 0x40d0,
  TPT = 0x40d4,
  PTC64 = 0x40d8,
  MPTC = 0x40f0,
  BPTC = 0x40f4,
  TSCTC = 0x40f8,
  RXCSUM = 0x5000,  // RW receive checksum control
  MTA = 0x5200,     // RW 128 words of multicast hash, 13.5.1
  RA = 0x5400,      // RW 16 pairs of receive address, 13.5.2
  VFTA = 0x5600,    // RW 128 words of VLAN filter, 13.5.4
  WUC = 0x5800,     // 13.6: wake up
  WUFC = 0x5808,
  WUS = 0x5810,
  MANC = 0x5820,
  IPAV = 0x5838,
  IP4AT = 0x5840,
  IP6AT = 0x5880,
  WUPL = 0x5900,
  WUPM = 0x5a00,
  SWSM = 0x5b50,
  FFLT = 0x5f00,
  FFMT = 0x9000,
  FFVT = 0x9800,
  PBM = 0x10000,  // RW packet buffer memory, 16384 words, 13.8
};
inline constexpr u32 kMemoryBar = 0x20000;
inline constexpr u32 kRegisters = kMemoryBar / 4;
inline constexpr u32 kIoBar = 0x40;
/// 13.2.2: the I/O window.
inline constexpr u32 kIoAddr = 0;
inline constexpr u32 kIoData = 4;

namespace ctrl {  // 13.4.1
using PhyReset = Bits<u32, 31>;
using VlanMode = Bits<u32, 30>;
using Reset = Bits<u32, 26>;
using SetLinkUp = Bits<u32, 6>;
inline constexpr u32 kAtReset = 0x00140240;  // SDP 2 and 0 high, 1000 Mb/s, link up
}  // namespace ctrl

namespace status {  // 13.4.2
using LinkUp = Bits<u32, 1>;
inline constexpr u32 kAtReset = 0x80080783;  // as QEMU's guests know it: full duplex, 1000 Mb/s
}  // namespace status

namespace eecd {  // 13.4.3
using Present = Bits<u32, 8>;
using Grant = Bits<u32, 7>;
using Request = Bits<u32, 6>;
using FlashWrite = Bits<u32, 5, 4>;
using DataOut = Bits<u32, 3>;
using DataIn = Bits<u32, 2>;
using ChipSelect = Bits<u32, 1>;
using Clock = Bits<u32, 0>;
inline constexpr u32 kWritable = 0x77;
}  // namespace eecd

namespace eerd {  // 13.4.4
using Data = Bits<u32, 31, 16>;
using Address = Bits<u32, 15, 8>;
using Done = Bits<u32, 4>;
using Start = Bits<u32, 0>;
}  // namespace eerd

namespace eeprom {  // 5.6
inline constexpr unsigned kWords = 64;
inline constexpr unsigned kDeviceId = 0x0d;
inline constexpr unsigned kSubsystemId = 0x0b;
inline constexpr unsigned kChecksum = 0x3f;
inline constexpr u16 kSum = 0xbaba;
inline constexpr u32 kReadOpcode = 6;  // start bit and the two bits of READ
}  // namespace eeprom

namespace mdic {
using Error = Bits<u32, 30>;
using Interrupt = Bits<u32, 29>;
using Ready = Bits<u32, 28>;
using Read = Bits<u32, 27>;
using Write = Bits<u32, 26>;
using Phy = Bits<u32, 25, 21>;
using Register = Bits<u32, 20, 16>;
using Data = Bits<u32, 15, 0>;
}  // namespace mdic

/// PHY registers behind MDIC.
enum Phy : u8 {
  PCTRL = 0,
  PSTATUS = 1,
  PHY_ID1 = 2,
  PHY_ID2 = 3,
  ANA = 4,
  LPA = 5,
  ANE = 6,
  GCON = 9,
  GSTATUS = 10,
  PSCON = 16,
  PSSTAT = 17,
  EPSCON = 20,
  RXERRC = 21,
};
inline constexpr unsigned kPhyRegisters = 32;

namespace pctrl {
using Reset = Bits<u16, 15>;
using Loopback = Bits<u16, 14>;
using AutoNegotiate = Bits<u16, 12>;
using Restart = Bits<u16, 9>;
inline constexpr u16 kWritable = 0x7dc0;  // reset and restart clear themselves, 5..0 are reserved
}  // namespace pctrl
namespace pstatus {
using Complete = Bits<u16, 5>;
using Link = Bits<u16, 2>;
}  // namespace pstatus
namespace lpa {
using Acknowledge = Bits<u16, 14>;
}  // namespace lpa

namespace icr {  // 13.4.17
inline constexpr u32 kTxdw = 1u << 0;
inline constexpr u32 kTxqe = 1u << 1;
inline constexpr u32 kLsc = 1u << 2;
inline constexpr u32 kRxdmt0 = 1u << 4;
inline constexpr u32 kRxo = 1u << 6;
inline constexpr u32 kRxt0 = 1u << 7;
inline constexpr u32 kMdac = 1u << 9;
}  // namespace icr

namespace rctl {  // 13.4.22
using Enable = Bits<u32, 1>;
using StoreBad = Bits<u32, 2>;
using UnicastPromiscuous = Bits<u32, 3>;
using MulticastPromiscuous = Bits<u32, 4>;
using LongPackets = Bits<u32, 5>;
using Loopback = Bits<u32, 7, 6>;
using MinimumThreshold = Bits<u32, 9, 8>;
using MulticastOffset = Bits<u32, 13, 12>;
using AcceptBroadcast = Bits<u32, 15>;
using BufferSize = Bits<u32, 17, 16>;
using VlanFilter = Bits<u32, 18>;
using CfiEnable = Bits<u32, 19>;
using Cfi = Bits<u32, 20>;
using SizeExtension = Bits<u32, 25>;
using StripCrc = Bits<u32, 26>;
}  // namespace rctl

namespace tctl {  // 13.4.33
using Enable = Bits<u32, 1>;
using PadShort = Bits<u32, 3>;
}  // namespace tctl

namespace rxcsum {
using TcpUdp = Bits<u32, 9>;
using Ip = Bits<u32, 8>;
using Start = Bits<u32, 7, 0>;
}  // namespace rxcsum

namespace rah {  // 13.5.3
using Valid = Bits<u32, 31>;
}  // namespace rah

inline constexpr u32 kDescriptor = 16;  // bytes

/// 3.2.3: receive descriptors.
namespace rxd {
inline constexpr unsigned kLength = 8;
inline constexpr unsigned kStatus = 12;
inline constexpr u8 kDone = 1u << 0;
inline constexpr u8 kEnd = 1u << 1;
inline constexpr u8 kIgnoreChecksum = 1u << 2;
inline constexpr u8 kVlan = 1u << 3;
inline constexpr u8 kTcpChecked = 1u << 5;
inline constexpr u8 kIpChecked = 1u << 6;
inline constexpr u8 kInexact = 1u << 7;
inline constexpr u8 kTcpError = 1u << 5;  // of the errors byte
inline constexpr u8 kIpError = 1u << 6;
}  // namespace rxd

/// 3.3: transmit descriptors. The second quarter: length, type and command.
namespace txd {
inline constexpr unsigned kUpper = 12;
using Delay = Bits<u32, 31>;           // IDE
using InsertVlan = Bits<u32, 30>;      // VLE
using Extension = Bits<u32, 29>;       // DEXT
using ReportSent = Bits<u32, 28>;      // RPS
using Report = Bits<u32, 27>;          // RS
using Segment = Bits<u32, 26>;         // TSE of extended ones
using LegacyChecksum = Bits<u32, 26>;  // IC of legacy ones
using EndOfPacket = Bits<u32, 24>;     // EOP
using Type = Bits<u32, 23, 20>;        // DTYP: 0 context, 1 data
using DataLength = Bits<u32, 19, 0>;
using LegacyOffset = Bits<u32, 23, 16>;  // CSO
using LegacyLength = Bits<u32, 15, 0>;
using ContextIp = Bits<u32, 25>;   // IPv4
using ContextTcp = Bits<u32, 24>;  // TCP
using PayloadLength = Bits<u32, 19, 0>;
// The last quarter.
using Options = Bits<u32, 15, 8>;  // POPTS of data descriptors, CSS of legacy ones
using Special = Bits<u32, 31, 16>;
inline constexpr u32 kDone = 1;
inline constexpr u32 kStatusBits = 0xf;
inline constexpr u8 kInsertIp = 1;   // POPTS.IXSM
inline constexpr u8 kInsertTcp = 2;  // POPTS.TXSM
}  // namespace txd

}  // namespace net::e1000_regs
