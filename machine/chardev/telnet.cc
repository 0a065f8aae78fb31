#include "machine/chardev/telnet.h"

#include <array>
#include <utility>

namespace chardev {
namespace {

// Commands.
constexpr core::u8 kSubEnd = 240;
constexpr core::u8 kBreak = 243;
constexpr core::u8 kSub = 250;
constexpr core::u8 kWill = 251;
constexpr core::u8 kDo = 253;
constexpr core::u8 kDont = 254;
// Options.
constexpr core::u8 kBinary = 0;     // RFC 856
constexpr core::u8 kEcho = 1;       // RFC 857
constexpr core::u8 kNoGoAhead = 3;  // RFC 858

}  // namespace

std::span<const core::u8> Telnet::greeting() {
  static constexpr std::array<core::u8, 12> kGreeting = {
      kIac, kWill, kEcho, kIac, kWill, kNoGoAhead, kIac, kWill, kBinary, kIac, kDo, kBinary};
  return kGreeting;
}

std::size_t Telnet::strip(core::MutableBytes bytes) {
  std::size_t kept = 0;
  for (const core::u8 byte : bytes) {
    switch (state_) {
      case State::kData:
        if (byte == kIac) {
          state_ = State::kCommand;
        } else {
          bytes[kept++] = byte;
        }
        break;
      case State::kCommand:
        state_ = State::kData;
        if (byte == kIac) bytes[kept++] = byte;
        if (byte == kBreak) break_ = true;
        if (byte == kSub) state_ = State::kSub;
        if (byte >= kWill && byte <= kDont) state_ = State::kOption;
        break;
      case State::kOption: state_ = State::kData; break;
      case State::kSub:
        if (byte == kIac) state_ = State::kSubCommand;
        break;
      case State::kSubCommand: state_ = byte == kSubEnd ? State::kData : State::kSub; break;
    }
  }
  return kept;
}

bool Telnet::take_break() {
  return std::exchange(break_, false);
}

}  // namespace chardev
