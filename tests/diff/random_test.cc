// Random accesses from a seed, on both sides alike. A fixed set of seeds in the suite; more by
//
//     tests/diff/run --device uart --seed 7 --count 5000
#include <fmt/format.h>

#include "tests/diff/dice.h"
#include "tests/diff/script.h"

namespace diff {
namespace {

struct Range {
  u16 first;
  u16 last;
};

/// What may be touched at random, and what must not: a reset or the power switch ends the guest, a
/// clock or the beam is never the same twice.
struct Target {
  const char* name;
  std::vector<Range> ports;
  bool (*left_out)(u16 port, u32 value, bool write) = nullptr;
  std::vector<unsigned> widths = {1};
  std::vector<std::string> serial = {};
  std::vector<std::string> extra = {};
};

bool keyboard_left_out(u16 port, u32 value, bool write) {
  if (!write) return false;
  if (port == 0x60) return value >= 0xf7 && value <= 0xfd;  // listed in differences.h
  // The controller's own answers: on this machine type stock keeps them in the keyboard's queue,
  // where the next byte to the keyboard drops them. Here they stay until they are read.
  if (value == 0x20 || value == 0xaa || value == 0xa9 || value == 0xab || value == 0xc0 ||
      value == 0xd0)
    return true;
  // With the interface disabled a byte to the keyboard enables it, and its answer interrupts; stock
  // forgets the interrupt.
  if (value == 0xad) return true;
  return value >= 0xf0 || (value >= 0xd1 && value <= 0xd4);  // resets; the mouse
}
bool vga_left_out(u16 port, u32 /*value*/, bool write) {
  return !write && (port == 0x3da || port == 0x3ba);
}
bool floppy_left_out(u16 port, u32 /*value*/, bool write) {
  // The disk's alternate status is between them. Reading the status takes stock out of reset.
  return port == 0x3f6 || (write && (port == 0x3f2 || port == 0x3f5 || port == 0x3f4));
}
bool platform_left_out(u16 port, u32 value, bool write) {
  if (!write) return port == 0x10 || port == 0x11;  // the magic
  return port == 0x10 && value != 0;                // unplugging, once
}
bool dma_left_out(u16 port, u32 /*value*/, bool write) {
  return !write && (port == 0x0f || port == 0xde || port == 0xdf);
}
bool cmos_left_out(u16 port, u32 value, bool write) {
  return write && port == 0x70 &&
         ((value & 0x7f) < 0x0e || (value & 0x7f) == 0x32 || (value & 0x7f) == 0x37);
}
bool uart_left_out(u16 port, u32 value, bool write) {
  return (write && port == 0x3fc && (value & 0x10) != 0) || (write && port == 0x3f8);
}

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"i8237", {{0x00, 0x0f}, {0x80, 0x8f}, {0xc0, 0xde}}, dma_left_out},
      {"cmos", {{0x70, 0x71}}, cmos_left_out},
      {"i8042", {{0x60, 0x60}, {0x64, 0x64}}, keyboard_left_out},
      {"uart", {{0x3f8, 0x3ff}}, uart_left_out, {1}, {"null"}},
      {"parallel", {{0x378, 0x37a}}, nullptr, {1}, {}, {"-parallel", "null"}},
      {"vga", {{0x3c0, 0x3cf}, {0x3d4, 0x3d5}, {0x3da, 0x3da}, {0x3b4, 0x3b5}}, vga_left_out},
      {"vbe", {{0x1ce, 0x1d0}}, nullptr, {2}},
      {"floppy", {{0x3f0, 0x3f7}}, floppy_left_out},
      {"xen-platform", {{0x10, 0x17}}, platform_left_out, {1, 2, 4}},
  };
  return all;
}

void play(const Target& target, u32 seed, unsigned count) {
  Pair pair(fmt::format("random-{}", target.name),
            {.serial = target.serial, .extra = target.extra});
  DIFF_START(pair);
  Dice dice(seed);
  for (unsigned step = 0; step < count && !pair.lost(); ++step) {
    const Range& range = target.ports[dice.below(static_cast<u32>(target.ports.size()))];
    const auto port = static_cast<u16>(dice.between(range.first, range.last));
    const unsigned width = target.widths[dice.below(static_cast<u32>(target.widths.size()))];
    const bool write = dice.one_in(2);
    const u32 value = dice.value(width);
    if (target.left_out != nullptr && target.left_out(port, value, write)) continue;
    pair.at(fmt::format("seed {} step {}", seed, step));
    if (write) {
      pair.out(port, value, width);
    } else {
      pair.in(port, width);
    }
    pair.interrupts();
  }
}

class Random : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Random, Accesses) {
  const Target& target = targets()[GetParam()];
  for_each_seed({}, [&](u32 seed, u32 steps) { play(target, seed, steps); });
}

INSTANTIATE_TEST_SUITE_P(Device, Random, ::testing::Range<std::size_t>(0, targets().size()),
                         [](const auto& one) {
                           std::string name = targets()[one.param].name;
                           std::erase(name, '-');
                           return name;
                         });

/// The configuration space of each function. Not the command registers, which would map everything
/// everywhere, and not the memory controller's windows.
void play_configuration(u32 seed, u32 steps) {
  Pair pair("random-pci");
  DIFF_START(pair);
  Dice dice(seed);
  const PciAddress functions[] = {{0, 0}, {1, 0}, {1, 1}, {1, 3}, {2, 0}, {3, 0}};
  for (unsigned step = 0; step < steps && !pair.lost(); ++step) {
    const PciAddress where = functions[dice.below(std::size(functions))];
    const unsigned width = 1U << dice.below(3);
    const unsigned reg = dice.below(256) & ~(width - 1);
    pair.at(fmt::format("seed {} step {}", seed, step));
    const bool left_out = reg < 8 || (where.slot == 0 && reg >= 0x50 && reg < 0x78) ||
                          (where.function == 3 && reg >= 0x40);
    if (dice.one_in(2) && !left_out) pair.set_config(where, reg, dice.value(width), width);
    pair.config(where, reg, width);
    pair.interrupts();
  }
}

TEST(RandomPci, Configuration) {
  for_each_seed({.seeds = 2, .steps = 2000}, play_configuration);
}

}  // namespace
}  // namespace diff
