// Random scripts of the board: power management, floppy commands, base addresses that move.
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

/// Not killed: stock leaves its bus in the middle of a transfer.
void smbus_step(Pair& pair, Dice& dice) {
  constexpr u16 kSmbus = 0xb100;
  const auto at = [](u32 reg) { return static_cast<u16>(kSmbus + reg); };
  switch (dice.below(6)) {
    case 0: {
      // Addresses of which one in two is somebody's.
      pair.out(at(4), dice.one_in(2) ? 0xa0 | dice.below(16) : dice.value(1));
      pair.out(at(3), dice.below(8));
      pair.out(at(2), 0x40 | dice.below(8) << 2 | dice.below(2));
      for (int i = 0; i < 3; ++i) pair.in(at(0));
      break;
    }
    case 1: pair.out(at(0), dice.of({0xff, 0x1e, 0x80, 0x80, 0x04})); break;
    case 2: pair.out(at(dice.between(3, 6)), dice.below(40)); break;
    case 3:
      for (u32 i = dice.below(6); i != 0; --i) pair.out(at(7), dice.below(40));
      break;
    case 4:
      if (dice.one_in(2)) {
        pair.out(at(13), dice.of({0, 2, 2}));
      } else {
        pair.out(at(2), dice.of({0, 0x38, 0x18}));
      }
      break;
    default: break;
  }
  for (u32 reg = 0; reg < 16; ++reg) {
    if (reg != 7 || dice.one_in(4)) pair.in(at(reg));
  }
}

TEST(RandomBoard, Smbus) {
  for_each_seed({}, [](u32 seed, u32 steps) {
    Pair pair("random-smbus");
    DIFF_START(pair);
    pair.set_up_pci();
    Dice dice(seed);
    for (u32 step = 0; step < steps && !pair.lost(); ++step) {
      pair.at(fmt::format("seed {} step {}", seed, step));
      smbus_step(pair, dice);
    }
  });
}

/// Commands, unknown ones, resets and registers between.
void floppy_step(Pair& pair, Dice& dice, const std::string& where) {
  struct Command {
    u32 code;
    u32 parameters;
  };
  // Not those of a disk: without a drive they fail here with the head and drive that were asked
  // for in ST0, in stock with those of before; READ ID in stock may even succeed.
  static constexpr Command kCommands[] = {{0x03, 2}, {0x04, 1}, {0x07, 1}, {0x08, 0}, {0x08, 0},
                                          {0x0e, 0}, {0x0f, 2}, {0x10, 0}, {0x12, 1}, {0x13, 3},
                                          {0x14, 0}, {0x18, 0}, {0x94, 0}, {0x8f, 2}, {0xcf, 2},
                                          {0x01, 0}, {0x1a, 0}, {0x1f, 0}};
  const auto results = [&] {
    for (int i = 0; i < 20; ++i) {
      const u32 status = pair.wait(0x3f4, 0x80, 0x80);
      if ((status & 0x40) == 0) return;
      pair.in(0x3f5);
      pair.interrupts();
    }
  };
  switch (dice.below(12)) {
    case 0: {
      pair.out(0x3f2, 0x08);
      pair.out(0x3f2, 0x0c | dice.below(4) | dice.below(16) << 4);
      pair.in(0x3f2);
      pair.interrupts();
      for (int i = 0; i < 4; ++i) {
        if (dice.one_in(5)) break;
        pair.out(0x3f5, 0x08);
        results();
      }
      break;
    }
    case 1: pair.out(0x3f2, 0x0c | dice.below(4) | dice.below(16) << 4); break;
    case 2: pair.out(0x3f7, dice.below(4)); break;
    case 3: pair.out(0x3f4, dice.below(4) | dice.below(8) << 2); break;
    case 4: pair.out(0x3f3, dice.value(1)); break;
    case 5:
    case 6: {
      for (const int port : {0x3f0, 0x3f1, 0x3f2, 0x3f3, 0x3f4, 0x3f7}) {
        pair.in(static_cast<u16>(port));
      }
      break;
    }

    default: {
      const Command& command = kCommands[dice.below(std::size(kCommands))];
      pair.at(fmt::format("{} command {:#x}", where, command.code));
      pair.wait(0x3f4, 0x80, 0x80);
      pair.out(0x3f5, command.code);
      for (u32 i = 0; i < command.parameters; ++i) {
        pair.in(0x3f4);
        pair.out(0x3f5, i == 0 ? dice.below(8) : dice.value(1) & 0x7f);
      }
      pair.interrupts();
      results();
      break;
    }
  }
  pair.interrupts();
}

TEST(RandomBoard, Floppy) {
  for_each_seed({.seeds = 3, .steps = 400}, [](u32 seed, u32 steps) {
    Pair pair("random-floppy");
    DIFF_START(pair);
    Dice dice(seed);
    pair.out(0x3f2, 0x08);
    pair.out(0x3f2, 0x0c);
    for (u32 step = 0; step < steps && !pair.lost(); ++step) {
      const std::string where = fmt::format("seed {} step {}", seed, step);
      pair.at(where);
      floppy_step(pair, dice, where);
    }
  });
}

/// A base address of the board that may go anywhere. Not the frame buffer's: where it was before,
/// stock leaves it, so that it is at two places.
struct Movable {
  PciAddress where;
  unsigned reg;
  bool port;
  u32 size;
};
constexpr Movable kMovable[] = {{{1, 1}, 0x20, true, 0x10},
                                {{2, 0}, 0x10, true, 0x100},
                                {{2, 0}, 0x14, false, 0x1000000},
                                {{3, 0}, 0x18, false, 0x1000}};
constexpr std::size_t kDisplay = 3;

/// No two at one place: which of them answers is not defined by PCI.
u32 home(std::size_t which, u32 choice) {
  const auto slot = static_cast<u32>(which) * 4 + choice;
  return kMovable[which].port ? 0xe000 + slot * 0x100 : 0xd0000000 + slot * 0x1000000;
}

void access(Pair& pair, Dice& dice, std::size_t which, u32 base) {
  const Movable& one = kMovable[which];
  if (one.port) {
    // Of the bus master only the tables' addresses are written.
    if (dice.one_in(2)) {
      if (one.size == 0x10) {
        pair.out(static_cast<u16>(base + 4), dice.any() & 0xffff0, 4);
      } else {
        pair.out(static_cast<u16>(base + dice.below(one.size)), dice.value(1));
      }
    }
    pair.in(static_cast<u16>(base + dice.below(one.size)));
  } else if (which == kDisplay) {
    if (dice.one_in(3)) pair.write(base + 0x50c + dice.below(2) * 2, dice.value(2), 2);
    pair.read(base + 0x500 + dice.below(11) * 2, 2);
  } else {
    pair.read(base + dice.below(one.size / 4) * 4, 4);
  }
}

void play_moves(u32 seed, u32 steps) {
  Pair pair("random-moves");
  DIFF_START(pair);
  pair.set_up_pci();
  Dice dice(seed);
  for (std::size_t i = 0; i < std::size(kMovable); ++i) {
    pair.set_config(kMovable[i].where, kMovable[i].reg, home(i, 0));
  }
  for (u32 step = 0; step < steps && !pair.lost(); ++step) {
    pair.at(fmt::format("seed {} step {}", seed, step));
    const std::size_t which = dice.below(std::size(kMovable));
    const Movable& one = kMovable[which];
    // The display keeps its memory: its frame buffer is not to move.
    const u32 decode = which == kDisplay ? dice.of({2, 3, 7}) : dice.of({0, 1, 2, 3, 7, 7});
    switch (dice.below(6)) {
      case 0: pair.set_config(one.where, one.reg, home(which, dice.below(4))); break;
      case 1: pair.set_config(one.where, 4, decode, 2); break;
      case 2: {
        pair.set_config(one.where, one.reg, 0xffffffff);  // sized, as at each boot
        pair.config(one.where, one.reg);
        pair.set_config(one.where, one.reg, home(which, dice.below(4)));
        break;
      }
      default: break;
    }
    pair.config(one.where, one.reg);
    pair.config(one.where, 4, 2);
    for (u32 choice = 0; choice < 4; ++choice) access(pair, dice, which, home(which, choice));
    pair.interrupts();
  }
}

TEST(RandomBoard, BaseAddresses) {
  for_each_seed({.seeds = 3, .steps = 200}, play_moves);
}

}  // namespace
}  // namespace diff
