// The shared page of PV keyboards and pointers (Xen, public/io/kbdif.h).
#pragma once

#include "hw/emul/core/types.h"

namespace kbdif {

using core::i32;
using core::u32;
using core::u64;
using core::u8;

inline constexpr u32 kInCons = 0;
inline constexpr u32 kInProd = 4;
inline constexpr u32 kOutCons = 8;
inline constexpr u32 kOutProd = 12;
inline constexpr u32 kInRing = 1024;
inline constexpr u32 kEventSize = 40;
inline constexpr u32 kInEvents = 2048 / kEventSize;  // no power of two: index modulo this

inline constexpr u8 kMotion = 1;  // x, y, z: relative
inline constexpr u8 kKey = 3;
inline constexpr u8 kPosition = 4;  // x, y; z relative

// Of an event.
inline constexpr u32 kType = 0;
inline constexpr u32 kPressed = 1;
inline constexpr u32 kKeycode = 4;
inline constexpr u32 kX = 4;
inline constexpr u32 kY = 8;
inline constexpr u32 kZ = 12;

inline constexpr u32 kButtonLeft = 0x110;  // BTN_LEFT
inline constexpr u32 kAxisMax = 0x7fff;    // of raw positions

}  // namespace kbdif
