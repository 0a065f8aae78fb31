#include "hw/xen/xenbus/state.h"

#include <array>

namespace xenbus {

std::optional<u64> parse_number(std::string_view text, u64 most) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  u64 value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    if (__builtin_mul_overflow(value, u64{10}, &value) ||
        __builtin_add_overflow(value, static_cast<u64>(digit - '0'), &value)) {
      return std::nullopt;
    }
  }
  if (value > most) return std::nullopt;
  return value;
}

State parse_state(std::string_view text) {
  const auto number = parse_number(text, static_cast<u64>(State::kReconfigured));
  return number ? static_cast<State>(*number) : State::kUnknown;
}

std::string_view name_of(State state) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "Unknown", "Initialising", "InitWait",      "Initialised", "Connected",
      "Closing", "Closed",       "Reconfiguring", "Reconfigured"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace xenbus
