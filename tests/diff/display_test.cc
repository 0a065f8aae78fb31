// Standard VGA: its register files, VBE, planes and latches, as the BIOS and drivers use them.
#include <fmt/format.h>

#include <array>

#include "tests/diff/script.h"

namespace diff {
namespace {

constexpr u64 kWindow = 0xa0000;

void indexed(Pair& pair, u16 index_port, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    pair.at(fmt::format("{:#x} register {}", index_port, i));
    pair.out(index_port, i);
    pair.in(index_port);
    pair.in(static_cast<u16>(index_port + 1));
    for (const u32 value : {0xffU, 0x00U, 0x5aU}) {
      pair.out(static_cast<u16>(index_port + 1), value);
      pair.in(static_cast<u16>(index_port + 1));
    }
  }
}

TEST(Vga, RegisterFiles) {
  Pair pair("vga-registers");
  DIFF_START(pair);
  for (u16 port = 0x3b0; port < 0x3e0; ++port) {
    if (port == 0x3ba || port == 0x3da) continue;  // the beam's place
    pair.in(port);
  }
  pair.out(0x3c2, 0x67);
  pair.in(0x3cc);
  indexed(pair, 0x3c4, 8);
  indexed(pair, 0x3ce, 16);
  pair.out(0x3d4, 0x11);
  pair.out(0x3d5, 0x0e);
  indexed(pair, 0x3d4, 32);
  pair.at("attributes");
  for (unsigned i = 0; i < 0x18; ++i) {
    pair.ours().vcpu().inb(0x3da);
    pair.stock().vcpu().inb(0x3da);
    pair.out(0x3c0, i);
    pair.in(0x3c0);
    pair.in(0x3c1);
    pair.out(0x3c0, 0x3f);
    pair.in(0x3c1);
    pair.in(0x3c0);
  }
  pair.at("palette");
  pair.out(0x3c6, 0x0f);
  pair.in(0x3c6);
  pair.out(0x3c8, 5);
  for (u32 i = 0; i < 9; ++i) pair.out(0x3c9, 0x10 + i * 25);
  pair.in(0x3c8);
  pair.in(0x3c7);
  pair.out(0x3c7, 5);
  for (int i = 0; i < 9; ++i) {
    pair.in(0x3c9);
    pair.in(0x3c8);
    pair.in(0x3c7);
  }
  pair.at("monochrome");
  pair.out(0x3c2, 0x66);
  for (u16 port = 0x3b0; port < 0x3e0; ++port) {
    if (port == 0x3ba || port == 0x3da) continue;
    pair.in(port);
  }
}

TEST(Vga, Dispi) {
  Pair pair("vga-vbe");
  DIFF_START(pair);
  for (u32 index = 0; index < 12; ++index) {
    pair.out(0x1ce, index, 2);
    pair.in(0x1ce, 2);
    pair.in(0x1cf, 2);
    pair.in(0x1d0, 2);
  }
  const auto set = [&](u32 index, u32 value) {
    pair.out(0x1ce, index, 2);
    pair.out(0x1d0, value, 2);
  };
  const auto all = [&] {
    for (u32 index = 0; index < 11; ++index) {
      pair.out(0x1ce, index, 2);
      pair.in(0x1d0, 2);
    }
  };
  for (const u32 id : {0xb0c0U, 0xb0c5U, 0xb0c6U, 0x1234U}) {
    set(0, id);
    all();
  }
  for (const auto& [width, height, depth] :
       std::initializer_list<std::array<u32, 3>>{{640, 480, 8},
                                                 {800, 600, 16},
                                                 {1024, 768, 32},
                                                 {1280, 1024, 24},
                                                 {1920, 1080, 32},
                                                 {641, 481, 15},
                                                 {8, 8, 4},
                                                 {5000, 3000, 32},
                                                 {0, 0, 32},
                                                 {640, 480, 7},
                                                 {16000, 12000, 32}}) {
    pair.at(fmt::format("{}x{}x{}", width, height, depth));
    set(4, 0);
    set(1, width);
    set(2, height);
    set(3, depth);
    all();
    set(4, 0x41);
    all();
    for (const u32 value : {0U, 100U, 2000U, 0xffffU}) {
      set(6, value);
      set(7, value);
      set(8, value);
      set(9, value);
      all();
    }
    set(5, 3);
    all();
    set(4, 0x23);
    all();
  }
  pair.at("bank");
  set(4, 0);
  for (const u32 bank : {0U, 1U, 255U, 256U, 0xffffU}) {
    set(5, bank);
    all();
  }
}

TEST(Vga, MemoryMappedRegisters) {
  Pair pair("vga-mmio");
  DIFF_START(pair);
  pair.set_up_pci();
  const u64 base = pair.bar(0x1234, 0x1111, 2);
  ASSERT_NE(base, 0U);
  for (u64 at = 0x400; at < 0x420; ++at) {
    if (at == 0x41a) continue;
    pair.read(base + at, 1);
  }
  for (u64 at = 0x500; at < 0x518; at += 2) pair.read(base + at, 2);
  pair.write(base + 0x502, 800, 2);
  pair.read(base + 0x502, 2);
  for (const u64 at : {0x000ULL, 0x100ULL, 0x3fcULL, 0x600ULL, 0x604ULL, 0x608ULL, 0xffcULL}) {
    for (const unsigned size : {1U, 2U, 4U}) pair.read(base + at, size);
  }
  pair.write(base + 0x604, 0xbebebebe, 4);
  pair.read(base + 0x604, 4);
  pair.write(base + 0x604, 0x1e1e1e1e, 4);
  pair.read(base + 0x604, 4);
}

/// 640x480 in 16 colours, the registers that matter to the window.
void planar(Pair& pair) {
  const auto set = [&](u16 port, u32 index, u32 value) {
    pair.out(port, index);
    pair.out(static_cast<u16>(port + 1), value);
  };
  pair.out(0x3c2, 0xe3);
  set(0x3c4, 0, 3);
  set(0x3c4, 1, 1);
  set(0x3c4, 2, 0xf);
  set(0x3c4, 4, 6);
  for (u32 i = 0; i < 9; ++i) set(0x3ce, i, std::array<u32, 9>{0, 0, 0, 0, 0, 0, 5, 0xf, 0xff}[i]);
}

TEST(Vga, PlanesAndLatches) {
  Pair pair("vga-planes");
  DIFF_START(pair);
  planar(pair);
  const auto graphics = [&](u32 index, u32 value) {
    pair.out(0x3ce, index);
    pair.out(0x3cf, value);
  };
  const auto map_mask = [&](u32 value) {
    pair.out(0x3c4, 2);
    pair.out(0x3c5, value);
  };
  const auto planes = [&](u64 at) {
    for (u32 plane = 0; plane < 4; ++plane) {
      graphics(4, plane);
      pair.read(kWindow + at, 1);
    }
  };
  u64 at = 0;
  for (u32 mode = 0; mode < 4; ++mode) {
    for (u32 function = 0; function < 4; ++function) {
      for (const u32 rotate : {0U, 3U, 7U}) {
        for (const u32 mask : {0xffU, 0x0fU, 0x5aU, 0x00U}) {
          pair.at(fmt::format("write mode {} function {} rotate {} mask {:#x}", mode, function,
                              rotate, mask));
          graphics(5, 0);
          graphics(3, 0);
          graphics(8, 0xff);
          graphics(1, 0);
          for (u32 plane = 0; plane < 4; ++plane) {
            map_mask(1U << plane);
            pair.write(kWindow + at, 0x35 + plane * 0x47, 1);
          }
          pair.read(kWindow + at, 1);  // fills the latches
          graphics(0, 0x6);
          graphics(1, 0xc);
          graphics(3, function << 3 | rotate);
          graphics(8, mask);
          graphics(5, mode);
          map_mask(0xd);
          pair.write(kWindow + at + 1, 0x9d, 1);
          pair.write(kWindow + at + 2, 0x12345678, 4);
          graphics(5, 0);
          for (u64 i = 0; i < 6; ++i) planes(at + i);
          at += 8;
          if (pair.lost()) return;
        }
      }
    }
  }
  pair.at("read mode 1");
  graphics(5, 8);
  for (const u32 compare : {0x0U, 0x5U, 0xfU}) {
    for (const u32 care : {0x0U, 0x7U, 0xfU}) {
      graphics(2, compare);
      graphics(7, care);
      for (u64 i = 0; i < 16; ++i) pair.read(kWindow + i * 3, 1);
      pair.read(kWindow + 4, 4);
    }
  }
  pair.at("strings");
  graphics(5, 0);
  graphics(1, 0);
  graphics(3, 0);
  graphics(8, 0xff);
  map_mask(0xf);
  pair.stos(kWindow + 0x1000, 0xa5c3, 2, 300);
  pair.movs_from_device(0x30000, kWindow + 0x0ff0, 1, 700);
  pair.movs_to_device(kWindow + 0x2000, 0x30000, 4, 100);
  pair.movs_from_device(0x31000, kWindow + 0x2000, 2, 200);
  pair.movs_from_device(0x32000 + 255, kWindow + 0x2000 + 255, 1, 256, true);
}

TEST(Vga, WindowsAndOddEven) {
  Pair pair("vga-windows");
  DIFF_START(pair);
  planar(pair);
  for (const u32 sequencer : {0x2U, 0x6U, 0xeU, 0x4U}) {
    for (const u32 mode : {0x00U, 0x10U, 0x40U}) {
      for (const u32 window : {0x0U, 0x2U, 0x5U, 0x9U, 0xdU, 0xeU}) {
        for (const u32 mask : {0xfU, 0x3U, 0x8U}) {
          pair.at(fmt::format("sequencer {:#x} mode {:#x} window {:#x} mask {:#x}", sequencer, mode,
                              window, mask));
          pair.out(0x3c4, 4);
          pair.out(0x3c5, sequencer);
          pair.out(0x3c4, 2);
          pair.out(0x3c5, mask);
          pair.out(0x3ce, 5);
          pair.out(0x3cf, mode);
          pair.out(0x3ce, 6);
          pair.out(0x3cf, window);
          for (const u64 place :
               {0xa0000ULL, 0xa0003ULL, 0xb0001ULL, 0xb8000ULL, 0xb8007ULL, 0xbfffeULL}) {
            pair.write(place, 0x4142 + place + window, 1);
            pair.write(place, 0x51525354 + place, place == 0xbfffe ? 2 : 4);
            for (u32 plane = 0; plane < 4; ++plane) {
              pair.out(0x3ce, 4);
              pair.out(0x3cf, plane);
              pair.read(place, 1);
              pair.read(place, 2);
            }
          }
          if (pair.lost()) return;
        }
      }
    }
  }
}

}  // namespace
}  // namespace diff
