// The floppy controller with nothing connected, as BIOSes and floppy drivers probe it.
#include "hw/emul/floppy/fdc.h"

#include <gtest/gtest.h>

#include "hw/emul/core/state_codec.h"
#include "tests/bench/bench.h"

namespace floppy {
namespace {

class FdcTest : public ::testing::Test {
 protected:
  static constexpr u64 kPort = 0x3f0;

  u8 read(Register reg) { return bench.inb(kPort + reg); }
  void write(Register reg, u8 value) { bench.outb(kPort + reg, value); }

  /// Sends a command byte by byte, waiting for RQM with DIO clear as drivers do.
  ::testing::AssertionResult send(const std::vector<u8>& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if ((read(kMsr) & (kMsrRqm | kMsrDio)) != kMsrRqm) {
        return ::testing::AssertionFailure() << "not ready for byte " << i;
      }
      write(kFifo, bytes[i]);
    }
    return ::testing::AssertionSuccess();
  }
  /// Everything that the controller has to say.
  std::vector<u8> results() {
    std::vector<u8> bytes;
    while ((read(kMsr) & (kMsrRqm | kMsrDio)) == (kMsrRqm | kMsrDio) && bytes.size() < 100) {
      bytes.push_back(read(kFifo));
    }
    return bytes;
  }
  /// Result bytes of a command, and the controller ready for the next.
  std::vector<u8> run(const std::vector<u8>& bytes) {
    EXPECT_TRUE(send(bytes));
    std::vector<u8> answer = results();
    EXPECT_EQ(read(kMsr), kMsrRqm);
    return answer;
  }
  using Answer = std::vector<u8>;

  bench::Bench bench;
  Fdc fdc{bench.pio, bench.irq.line(6), bench.clock};
};

TEST_F(FdcTest, RegistersAfterPowerOn) {
  EXPECT_EQ(bench.inb(0x3f0), 0xff);  // not decoded
  EXPECT_EQ(read(kSrb), 0xc0);
  EXPECT_EQ(read(kDor), 0x0c);
  EXPECT_EQ(read(kTdr), 0x00);
  EXPECT_EQ(read(kMsr), 0x80);
  EXPECT_EQ(read(kFifo), 0x00);
  EXPECT_EQ(read(kDir), 0x80);
  EXPECT_EQ(bench.inb(0x3f6), 0xff);  // the IDE controller's
  EXPECT_FALSE(bench.irq.level(6));
  EXPECT_EQ(fdc.drive_type(0), DriveType::kNone);
}

// 82078 4.1 and 5.2.9: a reset ends with an interrupt and four SENSE INTERRUPT STATUS.
TEST_F(FdcTest, ResetSequence) {
  write(kDor, 0x00);
  EXPECT_FALSE(bench.irq.level(6));
  write(kFifo, kVersion);  // nobody listens
  write(kDor, 0x0c);
  EXPECT_TRUE(bench.irq.level(6));
  for (u8 drive = 0; drive < 4; ++drive) {
    EXPECT_EQ(run({kSenseInterrupt}), (Answer{core::low<u8>(0xc0 + drive), 0}));
    EXPECT_FALSE(bench.irq.level(6));
  }
  EXPECT_EQ(run({kSenseInterrupt}), (Answer{0x80}));
}

TEST_F(FdcTest, SoftwareResetClearsItself) {
  write(kMsr, 0x80);
  EXPECT_EQ(read(kDor), 0x0c);
  EXPECT_TRUE(bench.irq.level(6));
  EXPECT_EQ(run({kSenseInterrupt}), (Answer{0xc0, 0}));
}

TEST_F(FdcTest, Identification) {
  EXPECT_EQ(run({kVersion}), (Answer{0x90}));
  EXPECT_EQ(run({kPartId}), (Answer{0x41}));
  EXPECT_EQ(run({kLock | 0x80}), (Answer{0x10}));
  EXPECT_EQ(run({kLock}), (Answer{0x00}));
  EXPECT_FALSE(bench.irq.level(6));
}

// Linux get_fdc_version(): DUMPREG has ten bytes, then CONFIGURE, PERPENDICULAR, UNLOCK, PART ID.
TEST_F(FdcTest, DumpregShowsWhatWasSet) {
  EXPECT_EQ(run({kSpecify, 0xdf, 0x02}), Answer{});
  EXPECT_EQ(run({kConfigure, 0, 0x1a, 7}), Answer{});
  EXPECT_EQ(run({kPerpendicular, 0x83}), Answer{});
  EXPECT_EQ(run({kLock | 0x80}), (Answer{0x10}));
  EXPECT_EQ(run({kDumpReg}), (Answer{0, 0, 0, 0, 0x0d, 0x03, 0, 0x8c, 0x1a, 7}));
  run({kSpecify, 0xdf, 0x03});  // non-DMA
  EXPECT_EQ(read(kDor), 0x04);
  EXPECT_EQ(run({kDumpReg})[5], 0x02);
}

TEST_F(FdcTest, SeekAndRecalibrateInterrupt) {
  write(kDor, 0x1c);
  for (const std::vector<u8>& command : {std::vector<u8>{kRecalibrate, 0},
                                         {kSeek, 1, 40},
                                         {kRelativeSeekIn, 0, 3},
                                         {kRelativeSeekOut, 0, 200}}) {
    EXPECT_EQ(run(command), Answer{});
    EXPECT_TRUE(bench.irq.level(6));
    EXPECT_EQ(run({kSenseInterrupt}), (Answer{core::low<u8>(0x20 | (command[1] & 1)), 0}));
    EXPECT_FALSE(bench.irq.level(6));
  }
}

TEST_F(FdcTest, SenseDriveStatus) {
  EXPECT_EQ(run({kSenseDrive, 0x05}), (Answer{0x7d}));
  EXPECT_EQ(run({kSenseDrive, 0x00}), (Answer{0x78}));
}

// CVE-2021-20196: data commands without a disk, to each drive line.
TEST_F(FdcTest, DataCommandsFailWithoutADisk) {
  for (const int opcode : {0xe6, 0xc5, 0x45, 0x42, 0xd1, 0xd9, 0xdd, 0x56, 0xcc, 0xc9}) {
    for (u8 drive = 0; drive < 4; ++drive) {
      ASSERT_TRUE(send({core::low<u8>(opcode), drive, 3, 1, 5, 2, 18, 0x1b, 0xff})) << opcode;
      EXPECT_TRUE(bench.irq.level(6)) << opcode;
      const Answer answer = results();
      ASSERT_EQ(answer.size(), 7u) << opcode;
      EXPECT_EQ(answer[0] & 0xc0, 0x40);
      EXPECT_EQ(answer[6], 2);
      EXPECT_FALSE(bench.irq.level(6));
      EXPECT_EQ(read(kMsr), 0x80);
    }
  }
}

// CVE-2021-3507: EOT before the first sector, and the largest sizes.
TEST_F(FdcTest, WildTransferLengths) {
  for (const u8 value : {u8{0}, u8{7}, u8{8}, u8{0xff}}) {
    for (const u8 eot : {u8{0}, u8{1}, u8{0xff}}) {
      run({0xe6, 0, value, 0, value, value, eot, value, value});
      run({0xc5, 0, value, 1, value, value, eot, value, value});
    }
  }
  EXPECT_EQ(run({kVersion}), (Answer{0x90}));
}

TEST_F(FdcTest, FormatFails) {
  ASSERT_TRUE(send({0x4d, 0, 2, 18, 0x1b, 0xf6}));
  EXPECT_EQ(results()[0] & 0xc0, 0x40);
}

TEST_F(FdcTest, ReadIdTakesATurnOfTheDisk) {
  ASSERT_TRUE(send({0x4a, 0x04}));
  EXPECT_EQ(read(kMsr), kMsrBusy);
  EXPECT_FALSE(bench.irq.level(6));
  bench.clock.advance(20'000'000);
  EXPECT_TRUE(bench.irq.level(6));
  EXPECT_EQ(results(), (Answer{0x44, 0x01, 0, 0, 1, 0, 2}));
  ASSERT_TRUE(send({0x4a, 0x00}));
  write(kDor, 0);
  write(kDor, 0x0c);
  EXPECT_EQ(bench.clock.next_deadline(), -1);
}

TEST_F(FdcTest, InvalidCommands) {
  EXPECT_EQ(run({0x1f}), (Answer{0x80}));
  EXPECT_EQ(run({0x00}), (Answer{0x80}));
  EXPECT_EQ(run({kFormatAndWrite, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), (Answer{0x80}));
}

TEST_F(FdcTest, SaveAndRestore) {
  run({kConfigure, 0, 0x57, 9});
  const Answer saved = run({kSave});
  ASSERT_EQ(saved.size(), 15u);
  EXPECT_EQ(saved[10], 0x57);
  EXPECT_EQ(saved[11], 9);
  std::vector<u8> restore{kRestore, 0, 0};
  restore.insert(restore.end(), saved.begin() + 2, saved.end());
  restore.resize(18);
  restore[3] = 33;
  run(restore);
  EXPECT_EQ(run({kDumpReg})[0], 33);
}

TEST_F(FdcTest, DriveSpecificationEndsWithItsDoneBit) {
  EXPECT_EQ(run({kDriveSpecification, 0xc0}), Answer{});
  EXPECT_EQ(run({kDriveSpecification, 0x01, 0x80}), (Answer{0, 0, 0, 0}));
  EXPECT_EQ(run({kDriveSpecification, 1, 2, 3, 4, 5}), Answer{});
}

// XSA-133 / CVE-2015-3456: the FIFO index stays in the FIFO.
TEST_F(FdcTest, VenomWritesStayInTheFifo) {
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    write(kFifo, core::low<u8>(opcode));
    for (int i = 0; i < 600; ++i) write(kFifo, core::low<u8>(i & 0x7f));
    for (int i = 0; i < 600; ++i) read(kFifo);
    const auto* state = static_cast<const State*>(fdc.section().state);
    EXPECT_LT(state->controller.data_pos, kFifoSize);
    bench.clock.advance(50'000'000);
    write(kDor, 0);
    write(kDor, 0x0c);
    EXPECT_EQ(read(kMsr), 0x80) << opcode;
  }
}

TEST_F(FdcTest, RandomAccesses) {
  u32 seed = 7;
  const auto random = [&seed] { return (seed = seed * 1664525 + 1013904223) >> 8; };
  for (int i = 0; i < 100000; ++i) {
    const u64 port = kPort + 1 + random() % 7;
    if (random() % 3 == 0) {
      bench.pio.read(port, 1u << random() % 3);
    } else {
      bench.outb(port, core::low<u8>(random()));
    }
    if (random() % 100 == 0) bench.clock.advance(30'000'000);
  }
  write(kDor, 0);
  write(kDor, 0x0c);
  EXPECT_EQ(run({kSenseInterrupt}), (Answer{0xc0, 0}));
}

TEST_F(FdcTest, SectionsAreQemus) {
  const core::StateSection section = fdc.section();
  EXPECT_EQ(section.id, "fdc");
  EXPECT_EQ(section.table->version, 2);
  std::vector<u8> image;
  core::encode_state(*section.table, section.state, image);
  // Fields, two drives, and a "fdrive/media_rate" subsection in each.
  EXPECT_EQ(image.size(), 9u + 512 + 8 + 3 + 6 + 1 + 2 * (3 + 2 + 17 + 4 + 1));
}

TEST_F(FdcTest, RoundTripInEveryPhase) {
  const auto disturb = [this] {
    fdc.reset();
    run({kConfigure, 1, 2, 3});
    run({kPerpendicular, 0x81});
    write(kDor, 0x2d);
  };
  const auto equal = [&] {
    const auto trip = bench::save_disturb_restore(fdc, disturb);
    return trip.before == trip.after;
  };
  EXPECT_TRUE(equal());
  write(kDor, 0);
  write(kDor, 0x1d);  // an interrupt and four answers owed, drive 1
  EXPECT_TRUE(equal());
  EXPECT_TRUE(bench.irq.level(6));
  EXPECT_EQ(read(kDor), 0x1d);
  EXPECT_EQ(run({kSenseInterrupt}), (Answer{0xc0, 0}));
  ASSERT_TRUE(send({kSpecify, 0xaf}));  // within a command
  EXPECT_TRUE(equal());
  ASSERT_TRUE(send({0x02}));
  EXPECT_EQ(run({kDumpReg})[4], 0x0a);
  ASSERT_TRUE(send({kDumpReg}));  // within its results
  read(kFifo);
  EXPECT_TRUE(equal());
  EXPECT_EQ(results().size(), 9u);
  ASSERT_TRUE(send({0x4a, 0}));  // while the disk turns
  EXPECT_TRUE(equal());
  bench.clock.advance(20'000'000);
  EXPECT_EQ(results().size(), 7u);
}

TEST_F(FdcTest, BrokenStreams) {
  write(kDor, 0);
  write(kDor, 0x0c);
  send({0x4a, 0});
  const core::StateSection section = fdc.section();
  std::vector<u8> image;
  core::encode_state(*section.table, section.state, image);
  bench::torture_restore(kFdcTable, image, sizeof(State), 3000);
  u32 seed = 3;
  const auto random = [&seed] { return (seed = seed * 1664525 + 1013904223) >> 8; };
  for (int i = 0; i < 2000; ++i) {
    std::vector<u8> bent = image;
    const std::size_t at = random() % (bent.size() - 512);
    bent[at < 9 ? at : at + 512] = core::low<u8>(random());
    State scratch = *static_cast<State*>(section.state);
    core::Bytes in = bent;
    if (!core::decode_state(kFdcTable, &scratch, 2, in)) continue;
    *static_cast<State*>(section.state) = scratch;
    fdc.after_restore();
    for (int k = 0; k < 20; ++k) write(kFifo, core::low<u8>(random()));
    for (int k = 0; k < 600; ++k) read(kFifo);
    bench.clock.advance(30'000'000);
    write(kDor, 0);
    write(kDor, 0x0c);
    EXPECT_EQ(read(kMsr), 0x80);
  }
}

}  // namespace
}  // namespace floppy
