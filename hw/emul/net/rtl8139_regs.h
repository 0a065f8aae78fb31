// Registers and descriptors of Realtek's RTL8139C+ Fast Ethernet controller.
//
// Document: RTL8139C+ "3.3V single chip Fast Ethernet controller" datasheet. Names are the
// datasheet's; where C mode and C+ mode share an offset both names are given.
#pragma once

#include "hw/emul/core/bits.h"

namespace net::rtl8139_regs {

using core::Bits;
using core::u16;
using core::u32;
using core::u8;

/// Offsets into both BARs.
enum Reg : u8 {
  IDR0 = 0x00,      // RW the station address, six bytes
  IDR4 = 0x04,      // its last two
  MAR0 = 0x08,      // RW multicast hash, eight bytes
  MAR4 = 0x0c,      //
  TSD0 = 0x10,      // RW transmit status of four slots
  DTCCR = 0x10,     // RW in C+ mode: dump of the tally counters, 64 bits
  TSD1 = 0x14,      //
  TSD2 = 0x18,      //
  TSD3 = 0x1c,      //
  TSAD0 = 0x20,     // RW transmit start addresses of four slots
  TNPDS = 0x20,     // RW in C+ mode: normal priority descriptors, 64 bits
  TSAD1 = 0x24,     //
  TSAD2 = 0x28,     //
  THPDS = 0x28,     // RW in C+ mode: high priority descriptors, 64 bits
  TSAD3 = 0x2c,     //
  RBSTART = 0x30,   // RW receive ring of C mode
  ERBCR = 0x34,     // R early receive byte count
  ERSR = 0x36,      // R early receive status
  CR = 0x37,        // RW command
  CAPR = 0x38,      // RW how far the driver has read, less 16
  CBR = 0x3a,       // R how far the chip has written
  IMR = 0x3c,       // RW interrupt mask
  ISR = 0x3e,       // W1C interrupt status
  TCR = 0x40,       // RW transmit configuration
  RCR = 0x44,       // RW receive configuration
  TCTR = 0x48,      // RW counts PCI clocks; any write clears
  MPC = 0x4c,       // RW missed packets; any write clears
  EECR = 0x50,      // RW 9346CR: EEPROM and configuration lock
  CONFIG0 = 0x51,   //
  CONFIG1 = 0x52,   //
  TIMERINT = 0x54,  // RW TCTR's value that interrupts
  MSR = 0x58,       // R media status
  CONFIG3 = 0x59,   //
  CONFIG4 = 0x5a,   //
  HLTCLK = 0x5b,    // RW stops and starts the clock
  MULINT = 0x5c,    // RW multiple interrupt select
  RERID = 0x5e,     // R PCI revision
  TSAD = 0x60,      // R transmit status of all descriptors
  BMCR = 0x62,      // RW the PHY, as IEEE 802.3 has it
  BMSR = 0x64,      //
  ANAR = 0x66,      //
  ANLPAR = 0x68,    //
  ANER = 0x6a,      //
  CSCR = 0x74,      // RW chip status and configuration
  CONFIG5 = 0xd8,   //
  TPPOLL = 0xd9,    // W transmit priority polling
  CPCR = 0xe0,      // RW C+ command
  RDSAR = 0xe4,     // RW receive descriptors, 64 bits
  RDSAR_HI = 0xe8,  //
  ETTHR = 0xec,     // RW early transmit threshold
};
inline constexpr u32 kBarSize = 0x100;
inline constexpr u8 kRevision = 0x20;  // from here on it is a C+

namespace tsd {
using CarrierLost = Bits<u32, 31>;
using Aborted = Bits<u32, 30>;
using Ok = Bits<u32, 15>;
using Underrun = Bits<u32, 14>;
using Own = Bits<u32, 13>;  // the driver's
using Size = Bits<u32, 12, 0>;
inline constexpr u32 kWritable = 0x003f3fff;
inline constexpr u32 kReserved = 0x00c00000;
}  // namespace tsd

namespace dtccr {
using Command = Bits<u32, 3>;
inline constexpr u32 kAddress = ~u32{0x3f};
inline constexpr u32 kBytes = 64;
}  // namespace dtccr

namespace cr {
using Reset = Bits<u8, 4>;
using ReceiverEnable = Bits<u8, 3>;
using TransmitterEnable = Bits<u8, 2>;
using BufferEmpty = Bits<u8, 0>;
inline constexpr u8 kWritable = 0x0c;
}  // namespace cr

/// CAPR lags behind by this.
inline constexpr u32 kCaprLag = 16;

namespace isr {
inline constexpr u16 kRok = 1u << 0;
inline constexpr u16 kRer = 1u << 1;
inline constexpr u16 kTok = 1u << 2;
inline constexpr u16 kTer = 1u << 3;
inline constexpr u16 kRxovw = 1u << 4;    // in C+ mode: no receive descriptor (RDU)
inline constexpr u16 kLinkChg = 1u << 5;  // or packet underrun
inline constexpr u16 kFovw = 1u << 6;
inline constexpr u16 kTdu = 1u << 7;  // no transmit descriptor
inline constexpr u16 kSwInt = 1u << 8;
inline constexpr u16 kTimeOut = 1u << 14;
inline constexpr u16 kSerr = 1u << 15;
inline constexpr u16 kReserved = 0x1e00;
}  // namespace isr

namespace tcr {
using Loopback = Bits<u32, 18, 17>;
inline constexpr u32 kLoopback = 3;
inline constexpr u32 kReadOnly = 0xfcf0f80f;  // the version, and what is reserved
inline constexpr u32 kVersion = 0x74800000;   // HWVERID: RTL8139C+
}  // namespace tcr

namespace rcr {
using RingLength = Bits<u32, 12, 11>;  // 8 KiB << it
using NoWrap = Bits<u32, 7>;           // WRAP: frames run over the ring's end
using AcceptBroadcast = Bits<u32, 3>;
using AcceptMulticast = Bits<u32, 2>;
using AcceptPhysicalMatch = Bits<u32, 1>;
using AcceptAll = Bits<u32, 0>;
inline constexpr u32 kReadOnly = 0xf0fc0040;
}  // namespace rcr

namespace eecr {  // 9346CR
using Mode = Bits<u8, 7, 6>;
using ChipSelect = Bits<u8, 3>;
using Clock = Bits<u8, 2>;
using DataIn = Bits<u8, 1>;
using DataOut = Bits<u8, 0>;
inline constexpr u8 kNormal = 0, kAutoLoad = 1, kProgramming = 2, kUnlocked = 3;
inline constexpr u8 kWritable = 0xce;
}  // namespace eecr

namespace config {
inline constexpr u8 kWritable0 = 0x07;
inline constexpr u8 kWritable1 = 0xf3;  // all but MEMMAP and IOMAP
inline constexpr u8 kReset1 = 0x0c;     // both maps
inline constexpr u8 kWritable3 = 0x70;  // PARM_En, Magic, LinkUp
inline constexpr u8 kReset3 = 0x01;     // fast back-to-back
inline constexpr u8 kWritable4 = 0xf5;
inline constexpr u8 kWritable5 = 0x7f;
}  // namespace config

namespace msr {
using Speed10 = Bits<u8, 3>;
using LinkDown = Bits<u8, 2>;        // LINKB
inline constexpr u8 kAlways = 0xd0;  // flow control both ways, auxiliary power
}  // namespace msr

namespace bmcr {
using Reset = Bits<u16, 15>;
using Speed100 = Bits<u16, 13>;
using AutoNegotiate = Bits<u16, 12>;
using Restart = Bits<u16, 9>;
using FullDuplex = Bits<u16, 8>;
inline constexpr u16 kLocked = Speed100::kMask | AutoNegotiate::kMask | FullDuplex::kMask;
}  // namespace bmcr
namespace bmsr {
using Complete = Bits<u16, 5>;
using Link = Bits<u16, 2>;
inline constexpr u16 kAbilities = 0x7809;
}  // namespace bmsr
inline constexpr u16 kAllModes = 0x05e1;  // of ANAR and ANLPAR
namespace cscr {
inline constexpr u16 kWritable = 0x03e5;
inline constexpr u16 kReset = 0x0340;  // LD, HEART BEAT, F_LINK_100
using Connected = Bits<u16, 3>;
}  // namespace cscr

namespace tppoll {
using High = Bits<u8, 7>;
using Normal = Bits<u8, 6>;
using SoftwareInterrupt = Bits<u8, 0>;
}  // namespace tppoll

namespace cpcr {
using RxVlan = Bits<u16, 6>;
using RxChecksum = Bits<u16, 5>;
using Receive = Bits<u16, 1>;   // CpRx
using Transmit = Bits<u16, 0>;  // CpTx
inline constexpr u16 kWritable = 0x007b;
}  // namespace cpcr

/// What precedes a frame in the ring of C mode; the length is in the high half.
namespace rxh {
inline constexpr u32 kMulticast = 1u << 15;
inline constexpr u32 kPhysical = 1u << 14;
inline constexpr u32 kBroadcast = 1u << 13;
inline constexpr u32 kOk = 1u << 0;
inline constexpr u32 kBytes = 4;
}  // namespace rxh

inline constexpr u32 kDescriptor = 16;   // bytes: flags, VLAN, address
inline constexpr u32 kDescriptors = 64;  // of a ring at most
inline constexpr u32 kRingAlign = 256;

/// Flags of both kinds of descriptors.
namespace desc {
using Own = Bits<u32, 31>;  // the chip's
using EndOfRing = Bits<u32, 30>;
using First = Bits<u32, 29>;
using Last = Bits<u32, 28>;
}  // namespace desc

namespace rxd {
using Size = Bits<u32, 12, 0>;
inline constexpr u32 kMulticast = 1u << 26;
inline constexpr u32 kPhysical = 1u << 25;
inline constexpr u32 kBroadcast = 1u << 24;
using Protocol = Bits<u32, 17, 16>;  // PID
inline constexpr u32 kTcp = 1, kUdp = 2, kIp = 3;
inline constexpr u32 kIpBad = 1u << 15;
inline constexpr u32 kUdpBad = 1u << 14;
inline constexpr u32 kTcpBad = 1u << 13;
inline constexpr u32 kTagged = 1u << 16;  // TAVA, in the second word
}  // namespace rxd

namespace txd {
using LargeSend = Bits<u32, 27>;
using SegmentSize = Bits<u32, 26, 16>;
using IpSum = Bits<u32, 18>;
using UdpSum = Bits<u32, 17>;
using TcpSum = Bits<u32, 16>;
using Size = Bits<u32, 15, 0>;
inline constexpr u32 kStatus = 0x03ff0000;  // errors and collisions, none of which we have
using InsertTag = Bits<u32, 17>;            // TAGC, in the second word
}  // namespace txd

}  // namespace net::rtl8139_regs
