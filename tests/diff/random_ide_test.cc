// Random scripts of the IDE controller: task files, data in pieces, packets, bus master transfers
// into RAM, resets in the middle. A soft reset of the CD drive's channel is done with interrupts
// masked (differences.h, ide-reset), no READ VERIFY goes beyond the end, and MODE SENSE does not
// ask for the audio page alone, of which stock hands out what its buffer held before.
#include "tests/diff/dice.h"
#include "tests/diff/ide_script.h"

namespace diff {
namespace {

constexpr u64 kTable = 0x8000;
constexpr u64 kBuffers = 0x30000;
constexpr u64 kBufferBytes = 0x60000;

class RandomIde : public Ide {
 protected:
  static u16 port(u16 base, unsigned offset) { return static_cast<u16>(base + offset); }
  u16 master(u16 base) const { return port(master_, base == kPrimary ? 0 : 8); }

  void start(Pair& pair) {
    pair.set_up_pci();
    master_ = static_cast<u16>(pair.bar(0x8086, 0x7010, 4));
    ASSERT_NE(master_, 0);
    pair.set_config({1, 1}, 4, 5, 2);
    multiple_[0] = multiple_[1] = 16;
  }

  void soft_reset(Pair& pair, u16 base) {
    pair.out(port(base, 0x206), 0x02);
    pair.out(port(base, 0x206), 0x06);
    pair.in(port(base, 0x206));
    pair.out(port(base, 0x206), 0x02);
    pair.out(port(base, 6), 0xa0);  // stock leaves the second drive selected
    pair.wait(port(base, 0x206), 0x80, 0);
    registers(pair, base);
    pair.in(port(base, 7));
    pair.out(port(base, 0x206), 0x00);
    pair.interrupts();
  }

  /// `blocks` of so many words, in pieces of any size; false if a reset ended it.
  bool data(Pair& pair, Dice& dice, u16 base, u32 words, u32 block, bool write) {
    while (words != 0 && !pair.lost()) {
      u32 left = std::min(words, block);
      const u32 status = pair.wait(port(base, 0x206), 0x80, 0);
      pair.interrupts();
      if (dice.one_in(2)) pair.in(port(base, 7));
      if ((status & 0x08) == 0) return true;
      words -= left;
      while (left != 0) {
        u32 some = dice.one_in(3) ? dice.between(1, left) : left;
        if (dice.one_in(60)) {
          soft_reset(pair, base);
          return false;
        }
        if (dice.one_in(40)) pair.out(port(base, 7), 0xec);  // not heard
        const u64 at = 0x20000;
        if (write) {
          pair.fill_ram(at, static_cast<u8>(dice.any()), u64{some} * 2);
          pair.outs(base, 2, at, some);
        } else if (some % 2 == 0 && dice.one_in(3)) {
          pair.ins(base, 4, at, some / 2);
        } else {
          pair.ins(base, 2, at, some);
        }
        left -= some;
        if (left != 0 && dice.one_in(4)) registers(pair, base);
      }
    }
    return true;
  }

  u64 place(Dice& dice, u32 count) {
    if (dice.one_in(20)) return kSectors - dice.below(count + 3);  // over the end
    return dice.below(static_cast<u32>(kSectors) - 300);
  }

  /// Begins with any of the three ways to name a sector.
  void begin_at(Pair& pair, Dice& dice, Task task, u32 extended) {
    const u32 drive = dice.below(2) << 4;
    drive_ = drive >> 4;
    if (extended != 0 && dice.one_in(3)) {
      pair.out(kPrimary + 6, 0x40 | drive);
      for (const int shift : {8, 0}) {
        pair.out(kPrimary + 2, task.count >> shift & 0xff);
        for (int reg = 0; reg < 3; ++reg) {
          pair.out(port(kPrimary, static_cast<unsigned>(3 + reg)),
                   static_cast<u32>(task.lba >> (shift * 3 + reg * 8)) & 0xff);
        }
      }
      pair.out(kPrimary + 7, extended);
      return;
    }
    if (dice.one_in(4)) {
      task.device = 0xa0 | drive;
      task.lba = dice.below(3) << 8 | dice.below(18) | dice.below(4) << 24;
    } else {
      task.device = 0xe0 | drive;
    }
    begin(pair, task);
  }

  void pio(Pair& pair, Dice& dice) {
    struct Kind {
      u32 command, extended;
      bool write, multiple;
    };
    static constexpr Kind kKinds[] = {{0x20, 0x24, false, false}, {0x21, 0x24, false, false},
                                      {0xc4, 0x29, false, true},  {0x30, 0x34, true, false},
                                      {0x31, 0x34, true, false},  {0xc5, 0x39, true, true}};
    const Kind& kind = kKinds[dice.below(std::size(kKinds))];
    const u32 count = dice.one_in(30) ? 256 : dice.between(1, 9);
    begin_at(pair, dice,
             {.command = kind.command, .lba = place(dice, count), .count = count & 0xff},
             kind.extended);
    const u32 block = kind.multiple ? multiple_[drive_] * 256 : 256;
    if (data(pair, dice, kPrimary, count * 256, block, kind.write)) settle(pair);
  }

  /// A table of regions in the buffers, of at least so many bytes unless it is to be short.
  void table(Pair& pair, Dice& dice, u32 bytes) {
    std::vector<u32> entries;
    u32 sum = 0;
    const u32 wanted = dice.one_in(12) ? bytes / 2 : bytes;
    while (sum < wanted) {
      // Within 64 KiB, as the chip asks.
      const u32 start = dice.below(static_cast<u32>(kBufferBytes / 2)) * 2;
      const u32 room = 0x10000 - (start & 0xffff);
      const u32 length = std::min(room, dice.one_in(4) ? 0x10000U : dice.between(1, 0x900) * 2);
      entries.push_back(static_cast<u32>(kBuffers) + start);
      entries.push_back(length & 0xffff);
      sum += length;
    }
    if (entries.empty()) entries = {static_cast<u32>(kBuffers), 2};
    entries.back() |= 0x80000000;
    pair.set_ram(kTable, {reinterpret_cast<const u8*>(entries.data()), entries.size() * 4});
  }

  void prepare(Pair& pair, Dice& dice, u16 base, u32 bytes, u32 direction) {
    table(pair, dice, bytes);
    pair.fill_ram(kBuffers, static_cast<u8>(dice.any()), kBufferBytes);
    pair.out(port(master(base), 4), kTable, 4);
    pair.in(port(master(base), 4), 4);
    pair.out(master(base), direction);
    pair.out(port(master(base), 2), 0x66);
    pair.in(port(master(base), 2));
  }
  /// Until the bus master has stopped or has been interrupted: stock is not busy meanwhile.
  void wait_master(Pair& pair, u16 base) {
    const auto last = [&](xensim::Vcpu& cpu) {
      u32 status = 1;
      for (unsigned i = 0; i < Pair::kPolls && (status & 5) == 1; ++i) {
        status = cpu.in(port(master(base), 2), 1);
      }
      return fmt::format("{:#x}", status);
    };
    pair.same("bus master", last(pair.ours().vcpu()), last(pair.stock().vcpu()));
  }
  void finish(Pair& pair, u16 base, u32 direction) {
    wait_master(pair, base);
    pair.wait(port(base, 0x206), 0x80, 0);
    registers(pair, base);
    pair.in(port(master(base), 2));
    pair.out(master(base), direction);
    pair.in(port(master(base), 2));
    pair.out(port(master(base), 2), 0x66);
    settle(pair, base);
    pair.ram(kBuffers, kBufferBytes);
  }

  void dma(Pair& pair, Dice& dice) {
    const bool write = dice.one_in(2);
    const u32 count = dice.one_in(30) ? 256 : dice.between(1, 40);
    const u32 direction = write ? 0 : 8;
    prepare(pair, dice, kPrimary, count * 512, direction);
    const bool early = dice.one_in(4);
    if (early) pair.out(master_, direction | 1);
    begin_at(pair, dice,
             {.command = write ? 0xcaU : 0xc8U, .lba = place(dice, count), .count = count & 0xff},
             write ? 0x35 : 0x25);
    if (!early) pair.out(master_, direction | 1);
    finish(pair, kPrimary, direction);
  }

  void plain_command(Pair& pair, Dice& dice) {
    const u32 drive = dice.below(2);
    const u32 command =
        dice.of({0x00, 0x10, 0x40, 0x70, 0xc6, 0xc6, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xea,
                 0xef, 0xf8, 0x27, 0x90, 0x08, 0xff, 0xec, 0xa1, 0xb0, 0x94, 0x98, 0xa0});
    Task task{.command = command,
              .lba = command == 0xb0 ? 0xc24f00 : dice.below(1000),
              .count = dice.below(20),
              .feature = 0,
              .device = 0xe0 | drive << 4};
    if (command == 0xc6) task.count = dice.of({1, 2, 4, 8, 16, 16, 3, 0, 32, 0});
    if (command == 0xef) {
      task.feature = dice.of({0x02, 0x82, 0x03, 0x05, 0xaa, 0x55, 0x66, 0xcc, 0x12});
      task.count = dice.of({0x00, 0x08, 0x0c, 0x20, 0x22, 0x42, 0x45});
    }
    if (command == 0xb0) task.feature = dice.of({0xd0, 0xd1, 0xd8, 0xd9, 0xda, 0xd8});
    begin(pair, task);
    const u32 status = pair.wait(kPrimary + 0x206, 0x80, 0);
    if (command == 0xc6 && (status & 1) == 0) multiple_[drive] = std::max(1U, task.count);
    if ((status & 8) != 0) data(pair, dice, kPrimary, 256, 256, false);
    settle(pair);
  }

  std::array<u8, 12> random_packet(Dice& dice) {
    std::array<u8, 12> packet{};
    const auto set = [&](std::initializer_list<u32> bytes) {
      std::size_t at = 0;
      for (const u32 byte : bytes) packet[at++] = static_cast<u8>(byte);
    };
    const u32 lba = dice.one_in(12) ? dice.between(298, 302) : dice.below(290);
    const u32 blocks = dice.below(6);
    switch (dice.below(16)) {
      case 0:
      case 1:
      case 2: set({0x28, 0, 0, 0, lba >> 8, lba & 0xff, 0, 0, blocks}); break;
      case 3: set({0xa8, 0, 0, 0, lba >> 8, lba & 0xff, 0, 0, 0, blocks}); break;
      case 4: set({0x12, dice.below(2), dice.of({0, 0, 0x83}), 0, dice.below(120)}); break;
      case 5:
        set({0x43, dice.of({0, 2}), dice.below(3), 0, 0, 0, dice.below(3), 0, dice.below(64)});
        break;
      case 6:
        set({0x5a, 0, dice.of({0x01, 0x2a, 0x3f, 0x05, 0xc1}), 0, 0, 0, 0, 0, dice.below(100)});
        break;
      case 7:
        set({0x46, dice.below(3), 0, dice.of({0, 3, 0x10, 0x1e}), 0, 0, 0, 0, dice.below(100)});
        break;
      case 8: set({0x4a, dice.below(2), 0, 0, dice.value(1), 0, 0, 0, dice.below(16)}); break;
      case 9:
        set({0xbe, 0, 0, 0, lba >> 8, lba & 0xff, 0, 0, blocks, dice.of({0x10, 0xf8, 0x00, 0x20})});
        break;
      case 10: set({0x51, 0, 0, 0, 0, 0, 0, 0, dice.below(40)}); break;
      case 11: set({0xbd, 0, 0, 0, 0, 0, 0, 0, 0, dice.below(12)}); break;
      case 12: set({0x1e, 0, 0, 0, dice.below(2)}); break;
      case 13: set({0x2b, 0, 0, 0, lba >> 8, lba & 0xff}); break;
      case 14:
        set({dice.of({0x00, 0x25, 0x35, 0x03, 0x2f, 0x2a, 0xff, 0xa4, 0x55}), 0, 0, 0,
             dice.below(24)});
        break;
      default: set({0x03, 0, 0, 0, dice.below(24)}); break;
    }
    return packet;
  }

  void packet_command(Pair& pair, Dice& dice) {
    const std::array<u8, 12> bytes = random_packet(dice);
    pair.at(fmt::format("{} packet {:02x}", where_, fmt::join(bytes, " ")));
    const bool by_dma = dice.one_in(3);
    const u32 limit = dice.of({2048, 2048, 2, 6, 510, 4096, 0xfffe, 0xffff, 0x8000, 31});
    if (by_dma) prepare(pair, dice, kSecondary, 6 * 2352, 8);
    begin(pair,
          {.command = 0xa0,
           .lba = u64{limit} << 8,
           .count = 0,
           .feature = by_dma ? 1U : 0U,
           .device = 0xa0},
          kSecondary);
    pair.wait(kSecondary + 0x206, 0x88, 0x08);
    registers(pair, kSecondary);
    pair.set_ram(0x29000, bytes);
    if (dice.one_in(40)) {
      pair.outs(kSecondary, 2, 0x29000, dice.between(1, 5));
      soft_reset(pair, kSecondary);
      return;
    }
    pair.outs(kSecondary, 2, 0x29000, 6);
    if (by_dma) {
      pair.out(master(kSecondary), 9);
      finish(pair, kSecondary, 8);
      return;
    }
    for (int i = 0; i < 8000 && !pair.lost(); ++i) {
      const u32 status = pair.wait(kSecondary + 0x206, 0x80, 0);
      registers(pair, kSecondary);
      pair.interrupts();
      if ((status & 0x08) == 0) break;
      const u32 now = pair.in(kSecondary + 4) | pair.in(kSecondary + 5) << 8;
      if (now == 0) break;
      if (!data(pair, dice, kSecondary, (now + 1) / 2, (now + 1) / 2, false)) return;
      if (i > 40) {  // enough of small pieces
        soft_reset(pair, kSecondary);
        return;
      }
    }
    settle(pair, kSecondary);
  }

  void task_file(Pair& pair, Dice& dice) {
    const u16 base = dice.one_in(2) ? kPrimary : kSecondary;
    pair.out(port(base, 6), dice.of({0xa0, 0xb0, 0xe0, 0xf0, 0x40, 0x10}));
    for (u32 i = dice.below(6); i > 0; --i) pair.out(port(base, dice.between(1, 5)), dice.value(1));
    if (dice.one_in(4)) pair.out(port(base, 0x206), dice.of({0x08, 0x00, 0x80, 0x88}));
    registers(pair, base);
    pair.out(port(base, 0x206), 0x00);
    pair.out(port(master_, dice.of({1, 2, 3, 9, 10, 11})), dice.value(1));
    for (u16 reg = 0; reg < 16; ++reg) pair.in(port(master_, reg));
    pair.interrupts();
  }

  void cd_as_a_disk(Pair& pair, Dice& dice) {
    begin(pair,
          {.command = dice.of({0x00, 0x20, 0x30, 0xc8, 0xe0, 0xe1, 0xe5, 0xe7, 0xec, 0xef, 0xc6}),
           .lba = dice.below(100),
           .count = dice.of({1, 0x20, 0x0c}),
           .feature = 3,
           .device = dice.of({0xa0, 0xe0, 0xb0})},
          kSecondary);
    settle(pair, kSecondary);
  }

  void play(u32 seed, u32 steps) {
    Pair pair("random-ide", config());
    DIFF_START(pair);
    start(pair);
    Dice dice(seed);
    for (u32 step = 0; step < steps && !pair.lost(); ++step) {
      where_ = fmt::format("seed {} step {}", seed, step);
      const u32 kind = dice.below(20);
      const char* name = kind < 5    ? "PIO"
                         : kind < 10 ? "DMA"
                         : kind < 14 ? "packet"
                         : kind < 16 ? "plain"
                         : kind < 18 ? "task file"
                         : kind < 19 ? "CD as a disk"
                                     : "reset";
      pair.at(fmt::format("{} {}", where_, name));
      if (kind < 5) {
        pio(pair, dice);
      } else if (kind < 10) {
        dma(pair, dice);
      } else if (kind < 14) {
        packet_command(pair, dice);
      } else if (kind < 16) {
        plain_command(pair, dice);
      } else if (kind < 18) {
        task_file(pair, dice);
      } else if (kind < 19) {
        cd_as_a_disk(pair, dice);
      } else {
        soft_reset(pair, dice.one_in(2) ? kPrimary : kSecondary);
      }
    }
  }

  u16 master_ = 0;
  u32 drive_ = 0;
  std::array<u32, 2> multiple_{};
  std::string where_;
};

TEST_F(RandomIde, Scripts) {
  for_each_seed({.seeds = 3, .steps = 150}, [this](u32 seed, u32 steps) { play(seed, steps); });
}

}  // namespace
}  // namespace diff
