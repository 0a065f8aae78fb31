// The Telnet protocol (RFC 854) as far as a character at a time needs it: both sides send 8-bit
// data, this side echoes and does not say when it goes on. Whatever else the other side asks for is
// not answered.
#pragma once

#include <span>

#include "hw/emul/core/types.h"

namespace chardev {

class Telnet {
 public:
  static constexpr core::u8 kIac = 255;  // interpret as command

  /// What to send to who has just connected.
  static std::span<const core::u8> greeting();

  /// Takes the commands out of what was received; what is left at the front of `bytes` is data.
  std::size_t strip(core::MutableBytes bytes);
  /// Whether the other side has sent a break since the last call.
  bool take_break();

 private:
  enum class State : core::u8 { kData, kCommand, kOption, kSub, kSubCommand };

  State state_ = State::kData;
  bool break_ = false;
};

}  // namespace chardev
