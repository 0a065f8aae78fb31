// Accesses of widths that a register does not have, over the edges of devices, and strings on ports
// that are no data ports.
#include <fmt/format.h>

#include "tests/diff/script.h"

namespace diff {
namespace {

struct Block {
  const char* name;
  u16 first;
  u16 last;
};

// Not what Xen answers itself (PICs, timer, port 61, PM1 event block and timer), nor the beam.
constexpr Block kBlocks[] = {
    {"dma", 0x00, 0x0f},         {"platform", 0x12, 0x17},
    {"keyboard", 0x60, 0x60},    {"status", 0x64, 0x64},
    {"pages", 0x80, 0x91},       {"port 92", 0x92, 0x92},
    {"apm", 0xb2, 0xb3},         {"dma2", 0xc0, 0xdf},
    {"secondary", 0x172, 0x177}, {"vbe", 0x1cd, 0x1d1},
    {"primary", 0x1f2, 0x1f7},   {"control2", 0x376, 0x376},
    {"lpt", 0x378, 0x37a},       {"vga", 0x3c0, 0x3d5},
    {"floppy", 0x3f0, 0x3f4},    {"control", 0x3f6, 0x3f7},
    {"uart", 0x3f8, 0x3ff},      {"confadd", 0xcf9, 0xcfb},
    {"cpu", 0xaf00, 0xaf20},     {"pci hot-plug", 0xae00, 0xae17},
    {"gpe", 0xafe0, 0xafe3},
};

GuestConfig everything() {
  return {.serial = {"null"}, .extra = {"-parallel", "null"}};
}

TEST(Widths, ReadsOfEachPort) {
  Pair pair("widths-read", everything());
  DIFF_START(pair);
  for (const Block& block : kBlocks) {
    for (unsigned port = block.first; port <= block.last; ++port) {
      for (const unsigned size : {2U, 4U}) {
        if (port + size - 1 == 0x3da) continue;
        pair.at(block.name);
        pair.in(static_cast<u16>(port), size);
      }
    }
  }
  pair.interrupts();
}

/// A wide write is seen by what the bytes read afterwards.
TEST(Widths, WritesOfEachPort) {
  Pair pair("widths-write", everything());
  DIFF_START(pair);
  constexpr Block kWritable[] = {
      {"dma", 0x00, 0x07},   {"pages", 0x80, 0x8f},     {"dma2", 0xc0, 0xce},
      {"apm", 0xb2, 0xb3},   {"primary", 0x1f1, 0x1f5}, {"lpt", 0x378, 0x37a},
      {"vga", 0x3c4, 0x3cf}, {"crtc", 0x3d4, 0x3d5},    {"uart", 0x3fb, 0x3ff}};
  // Words first: of doublewords, stock drops many, and the registers are no longer alike.
  for (const unsigned size : {2U, 4U}) {
    for (const Block& block : kWritable) {
      for (unsigned port = block.first; port + size <= block.last + 1U; ++port) {
        pair.at(fmt::format("{}: {} bytes to {:#x}", block.name, size, port));
        pair.out(static_cast<u16>(port), 0x04030201U, size);
        for (unsigned back = block.first; back <= block.last; ++back) {
          pair.in(static_cast<u16>(back));
        }
      }
    }
  }
  pair.interrupts();
}

TEST(Widths, Strings) {
  Pair pair("widths-string", everything());
  DIFF_START(pair);
  for (const u16 port : {u16{0x80}, u16{0x3c4}, u16{0x3d4}, u16{0x3fb}, u16{0x3f4}, u16{0x64},
                         u16{0x1f1}, u16{0x300}, u16{0xcf8}, u16{0x1ce}}) {
    for (const unsigned size : {1U, 2U, 4U}) {
      for (const bool backwards : {false, true}) {
        pair.at(fmt::format("{:#x} by {}{}", port, size, backwards ? " backwards" : ""));
        pair.fill_ram(0x20000, 0x11, 0x2000);
        pair.ins(port, size, 0x20800, 33, backwards);
        pair.ram(0x20000, 0x2000);
      }
    }
  }
  std::vector<u8> bytes(256);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<u8>(i * 7 + 1);
  pair.set_ram(0x22000, bytes);
  for (const u16 port : {u16{0x80}, u16{0x84}, u16{0x1f2}, u16{0x378}, u16{0x3ff}}) {
    for (const bool backwards : {false, true}) {
      pair.at(fmt::format("{:#x} written{}", port, backwards ? " backwards" : ""));
      pair.outs(port, 1, 0x22080, 17, backwards);
      pair.in(port);
    }
  }
}

TEST(Widths, ConfigurationSpaceByEachWidth) {
  Pair pair("widths-config");
  DIFF_START(pair);
  for (const PciAddress where : {PciAddress{0, 0}, {1, 0}, {1, 1}, {1, 3}, {2, 0}, {3, 0}}) {
    for (unsigned reg = 0; reg < 256; reg += 2) {
      pair.config(where, reg, 2);
      if (reg % 4 == 0) pair.config(where, reg, 4);
    }
    for (const unsigned reg : {0x3cU, 0x0cU, 0x60U, 0xc0U}) {
      for (const unsigned size : {1U, 2U, 4U}) {
        pair.set_config(where, reg, 0x0a0b0c0dU, size);
        pair.config(where, reg, 4);
      }
    }
  }
}

TEST(Widths, MemoryMappedRegisters) {
  Pair pair("widths-mmio");
  DIFF_START(pair);
  pair.set_up_pci();
  const u64 vga = pair.bar(0x1234, 0x1111, 2);
  ASSERT_NE(vga, 0U);
  for (const u64 at : {0x000ULL, 0x3feULL, 0x40fULL, 0x4feULL, 0x502ULL, 0x503ULL, 0x514ULL,
                       0x515ULL, 0x5feULL, 0x600ULL, 0x603ULL, 0x606ULL}) {
    for (const unsigned size : {2U, 4U, 8U}) {
      pair.at(fmt::format("{:#x} by {}", at, size));
      pair.read(vga + at, size);
    }
  }
}

}  // namespace
}  // namespace diff
