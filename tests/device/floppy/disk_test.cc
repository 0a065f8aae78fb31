// The controller with disks in its drives, as a BIOS and Linux's floppy driver use it.
#include <gtest/gtest.h>

#include "hw/emul/chipset/i8237.h"
#include "hw/emul/core/state_codec.h"
#include "hw/emul/floppy/fdc.h"
#include "tests/bench/bench.h"

namespace floppy {
namespace {

using core::low;

constexpr u64 kPort = 0x3f0;
constexpr u64 kBuffer = 0x20000;
constexpr u32 kSector = 512;

class FloppyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    build(2880);
    dma.reset();
  }
  void build(u64 sectors, DriveType type = DriveType::kByDisk) {
    fdc.reset();
    disk.bytes = std::vector<u8>(sectors * kSector);
    for (u64 i = 0; i < disk.bytes.size(); ++i) disk.bytes[i] = pattern(i);
    fdc = std::make_unique<Fdc>(bench.pio, bench.irq.line(6), bench.clock, &dma.channel(2),
                                DriveConfigs{DriveConfig{&disk, type}, DriveConfig{&other}});
    write(kDor, 0x1c);
  }
  static u8 pattern(u64 at) { return low<u8>(at * 11 + at / 512 * 3); }
  u8 read(Register reg) { return bench.inb(kPort + reg); }
  void write(Register reg, u8 value) { bench.outb(kPort + reg, value); }
  void send(const std::vector<u8>& bytes) {
    for (const u8 one : bytes) {
      EXPECT_EQ(read(kMsr) & (kMsrRqm | kMsrDio), kMsrRqm);
      write(kFifo, one);
    }
  }
  std::vector<u8> results() {
    std::vector<u8> bytes;
    while ((read(kMsr) & (kMsrRqm | kMsrDio)) == (kMsrRqm | kMsrDio) && bytes.size() < 100) {
      bytes.push_back(read(kFifo));
    }
    return bytes;
  }
  using Answer = std::vector<u8>;

  /// The channel's address, length and direction, as a BIOS programs it; then it is unmasked.
  void program_dma(u32 bytes, bool to_memory, u64 at = kBuffer) {
    bench.outb(0x0a, 6);
    bench.outb(0x0c, 0);
    bench.outb(0x0b, to_memory ? 0x46 : 0x4a);
    bench.outb(0x04, low<u8>(at));
    bench.outb(0x04, low<u8>(at >> 8));
    bench.outb(0x81, low<u8>(at >> 16));
    bench.outb(0x05, low<u8>(bytes - 1));
    bench.outb(0x05, low<u8>((bytes - 1) >> 8));
    bench.outb(0x0a, 2);
  }
  u32 left() {
    bench.outb(0x0c, 0);
    const u32 low_byte = bench.inb(0x05);
    return low_byte | u32{bench.inb(0x05)} << 8;
  }
  Answer data(u8 opcode, u8 track, u8 head, u8 sector, u8 eot = 18, u8 drive = 0) {
    send({opcode, low<u8>(head << 2 | drive), track, head, sector, 2, eot, 0x1b, 0xff});
    settle();
    return results();
  }
  void settle() {
    disk.complete_all();
    other.complete_all();
  }
  u64 place(u8 track, u8 head, u8 sector) {
    return ((u64{track} * 2 + head) * 18 + sector - 1) * kSector;
  }
  void expect_memory(u64 disk_at, u64 bytes) {
    for (u64 i = 0; i < bytes; ++i) ASSERT_EQ(bench.ram[kBuffer + i], pattern(disk_at + i)) << i;
  }

  bench::Bench bench;
  bench::FakeDisk disk{2880};
  bench::FakeDisk other{0};
  chipset::I8237 dma{bench.pio, bench.ram, false};
  std::unique_ptr<Fdc> fdc;
};

TEST_F(FloppyTest, ReadByDma) {
  program_dma(3 * kSector, true);
  EXPECT_EQ(data(0xe6, 5, 1, 4), (Answer{0x24, 0, 0, 5, 1, 7, 2}));
  expect_memory(place(5, 1, 4), 3 * kSector);
  EXPECT_EQ(left(), 0xffffu);
  EXPECT_EQ(bench.inb(0x08) & 4, 4) << "terminal count";
  EXPECT_EQ(bench.ram[kBuffer + 3 * kSector], 0);
}

TEST_F(FloppyTest, InterruptEndsTheTransferAndResultsTakeItBack) {
  write(kDor, 0);
  write(kDor, 0x1c);
  results();
  send({0x08});
  results();
  program_dma(kSector, true);
  send({0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff});
  EXPECT_FALSE(bench.irq.level(6));
  EXPECT_EQ(read(kMsr), kMsrBusy);
  settle();
  EXPECT_TRUE(bench.irq.level(6));
  EXPECT_EQ(read(kMsr), kMsrRqm | kMsrDio | kMsrBusy);
  EXPECT_EQ(results().size(), 7u);
  EXPECT_FALSE(bench.irq.level(6));
}

TEST_F(FloppyTest, MultiTrackGoesOnUnderTheOtherHead) {
  program_dma(4 * kSector, true);
  EXPECT_EQ(data(0xe6, 0, 0, 17), (Answer{0x04, 0, 0, 0, 1, 3, 2}));
  expect_memory(place(0, 0, 17), 4 * kSector);
}

TEST_F(FloppyTest, WithoutMultiTrackTheTrackEndsTheCommand) {
  program_dma(4 * kSector, true);
  EXPECT_EQ(data(0x66, 0, 0, 17), (Answer{0x20, 0, 0, 1, 0, 1, 2}));
  expect_memory(place(0, 0, 17), 2 * kSector);
  EXPECT_EQ(left(), 2 * kSector - 1);
}

TEST_F(FloppyTest, ReadWaitsForItsChannel) {
  bench.outb(0x0a, 6);
  send({0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff});
  settle();
  EXPECT_EQ(read(kMsr), kMsrBusy);
  program_dma(kSector, true);
  settle();
  EXPECT_EQ(results().size(), 7u);
  expect_memory(0, kSector);
}

TEST_F(FloppyTest, WriteByDma) {
  for (u64 i = 0; i < 2 * kSector; ++i) bench.ram[kBuffer + i] = low<u8>(i * 5);
  program_dma(2 * kSector, false);
  EXPECT_EQ(data(0xc5, 79, 1, 17), (Answer{0x20, 0, 0, 80, 0, 1, 2}));
  for (u64 i = 0; i < 2 * kSector; ++i) {
    ASSERT_EQ(disk.bytes[place(79, 1, 17) + i], low<u8>(i * 5)) << i;
  }
  EXPECT_EQ(left(), 0xffffu);
  EXPECT_EQ(disk.bytes[place(79, 1, 16)], pattern(place(79, 1, 16)));
}

// A count that is no whole sector: the rest of the last keeps what it had.
TEST_F(FloppyTest, PartOfASectorIsWritten) {
  std::fill_n(&bench.ram[kBuffer], 600, u8{0x77});
  program_dma(600, false);
  data(0xc5, 1, 0, 1);
  EXPECT_EQ(disk.bytes[place(1, 0, 2) + 87], 0x77);
  EXPECT_EQ(disk.bytes[place(1, 0, 2) + 88], pattern(place(1, 0, 2) + 88));
}

TEST_F(FloppyTest, WriteProtectedDisk) {
  disk.read_only = true;
  program_dma(kSector, false);
  const Answer answer = data(0xc5, 0, 0, 1);
  EXPECT_EQ(answer[0] & 0xc0, 0x40);
  EXPECT_EQ(answer[1], 0x02);
  EXPECT_EQ(disk.writes, 0);
  send({0x04, 0});
  EXPECT_EQ(results()[0] & 0x40, 0x40);
}

TEST_F(FloppyTest, DiskErrors) {
  program_dma(kSector, true);
  send({0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff});
  disk.fail_next(EIO);
  EXPECT_EQ(results(), (Answer{0x40, 0x20, 0x20, 0, 0, 1, 2}));
  program_dma(kSector, false);
  send({0xc5, 0, 0, 0, 1, 2, 18, 0x1b, 0xff});
  disk.fail_next(EIO);
  EXPECT_EQ(results()[0] & 0xc0, 0x40);
}

TEST_F(FloppyTest, BeyondTheDisk) {
  program_dma(kSector, true);
  EXPECT_EQ(data(0xe6, 81, 0, 1), (Answer{0x40, 0, 0, 81, 0, 1, 2}));
  EXPECT_EQ(data(0xe6, 0, 0, 19), (Answer{0x40, 0x80, 0, 0, 0, 19, 2}));
  EXPECT_EQ(data(0xe6, 0, 0, 5, 3), (Answer{0x40, 0x01, 0, 0, 0, 5, 2}));
  EXPECT_EQ(data(0xe6, 0, 0, 0)[0] & 0xc0, 0x40);
}

TEST_F(FloppyTest, WrongDataRate) {
  program_dma(kSector, true);
  write(kDir, kRate250K);
  EXPECT_EQ(data(0xe6, 0, 0, 1), (Answer{0x40, 0x01, 0, 0, 0, 1, 2}));
  write(kDir, kRate500K);
  EXPECT_EQ(data(0xe6, 0, 0, 1)[0], 0x00);
}

TEST_F(FloppyTest, ReadThroughTheFifo) {
  send({0x03, 0xdf, 0x03});  // SPECIFY: no DMA
  send({0x66, 0, 2, 0, 5, 2, 6, 0x1b, 0xff});
  EXPECT_EQ(read(kMsr), kMsrNonDma | kMsrBusy | kMsrDio);
  std::vector<u8> bytes;
  while (bytes.size() < 2 * kSector) {
    settle();
    if ((read(kMsr) & kMsrRqm) == 0) break;
    bytes.push_back(read(kFifo));
  }
  ASSERT_EQ(bytes.size(), 2 * kSector);
  for (u64 i = 0; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], pattern(place(2, 0, 5) + i)) << i;
  EXPECT_EQ(results().size(), 7u);
}

TEST_F(FloppyTest, WriteThroughTheFifo) {
  send({0x03, 0xdf, 0x03});
  send({0x45, 0, 2, 0, 5, 2, 6, 0x1b, 0xff});
  for (u32 i = 0; i < 2 * kSector; ++i) {
    settle();
    ASSERT_EQ(read(kMsr) & (kMsrRqm | kMsrDio), kMsrRqm) << i;
    write(kFifo, low<u8>(i * 7));
  }
  settle();
  EXPECT_EQ(results().size(), 7u);
  for (u32 i = 0; i < 2 * kSector; ++i) {
    ASSERT_EQ(disk.bytes[place(2, 0, 5) + i], low<u8>(i * 7)) << i;
  }
}

TEST_F(FloppyTest, Verify) {
  EXPECT_EQ(data(0x56, 3, 0, 1, 4)[0] & 0xc0, 0x00);
  EXPECT_EQ(disk.reads, 4);
  send({0x56, 0, 3, 0, 1, 2, 4, 0x1b, 0xff});
  disk.fail_next(EIO);
  settle();
  EXPECT_EQ(results()[0] & 0xc0, 0x40);
}

TEST_F(FloppyTest, Scan) {
  const auto scan = [&](u8 opcode, u8 fill) {
    std::fill_n(&disk.bytes[place(0, 0, 1)], 3 * kSector, u8{0x50});
    std::fill_n(&bench.ram[kBuffer], 3 * kSector, fill);
    program_dma(3 * kSector, false);
    return data(opcode, 0, 0, 1, 3)[2];
  };
  EXPECT_EQ(scan(0xf1, 0x50), 0x08);
  EXPECT_EQ(scan(0xf1, 0x51), 0x04);
  EXPECT_EQ(scan(0xf1, 0xff), 0x08) << "anything";
  EXPECT_EQ(scan(0xf9, 0x51), 0x00) << "the disk's is lower";
  EXPECT_EQ(scan(0xf9, 0x4f), 0x04);
  EXPECT_EQ(scan(0xfd, 0x4f), 0x00);
  EXPECT_EQ(scan(0xfd, 0x51), 0x04);
}

TEST_F(FloppyTest, FormatATrackByDma) {
  for (u8 sector = 1; sector <= 18; ++sector) {
    const u8 header[4] = {7, 1, sector, 2};
    EXPECT_TRUE(bench.ram.write(kBuffer + (sector - 1u) * 4, header));
  }
  send({0x0f, 0, 7});
  send({0x08});
  results();
  program_dma(72, false);
  send({0x4d, 0x04, 2, 18, 0x6c, 0xf6});
  settle();
  const Answer answer = results();
  ASSERT_EQ(answer.size(), 7u);
  EXPECT_EQ(answer[0] & 0xc0, 0);
  for (u64 i = 0; i < 18 * kSector; ++i) ASSERT_EQ(disk.bytes[place(7, 1, 1) + i], 0xf6) << i;
  EXPECT_EQ(disk.bytes[place(7, 0, 18) + 511], pattern(place(7, 0, 18) + 511));
  EXPECT_EQ(disk.bytes[place(8, 0, 1)], pattern(place(8, 0, 1)));
}

TEST_F(FloppyTest, ChangeLine) {
  EXPECT_EQ(read(kDir), 0x80) << "a disk has come since power-on";
  send({0x07, 0});
  EXPECT_EQ(read(kDir), 0x80) << "the head was on track 0";
  send({0x08});
  results();
  send({0x0f, 0, 1});
  EXPECT_EQ(read(kDir), 0x00);
  disk.medium = false;
  disk.listener->media_changed(false);
  EXPECT_EQ(read(kDir), 0x80);
  send({0x08});
  results();
  send({0x0f, 0, 9});
  EXPECT_EQ(read(kDir), 0x80) << "there is no disk";
  disk.medium = true;
  disk.listener->media_changed(true);
  send({0x0f, 0, 2});
  EXPECT_EQ(read(kDir), 0x00);
}

TEST_F(FloppyTest, FormatsByTheirSize) {
  struct Known {
    u64 sectors;
    DriveType drive;
    u8 track_sectors;
    u8 rate;
  };
  for (const Known& one :
       {Known{5760, DriveType::k2880K, 36, kRate1M}, Known{2880, DriveType::k1440K, 18, kRate500K},
        Known{2400, DriveType::k1200K, 15, kRate500K}, Known{1440, DriveType::k1440K, 9, kRate250K},
        Known{720, DriveType::k1200K, 9, kRate300K}, Known{640, DriveType::k1200K, 8, kRate250K},
        Known{100, DriveType::k2880K, 36, kRate1M}}) {
    build(one.sectors);
    EXPECT_EQ(fdc->drive_type(0), one.drive) << one.sectors;
    send({0x0e});
    EXPECT_EQ(results()[6], one.track_sectors) << one.sectors;
    write(kDir, one.rate);
    program_dma(kSector, true);
    EXPECT_EQ(data(0xe6, 0, 0, 2)[0] & 0xc0, 0) << one.sectors;
    expect_memory(kSector, kSector);
  }
  EXPECT_EQ(fdc->drive_type(1), DriveType::k2880K) << "empty";
  build(1440, DriveType::k2880K);
  EXPECT_EQ(fdc->drive_type(0), DriveType::k2880K);
}

TEST_F(FloppyTest, ReadIdOfADisk) {
  send({0x4a, 0});
  bench.clock.advance(20'000'000);
  EXPECT_EQ(results(), (Answer{0, 0, 0, 0, 0, 2, 2}));
  send({0x4a, 1});
  write(kDor, 0x2d);
}

TEST_F(FloppyTest, BootDriveIsTheOther) {
  write(kTdr, 4);
  program_dma(kSector, true);
  EXPECT_EQ(data(0xe6, 0, 0, 1)[0] & 0xc0, 0x40) << "the empty one";
  EXPECT_EQ(data(0xe6, 0, 0, 1, 18, 1), (Answer{0x01, 0, 0, 0, 0, 2, 2}));
}

TEST_F(FloppyTest, ResetInTheMiddleOfATransfer) {
  program_dma(4 * kSector, true);
  send({0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff});
  write(kDor, 0);
  write(kDor, 0x1c);
  send({0x08});
  EXPECT_EQ(results()[0], 0xc0);
  program_dma(kSector, true);
  send({0xe6, 0, 9, 0, 1, 2, 18, 0x1b, 0xff});
  settle();
  EXPECT_EQ(results().size(), 7u);
  expect_memory(place(9, 0, 1), kSector);
}

// CVE-2021-3507 with a disk: no length reaches beyond the buffer, and every command ends.
TEST_F(FloppyTest, WildLengths) {
  for (const u8 opcode : {u8{0xe6}, u8{0xc5}, u8{0xf6}, u8{0xf1}, u8{0x4d}}) {
    for (const u8 size : {u8{0}, u8{2}, u8{7}, u8{0xff}}) {
      for (const u8 eot : {u8{0}, u8{1}, u8{18}, u8{0xff}}) {
        program_dma(0x10000, opcode == 0xe6);
        for (const u8 one : {opcode, u8{0}, u8{0}, u8{0}, u8{1}, size, eot, u8{0x1b}, u8{0xff}}) {
          if ((read(kMsr) & (kMsrRqm | kMsrDio)) == kMsrRqm) write(kFifo, one);
        }
        settle();
        results();
        write(kDor, 0);
        write(kDor, 0x1c);
        settle();
      }
    }
  }
  program_dma(kSector, true);
  EXPECT_EQ(data(0xe6, 0, 0, 1).size(), 7u);
}

TEST_F(FloppyTest, DiskGoesInTheMiddle) {
  program_dma(4 * kSector, true);
  send({0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff});
  disk.medium = false;
  disk.listener->media_changed(false);
  settle();
  EXPECT_EQ(results().size(), 7u);
}

TEST_F(FloppyTest, TransferThroughTheFifoGoesOnAfterARestore) {
  for (const u32 before : {0u, 100u, 512u, 700u}) {
    send({0x03, 0xdf, 0x03});
    send({0x66, 0, 2, 0, 5, 2, 7, 0x1b, 0xff});
    std::vector<u8> bytes;
    const auto take = [&](std::size_t until) {
      while (bytes.size() < until) {
        settle();
        if ((read(kMsr) & kMsrRqm) == 0) break;
        bytes.push_back(read(kFifo));
      }
    };
    take(before);
    fdc->pause();
    const auto trip = bench::save_disturb_restore(*fdc, [this] {
      write(kDor, 0);
      write(kDor, 0x1c);
    });
    EXPECT_EQ(trip.before, trip.after) << before;
    fdc->resume();
    take(3 * kSector);
    ASSERT_EQ(bytes.size(), 3 * kSector) << before;
    for (u64 i = 0; i < bytes.size(); ++i) {
      ASSERT_EQ(bytes[i], pattern(place(2, 0, 5) + i)) << before << " " << i;
    }
    EXPECT_EQ(results().size(), 7u);
  }
}

TEST_F(FloppyTest, TransferThatWaitsForItsChannelGoesOnAfterARestore) {
  bench.outb(0x0a, 6);
  send({0xe6, 0, 4, 0, 1, 2, 18, 0x1b, 0xff});
  settle();
  bench::save_disturb_restore(*fdc, [this] {
    write(kDor, 0);
    write(kDor, 0x1c);
  });
  fdc->resume();
  program_dma(kSector, true);
  settle();
  EXPECT_EQ(results().size(), 7u);
  expect_memory(place(4, 0, 1), kSector);
}

}  // namespace
}  // namespace floppy
