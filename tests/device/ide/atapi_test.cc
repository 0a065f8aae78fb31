// The CD-ROM drive as SeaBIOS, ISOLINUX, Linux and Windows talk to it.
#include "tests/device/ide/ide_fixture.h"

namespace ide {
namespace {

class AtapiTest : public IdeTest {
 protected:
  static constexpr u64 kShift = 77;
  static Cdb read10(u32 lba, u16 count) {
    return {kRead10,      0, low<u8>(lba >> 24),  low<u8>(lba >> 16), low<u8>(lba >> 8),
            low<u8>(lba), 0, low<u8>(count >> 8), low<u8>(count)};
  }
  static Cdb read_cd(u32 lba, u32 count, u8 parts) {
    return {kReadCd,
            0,
            low<u8>(lba >> 24),
            low<u8>(lba >> 16),
            low<u8>(lba >> 8),
            low<u8>(lba),
            low<u8>(count >> 16),
            low<u8>(count >> 8),
            low<u8>(count),
            parts};
  }
};

TEST_F(AtapiTest, IdentifyPacketDevice) {
  const std::vector<u8> data = identify(kSecondary, kIdentifyPacketDevice);
  EXPECT_EQ(word(data, 0), 0x85c0);
  EXPECT_EQ(text(data, 27, 20), "QEMU DVD-ROM");
  EXPECT_EQ(text(data, 10, 10), "QM00003");
  EXPECT_EQ(text(data, 23, 4), "2.5+");
  EXPECT_EQ(word(data, 49), 0x0300);
  EXPECT_EQ(word(data, 80), 0x001e);
  EXPECT_EQ(word(data, 88), 0x203f);
}

TEST_F(AtapiTest, AtaCommandsShowTheSignature) {
  for (const u8 opcode : {kIdentifyDevice, kReadSectors}) {
    bench.outb(kSecondary + kLbaMid, 0);
    command(kSecondary, opcode);
    EXPECT_EQ(status(kSecondary), 0x41);
    EXPECT_EQ(bench.inb(kSecondary + kLbaMid), 0x14);
    EXPECT_EQ(bench.inb(kSecondary + kLbaHigh), 0xeb);
  }
}

// ATA/ATAPI-7 volume 2, 9.8: packet phase without, data and status phases with an interrupt.
TEST_F(AtapiTest, PhasesOfAPacketWithData) {
  bench.outb(kSecondary + kLbaMid, 0xfe);
  bench.outb(kSecondary + kLbaHigh, 0xff);
  command(kSecondary, kPacket);
  EXPECT_EQ(status(kSecondary), 0x58);
  EXPECT_EQ(bench.inb(kSecondary + kSectorCount) & 7, kReasonCommand);
  EXPECT_FALSE(bench.irq.level(15));
  give(kSecondary, {kInquiry, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_TRUE(bench.irq.level(15));
  EXPECT_EQ(status(kSecondary), 0x58);
  EXPECT_EQ(bench.inb(kSecondary + kSectorCount) & 7, kReasonToHost);
  EXPECT_EQ(bench.inb(kSecondary + kLbaMid), 36);
  const std::vector<u8> data = take(kSecondary, 36);
  EXPECT_EQ(data[0], 0x05);
  EXPECT_EQ(data[1], 0x80);
  EXPECT_EQ(std::string(data.begin() + 8, data.begin() + 28), "QEMU    QEMU DVD-ROM");
  EXPECT_TRUE(bench.irq.level(15));
  EXPECT_EQ(status(kSecondary), 0x50);
  EXPECT_EQ(bench.inb(kSecondary + kSectorCount) & 7, kReasonToHost | kReasonCommand);
}

TEST_F(AtapiTest, ReadByPioInBlocksOfTheByteCount) {
  packet(read10(16, 10), 2048);
  EXPECT_EQ(bench.inb(kSecondary + kLbaHigh), 8);
  std::vector<u8> data = packet_data();
  EXPECT_EQ(data.size(), 10 * 2048u);
  EXPECT_TRUE(holds(data, 16 * 4, kShift));
  EXPECT_EQ(status(kSecondary), 0x50);
  EXPECT_EQ(cd.reads, 1);
  // Blocks that do not end with a frame, an odd limit, and the largest one.
  for (const u16 limit : {u16{3000}, u16{777}, u16{0xffff}, u16{2}}) {
    packet(read10(3, 70), limit);
    data = packet_data();
    EXPECT_EQ(data.size(), 70 * 2048u) << limit;
    EXPECT_TRUE(holds(data, 12, kShift)) << limit;
    EXPECT_EQ(status(kSecondary), 0x50);
  }
}

TEST_F(AtapiTest, ReadByDma) {
  for (const u64 pin : {~u64{0}, u64{1000}, u64{3}}) {
    bench.ram.pin_limit = pin;
    EXPECT_TRUE(bench.ram.write(0x100000, std::vector<u8>(0x20000, 0)));
    prd_table(0x10000, {{0x100000, 0}, {0x110000, 0}});
    bm_setup(kSecondary, 0x10000, true);
    packet(read10(100, 64), 0, kPacketDma);
    bm_start(kSecondary);
    cd.complete_all();
    std::vector<u8> data(0x20000);
    ASSERT_TRUE(bench.ram.read(0x100000, data));
    EXPECT_TRUE(holds(data, 400, kShift)) << pin;
    EXPECT_EQ(bm_status(kSecondary) & 7, kBmInterrupt);
    bm_stop(kSecondary);
    EXPECT_TRUE(bench.irq.level(15));
    EXPECT_EQ(status(kSecondary), 0x50);
    EXPECT_EQ(bench.inb(kSecondary + kSectorCount) & 7, kReasonToHost | kReasonCommand);
    EXPECT_EQ(bench.ram.pins, 0);
  }
}

TEST_F(AtapiTest, RepliesByDma) {
  prd_table(0x10000, {{0x100000, 20}, {0x100100, 76}});
  bm_setup(kSecondary, 0x10000, true);
  packet({kInquiry, 0, 0, 0, 96}, 0, kPacketDma);
  bm_start(kSecondary);
  EXPECT_EQ(bm_status(kSecondary) & 7, kBmInterrupt);
  EXPECT_EQ(status(kSecondary), 0x50);
  EXPECT_EQ(bench.ram.get<u8>(0x100000), 0x05);
  EXPECT_EQ(bench.ram.get<u8>(0x100013), 'U');
  EXPECT_EQ(bench.ram.get<u8>(0x100100), ' ');  // byte 20 of "QEMU DVD-ROM" from 16 on
}

TEST_F(AtapiTest, DmaWithoutEnoughDescriptorsTransfersWhatFits) {
  prd_table(0x10000, {{0x100000, 3000}});
  bm_setup(kSecondary, 0x10000, true);
  packet(read10(0, 4), 0, kPacketDma);
  bm_start(kSecondary);
  cd.complete_all();
  std::vector<u8> data(3000);
  ASSERT_TRUE(bench.ram.read(0x100000, data));
  EXPECT_TRUE(holds(data, 0, kShift));
  EXPECT_EQ(bench.ram.get<u8>(0x100000 + 3000), 0);
  EXPECT_EQ(bm_status(kSecondary) & 7, 0);  // and nobody interrupts
  command(kSecondary, kDeviceReset);        // the driver's way out
  EXPECT_EQ(status(kSecondary), 0);
  EXPECT_EQ(bench.inb(kSecondary + kLbaMid), 0x14);
}

TEST_F(AtapiTest, RawFramesHaveHeaders) {
  packet(read_cd(150, 3, kReadCdEverything), 2352);
  const std::vector<u8> data = packet_data();
  ASSERT_EQ(data.size(), 3 * 2352u);
  const u8* second = &data[2352];
  EXPECT_EQ(second[0], 0);
  EXPECT_EQ(second[1], 0xff);
  EXPECT_EQ(second[11], 0);
  EXPECT_EQ(second[12], 0);  // 151 + 150 frames: 0 min 4 s 1 frame
  EXPECT_EQ(second[13], 4);
  EXPECT_EQ(second[14], 1);
  EXPECT_EQ(second[15], 1);
  EXPECT_TRUE(holds({second + 16, second + 16 + 2048}, 151 * 4, kShift));
  EXPECT_EQ(second[2064], 0);

  prd_table(0x10000, {{0x100000, 0}, {0x110000, 0}, {0x120000, 0}});
  bm_setup(kSecondary, 0x10000, true);
  packet(read_cd(0, 60, kReadCdEverything), 0, kPacketDma);
  bm_start(kSecondary);
  cd.complete_all();
  EXPECT_EQ(status(kSecondary), 0x50);
  std::vector<u8> last(2048);
  ASSERT_TRUE(bench.ram.read(0x100000 + 59 * 2352 + 16, last));
  EXPECT_TRUE(holds(last, 59 * 4, kShift));
}

TEST_F(AtapiTest, ReadCdVariants) {
  packet(read_cd(5, 2, kReadCdUserData));
  EXPECT_TRUE(holds(packet_data(), 20, kShift));
  packet(read_cd(5, 2, 0));
  EXPECT_EQ(status(kSecondary), 0x50);
  packet(read_cd(5, 0, kReadCdUserData));
  EXPECT_EQ(status(kSecondary), 0x50);
  packet(read_cd(5, 2, 0x40));
  EXPECT_EQ(status(kSecondary), 0x41);
  EXPECT_EQ(sense(), kIllegalRequest << 8 | kAscInvalidField);
}

// CVE-2020-29443: nothing beyond the disc, whatever the arithmetic.
TEST_F(AtapiTest, AddressesBeyondTheDiscAreRefused) {
  for (const u32 lba : {u32{kDiscFrames}, 0xffffffffu, 0x7fffffffu, 0x80000000u}) {
    for (const Cdb& cdb : {read10(lba, 1), read10(lba, 0xffff), read_cd(lba, 1, 0xf8),
                           read_cd(lba, 0xffffff, 0x10)}) {
      packet(cdb);
      EXPECT_EQ(status(kSecondary), 0x41);
      EXPECT_EQ(sense(), kIllegalRequest << 8 | kAscLbaOutOfRange);
    }
  }
  packet({kRead12, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(status(kSecondary), 0x41);
  packet(read10(kDiscFrames - 1, 2));
  EXPECT_EQ(status(kSecondary), 0x41);
  packet(read10(kDiscFrames - 1, 1));
  EXPECT_TRUE(holds(packet_data(), (kDiscFrames - 1) * 4, kShift));
  packet(read10(0xffffffff, 0));
  EXPECT_EQ(status(kSecondary), 0x50);
  packet({kSeek10, 0, 0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(status(kSecondary), 0x41);
}

TEST_F(AtapiTest, CapacityAndToc) {
  packet({kReadCapacity});
  std::vector<u8> data = packet_data();
  EXPECT_EQ(data, (std::vector<u8>{0, 0, 0x03, 0xe7, 0, 0, 8, 0}));
  packet({kReadToc, 0, 0, 0, 0, 0, 0, 0, 100});
  data = packet_data();
  EXPECT_EQ(data, (std::vector<u8>{0, 18, 1, 1,    0,    0x14, 1, 0, 0, 0,
                                   0, 0,  0, 0x16, 0xaa, 0,    0, 0, 3, 0xe8}));
  packet({kReadToc, 2, 0, 0, 0, 0, 0xaa, 0, 100});
  data = packet_data();
  EXPECT_EQ(data, (std::vector<u8>{0, 10, 1, 1, 0, 0x16, 0xaa, 0, 0, 0, 15, 25}));
  packet({kReadToc, 0, 0, 0, 0, 0, 0, 0, 12, 0x40});
  data = packet_data();
  EXPECT_EQ(data[1], 10);
  packet({kReadToc, 0, 0, 0, 0, 0, 0, 0, 200, 0x80});
  data = packet_data();
  ASSERT_EQ(data.size(), 48u);
  EXPECT_EQ(data[1], 46);
  EXPECT_EQ(data[4 + 3], 0xa0);
  EXPECT_EQ(data[37 + 3], 1);
  packet({kReadToc, 0, 0, 0, 0, 0, 5, 0, 100});
  EXPECT_EQ(status(kSecondary), 0x41);
  packet({kReadToc, 0, 0, 0, 0, 0, 0, 0, 4});  // cut to the allocation length
  EXPECT_EQ(packet_data().size(), 4u);
}

TEST_F(AtapiTest, ConfigurationAndModePages) {
  packet({kGetConfiguration, 0, 0, 0, 0, 0, 0, 0, 64});
  std::vector<u8> data = packet_data();
  ASSERT_EQ(data.size(), 20u);
  EXPECT_EQ(data[3], 16);
  EXPECT_EQ(data[7], kProfileCdRom);
  EXPECT_EQ(data[13], kProfileDvdRom);
  EXPECT_EQ(data[18], 1);
  packet({kGetConfiguration, 0, 0, 1, 0, 0, 0, 0, 64});
  EXPECT_EQ(status(kSecondary), 0x41);
  packet({kModeSense10, 0, kPageCapabilities, 0, 0, 0, 0, 0, 128});
  data = packet_data();
  ASSERT_EQ(data.size(), 30u);
  EXPECT_EQ(data[1], 28);
  EXPECT_EQ(data[2], 0x70);
  EXPECT_EQ(data[8], 0x2a);
  EXPECT_EQ(data[9], 20);
  EXPECT_EQ(data[10], 0x3b);
  EXPECT_EQ(data[14], 0x29);
  packet({kModeSense10, 0, kPageErrorRecovery, 0, 0, 0, 0, 0, 128});
  data = packet_data();
  EXPECT_EQ(data, (std::vector<u8>{0, 14, 0x70, 0, 0, 0, 0, 0, 1, 6, 0, 5, 0, 0, 0, 0}));
  packet({kModeSense10, 0, kPageAudio, 0, 0, 0, 0, 0, 128});
  EXPECT_EQ(packet_data().size(), 24u);
  packet({kModeSense10, 0, 0xc0 | kPageAudio, 0, 0, 0, 0, 0, 128});
  EXPECT_EQ(status(kSecondary), 0x41);
  EXPECT_EQ(sense(), kIllegalRequest << 8 | kAscSavingNotSupported);
  packet({kReadDiscInformation, 0, 0, 0, 0, 0, 0, 0, 34});
  EXPECT_EQ(packet_data()[2], 0x0e);
  packet({kMechanismStatus, 0, 0, 0, 0, 0, 0, 0, 0, 8});
  EXPECT_EQ(packet_data()[5], 1);
  packet({kSetCdSpeed});
  EXPECT_EQ(status(kSecondary), 0x50);
}

TEST_F(AtapiTest, InquiryPages) {
  packet({kInquiry, 1, 0x00, 0, 255});
  EXPECT_EQ(packet_data(), (std::vector<u8>{5, 0, 0, 2, 0, 0x83}));
  packet({kInquiry, 1, 0x83, 0, 255});
  const std::vector<u8> data = packet_data();
  ASSERT_EQ(data.size(), 100u);
  EXPECT_EQ(std::string(data.begin() + 8, data.begin() + 15), "QM00003");
  packet({kInquiry, 1, 0x83, 0, 10});
  EXPECT_EQ(status(kSecondary), 0x41);
  packet({kInquiry, 1, 0x80, 0, 255});
  EXPECT_EQ(status(kSecondary), 0x41);
}

TEST_F(AtapiTest, DvdStructuresNeedADvd) {
  packet({kReadDvdStructure, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x04});
  EXPECT_EQ(status(kSecondary), 0x41);
  EXPECT_EQ(sense(), kIllegalRequest << 8 | kAscIncompatibleFormat);
  cd.bytes.resize((kMaxCdFrames + 10) * 2048);
  packet({kReadDvdStructure, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x04});
  std::vector<u8> data = packet_data();
  ASSERT_EQ(data.size(), 2052u);
  EXPECT_EQ(data[0] << 8 | data[1], 2050);
  EXPECT_EQ(data[4], 1);
  packet({kReadDvdStructure, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff});
  EXPECT_EQ(packet_data().size(), 20u);
  packet({kReadDvdStructure, 0, 0, 0, 0, 0, 0, 0x03, 0xff, 0xff});
  EXPECT_EQ(status(kSecondary), 0x41);
  packet({kGetConfiguration, 0, 0, 0, 0, 0, 0, 0, 8});
  data = packet_data();
  EXPECT_EQ(data[7], kProfileDvdRom);
}

TEST_F(AtapiTest, EmptyDrive) {
  cd.medium = false;
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x41);
  EXPECT_EQ(bench.inb(kSecondary + kError), kNotReady << 4);
  EXPECT_EQ(sense(), kNotReady << 8 | kAscMediumNotPresent);
  packet(read10(0, 1));
  EXPECT_EQ(status(kSecondary), 0x41);
  packet({kGetEventStatus, 1, 0, 0, 0x10, 0, 0, 0, 8});
  EXPECT_EQ(packet_data(), (std::vector<u8>{0, 4, 4, 0x10, 0, 0, 0, 0}));
}

// MMC-5 4.1.6: a change of the disc shows once as no disc, once as an attention.
TEST_F(AtapiTest, ChangedMediumRaisesUnitAttention) {
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x50);
  cd.listener->media_changed(false);
  packet({kTestUnitReady});
  EXPECT_EQ(sense(), kNotReady << 8 | kAscMediumNotPresent);
  cd.listener->media_changed(true);
  EXPECT_TRUE(bench.irq.level(15));
  packet({kGetEventStatus, 1, 0, 0, 0x10, 0, 0, 0, 8});
  EXPECT_EQ(packet_data(), (std::vector<u8>{0, 4, 4, 0x10, kEventNewMedia, kMediaPresent, 0, 0}));
  packet({kGetEventStatus, 1, 0, 0, 0x10, 0, 0, 0, 8});
  EXPECT_EQ(packet_data()[4], kEventNoChange);
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x41);
  EXPECT_EQ(sense(), kNotReady << 8 | kAscMediumNotPresent);
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x41);
  packet({kTestUnitReady});  // still, until the sense is asked for
  EXPECT_EQ(status(kSecondary) & kStatusErr, kStatusErr);
  EXPECT_EQ(sense(), kUnitAttention << 8 | kAscMediumMayHaveChanged);
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x50);
}

TEST_F(AtapiTest, TrayLockAndEject) {
  packet({kPreventAllowRemoval, 0, 0, 0, 1});
  EXPECT_TRUE(cd.tray_is_locked);
  packet({kStartStopUnit, 0, 0, 0, 2});
  EXPECT_EQ(status(kSecondary), 0x41);
  EXPECT_EQ(sense(), kNotReady << 8 | kAscRemovalPrevented);
  EXPECT_FALSE(cd.tray_is_open);
  cd.listener->eject_requested(false);
  packet({kGetEventStatus, 1, 0, 0, 0x10, 0, 0, 0, 8});
  EXPECT_EQ(packet_data()[4], kEventEjectRequest);
  packet({kPreventAllowRemoval});
  EXPECT_FALSE(cd.tray_is_locked);
  packet({kStartStopUnit, 0, 0, 0, 2});
  EXPECT_TRUE(cd.tray_is_open);
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x41);
  packet({kGetEventStatus, 1, 0, 0, 0x10, 0, 0, 0, 8});
  EXPECT_EQ(packet_data()[5], kMediaTrayOpen);
  packet({kStartStopUnit, 0, 0, 0, 3});
  EXPECT_FALSE(cd.tray_is_open);
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x50);
  packet({kPreventAllowRemoval, 0, 0, 0, 1});
  cd.listener->eject_requested(true);
  EXPECT_FALSE(cd.tray_is_locked);
}

TEST_F(AtapiTest, EventStatusNeedsPolling) {
  packet({kGetEventStatus, 0, 0, 0, 0x10, 0, 0, 0, 8});
  EXPECT_EQ(status(kSecondary), 0x41);
  packet({kGetEventStatus, 1, 0, 0, 0x02, 0, 0, 0, 8});
  EXPECT_EQ(packet_data(), (std::vector<u8>{0, 0, 0x80, 0x10}));
}

// ACS-3 7.21.5: no byte count, no data by PIO; packets without data do not care.
TEST_F(AtapiTest, ByteCountOfZero) {
  packet({kInquiry, 0, 0, 0, 36}, 0);
  EXPECT_EQ(status(kSecondary), 0x41);
  EXPECT_EQ(bench.inb(kSecondary + kError), kErrorAbrt);
  packet({kTestUnitReady}, 0);
  EXPECT_EQ(status(kSecondary), 0x50);
  packet(read_cd(0, 1, 0x10), 0);
  EXPECT_EQ(bench.inb(kSecondary + kError), kErrorAbrt);
  packet({kInquiry, 0, 0, 0, 0});  // nothing wanted, nothing sent
  EXPECT_EQ(status(kSecondary), 0x50);
}

TEST_F(AtapiTest, OverlapIsRefused) {
  select(kSecondary, 0xa0);
  bench.outb(kSecondary + kError, kPacketOverlap);
  command(kSecondary, kPacket);
  EXPECT_EQ(status(kSecondary), 0x41);
}

TEST_F(AtapiTest, DeviceResetInTheMiddleOfARead) {
  select(kSecondary, 0xa0);
  bench.outb(kSecondary + kLbaMid, 0);
  bench.outb(kSecondary + kLbaHigh, 8);
  command(kSecondary, kPacket);
  const Cdb cdb = read10(0, 2);
  give(kSecondary, {cdb.begin(), cdb.end()});
  ASSERT_EQ(cd.pending.size(), 1u);
  EXPECT_EQ(alternate(kSecondaryControl) & kStatusBsy, kStatusBsy);
  command(kSecondary, kDeviceReset);
  EXPECT_EQ(alternate(kSecondaryControl) & kStatusBsy, kStatusBsy);
  cd.complete_all();
  EXPECT_EQ(status(kSecondary), 0);
  EXPECT_EQ(bench.inb(kSecondary + kLbaHigh), 0xeb);
  EXPECT_EQ(bench.inw(kSecondary), 0);
  packet({kTestUnitReady});
  EXPECT_EQ(status(kSecondary), 0x50);
}

TEST_F(AtapiTest, ReadErrors) {
  const auto failing = [this](int error) {
    select(kSecondary, 0xa0);
    bench.outb(kSecondary + kError, 0);
    bench.outb(kSecondary + kLbaMid, 0);
    bench.outb(kSecondary + kLbaHigh, 8);
    command(kSecondary, kPacket);
    const Cdb cdb = read10(0, 2);
    give(kSecondary, {cdb.begin(), cdb.end()});
    cd.fail_next(error);
    EXPECT_EQ(status(kSecondary), 0x41);
    return sense();
  };
  EXPECT_EQ(failing(EIO), kIllegalRequest << 8 | kAscLbaOutOfRange);
  EXPECT_EQ(failing(ENOMEDIUM), kNotReady << 8 | kAscMediumNotPresent);
}

}  // namespace
}  // namespace ide
