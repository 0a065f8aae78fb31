// Who has a byte for the host: the controller's own bookkeeping, with the values that QEMU's
// stream gives it.
#pragma once

#include "hw/emul/input/i8042.h"

namespace input {

// Bits of State::pending. The devices' are the mode byte's bits that disable them.
inline constexpr u8 kPendingReply = 0x04;
inline constexpr u8 kPendingAuxReply = 0x08;
inline constexpr u8 kPendingKeyboard = kbc::mode::KeyboardDisabled::kMask;
inline constexpr u8 kPendingMouse = kbc::mode::AuxDisabled::kMask;
// Of the stream without extended state.
inline constexpr u8 kCompatKeyboard = 0x01;
inline constexpr u8 kCompatMouse = 0x02;

// Values of State::source.
inline constexpr core::u32 kSourceKeyboard = 1;
inline constexpr core::u32 kSourceMouse = 2;
inline constexpr core::u32 kSourceController = 4;

}  // namespace input
