// The firmware configuration interface of QEMU: docs/specs/fw_cfg ("QEMU Firmware Configuration
// (fw_cfg) Device"), I/O port form.
#pragma once

#include <array>

#include "hw/emul/core/bits.h"

namespace firmware {

// "Register Locations".
inline constexpr core::u16 kSelectorPort = 0x510;  // WO, 16 bits little-endian; data is at 0x511
inline constexpr core::u16 kDmaPort = 0x514;       // 64 bits big-endian

// "Selector (Control) Register".
inline constexpr core::u16 kKeyLocal = 0x8000;  // architecture-specific items
inline constexpr core::u16 kKeyWrite = 0x4000;
inline constexpr core::u16 kKeyMask = 0x3fff;
inline constexpr core::u16 kKeyInvalid = 0xffff;

// Items, by the names that firmware has for them.
enum Key : core::u16 {
  kSignature = 0x00,
  kId = 0x01,
  kUuid = 0x02,
  kRamSize = 0x03,
  kNoGraphic = 0x04,
  kCpuCount = 0x05,
  kMachineId = 0x06,
  kKernelAddr = 0x07,
  kKernelSize = 0x08,
  kInitrdAddr = 0x0a,
  kInitrdSize = 0x0b,
  kBootMenu = 0x0e,
  kMaxCpus = 0x0f,
  kKernelEntry = 0x10,
  kKernelData = 0x11,
  kInitrdData = 0x12,
  kCmdlineAddr = 0x13,
  kCmdlineSize = 0x14,
  kCmdlineData = 0x15,
  kSetupAddr = 0x16,
  kSetupSize = 0x17,
  kSetupData = 0x18,
  kFileDirectory = 0x19,
  kFileFirst = 0x20,
  kIrq0Override = 0x8002,
};

// An entry of "etc/e820": address, length, type.
inline constexpr core::u32 kE820Entry = 20;

// "Feature bitmap", in item kId.
inline constexpr core::u32 kFeatureTraditional = 0x1;
inline constexpr core::u32 kFeatureDma = 0x2;

// "File Directory": big-endian count, then entries.
inline constexpr core::u32 kFileSlots = 0x20;
inline constexpr core::u32 kFileNameSize = 56;  // with its terminating 0
struct FileEntry {
  core::u32 size_be = 0;
  core::u16 select_be = 0;
  core::u16 reserved = 0;
  std::array<char, kFileNameSize> name{};
};
static_assert(sizeof(FileEntry) == 64);

// "Guest-side DMA Interface". All big-endian.
struct DmaDescriptor {
  core::u32 control = 0;
  core::u32 length = 0;
  core::u64 address = 0;
};
static_assert(sizeof(DmaDescriptor) == 16);

using DmaError = core::Bits<core::u32, 0>;
using DmaRead = core::Bits<core::u32, 1>;
using DmaSkip = core::Bits<core::u32, 2>;
using DmaSelect = core::Bits<core::u32, 3>;
using DmaWrite = core::Bits<core::u32, 4>;
using DmaKey = core::Bits<core::u32, 31, 16>;

inline constexpr core::u64 kDmaSignature = 0x51454d5520434647;  // "QEMU CFG"

}  // namespace firmware
