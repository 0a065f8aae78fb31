// The Cirrus: register files, apertures, and random blits whose traces in video memory are
// compared.
#include <random>

#include "tests/qtest/compare.h"

namespace qtest_test {
namespace {

constexpr unsigned kCard = 2 << 3;
constexpr unsigned kMemory = 0xe0000000, kRegisters = 0xe8000000;
constexpr unsigned kBlit = kRegisters + 0x100;
constexpr unsigned kAperture = kMemory + 0x1000000;
constexpr unsigned kEnd = kMemory + 0x400000;

class CompareCirrus : public Compare {
 protected:
  void start_card(const char* name) {
    start(name, {"-nodefaults", "-device", "cirrus-vga,vgamem_mb=8"});
    set_config32(kCard, 0x10, kMemory);
    set_config32(kCard, 0x14, kRegisters);
    set_config(kCard, 4, 3);
    out(0x3c2, 0x67);
  }
  void indexed(unsigned port, unsigned index, unsigned value) {
    out(port, index);
    out(port + 1, value);
  }
  void seq(unsigned index, unsigned value) { indexed(0x3c4, index, value); }
  void gfx(unsigned index, unsigned value) { indexed(0x3ce, index, value); }
  void read(unsigned address, unsigned size = 4) {
    (*this)(fmt::format("read {:#x} {}", address, size));
  }
  void write8(unsigned address, unsigned value) {
    (*this)(fmt::format("writeb {:#x} {:#x}", address, value));
  }
  void write32(unsigned address, unsigned value) {
    (*this)(fmt::format("writel {:#x} {:#x}", address, value));
  }
  /// What was drawn, and the rest of what may have been.
  void memory() {
    for (const unsigned place : {0U, 0x3f0000U}) {
      for (unsigned at = 0; at < 0x10000; at += 0x1000) read(kMemory + place + at, 0x1000);
    }
  }
};

TEST_F(CompareCirrus, RegisterFiles) {
  start_card("cirrus-registers");
  for (unsigned reg = 0; reg < 0x40; reg += 4) config(kCard, reg);
  for (const unsigned reg : {0x10U, 0x14U, 0x18U, 0x30U}) {
    set_config32(kCard, reg, 0xffffffff);
    config(kCard, reg);
  }
  set_config32(kCard, 0x10, kMemory);
  set_config32(kCard, 0x14, kRegisters);
  set_config32(kCard, 0x30, 0xf0000001);
  read(0xf0000000, 256);
  for (unsigned port = 0x3b0; port < 0x3e0; ++port) {
    if (port != 0x3da && port != 0x3ba) in(port);
  }
  for (const unsigned port : {0x3c4U, 0x3d4U, 0x3ceU}) {
    for (unsigned index = 0; index < 0x100; ++index) {
      if (port == 0x3ce && (index == 0x31 || index == 0x2a)) continue;  // begins a blit
      out_in(port, index);
      in(port + 1);
      for (const unsigned value : {0xffU, 0x5aU, 0x12U, 0x00U}) out_in(port + 1, value);
    }
  }
  // Protected, but for one bit.
  indexed(0x3d4, 0x11, 0x80);
  for (unsigned index = 0; index < 9; ++index) {
    out(0x3d4, index);
    out_in(0x3d5, 0xff);
  }
  in(0x3c8);
  for (unsigned i = 0; i < 12; ++i) in(0x3c6);
  for (const unsigned value : {0xe1U, 0x05U}) {
    in(0x3c8);
    for (unsigned i = 0; i < 4; ++i) in(0x3c6);
    out(0x3c6, value);
    for (unsigned i = 0; i < 10; ++i) in(0x3c6);
  }
  for (const unsigned cursor : {0x00U, 0x02U}) {
    seq(0x12, cursor);
    out(0x3c8, 0x0e);
    for (unsigned i = 0; i < 10; ++i) out(0x3c9, 5 * i + cursor);
    in(0x3c8);
    out(0x3c7, 0x0d);
    for (unsigned i = 0; i < 12; ++i) in(0x3c9);
  }
  for (unsigned at = 0; at < 0x200; ++at) {
    if (at == 0x1a || at == 0x140 || at == 0x112) continue;  // the beam, a blit
    (*this)(fmt::format("readb {:#x}", kRegisters + at));
    write8(kRegisters + at, at * 7 & 0xff);
    (*this)(fmt::format("readb {:#x}", kRegisters + at));
  }
  read(kRegisters + 0xff0, 16);
}

TEST_F(CompareCirrus, Apertures) {
  start_card("cirrus-apertures");
  seq(7, 0x01);
  seq(4, 0x0e);
  seq(2, 0x0f);
  gfx(6, 0x05);
  gfx(5, 0x40);
  const auto poke = [this](unsigned n) {
    for (const unsigned at : {0xa0000U, 0xa7ffcU, 0xa8000U, 0xafffcU, 0xb0000U, 0xb8008U, kMemory,
                              kMemory + 0x1234, kEnd - 0x104, kEnd - 4, kAperture}) {
      write32(at + n % 4, 0x10203040U * (n % 7 + 1));
      read(at, 16);
    }
  };
  unsigned n = 0;
  for (const unsigned extension : {0x00U, 0x01U, 0x20U, 0x21U, 0x02U, 0x14U, 0x04U, 0x16U}) {
    gfx(0x0b, extension);
    for (const unsigned bank : {0x00U, 0x08U, 0x41U}) {
      gfx(0x09, bank);
      gfx(0x0a, bank / 2 + 3);
      for (const unsigned mode : {0x40U, 0x44U, 0x45U}) {
        gfx(5, mode);
        gfx(0, 0xb1);
        gfx(1, 0xf2);
        gfx(0x10, 0xb3);
        gfx(0x11, 0xf4);
        for (const unsigned config : {0x00U, 0x04U, 0x44U}) {
          seq(0x17, config);
          poke(n++);
        }
      }
    }
  }
  gfx(0x0b, 0);
  gfx(5, 0x40);
  seq(0x17, 0);
  memory();
}

/// Registers of blits, at random.
class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}

  unsigned below(unsigned end) { return static_cast<unsigned>(random_()) % end; }
  unsigned any() { return static_cast<unsigned>(random_()); }
  unsigned rop() {
    static constexpr unsigned kRops[] = {0x00, 0x05, 0x06, 0x09, 0x0b, 0x0d, 0x0e, 0x50, 0x59,
                                         0x6d, 0x90, 0x95, 0xad, 0xd0, 0xd6, 0xda, 0x77};
    return kRops[below(std::size(kRops))];
  }
  /// Two ends of memory.
  unsigned place() { return below(8) == 0 ? 0x3fffff - below(0x2000) : below(0xc000); }

 private:
  std::mt19937 random_;
};

class CirrusBlits : public CompareCirrus {
 protected:
  void put(unsigned offset, unsigned value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) write8(kBlit + offset + i, value >> (i * 8) & 0xff);
  }
  void play(unsigned seed, unsigned steps) {
    Dice dice(seed);
    seq(7, 0x01);
    seq(4, 0x0e);
    seq(2, 0x0f);
    gfx(6, 0x05);
    gfx(5, 0x40);
    gfx(9, 0);  // stock has no banks before
    for (unsigned at = 0; at < 0x10000; at += 4) {
      if (at % 64 == 0) write32(kMemory + at, dice.any());
    }
    (*this)(fmt::format("memset {:#x} 0x4000 0x5a", kMemory + 0x4000));
    for (unsigned step = 0; step < steps && !HasFailure(); ++step) blit(dice);
    memory();
  }

 private:
  void blit(Dice& dice) {
    const unsigned mode = dice.any() & 0xfd;  // stock has no blits to the processor either
    const bool pattern = (mode & 0x40) != 0, expand = (mode & 0x80) != 0;
    const bool system = (mode & 0x04) != 0;
    const unsigned bytes = (mode >> 4 & 3) + 1;
    // What differs by intent has a script of its own.
    const unsigned extension = dice.any() & 6;
    unsigned skip = dice.below(3) == 0 ? dice.below(8) : 0;
    if (pattern && !expand && bytes == 3) skip = 0;
    unsigned source = dice.place();
    if (pattern && !system) source &= ~0xffU;
    if (pattern && !expand && system && bytes == 3) return;  // stale bytes of the last line
    unsigned width = dice.below(5) == 0 ? dice.below(700) + bytes : dice.below(60) + bytes;
    // Half a pixel moves stock's next line.
    if ((mode & 0xc8) == 0x08 && bytes == 2) width = (width + 1) & ~1U;
    // One that does not fit keeps stock busy for ever.
    const bool solid = pattern && expand && (extension & 4) != 0 && (mode & 8) == 0;
    put(0x00, dice.any(), 4);
    put(0x04, dice.any(), 4);
    put(0x08, width - 1, 2);
    put(0x0a, dice.below(12), 2);
    put(0x0c, dice.below(6) == 0 && !solid ? dice.below(64) : 640, 2);
    put(0x0e, dice.below(6) == 0 ? dice.below(64) : 640, 2);
    put(0x10, solid ? dice.below(0xc000) : dice.place(), 3);
    put(0x14, source, 3);
    put(0x17, skip, 1);
    put(0x18, mode, 1);
    put(0x1a, dice.rop(), 1);
    put(0x1b, extension, 1);
    put(0x1c, dice.any(), 2);
    put(0x40, 0x00, 1);
    put(0x40, 0x02, 1);
    for (unsigned sent = 0; sent < 2000; ++sent) {
      if (((*this)(fmt::format("readb {:#x}", kBlit + 0x40)).ends_with("0000"))) break;
      static constexpr unsigned kTo[] = {0xa0000, 0xa8004, kAperture, kMemory + 0x100};
      write32(kTo[dice.below(4)], dice.any());
    }
    put(0x40, 0x04, 1);
    put(0x40, 0x00, 1);
    if (dice.below(10) == 0) memory();
  }
};

TEST_F(CirrusBlits, Random) {
  start_card("cirrus-blits");
  play(1, 120);
  play(2, 120);
}

}  // namespace
}  // namespace qtest_test
