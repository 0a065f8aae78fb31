#include "tests/xensim/interrupts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace xensim {

void Interrupts::copy_levels(const Interrupts& other) {
  const auto copy = [](auto& to, const auto& from) {
    for (std::size_t i = 0; i < std::size(to); ++i) to[i] = load(from[i]);
  };
  copy(shared_.isa, other.shared_.isa);
  copy(shared_.intx, other.shared_.intx);
  copy(shared_.routes, other.shared_.routes);
}

std::vector<InterruptRecord> Interrupts::since(u64 place, bool with_repeats) const {
  const u64 end = now();
  std::vector<InterruptRecord> found;
  if (end - place > kInterruptRecords) place = end - kInterruptRecords;
  for (; place < end; ++place) {
    const InterruptRecord& slot = shared_.records[place % kInterruptRecords];
    // The writer has taken its place and is about to fill it.
    while (__atomic_load_n(&slot.stamp, __ATOMIC_ACQUIRE) < place + 1) __builtin_ia32_pause();
    const InterruptRecord record = slot;
    if (with_repeats || record.kind == InterruptKind::kMsi || record.level != record.previous) {
      found.push_back(record);
    }
  }
  return found;
}

bool Interrupts::wait(const std::function<bool()>& condition, u64 milliseconds) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (true) {
    const u32 seen = load(shared_.interrupted);
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    sleep_on(shared_.interrupted, seen, std::min<u64>(milliseconds, 200));
  }
}

bool Interrupts::wait_isa(unsigned irq, bool level, u64 milliseconds) const {
  return wait([&] { return isa(irq) == level; }, milliseconds);
}

bool Interrupts::wait_intx(unsigned slot, unsigned pin, bool level, u64 milliseconds) const {
  return wait([&] { return intx(slot, pin) == level; }, milliseconds);
}

std::optional<InterruptRecord> Interrupts::wait_msi(u64 place, u64 milliseconds) const {
  std::optional<InterruptRecord> found;
  wait(
      [&] {
        for (const InterruptRecord& record : since(place)) {
          if (record.kind != InterruptKind::kMsi) continue;
          found = record;
          return true;
        }
        return false;
      },
      milliseconds);
  return found;
}

std::string describe(const InterruptRecord& record) {
  switch (record.kind) {
    case InterruptKind::kIsa: return fmt::format("isa {} {}", record.line, record.level);
    case InterruptKind::kIntx:
      return fmt::format("intx {}.{} {}", record.line / 4, record.line % 4, record.level);
    case InterruptKind::kLinkRoute: return fmt::format("route {} {}", record.line, record.level);
    case InterruptKind::kMsi:
      // Xen looks at the low bits of the address only, and stock says no others.
      return fmt::format("msi {:x} {:x}", 0xfee00000 | (record.address & 0xfffff), record.level);
    case InterruptKind::kNone: break;
  }
  return "nothing";
}

}  // namespace xensim
