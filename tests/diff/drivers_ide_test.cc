// Disks and CD drives as whole drivers use them: Linux's ata_piix and libata, Windows' atapi;
// resets in the middle of each kind of transfer. The sequences are of the drivers' behaviour, not
// their code.
#include "tests/diff/ide_script.h"

namespace diff {
namespace {

class IdeDrivers : public Ide {
 protected:
  static u16 port(u16 base, unsigned offset) { return static_cast<u16>(base + offset); }

  void control(Pair& pair, u16 base, u32 value) { pair.out(port(base, 0x206), value); }
  u16 master(u16 base) const { return port(master_, base == kPrimary ? 0 : 8); }

  void start(Pair& pair) {
    pair.set_up_pci();
    master_ = static_cast<u16>(pair.bar(0x8086, 0x7010, 4));
    ASSERT_NE(master_, 0);
  }
  /// Status and bus master acknowledged, as libata does before it lets interrupts through.
  void clear(Pair& pair, u16 base) {
    pair.in(port(base, 7));
    pair.out(port(master(base), 2), pair.in(port(master(base), 2)));
    pair.in(port(master(base), 2));
  }
  /// Does the drive keep what is written: libata's presence check.
  void present(Pair& pair, u16 base, u32 device) {
    pair.out(port(base, 6), device);
    for (const auto& [count, low] : {std::pair{0x55U, 0xaaU}, {0xaaU, 0x55U}, {0x55U, 0xaaU}}) {
      pair.out(port(base, 2), count);
      pair.out(port(base, 3), low);
    }
    pair.in(port(base, 2));
    pair.in(port(base, 3));
  }
  /// With interrupts masked, as libata resets a channel.
  void soft_reset(Pair& pair, u16 base) {
    control(pair, base, 0x0a);
    clear(pair, base);
    present(pair, base, 0xa0);
    present(pair, base, 0xb0);
    pair.out(port(base, 6), 0xa0);
    for (const u32 value : {0x0aU, 0x0eU, 0x0aU}) control(pair, base, value);
    pair.wait(port(base, 0x206), 0x80, 0);
    for (const u32 device : {0xa0U, 0xb0U}) {
      pair.out(port(base, 6), device);
      registers(pair, base);
      pair.in(port(base, 7));
    }
    pair.out(port(base, 6), 0xa0);
    clear(pair, base);
    control(pair, base, 0x08);
    pair.interrupts();
  }
  /// PIO data in with interrupts masked.
  void polled_read(Pair& pair, const Task& task, u16 base) {
    control(pair, base, 0x0a);
    begin(pair, task, base);
    pair.wait(port(base, 0x206), 0x80, 0);
    if ((pair.in(port(base, 7)) & 0x08) != 0) pair.ins(base, 2, 0x20000, 256);
    pair.in(port(base, 0x206));
    pair.in(port(base, 7));
    control(pair, base, 0x08);
    pair.interrupts();
  }
  void set_mode(Pair& pair, u32 mode, u32 device, u16 base) {
    plain(pair, {.command = 0xef, .count = mode, .feature = 0x03, .device = device}, base);
  }

  void program(Pair& pair, u16 base, u32 address, u32 bytes, u32 direction) {
    const std::array<u32, 2> entry{address, bytes | 0x80000000};
    pair.set_ram(0x8000, {reinterpret_cast<const u8*>(entry.data()), sizeof entry});
    pair.out(port(master(base), 4), 0x8000, 4);
    pair.out(port(master(base), 2), pair.in(port(master(base), 2)) | 6);
    pair.out(master(base), direction);
  }
  /// libata's interrupt handler.
  void handle(Pair& pair, u16 base, u32 direction) {
    pair.wait_interrupt(base == kPrimary ? "isa 14 1" : "isa 15 1");
    pair.in(port(master(base), 2));
    pair.out(master(base), direction);
    pair.in(port(base, 0x206));
    pair.in(port(base, 7));
    pair.out(port(master(base), 2), pair.in(port(master(base), 2)));
    pair.in(port(master(base), 2));
    pair.interrupts();
  }
  void dma48(Pair& pair, u32 command, u64 lba, u32 count, u32 direction) {
    program(pair, kPrimary, 0x30000, count * 512, direction);
    begin48(pair, command, lba, count);
    pair.out(master_, direction | 1);
    handle(pair, kPrimary, direction);
    registers(pair);
    pair.ram(0x30000, 0x8000);
  }
  void packet_dma(Pair& pair, std::array<u8, 12> bytes, u32 length) {
    program(pair, kSecondary, 0x30000, length, 8);
    begin(pair, {.command = 0xa0, .lba = 0, .count = 0, .feature = 1, .device = 0xa0}, kSecondary);
    pair.wait(kSecondary + 0x206, 0x88, 0x08);
    pair.set_ram(0x29000, bytes);
    pair.outs(kSecondary, 2, 0x29000, 6);
    pair.out(master(kSecondary), 9);
    handle(pair, kSecondary, 8);
    registers(pair, kSecondary);
    pair.ram(0x30000, 0x8000);
  }

  u16 master_ = 0;
};

TEST_F(IdeDrivers, LinuxDisks) {
  Pair pair("linux-disks", config());
  DIFF_START(pair);
  start(pair);
  pair.at("ata_piix");
  for (const unsigned reg : {0x00U, 0x04U, 0x08U, 0x40U, 0x44U, 0x48U, 0x54U}) {
    pair.config({1, 1}, reg);
  }
  pair.set_config({1, 1}, 4, pair.config({1, 1}, 4, 2) | 5, 2);
  pair.config({1, 1}, 4, 2);
  for (const u16 base : {kPrimary, kSecondary}) {
    pair.at(fmt::format("reset of {:#x}", base));
    soft_reset(pair, base);
  }
  for (const u32 device : {0xa0U, 0xb0U}) {
    pair.at(fmt::format("device {:#x}", device));
    polled_read(pair, {.command = 0xec, .device = device}, kPrimary);
    pair.set_config({1, 1}, 0x40, device == 0xa0 ? 0xa307 : 0xa377, 2);
    pair.set_config({1, 1}, 0x44, 0x0b, 1);
    for (const unsigned reg : {0x40U, 0x44U}) pair.config({1, 1}, reg);
    set_mode(pair, 0x0c, device, kPrimary);
    set_mode(pair, 0x22, device, kPrimary);
    polled_read(pair, {.command = 0xec, .device = device}, kPrimary);
    plain(pair, {.command = 0xc6, .count = 16, .device = device});
  }
  pair.at("largest address");
  begin48(pair, 0x27, 0, 0);
  settle(pair);
  for (u64 lba = 0; lba < 64; lba += 16) {
    pair.at(fmt::format("read {}", lba));
    dma48(pair, 0x25, lba, 16, 8);
  }
  pair.at("write");
  pair.fill_ram(0x30000, 0xd1, 0x8000);
  dma48(pair, 0x35, 500, 8, 0);
  pair.at("flush");
  begin48(pair, 0xea, 0, 0);
  pair.wait_interrupt("isa 14 1");
  settle(pair);
  pair.at("written");
  dma48(pair, 0x25, 496, 16, 8);
  pair.at("beyond the end");
  program(pair, kPrimary, 0x30000, 8 * 512, 8);
  begin48(pair, 0x25, kSectors - 2, 8);
  pair.out(master_, 9);
  pair.wait_interrupt("isa 14 1");
  pair.in(port(master_, 2));
  pair.out(master_, 8);
  registers(pair);
  pair.at("error handling");
  soft_reset(pair, kPrimary);
  polled_read(pair, {.command = 0xec, .device = 0xa0}, kPrimary);
  set_mode(pair, 0x22, 0xa0, kPrimary);
  pair.at("again");
  dma48(pair, 0x25, kSectors - 8, 8, 8);
}

TEST_F(IdeDrivers, LinuxCd) {
  Pair pair("linux-cd", config());
  DIFF_START(pair);
  start(pair);
  pair.set_config({1, 1}, 4, 5, 2);
  soft_reset(pair, kSecondary);
  pair.at("probe");
  polled_read(pair, {.command = 0xa1, .device = 0xa0}, kSecondary);
  set_mode(pair, 0x0c, 0xa0, kSecondary);
  set_mode(pair, 0x22, 0xa0, kSecondary);
  polled_read(pair, {.command = 0xa1, .device = 0xa0}, kSecondary);
  pair.at("unit attention");
  packet(pair, {0x00});
  sense(pair);
  packet(pair, {0x00});
  pair.at("sr");
  packet(pair, {0x12, 0, 0, 0, 36});
  packet(pair, {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 128});
  packet(pair, {0x46, 2, 0, 0, 0, 0, 0, 0, 8});
  packet(pair, {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8});
  packet(pair, {0x25}, 8);
  packet(pair, {0x43, 0, 0, 0, 0, 0, 0, 0, 12});
  packet(pair, {0x1e, 0, 0, 0, 1});
  for (u8 block = 0; block < 16; block = static_cast<u8>(block + 4)) {
    pair.at(fmt::format("read {}", block));
    packet_dma(pair, {0x28, 0, 0, 0, 0, block, 0, 0, 4}, 4 * 2048);
  }
  pair.at("beyond the end");
  packet(pair, {0x28, 0, 0, 0, 1, 0x2c, 0, 0, 1});
  sense(pair);
  pair.at("error handling");
  soft_reset(pair, kSecondary);
  polled_read(pair, {.command = 0xa1, .device = 0xa0}, kSecondary);
  set_mode(pair, 0x22, 0xa0, kSecondary);
  packet(pair, {0x00});
  sense(pair);
  packet_dma(pair, {0x28, 0, 0, 0, 0, 1, 0, 0, 1}, 2048);
  packet(pair, {0x1e, 0, 0, 0, 0});
}

TEST_F(IdeDrivers, Windows) {
  Pair pair("windows-ide", config());
  DIFF_START(pair);
  start(pair);
  pair.set_config({1, 1}, 4, 5, 2);
  for (const u16 base : {kPrimary, kSecondary}) {
    for (const u32 device : {0xa0U, 0xb0U}) {
      pair.at(fmt::format("{:#x} device {:#x}", base, device));
      pair.out(port(base, 6), device);
      pair.in(port(base, 7));
      pair.out(port(base, 4), 0xaa);
      pair.out(port(base, 5), 0x55);
      const bool there = pair.in(port(base, 4)) == 0xaa;
      pair.in(port(base, 5));
      if (!there) continue;
      // A packet device hears its own reset and shows its signature; a disk refuses it.
      pair.out(port(base, 7), 0x08);
      pair.wait(port(base, 0x206), 0x80, 0);
      registers(pair, base);
      const bool packet_device = pair.in(port(base, 4)) == 0x14;
      pair.in(port(base, 7));
      pair.interrupts();
      begin(pair, {.command = packet_device ? 0xa1U : 0xecU, .device = device}, base);
      if ((pair.wait(port(base, 0x206), 0x80, 0) & 0x08) == 0) {
        settle(pair, base);  // the other drive answered for one that is not there
        continue;
      }
      read_blocks(pair, 1, 256, base);
      if (packet_device) continue;
      plain(pair, {.command = 0x10, .device = device}, base);
      plain(pair, {.command = 0xc6, .count = 16, .device = device}, base);
      plain(pair, {.command = 0xda, .device = device}, base);
      plain(pair, {.command = 0xef, .feature = 0x02, .device = device}, base);
      set_mode(pair, 0x22, device, base);
    }
  }
  pair.at("boot sector");
  program(pair, kPrimary, 0x30000, 512, 8);
  begin(pair, {.command = 0xc8, .lba = 0});
  pair.out(master_, 9);
  handle(pair, kPrimary, 8);
  pair.ram(0x30000, 512);
  pair.at("CD");
  packet(pair, {0x12, 0, 0, 0, 36});
  packet(pair, {0x00});
  sense(pair);
  packet(pair, {0x25}, 8);
  packet(pair, {0x51, 0, 0, 0, 0, 0, 0, 0, 34});
  packet(pair, {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8});
  packet_dma(pair, {0x28, 0, 0, 0, 0, 16, 0, 0, 1}, 2048);
  pair.at("idle");
  plain(pair, {.command = 0xe5});
  plain(pair, {.command = 0xe0});
  plain(pair, {.command = 0xe5});
}

TEST_F(IdeDrivers, ResetsInTheMiddle) {
  Pair pair("ide-resets", config());
  DIFF_START(pair);
  start(pair);
  pair.set_config({1, 1}, 4, 5, 2);
  const auto still_works = [&] {
    soft_reset(pair, kPrimary);
    begin(pair, {.command = 0x20, .lba = 77, .count = 2});
    read_blocks(pair, 2, 256);
  };
  for (const u32 words : {0U, 1U, 255U, 256U, 300U}) {
    pair.at(fmt::format("reading, after {} words", words));
    begin(pair, {.command = 0x20, .lba = 30, .count = 3});
    for (u32 left = words; left != 0;) {
      const u32 some = std::min(left, 256U);
      pair.wait(kPrimary + 0x206, 0x88, 0x08);
      pair.ins(kPrimary, 2, 0x20000, some);
      left -= some;
    }
    pair.wait(kPrimary + 0x206, 0x88, 0x08);
    still_works();
    pair.at(fmt::format("writing, after {} words", words));
    begin(pair, {.command = 0x30, .lba = 90, .count = 3});
    for (u32 left = words; left != 0;) {
      const u32 some = std::min(left, 256U);
      pair.wait(kPrimary + 0x206, 0x88, 0x08);
      pair.fill_ram(0x28000, 0x3c, 512);
      pair.outs(kPrimary, 2, 0x28000, some);
      left -= some;
    }
    pair.wait(kPrimary + 0x206, 0x88, 0x08);
    still_works();
    begin(pair, {.command = 0x20, .lba = 90, .count = 3});
    read_blocks(pair, 3, 256);
  }
  pair.at("bus master, not started");
  program(pair, kPrimary, 0x30000, 512, 8);
  begin(pair, {.command = 0xc8, .lba = 5});
  pair.in(port(master_, 2));
  still_works();
  pair.in(port(master_, 2));
  pair.at("half a packet");
  begin(pair, {.command = 0xa0, .lba = 0x80000, .count = 0, .device = 0xa0}, kSecondary);
  pair.wait(kSecondary + 0x206, 0x88, 0x08);
  pair.outs(kSecondary, 2, 0x29000, 3);
  soft_reset(pair, kSecondary);
  packet(pair, {0x12, 0, 0, 0, 36});
  pair.at("half of the answer");
  begin(pair, {.command = 0xa0, .lba = 0x80000, .count = 0, .device = 0xa0}, kSecondary);
  pair.wait(kSecondary + 0x206, 0x88, 0x08);
  pair.set_ram(0x29000, std::array<u8, 12>{0x12, 0, 0, 0, 36});
  pair.outs(kSecondary, 2, 0x29000, 6);
  pair.wait(kSecondary + 0x206, 0x88, 0x08);
  pair.ins(kSecondary, 2, 0x20000, 5);
  pair.out(kSecondary + 7, 0x08);  // DEVICE RESET: its own
  pair.wait(kSecondary + 0x206, 0x80, 0);
  registers(pair, kSecondary);
  soft_reset(pair, kSecondary);
  packet(pair, {0x12, 0, 0, 0, 36});
}

}  // namespace
}  // namespace diff
