// Guests that do what no driver would; the advisories that taught each case are named.
#include "tests/device/ide/ide_fixture.h"

namespace ide {
namespace {

class HostileTest : public IdeTest {
 protected:
  void settle() {
    disk.complete_all();
    cd.complete_all();
    for (const u16 control : {kPrimaryControl, kSecondaryControl}) {
      bench.outb(control, 0);
      bench.outb(control, 4);
      bench.outb(control, 0);
    }
    disk.complete_all();
    cd.complete_all();
  }
};

// CVE-2015-6855: every opcode to a disk, a CD, and to nobody; then the drives still work.
TEST_F(HostileTest, EveryOpcodeEverywhere) {
  for (const u16 base : {kPrimary, kSecondary}) {
    for (const u8 unit : {u8{0xe0}, u8{0xf0}, u8{0xa0}}) {
      for (unsigned opcode = 0; opcode < 256; ++opcode) {
        for (const u8 count : {u8{0}, u8{1}, u8{0xff}}) {
          select(base, unit);
          for (unsigned reg = 1; reg < 6; ++reg) bench.outb(base + reg, count);
          command(base, low<u8>(opcode));
          disk.complete_all();
          cd.complete_all();
          take(base, 1200);
          give(base, std::vector<u8>(1200, low<u8>(opcode)));
          disk.complete_all();
          cd.complete_all();
          bench.outb(bm(base), 1);
          disk.complete_all();
          bench.outb(bm(base), 0);
          settle();
        }
      }
    }
  }
  select(kPrimary, 0xa0);
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(word(identify(kPrimary, kIdentifyDevice), 0), 0x0040);
}

// XSA-138 / CVE-2015-5154: the data port beyond the data, and after a reset or an eject.
TEST_F(HostileTest, DataPortBeyondTheData) {
  packet({kInquiry, 0, 0, 0, 36});
  std::vector<u8> data = take(kSecondary, 65536);
  EXPECT_EQ(std::vector<u8>(data.begin() + 36, data.end()), std::vector<u8>(65536 - 36));
  packet({kStartStopUnit, 0, 0, 0, 2});
  EXPECT_EQ(take(kSecondary, 512), std::vector<u8>(512));
  give(kSecondary, std::vector<u8>(262144, 0xcc));
  packet({kStartStopUnit, 0, 0, 0, 3});
  packet({kRead10, 0, 0, 0, 0, 0, 0, 0, 2}, 2048);
  bench.outb(kSecondaryControl, 4);
  bench.outb(kSecondaryControl, 0);
  EXPECT_EQ(take(kSecondary, 8192), std::vector<u8>(8192));

  task_file(kPrimary, 0, 1);
  command(kPrimary, kWriteSectors);
  give(kPrimary, std::vector<u8>(300000, 0x22));
  disk.complete_all();
  EXPECT_EQ(disk.bytes[511], 0x22);
  EXPECT_EQ(disk.bytes[512], pattern(512));
  EXPECT_EQ(status(), 0x50);
}

// CVE-2014-2894: the self-test log wraps.
TEST_F(HostileTest, ManySelfTests) {
  for (int i = 0; i < 30; ++i) {
    bench.outb(kPrimary + kError, kSmartExecuteOffline);
    bench.outb(kPrimary + kLbaLow, 1);
    bench.outb(kPrimary + kLbaMid, kSmartMid);
    bench.outb(kPrimary + kLbaHigh, kSmartHigh);
    command(kPrimary, kSmart);
    ASSERT_EQ(status(), 0x50);
  }
  bench.outb(kPrimary + kError, kSmartReadLog);
  bench.outb(kPrimary + kLbaLow, 6);
  command(kPrimary, kSmart);
  const std::vector<u8> log = take(kPrimary, 512);
  EXPECT_EQ(log[508], 30 - 21);
  EXPECT_EQ(log[2], 1);
}

TEST_F(HostileTest, EveryPacketOpcode) {
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    for (const u8 fill : {u8{0x00}, u8{0x01}, u8{0xff}}) {
      for (const u8 features : {u8{0}, kPacketDma}) {
        Cdb cdb;
        cdb.fill(fill);
        cdb[0] = low<u8>(opcode);
        packet(cdb, fill == 0 ? 512 : 0xfffe, features);
        if (features != 0) {
          prd_table(0x10000, {{0x100000, 64}});
          bm_setup(kSecondary, 0x10000, true);
          bm_start(kSecondary);
          cd.complete_all();
          bm_stop(kSecondary);
        }
        packet_data();
        settle();
      }
    }
  }
  packet({kTestUnitReady});
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary) & kStatusBsy, 0);
}

// XSA-139, and an unplug with everything in flight.
TEST_F(HostileTest, DrivesGoWithIoUnderWay) {
  prd_table(0x10000, {{0x100000, 4096}});
  bm_setup(kPrimary, 0x10000, false);
  task_file(kPrimary, 100, 8);
  command(kPrimary, kWriteDma);
  bm_start(kPrimary);
  for (const unsigned index : {0u, 0u, 1u, 3u, 0u}) controller->detach_drive(index);
  EXPECT_EQ(bench.ram.pins, 0);
  EXPECT_EQ(bm_status(kPrimary) & kBmActive, 0);
  bm_stop(kPrimary);
  bm_start(kPrimary);
  EXPECT_EQ(status(), 0);
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x50);
  controller.reset();
  EXPECT_EQ(disk.listener, nullptr);
}

TEST_F(HostileTest, ControllerGoesWithIoUnderWay) {
  prd_table(0x10000, {{0x100000, 4096}});
  bm_setup(kPrimary, 0x10000, true);
  task_file(kPrimary, 100, 8);
  command(kPrimary, kReadDma);
  bm_start(kPrimary);
  controller.reset();
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(bench.ram.pins, 0);
  EXPECT_EQ(bench.inb(kPrimary + kStatus), 0xff);
}

TEST_F(HostileTest, RandomAccesses) {
  u32 seed = 42;
  const auto random = [&seed] { return (seed = seed * 1664525 + 1013904223) >> 8; };
  const u16 bases[] = {kPrimary, kSecondary};
  prd_table(0x10000, {{0x100000, 0}, {0x120000, 777}, {0xfffffff0, 64}});
  for (int i = 0; i < 60000; ++i) {
    const u16 base = bases[random() & 1];
    switch (random() % 10) {
      case 0: command(base, low<u8>(random())); break;
      case 1: take(base, (random() % 700) * 2); break;
      case 2: give(base, std::vector<u8>((random() % 700) * 2, low<u8>(random()))); break;
      case 3: bench.outb(kBmBase + random() % 16, low<u8>(random())); break;
      case 4: bench.outl(bm(base) + 4, 0x10000); break;
      case 5:
        bench.outb(base == kPrimary ? kPrimaryControl : kSecondaryControl,
                   random() % 8 == 0 ? 4 : 0);
        break;
      case 6: (random() & 1) != 0 ? disk.complete_all() : cd.complete_all(); break;
      case 7: bench.pio.read(base + random() % 8, 1u << random() % 3); break;
      default:
        bench.outb(base + random() % 7, low<u8>(random() % 3 == 0 ? random() : random() % 4));
    }
  }
  settle();
  EXPECT_EQ(bench.ram.pins, 0);
  select(kPrimary, 0xa0);
  EXPECT_EQ(status(), 0x50);
}

}  // namespace
}  // namespace ide
