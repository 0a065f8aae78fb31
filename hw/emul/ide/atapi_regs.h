// MMC-5 (T10/1675D) and SPC-3: packet commands, sense data, and the interrupt reason of ATA/ATAPI-7
// volume 2, 9.8 (packet command protocol).
#pragma once

#include "hw/emul/ide/ata_regs.h"

namespace ide {

inline constexpr u32 kPacketSize = 12;
inline constexpr u32 kCdSectorSize = 2048;
inline constexpr u32 kRawSectorSize = 2352;  // sync 12, header 4, data 2048, EDC/ECC 288
inline constexpr u32 kRawHeaderSize = 16;

// Interrupt reason: the sector count register of a packet command.
inline constexpr u8 kReasonCommand = 0x01;  // C/D
inline constexpr u8 kReasonToHost = 0x02;   // I/O
inline constexpr u8 kReasonMask = 0x07;

// Features of PACKET.
inline constexpr u8 kPacketDma = 0x01;
inline constexpr u8 kPacketOverlap = 0x02;

enum PacketCommand : u8 {
  kTestUnitReady = 0x00,
  kRequestSense = 0x03,
  kInquiry = 0x12,
  kStartStopUnit = 0x1b,
  kPreventAllowRemoval = 0x1e,
  kReadCapacity = 0x25,
  kRead10 = 0x28,
  kSeek10 = 0x2b,
  kReadToc = 0x43,
  kGetConfiguration = 0x46,
  kGetEventStatus = 0x4a,
  kReadDiscInformation = 0x51,
  kModeSense10 = 0x5a,
  kRead12 = 0xa8,
  kReadDvdStructure = 0xad,
  kSetCdSpeed = 0xbb,
  kMechanismStatus = 0xbd,
  kReadCd = 0xbe,
};

enum SenseKey : u8 {
  kNoSense = 0x0,
  kNotReady = 0x2,
  kIllegalRequest = 0x5,
  kUnitAttention = 0x6,
  kAbortedCommand = 0xb,
};

enum AdditionalSense : u8 {
  kAscNone = 0x00,
  kAscInvalidOpcode = 0x20,
  kAscLbaOutOfRange = 0x21,
  kAscInvalidField = 0x24,
  kAscMediumMayHaveChanged = 0x28,
  kAscIncompatibleFormat = 0x30,
  kAscSavingNotSupported = 0x39,
  kAscMediumNotPresent = 0x3a,
  kAscDataPhaseError = 0x4b,
  kAscRemovalPrevented = 0x53,
};

// MMC-5 7: mode pages.
enum ModePage : u8 { kPageErrorRecovery = 0x01, kPageAudio = 0x0e, kPageCapabilities = 0x2a };

// MMC-5 5.3.1: profiles.
inline constexpr u16 kProfileCdRom = 0x0008;
inline constexpr u16 kProfileDvdRom = 0x0010;

// MMC-5 6.7: GET EVENT STATUS NOTIFICATION, media class.
inline constexpr u8 kEventClassMedia = 4;
inline constexpr u8 kNoEventAvailable = 0x80;
enum MediaEvent : u8 { kEventNoChange = 0, kEventEjectRequest = 1, kEventNewMedia = 2 };
enum MediaStatus : u8 { kMediaTrayOpen = 1, kMediaPresent = 2 };

// READ CD, byte 9: which parts of a sector.
inline constexpr u8 kReadCdPartsMask = 0xf8;
inline constexpr u8 kReadCdUserData = 0x10;
inline constexpr u8 kReadCdEverything = 0xf8;

// The largest disc that is a CD: 80 minutes of 75 frames a second.
inline constexpr u64 kMaxCdFrames = u64{80} * 60 * 75;

}  // namespace ide
