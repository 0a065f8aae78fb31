// The states that both ends of a PV device write into xenstore (Xen, public/io/xenbus.h).
#pragma once

#include <optional>
#include <string_view>

#include "hw/emul/core/types.h"

namespace xenbus {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

enum class State : u8 {
  kUnknown = 0,  // also: no node
  kInitialising = 1,
  kInitWait = 2,
  kInitialised = 3,
  kConnected = 4,
  kClosing = 5,
  kClosed = 6,
  kReconfiguring = 7,
  kReconfigured = 8,
};

/// Digits and nothing else, at most `most`: who writes the text may be hostile.
std::optional<u64> parse_number(std::string_view text, u64 most);
/// kUnknown for what is no state.
State parse_state(std::string_view text);
std::string_view name_of(State state);

}  // namespace xenbus
