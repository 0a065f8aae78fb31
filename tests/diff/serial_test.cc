// 16550A and parallel port.
#include <fmt/format.h>

#include "tests/diff/script.h"

namespace diff {
namespace {

TEST(Serial, Registers) {
  Pair pair("uart", {.serial = {"null"}});
  DIFF_START(pair);
  const u16 base = 0x3f8;
  for (u16 reg = 0; reg < 8; ++reg) pair.in(base + reg);
  for (u16 reg = 1; reg < 8; ++reg) {
    if (reg == 2 || reg == 5 || reg == 6) continue;
    for (const u32 value : {0xffU, 0x00U, 0x5aU, 0x03U}) {
      pair.at(fmt::format("register {} = {:#x}", reg, value));
      pair.out(base + reg, value);
      pair.in(base + reg);
      pair.in(base + 2);
    }
  }
  pair.at("divisor");
  pair.out(base + 3, 0x83);
  pair.out(base, 0x0c);
  pair.out(base + 1, 0x00);
  pair.in(base);
  pair.in(base + 1);
  pair.out(base + 3, 0x03);
  pair.at("FIFO");
  for (const u32 value : {0x01U, 0x07U, 0xc1U, 0xe1U, 0x00U, 0xffU, 0x06U}) {
    pair.out(base + 2, value);
    pair.in(base + 2);
    pair.in(base + 5);
  }
  pair.at("interrupts");
  pair.out(base + 4, 0x0b);
  pair.out(base + 1, 0x02);
  pair.in(base + 2);
  pair.in(base + 2);
  pair.out(base + 1, 0x00);
  pair.out(base + 1, 0x02);
  pair.out(base, 'x');
  pair.wait(base + 5, 0x60, 0x60);
  pair.in(base + 2);
  pair.out(base + 1, 0x00);
  pair.interrupts();
}

TEST(Serial, Loopback) {
  Pair pair("uart-loopback", {.serial = {"null"}});
  DIFF_START(pair);
  const u16 base = 0x3f8;
  // So slow that no time-out of the receiver comes between two accesses.
  pair.out(base + 3, 0x83);
  pair.out(base + 1, 0x80);
  pair.out(base + 3, 0x03);
  for (const u32 fifo : {0x00U, 0x07U, 0xc7U}) {
    pair.out(base + 2, fifo);
    for (u32 lines = 0x10; lines < 0x20; ++lines) {
      pair.at(fmt::format("fifo {:#x} lines {:#x}", fifo, lines));
      pair.out(base + 4, lines);
      pair.in(base + 6);
      pair.in(base + 6);
    }
    pair.out(base + 1, 0x01);
    for (int i = 0; i < 20; ++i) {
      pair.out(base, 0x30U + static_cast<u32>(i));
      pair.wait(base + 5, 0x40, 0x40);
      if (fifo == 0) pair.in(base);
    }
    pair.in(base + 2);
    for (int i = 0; i < 20; ++i) {
      pair.in(base + 5);
      pair.in(base);
    }
    pair.out(base + 4, 0x08);
    pair.out(base + 1, 0x00);
  }
  pair.interrupts();
}

TEST(Serial, PortsThatAreNotThere) {
  Pair pair("uart-absent");
  DIFF_START(pair);
  for (const u16 base :
       {u16{0x3f8}, u16{0x2f8}, u16{0x3e8}, u16{0x2e8}, u16{0x378}, u16{0x278}, u16{0x3bc}}) {
    for (u16 reg = 0; reg < 8; ++reg) pair.in(base + reg);
  }
}

TEST(Parallel, Registers) {
  Pair pair("parallel", {.extra = {"-parallel", "null"}});
  DIFF_START(pair);
  for (u16 reg = 0; reg < 8; ++reg) pair.in(static_cast<u16>(0x378 + reg));
  for (u16 reg = 0; reg < 3; ++reg) {
    for (const u32 value : {0x00U, 0xffU, 0xa5U, 0x0cU, 0x1cU}) {
      pair.at(fmt::format("register {} = {:#x}", reg, value));
      pair.out(static_cast<u16>(0x378 + reg), value);
      for (u16 back = 0; back < 3; ++back) pair.in(static_cast<u16>(0x378 + back));
    }
  }
  pair.at("a byte");
  pair.out(0x378, 'x');
  pair.out(0x37a, 0x0d);
  pair.in(0x379);
  pair.out(0x37a, 0x0c);
  pair.in(0x379);
  pair.interrupts();
}

}  // namespace
}  // namespace diff
