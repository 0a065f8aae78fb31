// What every emulated device offers the board: reset, and its state as tables.
#pragma once

#include <span>
#include <string_view>

#include "hw/emul/core/result.h"
#include "hw/emul/core/state_table.h"

namespace core {

/// One section of the saved stream: a table and the struct it describes.
struct StateSection {
  const StateTable* table = nullptr;
  void* state = nullptr;
  std::string_view id;  // QEMU's section name; for PCI devices prefixed with the bus address there
  u32 instance = 0;
  std::size_t bytes = 0;  // of the struct: it may be copied
};

template <typename State>
StateSection section_of(const StateTable& table, State& state, std::string_view id,
                        u32 instance = 0) {
  static_assert(std::is_trivially_copyable_v<State>);
  return {.table = &table, .state = &state, .id = id, .instance = instance, .bytes = sizeof(State)};
}

/// Thread: device thread.
class Device {
 public:
  virtual ~Device() = default;

  /// Of static storage; for logs, traces and the monitor.
  virtual std::string_view name() const = 0;

  /// Power-on state: the guest sees what it would after a cold start. Cancels and drains what is
  /// under way.
  virtual void reset() = 0;

  /// No new work, and nothing in flight when it returns (before save; disks drain here).
  virtual void pause() {}
  virtual void resume() {}

  virtual StateSection section() { return {}; }
  /// Why no save can hold the device as it is now: "a packet is with the host". Empty: one can.
  virtual std::string_view unsaveable() const { return {}; }
  /// Whether `state`, a decoded copy of the struct, can be this device's, as far as its table does
  /// not know. A line that names the field otherwise.
  virtual Result<void> check_restored(const void* /*state*/) { return {}; }
  /// The state struct was just overwritten by a restore and is valid: re-drive lines, timers,
  /// mappings.
  virtual void after_restore() {}
};

}  // namespace core
