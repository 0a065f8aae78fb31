// What scripts of IDE disks and CD drives have in common: images, the task file, packets.
//
// Thread: the test's.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "tests/diff/script.h"

namespace diff {

inline constexpr u64 kSectors = 4096;
inline constexpr u16 kPrimary = 0x1f0;
inline constexpr u16 kSecondary = 0x170;

/// An image with a pattern, for as long as the test.
class Image {
 public:
  Image(const char* name, u64 bytes) {
    path_ = std::filesystem::temp_directory_path() / fmt::format("diff-{}-{}", name, ::getpid());
    std::ofstream file(path_, std::ios::binary);
    for (u64 at = 0; at < bytes; ++at) file.put(static_cast<char>(at * 13 + at / 512 * 7));
  }
  ~Image() { std::filesystem::remove(path_); }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A task file of 28 bits.
struct Task {
  u32 command;
  u64 lba = 0;
  u32 count = 1;
  u32 feature = 0;
  u32 device = 0xe0;
};

/// Two disks on the first channel, a CD drive on the second.
class Ide : public ::testing::Test {
 protected:
  Image disk_{"disk", kSectors * 512};
  Image cd_{"cd", 300 * 2048};

  GuestConfig config() const {
    return {.disks = {{.path = disk_.path(), .index = 0},
                      {.path = disk_.path(), .index = 1},
                      {.path = cd_.path(), .index = 2, .cdrom = true}}};
  }
  /// The whole task file; without the status register, which would take the interrupt back.
  void registers(Pair& pair, u16 base = kPrimary) {
    for (u16 reg = 1; reg < 7; ++reg) pair.in(static_cast<u16>(base + reg));
    pair.in(static_cast<u16>(base + 0x206));
  }
  void begin(Pair& pair, const Task& task, u16 base = kPrimary) {
    pair.out(static_cast<u16>(base + 6), task.device | (task.lba >> 24 & 0xf));
    pair.out(static_cast<u16>(base + 1), task.feature);
    pair.out(static_cast<u16>(base + 2), task.count);
    pair.out(static_cast<u16>(base + 3), task.lba & 0xff);
    pair.out(static_cast<u16>(base + 4), task.lba >> 8 & 0xff);
    pair.out(static_cast<u16>(base + 5), task.lba >> 16 & 0xff);
    pair.out(static_cast<u16>(base + 7), task.command);
  }
  void begin48(Pair& pair, u32 command, u64 lba, u32 count, u16 base = kPrimary) {
    pair.out(static_cast<u16>(base + 6), 0x40);
    for (const int shift : {8, 0}) {
      pair.out(static_cast<u16>(base + 2), count >> shift & 0xff);
      pair.out(static_cast<u16>(base + 3), static_cast<u32>(lba >> (shift == 8 ? 24 : 0)) & 0xff);
      pair.out(static_cast<u16>(base + 4), static_cast<u32>(lba >> (shift == 8 ? 32 : 8)) & 0xff);
      pair.out(static_cast<u16>(base + 5), static_cast<u32>(lba >> (shift == 8 ? 40 : 16)) & 0xff);
    }
    pair.out(static_cast<u16>(base + 7), command);
  }
  void settle(Pair& pair, u16 base = kPrimary) {
    pair.wait(static_cast<u16>(base + 0x206), 0x80, 0);
    registers(pair, base);
    pair.interrupts();
    pair.in(static_cast<u16>(base + 7));
    pair.interrupts();
  }
  /// A command without data, or one that fails.
  void plain(Pair& pair, const Task& task, u16 base = kPrimary) {
    pair.at(fmt::format("command {:#x} feature {:#x} lba {:#x} count {}", task.command,
                        task.feature, task.lba, task.count));
    begin(pair, task, base);
    settle(pair, base);
  }
  void read_blocks(Pair& pair, unsigned blocks, unsigned words, u16 base = kPrimary) {
    for (unsigned block = 0; block < blocks; ++block) {
      pair.wait(static_cast<u16>(base + 0x206), 0x88, 0x08);
      pair.interrupts();
      pair.in(static_cast<u16>(base + 7));
      pair.ins(base, 2, 0x20000, words);
    }
    settle(pair, base);
  }
  void write_blocks(Pair& pair, unsigned blocks, unsigned words, u8 fill, u16 base = kPrimary) {
    for (unsigned block = 0; block < blocks; ++block) {
      pair.wait(static_cast<u16>(base + 0x206), 0x88, 0x08);
      pair.fill_ram(0x28000, static_cast<u8>(fill + block), words * 2);
      pair.outs(base, 2, 0x28000, words);
      pair.wait(static_cast<u16>(base + 0x206), 0x80, 0);
      pair.interrupts();
      pair.in(static_cast<u16>(base + 7));
    }
    settle(pair, base);
  }
  void packet(Pair& pair, std::array<u8, 12> bytes, u32 limit = 2048) {
    begin(pair, {.command = 0xa0, .lba = u64{limit} << 8, .count = 0, .device = 0xa0}, kSecondary);
    pair.wait(kSecondary + 0x206, 0x88, 0x08);
    registers(pair, kSecondary);
    pair.set_ram(0x29000, bytes);
    pair.outs(kSecondary, 2, 0x29000, 6);
    for (int i = 0; i < 64; ++i) {
      const u32 status = pair.wait(kSecondary + 0x206, 0x80, 0);
      registers(pair, kSecondary);
      pair.interrupts();
      pair.in(kSecondary + 7);
      if ((status & 0x08) == 0 || pair.lost()) break;
      const u32 bytes_now = pair.in(kSecondary + 4) | pair.in(kSecondary + 5) << 8;
      if (bytes_now == 0 || bytes_now > 0x8000) break;
      pair.ins(kSecondary, 2, 0x20000, bytes_now / 2);
    }
    pair.interrupts();
  }
  void sense(Pair& pair) { packet(pair, {0x03, 0, 0, 0, 18}); }
};

}  // namespace diff
