// The interrupts that the device model raised, in the order of its calls.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/xensim/shared_memory.h"

namespace xensim {

class Interrupts {
 public:
  explicit Interrupts(Shared& shared) : shared_(shared) {}

  bool isa(unsigned irq) const { return load(shared_.isa[irq]) != 0; }
  bool intx(unsigned slot, unsigned pin) const { return load(shared_.intx[slot * 4 + pin]) != 0; }
  unsigned route(unsigned link) const { return load(shared_.routes[link]); }

  /// The levels and routes of another domain, which Xen saves and restores by itself.
  void copy_levels(const Interrupts& other);

  /// How many records there are so far; a place in the log.
  u64 now() const { return __atomic_load_n(&shared_.next_record, __ATOMIC_ACQUIRE); }
  /// Records from `since` on. Without those that changed nothing, as Xen ignores them.
  std::vector<InterruptRecord> since(u64 place, bool with_repeats = false) const;

  // Whether it happened in time. The time is for failure only: they return at once when it is so.
  bool wait_isa(unsigned irq, bool level, u64 milliseconds = kPatience) const;
  bool wait_intx(unsigned slot, unsigned pin, bool level, u64 milliseconds = kPatience) const;
  /// The next MSI at or after that place of the log.
  std::optional<InterruptRecord> wait_msi(u64 place, u64 milliseconds = kPatience) const;
  bool wait(const std::function<bool()>& condition, u64 milliseconds = kPatience) const;

  static constexpr u64 kPatience = 30'000;

 private:
  static u32 load(const u32& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }

  Shared& shared_;
};

/// "isa 14 1", "intx 3.0 1", "route 2 11", "msi fee01000 4041".
std::string describe(const InterruptRecord& record);

}  // namespace xensim
