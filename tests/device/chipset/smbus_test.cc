// The SMBus host as Linux's i2c-piix4 and firmware drive it, with the EEPROMs on its bus.
#include <gtest/gtest.h>

#include <vector>

#include "hw/emul/chipset/piix4_pm.h"
#include "hw/emul/chipset/smbus_regs.h"
#include "tests/device/chipset/board.h"

namespace {

using namespace chipset_test;    // NOLINT(google-build-using-namespace)
using namespace chipset::smbus;  // NOLINT(google-build-using-namespace)
using chipset::Piix4Pm;

constexpr u8 kPm = pci::devfn(1, 3);
constexpr u16 kBase = 0xb100;

constexpr u8 kDone = 0x02;
constexpr u8 kError = 0x04;
constexpr u8 kByteDone = 0x80;

struct Smbus : ::testing::Test {
  PciBench b;
  FakePower power;
  FakeSlots slots;
  Piix4Pm pm{b.pci, kPm, {b.clock, b.irq.line(9), power, slots}};

  Smbus() { pm.reset(); }
  void out(u8 reg, u32 value) { b.outb(low<u16>(kBase + reg), low<u8>(value)); }
  u8 in(u8 reg) { return b.inb(low<u16>(kBase + reg)); }

  /// A transaction by polling: the status at its end, which is then cleared.
  u8 run(u8 address, bool read, ProtocolCode protocol) {
    out(kHstAdd, u32{address} << 1 | (read ? 1U : 0U));
    out(kHstCnt, 0x40U | static_cast<u32>(protocol) << 2U);
    EXPECT_EQ(in(kHstSts)&1, 1);  // busy, seen once
    const u8 status = in(kHstSts);
    out(kHstSts, 0x1e);
    return status;
  }
  u8 write_byte(u8 address, u8 offset, u8 value) {
    out(kHstCmd, offset);
    out(kHstDat0, value);
    return run(address, false, kByteData);
  }
  u8 read_byte(u8 address, u8 offset) {
    out(kHstCmd, offset);
    EXPECT_EQ(run(address, true, kByteData), kDone);
    return in(kHstDat0);
  }
};

// 7.3: a polling driver writes address, command and start, then waits.
TEST_F(Smbus, NobodyAnswersEndsWithAnError) {
  EXPECT_EQ(in(kHstSts), 0x00);
  out(kHstAdd, 0xb1);
  out(kHstCmd, 0x00);
  out(kHstCnt, 0x48);
  EXPECT_EQ(in(kHstCnt), 0x08);  // start reads 0
  EXPECT_EQ(in(kHstSts), 0x01);
  EXPECT_EQ(in(kHstSts), 0x04);
  out(kHstSts, 0xff);
  EXPECT_EQ(in(kHstSts), 0x00);
  out(kHstCnt, 0x49);  // with interrupt enable: at once
  EXPECT_EQ(in(kHstSts), 0x04);
  out(kHstCnt, 0x02);  // kill
  EXPECT_EQ(in(kHstSts), 0x14);
}

TEST_F(Smbus, ScanFindsEightEeproms) {
  std::vector<unsigned> found;
  for (u8 address = 0x08; address < 0x78; ++address) {
    if (run(address, false, kQuick) == kDone) found.push_back(address);
  }
  EXPECT_EQ(found, (std::vector<unsigned>{0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57}));
}

TEST_F(Smbus, BytesAreKeptByEachEeprom) {
  EXPECT_EQ(read_byte(0x50, 2), 0x00);  // no module: an SPD of zeros
  EXPECT_EQ(write_byte(0x50, 2, 0x5a), kDone);
  EXPECT_EQ(write_byte(0x57, 2, 0xa5), kDone);
  EXPECT_EQ(write_byte(0x50, 3, 0x77), kDone);
  EXPECT_EQ(read_byte(0x50, 2), 0x5a);
  EXPECT_EQ(read_byte(0x57, 2), 0xa5);
  EXPECT_EQ(read_byte(0x51, 2), 0x00);
  // The offset moved on to 3.
  read_byte(0x50, 2);
  EXPECT_EQ(run(0x50, true, kByte), kDone);
  EXPECT_EQ(in(kHstDat0), 0x77);
  // A word, and an offset alone.
  out(kHstCmd, 0xff);
  out(kHstDat0, 0x11);
  out(kHstDat1, 0x22);
  EXPECT_EQ(run(0x51, false, kWordData), kDone);
  out(kHstCmd, 0xff);
  EXPECT_EQ(run(0x51, false, kByte), kDone);
  EXPECT_EQ(run(0x51, true, kByte), kDone);
  EXPECT_EQ(in(kHstDat0), 0x11);
  out(kHstCmd, 0xff);
  EXPECT_EQ(run(0x51, true, kWordData), kDone);
  EXPECT_EQ(in(kHstDat0), 0x11);
  EXPECT_EQ(in(kHstDat1), 0x22);  // around the end
  pm.reset();
  EXPECT_EQ(read_byte(0x50, 2), 0x00);
}

TEST_F(Smbus, BlocksGoThroughTheBuffer) {
  out(kHstCmd, 0x10);
  out(kHstDat0, 4);
  in(kHstCnt);
  for (const u8 byte : {u8{1}, u8{2}, u8{3}, u8{4}}) out(kBlkDat, byte);
  EXPECT_EQ(run(0x52, false, kBlock), kDone);
  EXPECT_EQ(read_byte(0x52, 0x10), 4);  // the length went over the bus
  EXPECT_EQ(read_byte(0x52, 0x14), 4);
  out(kHstCmd, 0x10);
  EXPECT_EQ(run(0x52, true, kBlock), kDone);
  EXPECT_EQ(in(kHstDat0), 4);
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(in(kBlkDat), i);
  // Fewer bytes than it says are not sent.
  out(kHstDat0, 9);
  out(kBlkDat, 1);
  EXPECT_EQ(run(0x52, false, kBlock), kError);
  // A length beyond the buffer counts as none.
  write_byte(0x52, 0x10, 33);
  out(kHstCmd, 0x10);
  EXPECT_EQ(run(0x52, true, kBlock), kDone);
  EXPECT_EQ(in(kHstDat0), 0);
}

// 82801EB 5.18.1: a byte is taken when the driver clears BYTE_DONE. Drivers leave the buffer off.
TEST_F(Smbus, I2cBlockReadGoesByteByByte) {
  for (u8 i = 0; i < 4; ++i) write_byte(0x53, low<u8>(0x20 + i), low<u8>(0x90 + i));
  out(kAuxCtl, 0);
  out(kHstDat1, 0x20);
  out(kHstAdd, 0x53 << 1);
  out(kHstCnt, 0x40U | kI2cBlockRead << 2U);
  EXPECT_EQ(in(kHstSts), 0x01);
  for (u8 i = 0; i < 3; ++i) {
    EXPECT_EQ(in(kHstSts), kByteDone | 0x01) << unsigned{i};
    EXPECT_EQ(in(kBlkDat), 0x90 + i);
    if (i == 2) out(kHstCnt, 0x20U | kI2cBlockRead << 2U);  // the next one is the last
    out(kHstSts, kByteDone);
  }
  EXPECT_EQ(in(kHstSts), kDone);
  EXPECT_EQ(in(kBlkDat), 0x93);
}

TEST_F(Smbus, BlocksByteByByteWithoutTheBuffer) {
  out(kAuxCtl, 0);
  out(kHstCmd, 0x40);
  out(kHstDat0, 2);
  out(kBlkDat, 0xaa);
  out(kHstAdd, 0x54 << 1);
  out(kHstCnt, 0x40U | kBlock << 2U);
  in(kHstSts);
  EXPECT_EQ(in(kHstSts), kByteDone | 0x01);
  out(kBlkDat, 0xbb);
  out(kHstSts, kByteDone);
  EXPECT_EQ(in(kHstSts), kByteDone | 0x01);
  out(kHstSts, kByteDone);
  EXPECT_EQ(in(kHstSts), kDone);
  out(kHstSts, 0xff);
  EXPECT_EQ(read_byte(0x54, 0x40), 2);
  EXPECT_EQ(read_byte(0x54, 0x41), 0xaa);
  EXPECT_EQ(read_byte(0x54, 0x42), 0xbb);
}

TEST_F(Smbus, RegistersAndBlockBuffer) {
  for (u8 reg = kHstCmd; reg <= kHstDat1; ++reg) {
    out(reg, reg * 7U);
    EXPECT_EQ(in(reg), reg * 7);
  }
  // The buffer's place is the host's: it wraps, and a start alone does not rewind it.
  for (unsigned i = 0; i < 100; ++i) out(kBlkDat, i);
  out(kHstAdd, 0x10);
  out(kHstCnt, 0x49);
  EXPECT_EQ(in(kBlkDat),
            68 + 0);  // 32 + 32 + 32 + 4 were written: the fifth is of the round before
  for (int i = 0; i < 40; ++i) in(kBlkDat);
  out(kAuxCtl, 0xff);
  EXPECT_EQ(in(kAuxCtl), 0x03);
  b.set_cfg(kPm, 0xd2, 0x00, 1);
  EXPECT_EQ(in(kHstCmd), 0xff);
}

}  // namespace
