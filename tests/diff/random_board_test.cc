// Random scripts of the board: power management.
#include <fmt/format.h>

#include "tests/diff/dice.h"
#include "tests/diff/script.h"

namespace diff {
namespace {

constexpr u16 kPm = 0xb000;

/// Left out: the timer and the event block, which Xen answers itself; the bit that puts the guest
/// to sleep; ejecting what is there; a byte of PM1_CNT's other half and of the PCI hot-plug block
/// (differences.h); the newer interface that a write of the CPU bitmap turns on in stock.
void power_step(Pair& pair, Dice& dice) {
  switch (dice.below(10)) {
    case 0: {
      const u16 port = static_cast<u16>(0xb2 + dice.below(2));
      pair.out(port, dice.one_in(3) ? dice.of({0xf0, 0xf1}) : dice.value(1));
      pair.in(0xb2);
      pair.in(0xb3);
      break;
    }
    case 1: pair.out(kPm + 4, dice.value(2) & ~0x2000U, 2); break;
    case 2: pair.in(kPm + 4, 2); break;
    case 3: {
      const u32 reg = dice.between(12, 63);
      pair.in(static_cast<u16>(kPm + reg), dice.of({1, 2, 4}));
      break;
    }
    case 4: {
      const u32 reg = dice.between(12, 60);
      pair.out(static_cast<u16>(kPm + reg), dice.value(4), dice.of({1, 2, 4}));
      break;
    }
    case 5: {
      const auto port = static_cast<u16>(0xafe0 + dice.below(4));
      pair.out(port, dice.value(1));
      pair.in(port);
      break;
    }
    case 6: pair.in(static_cast<u16>(0xafe0 + dice.below(4))); break;
    case 7: {
      const auto port = static_cast<u16>(0xae00 + dice.below(5) * 4);
      if (port != 0xae08) pair.out(port, dice.value(4), 4);
      pair.in(port, 4);
      break;
    }
    case 8: pair.in(static_cast<u16>(0xaf00 + dice.below(32))); break;
    default: {
      const auto port = static_cast<u16>(0xb100 + dice.below(16));
      if (dice.one_in(2)) pair.out(port, dice.value(1));
      pair.in(port);
      break;
    }
  }
  if (dice.one_in(100)) pair.monitor("system_powerdown");
  pair.interrupts();
}

TEST(RandomBoard, PowerManagement) {
  for_each_seed({}, [](u32 seed, u32 steps) {
    Pair pair("random-power", {.vcpus = 2});
    DIFF_START(pair);
    pair.set_up_pci();
    Dice dice(seed);
    for (u32 step = 0; step < steps && !pair.lost(); ++step) {
      pair.at(fmt::format("seed {} step {}", seed, step));
      power_step(pair, dice);
    }
  });
}

}  // namespace
}  // namespace diff
