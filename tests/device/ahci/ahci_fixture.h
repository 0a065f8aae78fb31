// An AHCI controller on the bench, and the register sequences of a driver (Linux's ahci).
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "hw/emul/ahci/ahci.h"
#include "hw/emul/ide/atapi_regs.h"
#include "tests/bench/bench.h"

namespace ahci {

using namespace core;  // NOLINT(google-build-using-namespace): tests read better without

inline constexpr u8 kDevfn = pci::devfn(4, 0);
inline constexpr u32 kBase = 0xf2000000;
inline constexpr u16 kIndexPort = 0xc100;
inline constexpr u64 kDiskSectors = 8192;
inline constexpr u64 kDiscFrames = 300;

// Memory of the driver, for each port 64 KiB from here on.
inline constexpr u64 kArena = 0x40000;
inline constexpr u64 kArenaSize = 0x10000;
inline constexpr u64 kFrames = 0x400;   // behind the command list
inline constexpr u64 kTables = 0x1000;  // 0x400 each
inline constexpr u64 kTableStride = 0x400;
inline constexpr u64 kData = 0x200000;

struct Piece {
  u64 gpa;
  u32 bytes;
};

/// A disk on port 0, a CD drive on port 1, nothing else.
class AhciTest : public ::testing::Test {
 protected:
  void SetUp() override { build(); }

  void build() {
    controller.reset();
    DriveConfigs drives;
    drives[0] = ide::DriveConfig{.kind = ide::DriveKind::kDisk, .backend = &disk};
    drives[1] = ide::DriveConfig{.kind = ide::DriveKind::kCdrom, .backend = &cd};
    static const std::vector<u8> kDiskImage = image(kDiskSectors * 512, 0);
    static const std::vector<u8> kDiscImage = image(kDiscFrames * 2048, 77);
    disk.bytes = kDiskImage;
    cd.bytes = kDiscImage;
    controller = std::make_unique<Ahci>(bench.pci, kDevfn, drives);
    controller->reset();
    place();
  }
  void place() {
    bench.pci.config_write(kDevfn, pci::bar_register(kRegisterBar), kBase, 4);
    bench.pci.config_write(kDevfn, pci::bar_register(kIndexBar), kIndexPort, 4);
    bench.pci.config_write(kDevfn, pci::kCommand, 0x0007, 2);
  }
  static u8 pattern(u64 at) { return low<u8>(at * 7 + at / 512 * 13 + at / 131072); }

  static std::vector<u8> image(u64 size, u64 shift) {
    std::vector<u8> bytes(size);
    for (u64 i = 0; i < size; ++i) bytes[i] = pattern(i + shift);
    return bytes;
  }

  u32 host(u32 reg) { return low<u32>(bench.peek(kBase + reg, 4)); }
  void set_host(u32 reg, u32 value) { bench.poke(kBase + reg, value, 4); }
  u32 port(unsigned number, u32 reg) { return host(kPortRegisters + number * kPortStride + reg); }
  void set_port(unsigned number, u32 reg, u32 value) {
    set_host(kPortRegisters + number * kPortStride + reg, value);
  }
  static u64 arena(unsigned number) { return kArena + number * kArenaSize; }
  static u64 table(unsigned number, unsigned slot) {
    return arena(number) + kTables + slot * kTableStride;
  }
  u8* frame(unsigned number, u64 offset) { return &bench.ram[arena(number) + kFrames + offset]; }
  bool intx() { return bench.intx.level(4, 0); }

  /// As ahci_port_start and ahci_enable_ahci: memory, frames, interrupts, the list.
  void start_port(unsigned number) {
    set_host(kGhc, kGhcAhciEnable | kGhcInterruptEnable);
    set_port(number, kPxClb, low<u32>(arena(number)));
    set_port(number, kPxClbu, 0);
    set_port(number, kPxFb, low<u32>(arena(number) + kFrames));
    set_port(number, kPxFbu, 0);
    set_port(number, kPxCmd, 0x16);
    set_port(number, kPxIs, ~0u);
    set_port(number, kPxIe, 0x7dc0007f);
    set_port(number, kPxCmd, 0x17);
  }
  void stop_list(unsigned number) { set_port(number, kPxCmd, 0x16); }
  /// What Linux does after an error: stop, forget, start.
  void recover(unsigned number) {
    stop_list(number);
    EXPECT_EQ(port(number, kPxCmd) & kCmdListRunning, 0u);
    set_port(number, kPxIs, port(number, kPxIs));
    set_port(number, kPxCmd, 0x17);
  }

  using Frame = std::array<u8, 20>;
  static Frame register_frame(u8 command, u64 lba, u32 count, u8 feature = 0) {
    return {0x27,
            0x80,
            command,
            feature,
            low<u8>(lba),
            low<u8>(lba >> 8),
            low<u8>(lba >> 16),
            0x40,
            low<u8>(lba >> 24),
            low<u8>(lba >> 32),
            low<u8>(lba >> 40),
            0,
            low<u8>(count),
            low<u8>(count >> 8)};
  }
  static Frame queued_frame(bool write, unsigned tag, u64 lba, u32 count, bool fua = false) {
    Frame frame = register_frame(write ? 0x61 : 0x60, lba, tag << 3, low<u8>(count));
    frame[11] = low<u8>(count >> 8);
    if (fua) frame[7] |= 0x80;
    return frame;
  }
  void prepare(unsigned number, unsigned slot, const Frame& frame, const std::vector<Piece>& pieces,
               u16 flags = 0) {
    const u64 header = arena(number) + slot * 32;
    bench.ram.put<u16>(header, low<u16>(5 | flags));
    bench.ram.put<u16>(header + 2, low<u16>(pieces.size()));
    bench.ram.put<u32>(header + 4, 0xdeadbeef);
    bench.ram.put<u64>(header + 8, table(number, slot));
    EXPECT_TRUE(bench.ram.write(table(number, slot), frame));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const u64 at = table(number, slot) + 0x80 + i * 16;
      bench.ram.put<u64>(at, pieces[i].gpa);
      bench.ram.put<u64>(at + 8, u64{pieces[i].bytes - 1} << 32);
    }
  }
  void issue(unsigned number, unsigned slot) { set_port(number, kPxCi, 1u << slot); }
  u32 moved(unsigned number, unsigned slot) {
    return bench.ram.get<u32>(arena(number) + slot * 32 + 4);
  }
  /// One command of the disk without a queue; true if it ended well.
  bool command(const Frame& frame, const std::vector<Piece>& pieces = {}, u16 flags = 0,
               unsigned number = 0) {
    prepare(number, 0, frame, pieces, flags);
    issue(number, 0);
    disk.complete_all();
    cd.complete_all();
    return (port(number, kPxCi) & 1) == 0;
  }
  static constexpr u16 kWriteFlag = 0x40;
  static constexpr u16 kAtapiFlag = 0x20;
  bool packet(const std::array<u8, 12>& cdb, const std::vector<Piece>& pieces, bool dma,
              u16 limit = 0x800) {
    Frame frame = register_frame(0xa0, u64{limit} << 8, 0, dma ? 1 : 0);
    prepare(1, 0, frame, pieces, kAtapiFlag);
    EXPECT_TRUE(bench.ram.write(table(1, 0) + 0x40, cdb));
    issue(1, 0);
    cd.complete_all();
    return (port(1, kPxCi) & 1) == 0;
  }

  void expect_disk(u64 gpa, u64 sector, u64 bytes, u64 shift = 0) {
    for (u64 i = 0; i < bytes; ++i) {
      ASSERT_EQ(bench.ram[gpa + i], pattern(sector * 512 + i + shift)) << "byte " << i;
    }
  }

  bench::Bench bench;
  bench::FakeDisk disk{kDiskSectors};
  bench::FakeDisk cd{kDiscFrames * 4};
  std::unique_ptr<Ahci> controller;
};

}  // namespace ahci
