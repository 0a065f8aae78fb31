// xen-platform: its ports, its BARs; unplug; the floppy controller without a drive.
#include <fmt/format.h>

#include "tests/diff/script.h"

namespace diff {
namespace {

TEST(XenPlatform, FixedPorts) {
  Pair pair("xen-platform");
  DIFF_START(pair);
  for (u16 port = 0x10; port < 0x18; ++port) {
    for (const unsigned size : {1U, 2U, 4U}) pair.in(port, size);
  }
  pair.at("a driver that is welcome");
  pair.in(0x10, 2);
  pair.in(0x12, 1);
  pair.out(0x12, 0x0003, 2);
  pair.out(0x10, 0x00000001, 4);
  pair.in(0x10, 2);
  pair.at("ROM protection");
  pair.in(0x13);
  pair.out(0x13, 0x01);
  pair.in(0x13);
  pair.out(0x13, 0x00);
  pair.in(0x13);
  pair.at("log");
  for (const char c : std::string("a line\n")) pair.out(0x12, static_cast<u32>(c), 1);
}

TEST(XenPlatform, Bars) {
  Pair pair("xen-platform-bars");
  DIFF_START(pair);
  pair.set_up_pci();
  const auto io = static_cast<u16>(pair.bar(0x5853, 0x0001, 0));
  const u64 memory = pair.bar(0x5853, 0x0001, 1);
  ASSERT_NE(io, 0);
  ASSERT_NE(memory, 0U);
  for (u16 reg = 0; reg < 32; ++reg) {
    pair.in(static_cast<u16>(io + reg));
    pair.in(static_cast<u16>(io + reg), 4);
  }
  for (u16 reg = 0; reg < 8; ++reg) {
    pair.out(static_cast<u16>(io + reg), 0x5a);
    pair.in(static_cast<u16>(io + reg));
  }
  for (const unsigned size : {1U, 2U, 4U, 8U}) pair.read(memory + 0x100, size);
  pair.write(memory, 0x12345678, 4);
  pair.read(memory, 4);
  pair.interrupts();
}

TEST(Floppy, NoDrive) {
  Pair pair("floppy");
  DIFF_START(pair);
  for (u16 port = 0x3f0; port < 0x3f8; ++port) {
    if (port != 0x3f6) pair.in(port);
  }
  pair.at("reset");
  pair.out(0x3f2, 0x00);
  pair.in(0x3f2);
  pair.out(0x3f2, 0x0c);
  pair.in(0x3f2);
  pair.in(0x3f4);
  pair.interrupts();
  const auto command = [&](std::initializer_list<u32> bytes, unsigned results) {
    for (const u32 byte : bytes) {
      pair.in(0x3f4);
      pair.out(0x3f5, byte);
    }
    pair.interrupts();
    for (unsigned i = 0; i < results; ++i) {
      pair.in(0x3f4);
      pair.in(0x3f5);
    }
    pair.in(0x3f4);
    pair.interrupts();
  };
  for (int i = 0; i < 4; ++i) {
    pair.at(fmt::format("sense after reset {}", i));
    command({0x08}, 2);
  }
  pair.at("sense once more");
  command({0x08}, 1);
  pair.at("version");
  command({0x10}, 1);
  pair.at("part id");
  command({0x18}, 1);
  pair.at("dump registers");
  command({0x0e}, 10);
  pair.at("specify");
  command({0x03, 0xaf, 0x02}, 0);
  pair.at("configure");
  command({0x13, 0x00, 0x57, 0x00}, 0);
  pair.at("lock");
  command({0x94}, 1);
  command({0x14}, 1);
  pair.at("sense drive");
  for (const u32 drive : {0U, 1U, 4U, 5U}) command({0x04, drive}, 1);
  pair.at("perpendicular");
  command({0x12, 0x80}, 0);
  pair.at("recalibrate");
  command({0x07, 0x00}, 0);
  command({0x08}, 2);
  pair.at("seek");
  command({0x0f, 0x00, 0x05}, 0);
  command({0x08}, 2);
  pair.at("invalid");
  for (const u32 code : {0x00U, 0x01U, 0x1aU, 0x1fU, 0xffU}) command({code}, 1);
  pair.at("read");
  command({0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff}, 7);
  pair.at("read id");
  command({0x4a, 0}, 0);
  pair.at("rate");
  for (const u32 rate : {0U, 1U, 2U, 3U, 0x80U}) {
    pair.out(0x3f7, rate & 3);
    pair.out(0x3f4, rate);
    pair.in(0x3f4);
    pair.in(0x3f7);
  }
  pair.out(0x3f3, 0x02);
  pair.in(0x3f3);
  for (const u32 lines : {0x1cU, 0x2dU, 0x0cU, 0xfcU}) {
    pair.out(0x3f2, lines);
    pair.in(0x3f2);
  }
  pair.interrupts();
}

}  // namespace
}  // namespace diff
