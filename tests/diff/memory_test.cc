// What decides over the area between 768 KiB and 1 MiB, and system management RAM.
#include <fmt/format.h>

#include "tests/diff/script.h"

namespace diff {
namespace {

TEST(Memory, ProgrammableAttributes) {
  Pair pair("i440fx-pam");
  DIFF_START(pair);
  pair.set_up_pci();
  for (u64 at = 0xc0000; at < 0x100000; at += 0x4000) pair.write(at, 0x5a000000 + at, 4);
  for (unsigned reg = 0x59; reg <= 0x5f; ++reg) {
    for (const u32 value : {0x00U, 0x10U, 0x20U, 0x30U, 0x01U, 0x02U, 0x03U, 0x33U, 0xffU}) {
      pair.at(fmt::format("{:#x} = {:#x}", reg, value));
      pair.set_config({0, 0}, reg, value, 1);
      pair.config({0, 0}, reg, 1);
      for (u64 at = 0xc0000; at < 0x100000; at += 0x4000) {
        pair.read(at, 4);
        pair.write(at + 8, at + value + reg, 4);
        pair.read(at + 8, 4);
      }
      if (pair.lost()) return;
    }
  }
  pair.at("all of it");
  pair.set_config({0, 0}, 0x58, 0x33333333, 4);
  pair.set_config({0, 0}, 0x5c, 0x33333333, 4);
  for (unsigned reg = 0x58; reg < 0x60; ++reg) pair.config({0, 0}, reg, 1);
  pair.interrupts();
}

TEST(Memory, SystemManagementRam) {
  Pair pair("i440fx-smram");
  DIFF_START(pair);
  for (const u32 value : {0x02U, 0x0aU, 0x4aU, 0x6aU, 0x2aU, 0x1aU, 0x0aU, 0x4aU, 0xffU, 0x00U}) {
    pair.at(fmt::format("{:#x}", value));
    pair.set_config({0, 0}, 0x72, value, 1);
    pair.config({0, 0}, 0x72, 1);
    pair.write(0xa0000, 0x12, 1);
    pair.read(0xa0000, 1);
    pair.read(0xb8000, 2);
  }
}

/// Video memory is RAM of the guest: what the planes hold is there, and the other way round.
TEST(Memory, VideoMemory) {
  Pair pair("vga-memory");
  DIFF_START(pair);
  pair.set_up_pci();
  const u64 video = pair.bar(0x1234, 0x1111, 0);
  ASSERT_NE(video, 0U);
  const auto set = [&](u16 port, u32 index, u32 value) {
    pair.out(port, index);
    pair.out(static_cast<u16>(port + 1), value);
  };
  set(0x3c4, 2, 0xf);
  set(0x3c4, 4, 6);
  set(0x3ce, 6, 5);
  pair.at("planes");
  for (u32 i = 0; i < 64; ++i) {
    set(0x3c4, 2, 1U << i % 4);
    pair.write(0xa0000 + i / 4, 0x30 + i, 1);
  }
  pair.read(0xa0000, 1);  // the ring is empty before this is answered
  pair.ram(video, 0x100);
  pair.at("written as RAM");
  pair.fill_ram(video + 0x40, 0xa7, 0x40);
  for (u32 plane = 0; plane < 4; ++plane) {
    set(0x3ce, 4, plane);
    for (u64 at = 0x0e; at < 0x22; ++at) pair.read(0xa0000 + at, 1);
  }
  pair.at("chained");
  set(0x3c4, 4, 0xe);
  set(0x3c4, 2, 0xf);
  for (const unsigned size : {1U, 2U, 4U, 8U}) {
    pair.write(0xa1000 + size * 16 + 1, 0x0102030405060708ULL, size);
    pair.read(0xa1000 + size * 16, size);
  }
  pair.ram(video + 0x1000, 0x100);
  pair.at("banks");
  const auto vbe = [&](u32 index, u32 value) {
    pair.out(0x1ce, index, 2);
    pair.out(0x1d0, value, 2);
  };
  vbe(4, 0);
  vbe(1, 640);
  vbe(2, 480);
  vbe(3, 32);
  vbe(4, 0x01);
  for (const u32 bank : {0U, 1U, 7U, 100U, 255U}) {
    vbe(5, bank);
    pair.write(0xa0010, 0xbb000000 + bank, 4);
    pair.write(0xaffff, bank, 1);
    pair.read(0xa0010, 4);
    pair.ram(video + bank * 0x10000ULL, 0x40);
    pair.ram(video + bank * 0x10000ULL + 0xffc0, 0x40);
  }
  pair.at("moved");
  pair.set_config({2, 0}, 4, 0, 2);
  pair.config({2, 0}, 0x10);
}

}  // namespace
}  // namespace diff
