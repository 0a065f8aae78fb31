// Keys as QMP and HMP name them, and pressing several of them for a while.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "machine/monitor/events.h"
#include "machine/monitor/machine_port.h"

namespace monitor {

/// By name ("ctrl", "f1", "a"); nothing if there is none.
std::optional<core::KeyCode> key_by_name(std::string_view name);
/// By the keyboard's scan code (set 1, with bit 7 for those that an 0xe0 introduces).
std::optional<core::KeyCode> key_by_number(std::int64_t number);
/// All names, for the declaration of arguments.
std::span<const std::string_view> key_names();

/// Presses keys in order and releases them in reverse order after a time.
class KeyPresser {
 public:
  KeyPresser(InputControl& input, Delay delay) : input_(input), delay_(std::move(delay)) {}
  ~KeyPresser() { release_all(); }

  /// Keys still held from before are released first.
  void press(const std::vector<core::KeyCode>& keys, unsigned hold_ms);

 private:
  void release_all();

  InputControl& input_;
  Delay delay_;
  std::vector<core::KeyCode> held_;
  std::shared_ptr<void> timer_;
};

}  // namespace monitor
