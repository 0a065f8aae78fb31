// A PIIX3 IDE function on the bench, and the register sequences of a driver.
#pragma once

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "hw/emul/ide/atapi_regs.h"
#include "hw/emul/ide/bus_master_regs.h"
#include "hw/emul/ide/piix3_ide.h"
#include "tests/bench/bench.h"

namespace ide {

using namespace core;  // NOLINT(google-build-using-namespace): tests read better without

inline constexpr u16 kPrimary = 0x1f0;
inline constexpr u16 kSecondary = 0x170;
inline constexpr u16 kPrimaryControl = 0x3f6;
inline constexpr u16 kSecondaryControl = 0x376;
inline constexpr u16 kBmBase = 0xc000;
inline constexpr u8 kDevfn = pci::devfn(1, 1);
inline constexpr u64 kDiskSectors = 20480;
inline constexpr u64 kDiscFrames = 1000;

/// Disk on the primary master, CD on the secondary master, nothing else.
class IdeTest : public ::testing::Test {
 protected:
  void SetUp() override { build({disk_config(), std::nullopt, cd_config(), std::nullopt}); }

  void build(const DriveConfigs& configs) {
    controller.reset();
    controller = std::make_unique<Piix3Ide>(bench.pci, kDevfn, bench.irq.line(14),
                                            bench.irq.line(15), configs);
    static const std::vector<u8> kDiskImage = image(kDiskSectors * 512, 0);
    static const std::vector<u8> kDiscImage = image(kDiscFrames * 2048, 77);
    disk.bytes = kDiskImage;
    cd.bytes = kDiscImage;
    bench.pci.config_write(kDevfn, pci::bar_register(kBmBar), kBmBase, 4);
    bench.pci.config_write(kDevfn, pci::kCommand, 0x0005, 2);  // I/O, bus master
  }
  DriveConfig disk_config() { return {.kind = DriveKind::kDisk, .backend = &disk}; }
  DriveConfig cd_config() { return {.kind = DriveKind::kCdrom, .backend = &cd}; }

  static u8 pattern(u64 at) { return low<u8>(at * 7 + at / 512 * 13 + at / 131072); }
  static std::vector<u8> image(u64 size, u64 shift) {
    std::vector<u8> bytes(size);
    for (u64 i = 0; i < size; ++i) bytes[i] = pattern(i + shift);
    return bytes;
  }
  /// Whether `bytes` is what the image holds from `sector` on.
  static ::testing::AssertionResult holds(const std::vector<u8>& bytes, u64 sector, u64 shift = 0) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != pattern(sector * 512 + i + shift)) {
        return ::testing::AssertionFailure() << "byte " << i << " differs";
      }
    }
    return ::testing::AssertionSuccess();
  }

  u8 status(u16 base = kPrimary) { return bench.inb(base + kStatus); }
  u8 alternate(u16 control = kPrimaryControl) { return bench.inb(control); }

  void select(u16 base, u8 device) { bench.outb(base + kDevice, device); }
  /// LBA28 task file.
  void task_file(u16 base, u64 lba, u32 count, u8 unit = 0) {
    select(base, low<u8>(0xe0u | u32{unit} << 4 | (lba >> 24 & 0xf)));
    bench.outb(base + kSectorCount, low<u8>(count));
    bench.outb(base + kLbaLow, low<u8>(lba));
    bench.outb(base + kLbaMid, low<u8>(lba >> 8));
    bench.outb(base + kLbaHigh, low<u8>(lba >> 16));
  }
  /// LBA48: previous contents first.
  void task_file_ext(u16 base, u64 lba, u32 count) {
    select(base, 0x40);
    for (const unsigned half : {1u, 0u}) {
      bench.outb(base + kSectorCount, low<u8>(count >> (half * 8)));
      bench.outb(base + kLbaLow, low<u8>(lba >> (half * 24)));
      bench.outb(base + kLbaMid, low<u8>(lba >> (half * 24 + 8)));
      bench.outb(base + kLbaHigh, low<u8>(lba >> (half * 24 + 16)));
    }
  }
  void command(u16 base, u8 opcode) { bench.outb(base + kStatus, opcode); }

  /// `rep insw` of `bytes` bytes.
  std::vector<u8> take(u16 base, std::size_t bytes, unsigned width = 2) {
    std::vector<u8> data(bytes);
    bench.pio.read_string(base, width, data);
    return data;
  }
  void give(u16 base, const std::vector<u8>& data) { bench.pio.write_string(base, 2, data); }

  std::vector<u8> identify(u16 base, u8 opcode, u8 unit = 0) {
    select(base, low<u8>(0xa0 | unit << 4));
    command(base, opcode);
    return take(base, 512);
  }
  static u16 word(const std::vector<u8>& data, unsigned index) {
    return load_le<u16>(&data[index * 2]);
  }
  static std::string text(const std::vector<u8>& data, unsigned index, unsigned words) {
    std::string result;
    for (unsigned i = 0; i < words * 2; ++i) {
      result += static_cast<char>(data[index * 2 + (i ^ 1)]);
    }
    return result.substr(0, result.find_last_not_of(' ') + 1);
  }

  // Bus master.
  u16 bm(u16 base) { return low<u16>(kBmBase + (base == kSecondary ? 8 : 0)); }
  struct Region {
    u32 gpa;
    u32 bytes;
  };
  void prd_table(u32 at, const std::vector<Region>& regions) {
    for (std::size_t i = 0; i < regions.size(); ++i) {
      const u32 end = i + 1 == regions.size() ? 0x80000000u : 0;
      bench.ram.put<u32>(at + i * 8, regions[i].gpa);
      bench.ram.put<u32>(at + i * 8 + 4, (regions[i].bytes & 0xffff) | end);
    }
  }
  /// What ata_piix does before the command: table, direction, clear status.
  void bm_setup(u16 base, u32 table, bool to_memory) {
    bench.outl(bm(base) + kBmTableAddress, table);
    bench.outb(bm(base) + kBmCommand, to_memory ? 8 : 0);
    bench.outb(bm(base) + kBmStatus, bench.inb(bm(base) + kBmStatus) | 0x06);
  }
  void bm_start(u16 base) {
    bench.outb(bm(base) + kBmCommand, bench.inb(bm(base) + kBmCommand) | 1);
  }
  void bm_stop(u16 base) {
    bench.outb(bm(base) + kBmCommand, bench.inb(bm(base) + kBmCommand) & 0xfe);
  }
  u8 bm_status(u16 base) { return bench.inb(bm(base) + kBmStatus); }

  // Packets.
  using Cdb = std::array<u8, 12>;
  void packet(const Cdb& cdb, u16 byte_count = 0xfffe, u8 features = 0) {
    select(kSecondary, 0xa0);
    bench.outb(kSecondary + kError, features);
    bench.outb(kSecondary + kLbaMid, low<u8>(byte_count));
    bench.outb(kSecondary + kLbaHigh, low<u8>(byte_count >> 8));
    command(kSecondary, kPacket);
    give(kSecondary, {cdb.begin(), cdb.end()});
    cd.complete_all();
  }
  /// All data of a packet by PIO, block by block as the drive sizes them.
  std::vector<u8> packet_data() {
    std::vector<u8> data;
    for (int blocks = 0; blocks < 100000 && (alternate(kSecondaryControl) & kStatusDrq); ++blocks) {
      const u32 high = bench.inb(kSecondary + kLbaHigh);
      const u32 count = high << 8 | bench.inb(kSecondary + kLbaMid);
      status(kSecondary);
      const std::vector<u8> block = take(kSecondary, (count + 1) & ~1u);
      data.insert(data.end(), block.begin(), block.begin() + count);
      cd.complete_all();
    }
    return data;
  }
  /// Sense key << 8 | ASC.
  u32 sense() {
    packet({kRequestSense, 0, 0, 0, 18});
    const std::vector<u8> data = packet_data();
    return data.size() == 18 ? u32{data[2]} << 8 | data[12] : ~0u;
  }

  bench::Bench bench;
  bench::FakeDisk disk{kDiskSectors};
  bench::FakeDisk other{kDiskSectors};
  bench::FakeDisk cd{kDiscFrames * 4};
  std::unique_ptr<Piix3Ide> controller;
};

}  // namespace ide
