// A bench with a Cirrus in it, as its BIOS and drivers use it.
#pragma once

#include "hw/emul/display/cirrus_vga.h"
#include "tests/device/display/screen_bench.h"

namespace bench {

/// Registers of the BitBLT engine for one blit, as a driver would fill them in.
struct BlitSetup {
  u32 width = 1;  // bytes
  u32 height = 1;
  u32 dst = 0, src = 0;
  u32 dst_pitch = 640, src_pitch = 640;
  u8 mode = 0;
  u8 rop = 0x0d;  // the source
  u8 extension = 0;
  u8 skip = 0;
  u16 key = 0;
  u32 foreground = 0, background = 0;
};

class CirrusBench : public Bench {
 public:
  static constexpr u8 kSlot = pci::devfn(2, 0);
  static constexpr u64 kMemoryBar = 0xf0000000;
  static constexpr u64 kRegisterBar = 0xf3000000;
  static constexpr u64 kBlitAperture = kMemoryBar + (16 << 20);
  static constexpr u64 kBlitRegisters = kRegisterBar + 0x100;

  explicit CirrusBench(u32 vgamem_mb = 4, display::CirrusConfig config = {})
      : video(u64{vgamem_mb} << 20),
        card(pci, kSlot, video, clock, with_memory(std::move(config), vgamem_mb)) {
    pci.config_write(kSlot, 0x10, kMemoryBar, 4);
    pci.config_write(kSlot, 0x14, kRegisterBar, 4);
    pci.config_write(kSlot, 0x04, 3, 2);
    outb(0x3c2, 0x67);
  }

  void seq(u8 index, u8 value) { outw(0x3c4, low<u16>(index | value << 8)); }
  void gfx(u8 index, u8 value) { outw(0x3ce, low<u16>(index | value << 8)); }
  void crtc(u8 index, u8 value) { outw(0x3d4, low<u16>(index | value << 8)); }
  u8 seq(u8 index) { return indexed(0x3c4, index); }
  u8 gfx(u8 index) { return indexed(0x3ce, index); }
  u8 crtc(u8 index) { return indexed(0x3d4, index); }
  void attr(u8 index, u8 value) {
    inb(0x3da);
    outb(0x3c0, index);
    outb(0x3c0, value);
    outb(0x3c0, 0x20);
  }
  void hidden_dac(u8 value) {
    inb(0x3c8);
    for (int i = 0; i < 4; ++i) inb(0x3c6);
    outb(0x3c6, value);
  }

  /// 640x480 and packed pixels: SR7 by depth, lines of `pitch` bytes.
  void set_mode(u8 sr7, u32 pitch = 640, u8 dac = 0) {
    seq(1, 0x01);
    seq(2, 0x0f);
    seq(4, 0x0e);
    seq(6, 0x12);
    seq(7, sr7);
    gfx(5, 0x40);
    gfx(6, 0x05);
    crtc(0x11, 0x0c);
    crtc(0x01, 79);
    crtc(0x07, 0x3e);
    crtc(0x09, 0x40);
    crtc(0x12, 0xdf);
    crtc(0x13, low<u8>(pitch / 8));
    crtc(0x17, 0xe3);
    crtc(0x18, 0xff);
    crtc(0x1b, low<u8>(0x22 | (pitch / 8 >> 8) << 4));
    hidden_dac(dac);
    attr(0x10, 0x41);
  }
  void color(u8 index, u8 r, u8 g, u8 b) {
    outb(0x3c8, index);
    for (const u8 level : {r, g, b}) outb(0x3c9, level);
  }

  void wide(u8 index, u32 value, int bytes) {
    for (int i = 0; i < bytes; ++i) gfx(low<u8>(index + i), low<u8>(value >> (i * 8)));
  }
  /// Fills the registers in, and starts the engine.
  void blit(const BlitSetup& setup) {
    const u8 background[] = {0x00, 0x10, 0x12, 0x14};
    const u8 foreground[] = {0x01, 0x11, 0x13, 0x15};
    for (int i = 0; i < 4; ++i) {
      gfx(background[i], low<u8>(setup.background >> (i * 8)));
      gfx(foreground[i], low<u8>(setup.foreground >> (i * 8)));
    }
    wide(0x20, setup.width - 1, 2);
    wide(0x22, setup.height - 1, 2);
    wide(0x24, setup.dst_pitch, 2);
    wide(0x26, setup.src_pitch, 2);
    wide(0x28, setup.dst, 3);
    wide(0x2c, setup.src, 3);
    gfx(0x2f, setup.skip);
    gfx(0x30, setup.mode);
    gfx(0x32, setup.rop);
    gfx(0x33, setup.extension);
    wide(0x34, setup.key, 2);
    gfx(0x31, 0x00);
    gfx(0x31, 0x02);
  }
  bool busy() { return (gfx(0x31) & 0x0b) != 0; }
  /// The processor sends the source, as doublewords.
  void send(std::vector<u8> bytes, u64 to = kBlitAperture) {
    while (bytes.size() % 4 != 0) bytes.push_back(0);
    for (std::size_t i = 0; i < bytes.size(); i += 4) poke(to + i, load_le<u32>(&bytes[i]), 4);
  }
  void refresh(bool full = false) { card.screen().refresh(screen, full); }

  FakeVideo video;
  display::CirrusVga card;
  FakeScreen screen;

 private:
  u8 indexed(u16 port, u8 index) {
    outb(port, index);
    return inb(port + 1u);
  }
  static display::CirrusConfig with_memory(display::CirrusConfig config, u32 vgamem_mb) {
    config.vgamem_mb = vgamem_mb;
    return config;
  }
};

}  // namespace bench
