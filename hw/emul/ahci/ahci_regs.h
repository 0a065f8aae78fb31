// Serial ATA AHCI 1.3.1: registers of the controller and of a port, command list, received FISes;
// Serial ATA 3.2: frames; Intel ICH9 (316972-004), 15: configuration space.
#pragma once

#include "hw/emul/core/bits.h"

namespace ahci {

using core::i32;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

inline constexpr unsigned kPorts = 6;
inline constexpr unsigned kSlots = 32;

// 3.1: generic host control.
enum HostRegister : u32 {
  kCap = 0x00,  // RO
  kGhc = 0x04,  // RW
  kIs = 0x08,   // RWC
  kPi = 0x0c,   // RO
  kVs = 0x10,   // RO
};
inline constexpr u32 kPortRegisters = 0x100;
inline constexpr u32 kPortStride = 0x80;

inline constexpr u32 kCap64 = 1u << 31;   // S64A
inline constexpr u32 kCapNcq = 1u << 30;  // SNCQ
inline constexpr u32 kCapGen1 = 1u << 20;
inline constexpr u32 kCapAhciOnly = 1u << 18;  // SAM
using CapSlots = core::Bits<u32, 12, 8>;
using CapPorts = core::Bits<u32, 4, 0>;

inline constexpr u32 kGhcReset = 1u << 0;            // HR
inline constexpr u32 kGhcInterruptEnable = 1u << 1;  // IE
inline constexpr u32 kGhcAhciEnable = 1u << 31;      // AE
inline constexpr u32 kVersion10 = 0x0001'0000;

// 3.3: a port.
enum PortRegister : u32 {
  kPxClb = 0x00,
  kPxClbu = 0x04,
  kPxFb = 0x08,
  kPxFbu = 0x0c,
  kPxIs = 0x10,
  kPxIe = 0x14,
  kPxCmd = 0x18,
  kPxTfd = 0x20,
  kPxSig = 0x24,
  kPxSsts = 0x28,
  kPxSctl = 0x2c,
  kPxSerr = 0x30,
  kPxSact = 0x34,
  kPxCi = 0x38,
};

// 3.3.5: interrupt status.
enum PortInterrupt : u32 {
  kDhrs = 1u << 0,   // device to host register FIS
  kPss = 1u << 1,    // PIO setup FIS
  kSdbs = 1u << 3,   // set device bits FIS
  kOfs = 1u << 24,   // more data than descriptors
  kHbfs = 1u << 29,  // host bus fatal error
  kTfes = 1u << 30,  // task file error
};
inline constexpr u32 kPortInterrupts = 0xfdc0'00ff;

// 3.3.7: command and status.
inline constexpr u32 kCmdStart = 1u << 0;         // ST
inline constexpr u32 kCmdSpinUp = 1u << 1;        // SUD
inline constexpr u32 kCmdPowerOn = 1u << 2;       // POD
inline constexpr u32 kCmdFisReceive = 1u << 4;    // FRE
inline constexpr u32 kCmdFisRunning = 1u << 14;   // FR
inline constexpr u32 kCmdListRunning = 1u << 15;  // CR
inline constexpr u32 kCmdReadOnly = 0x007d'ffe0;
inline constexpr u32 kCmdIcc = 0xf000'0000;  // done at once: reads as zero

// 3.3.8: task file data, as after a reset.
inline constexpr u32 kTfdReset = 0x7f;
inline constexpr u32 kTfdBusy = 0x80;
inline constexpr u32 kNoSignature = 0xffff'ffff;

// 3.3.10 and 3.3.11.
inline constexpr u32 kSstsPresent = 0x113;  // active, generation 1, a device and its link
using SctlDet = core::Bits<u32, 3, 0>;
inline constexpr u32 kDetReset = 1;

/// 4.2.2: a command header.
struct CommandHeader {
  u16 flags;
  u16 prdt_length;
  u32 byte_count;
  u64 table;
  u32 reserved[4];
};
static_assert(sizeof(CommandHeader) == 32);
using HeaderAtapi = core::Bits<u16, 5>;
using HeaderWrite = core::Bits<u16, 6>;
using HeaderClearBusy = core::Bits<u16, 10>;
inline constexpr u64 kByteCountOffset = 4;
inline constexpr u32 kCommandListSize = kSlots * sizeof(CommandHeader);

// 4.2.3: a command table: the frame, the packet, the descriptors.
inline constexpr u32 kTablePacket = 0x40;
inline constexpr u32 kTableDescriptors = 0x80;
struct Descriptor {
  u64 base;
  u32 reserved;
  u32 count;  // less one, and flags
};
static_assert(sizeof(Descriptor) == 16);
using DescriptorCount = core::Bits<u32, 21, 0>;

// 4.2.1: where received frames go.
inline constexpr u32 kReceivedSize = 256;
inline constexpr u32 kReceivedPioSetup = 0x20;
inline constexpr u32 kReceivedRegister = 0x40;
inline constexpr u32 kReceivedDeviceBits = 0x58;

// Serial ATA 3.2, 10.5: frame types, and bits of their second byte.
enum FrameType : u8 {
  kFrameRegisterToDevice = 0x27,
  kFrameRegisterToHost = 0x34,
  kFramePioSetup = 0x5f,
  kFrameDeviceBits = 0xa1,
};
inline constexpr u8 kFrameCommand = 0x80;  // C: a command, not device control
inline constexpr u8 kFrameMultiplier = 0x0f;
inline constexpr u8 kFrameReserved = 0x70;
inline constexpr u8 kFrameInterrupt = 0x40;  // I
inline constexpr u8 kControlSrst = 0x04;

// Serial ATA 3.2, 13.6: queued commands.
enum QueuedOpcode : u8 {
  kReadQueued = 0x60,
  kWriteQueued = 0x61,
  kQueuedNonData = 0x63,
  kSendQueued = 0x64,
  kReceiveQueued = 0x65,
};
constexpr bool is_queued(u8 opcode) {
  return opcode == kReadQueued || opcode == kWriteQueued || opcode == kQueuedNonData ||
         opcode == kSendQueued || opcode == kReceiveQueued;
}
inline constexpr u8 kQueuedForceUnitAccess = 0x80;  // of the device byte

// ICH9: configuration space beyond the header.
enum AhciConfig : u8 {
  kMsiCapability = 0x80,
  kMsiControl = 0x82,
  kMsiAddress = 0x84,
  kMsiAddressHigh = 0x88,
  kMsiData = 0x8c,
  kAddressMap = 0x90,
  kSataCapability = 0xa8,
};
inline constexpr unsigned kMsiCapabilitySize = 0x0e;
inline constexpr u16 kMsiEnable = 0x0001;
inline constexpr u16 kMsiVectors = 0x0070;
inline constexpr u16 kMsi64Bit = 0x0080;

inline constexpr unsigned kIndexBar = 4;
inline constexpr unsigned kRegisterBar = 5;
inline constexpr u32 kRegisterSize = 0x1000;
inline constexpr u32 kIndexOffset = 0x10;  // of the index; the data register is behind it
inline constexpr u32 kIndexSize = 32;

}  // namespace ahci
