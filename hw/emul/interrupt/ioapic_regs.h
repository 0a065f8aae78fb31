// Intel 82093AA I/O Advanced Programmable Interrupt Controller, data sheet 290566. Version 20h has
// the EOI register of the 82801 family beside it.
#pragma once

#include "hw/emul/core/bits.h"

namespace interrupt::ioapic {

inline constexpr core::u64 kBase = 0xfec00000;
inline constexpr core::u64 kWindow = 0x1000;
inline constexpr unsigned kPins = 24;

// 3.1, repeated every 256 bytes.
enum Register : core::u8 { kSelect = 0x00, kData = 0x10, kEoi = 0x40 };

// 3.2.
enum Index : core::u8 { kId = 0x00, kVersion = 0x01, kArbitration = 0x02, kRedirection = 0x10 };
using IdField = core::Bits<core::u32, 27, 24>;
inline constexpr core::u32 kVersionValue = 0x20 | (kPins - 1) << 16;

// 3.2.4, I/O redirection table.
using Destination = core::Bits<core::u64, 63, 56>;
using DestinationIndex = core::Bits<core::u64, 63, 48>;
using Masked = core::Bits<core::u64, 16>;
using LevelTriggered = core::Bits<core::u64, 15>;
using RemoteIrr = core::Bits<core::u64, 14>;       // RO
using DeliveryStatus = core::Bits<core::u64, 12>;  // RO
using Logical = core::Bits<core::u64, 11>;
using Delivery = core::Bits<core::u64, 10, 8>;
using Vector = core::Bits<core::u64, 7, 0>;
inline constexpr core::u8 kExtInt = 7;  // of Delivery: the vector is the 8259's

// The message on the bus: an MSI.
inline constexpr core::u64 kMessageAddress = 0xfee00000;

}  // namespace interrupt::ioapic
