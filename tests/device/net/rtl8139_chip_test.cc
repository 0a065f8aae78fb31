// The card without frames: registers, EEPROM, lock, time, PHY, link.
#include "tests/device/net/rtl8139_fixture.h"

namespace net {
namespace {

using Rtl8139ChipTest = Rtl8139Test;

TEST_F(Rtl8139ChipTest, IsAnRtl8139Cplus) {
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x00, 4), 0x813910ecu);
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x08, 4), 0x02000020u) << "Ethernet, revision 20h";
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x2c, 4), 0x11001af4u);
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x3d, 1), 1u);
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x34, 1), 0xdcu) << "as in QEMU's streams";
  EXPECT_EQ(r32(TCR) & 0x7cc00000, 0x74800000u) << "HWVERID";
  EXPECT_EQ(r8(RERID), 0x20);
}

TEST_F(Rtl8139ChipTest, BothBarsAreTheSame256Bytes) {
  bench.pci.config_write(kDevfn, 0x10, 0xffffffff, 4);
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x10, 4), 0xffffff01u);
  bench.pci.config_write(kDevfn, 0x14, 0xffffffff, 4);
  EXPECT_EQ(bench.pci.config_read(kDevfn, 0x14, 4), 0xffffff00u);
  enable();
  bench.poke(kBar + RBSTART, 0x12345678, 4);
  EXPECT_EQ(r32(RBSTART), 0x12345678u);
  w16(IMR, 0x00ff);
  EXPECT_EQ(bench.peek(kBar + IMR, 2), 0x00ffu);
}

TEST_F(Rtl8139ChipTest, AccessesOfAllWidths) {
  w32(TSAD1, 0x12345678);
  EXPECT_EQ(r16(TSAD1), 0x5678u);
  EXPECT_EQ(r16(TSAD1 + 2), 0x1234u);
  EXPECT_EQ(r8(TSAD1 + 1), 0x56u);
  w8(TSAD1 + 3, 0xab);
  w16(TSAD1, 0xcdef);
  EXPECT_EQ(r32(TSAD1), 0xab34cdefu);
  // Two registers, and part of a third.
  w32(IMR, 0xffff0025);
  EXPECT_EQ(r16(IMR), 0x25u);
  EXPECT_EQ(bench.peek(kBar + TSAD0 + 2, 4), 0xcdef0000u);
  EXPECT_EQ(bench.peek(kBar + 0xf8, 8), 0u);
  EXPECT_EQ(r8(TCR + 3), 0x74u) << "Windows looks at the version like that";
}

TEST_F(Rtl8139ChipTest, AddressAndFilterAreBytes) {
  for (u8 i = 0; i < 6; ++i) EXPECT_EQ(r8(i), kMac[i]);
  EXPECT_EQ(r32(IDR4) >> 16, 0u);
  w32(IDR0, 0x44332211);
  w32(IDR4, 0xffff6655);
  EXPECT_EQ(r16(IDR4), 0x6655u);
  EXPECT_EQ(r16(6), 0u);
  for (u8 i = 0; i < 8; ++i) w8(low<u8>(MAR0 + i), i + 1u);
  EXPECT_EQ(r32(MAR0), 0x04030201u);
  EXPECT_EQ(r32(MAR4), 0x08070605u);
}

TEST_F(Rtl8139ChipTest, SoftResetKeepsAddressAndFilter) {
  w32(IDR0, 0x44332211);
  w32(MAR0, 0xffffffff);
  w8(CR, kOn);
  w32(RCR, 0x0000f78f);
  w16(IMR, 0xffff);
  w8(CR, cr::Reset::kMask);
  EXPECT_EQ(r8(CR), 1u) << "done, off, nothing received";
  EXPECT_EQ(r32(IDR0), 0x44332211u);
  EXPECT_EQ(r32(MAR0), 0xffffffffu);
  EXPECT_EQ(r16(IMR), 0u);
  EXPECT_EQ(r16(CAPR), 0xfff0u);
  EXPECT_EQ(r16(CBR), 0u);
  for (const u8 reg : {TSD0, TSD1, TSD2, TSD3}) EXPECT_EQ(r32(reg), 0x2000u);
  EXPECT_EQ(r16(TSAD), 0x000fu);
  card->reset();
  enable();
  EXPECT_EQ(r32(IDR0), load_le<u32>(kMac.data()));
  EXPECT_EQ(r32(MAR0), 0u);
}

// --- EEPROM ---

TEST_F(Rtl8139ChipTest, EepromHasIdAndAddress) {
  EXPECT_EQ(eeprom(0), 0x8129u);
  EXPECT_EQ(eeprom(1), 0x10ecu);
  EXPECT_EQ(eeprom(2), 0x8139u);
  for (u32 i = 0; i < 3; ++i) EXPECT_EQ(eeprom(7 + i), load_le<u16>(&kMac[2 * i]));
}

// Drivers find out that it is no 93C56 by reading the ID with two more address bits.
TEST_F(Rtl8139ChipTest, EepromIsA93c46) {
  EXPECT_NE(eeprom(0, 8), 0x8129u);
  EXPECT_EQ(eeprom(0, 6), 0x8129u);
  EXPECT_EQ(r32(RCR) & 0x40, 0u) << "9356SEL";
}

TEST_F(Rtl8139ChipTest, EepromTakesNoWrites) {
  const auto send = [this](u32 bits, unsigned count) {
    while (count-- > 0) {
      const u32 data = (bits >> count & 1) << 1;
      w8(EECR, 0x88 | data);
      w8(EECR, 0x8c | data);
    }
  };
  w8(EECR, 0x80);
  send(0x130, 9);  // write enable
  w8(EECR, 0x80);
  send(0x147, 9);  // write word 7
  send(0xdead, 16);
  w8(EECR, 0x80);
  send(0x110, 9);  // write all
  send(0xdead, 16);
  w8(EECR, 0);
  EXPECT_EQ(eeprom(7), load_le<u16>(&kMac[0]));
  EXPECT_EQ(eeprom(0), 0x8129u);
}

// FreeBSD's driver leaves the chip selected between words.
TEST_F(Rtl8139ChipTest, EepromReadsWordAfterWordWithoutDeselecting) {
  w8(EECR, 0x88);
  for (const auto& [word, want] : {std::pair{0u, 0x8129u}, {1u, 0x10ecu}, {2u, 0x8139u}}) {
    const u32 command = 6u << 6 | word;
    for (unsigned bit = 9; bit-- > 0;) {
      const u32 data = (command >> bit & 1) << 1;
      w8(EECR, 0x88 | data);
      w8(EECR, 0x8c | data);
    }
    u32 value = 0;
    for (int i = 0; i < 16; ++i) {
      w8(EECR, 0x88);
      w8(EECR, 0x8c);
      value = value << 1 | (r8(EECR) & 1);
    }
    w8(EECR, 0x88);
    EXPECT_EQ(value, want);
  }
}

TEST_F(Rtl8139ChipTest, AutoLoadBringsTheAddressBack) {
  w32(IDR0, 0);
  w16(IMR, 0xffff);
  w8(EECR, 0x40);
  EXPECT_EQ(r32(IDR0), load_le<u32>(kMac.data()));
  EXPECT_EQ(r16(IMR), 0u);
  EXPECT_EQ(r8(EECR), 0u);
}

// --- the lock ---

TEST_F(Rtl8139ChipTest, ConfigurationIsLocked) {
  EXPECT_EQ(r8(CONFIG1), 0x0cu);
  w8(CONFIG1, 0xff);
  w8(CONFIG3, 0xff);
  w8(CONFIG4, 0xff);
  w8(CONFIG0, 0xff);
  EXPECT_EQ(r8(CONFIG1), 0x0cu);
  EXPECT_EQ(r8(CONFIG3), 0x01u);
  EXPECT_EQ(r8(CONFIG4), 0u);
  EXPECT_EQ(r8(CONFIG0), 0u);
  w8(CONFIG5, 0xff);
  EXPECT_EQ(r8(CONFIG5), 0x7fu) << "has no lock";
  unlock();
  EXPECT_EQ(r8(EECR), 0xc0u);
  w8(CONFIG1, 0xf1);
  w8(CONFIG3, 0x20);  // Magic
  w8(CONFIG4, 0x04);
  EXPECT_EQ(r8(CONFIG1), 0xfdu) << "the maps stay";
  EXPECT_EQ(r8(CONFIG3), 0x21u);
  EXPECT_EQ(r8(CONFIG4), 0x04u);
  lock();
  w8(CONFIG3, 0);
  EXPECT_EQ(r8(CONFIG3), 0x21u);
}

TEST_F(Rtl8139ChipTest, TransmitConfigurationNeedsTheTransmitter) {
  w32(TCR, 0x03000700);
  EXPECT_EQ(r32(TCR), 0x74800000u);
  w8(CR, kOn);
  w32(TCR, 0x03000700);
  EXPECT_EQ(r32(TCR), 0x77800700u);
  w8(TCR, 0xf0);
  EXPECT_EQ(r32(TCR), 0x778007f0u);
}

// --- interrupts ---

TEST_F(Rtl8139ChipTest, MaskAndStatus) {
  w8(TPPOLL, tppoll::SoftwareInterrupt::kMask);
  EXPECT_EQ(r16(ISR), isr::kSwInt);
  EXPECT_EQ(r16(ISR), isr::kSwInt) << "reading clears nothing";
  EXPECT_FALSE(irq());
  w16(IMR, isr::kSwInt);
  EXPECT_TRUE(irq());
  w16(IMR, 0xffff);
  EXPECT_EQ(r16(IMR), 0xe1ffu);
  w16(ISR, 0xffff & ~isr::kSwInt);
  EXPECT_TRUE(irq());
  w16(ISR, isr::kSwInt);
  EXPECT_FALSE(irq());
  EXPECT_EQ(r16(ISR), 0u);
  w8(TPPOLL, tppoll::SoftwareInterrupt::kMask);
  w16(IMR, 0);
  EXPECT_FALSE(irq());
  // A byte of it.
  w8(ISR, 0xff);
  EXPECT_EQ(r16(ISR), isr::kSwInt);
  w8(ISR + 1, 1);
  EXPECT_EQ(r16(ISR), 0u);
}

// --- time ---

TEST_F(Rtl8139ChipTest, TimerCountsPciClocks) {
  w32(TCTR, 123);
  EXPECT_EQ(r32(TCTR), 0u);
  bench.clock.advance(30'000);
  EXPECT_EQ(r32(TCTR), 1000u);
}

TEST_F(Rtl8139ChipTest, TimerInterrupts) {
  w16(IMR, isr::kTimeOut);
  w32(TCTR, 0);
  w32(TIMERINT, 1000);
  EXPECT_EQ(r32(TIMERINT), 1000u);
  bench.clock.advance(29'999);
  EXPECT_FALSE(irq());
  bench.clock.advance(1);
  EXPECT_TRUE(irq());
  EXPECT_EQ(take_isr(), isr::kTimeOut);
  // Once a round of the counter.
  bench.clock.advance((i64{30} << 32) - 1);
  EXPECT_FALSE(irq());
  bench.clock.advance(1);
  EXPECT_TRUE(irq());
  take_isr();
  w32(TCTR, 0);
  bench.clock.advance(30'000);
  EXPECT_TRUE(irq());
  take_isr();
  w32(TIMERINT, 0);
  w32(TCTR, 0);
  EXPECT_EQ(bench.clock.next_deadline(), -1);
}

TEST_F(Rtl8139ChipTest, HaltedClockHoldsEverything) {
  start_ring();
  w32(TCTR, 0);
  w32(TIMERINT, 1000);
  w8(HLTCLK, 'H');
  bench.clock.advance(60'000);
  wire.arrive(frame_to(kMac, 100));
  EXPECT_EQ(r16(ISR), 0u);
  w8(HLTCLK, 'x');
  EXPECT_EQ(r8(HLTCLK), 0u);
  w8(HLTCLK, 'R');
  EXPECT_EQ(r8(HLTCLK), 1u);
  EXPECT_EQ(r16(ISR), isr::kRok);
}

// --- PHY and link ---

TEST_F(Rtl8139ChipTest, PhyHasNegotiated) {
  EXPECT_EQ(r16(BMCR), 0x1000u);
  EXPECT_EQ(r16(BMSR), 0x782du);
  EXPECT_EQ(r16(ANAR), 0x05e1u);
  EXPECT_EQ(r16(ANLPAR), 0x05e1u);
  EXPECT_EQ(r16(ANER), 0x0001u);
  w16(BMSR, 0);
  w16(ANLPAR, 0);
  EXPECT_EQ(r16(BMSR), 0x782du);
  EXPECT_EQ(r16(ANLPAR), 0x05e1u);
  w16(ANAR, 0x0061);
  EXPECT_EQ(r16(ANAR), 0x0061u);
}

TEST_F(Rtl8139ChipTest, SpeedAndDuplexAreBehindTheLock) {
  w16(BMCR, 0x2100);
  EXPECT_EQ(r16(BMCR), 0x1000u);
  unlock();
  w16(BMCR, 0x0100);
  EXPECT_EQ(r16(BMCR), 0x0100u);
  EXPECT_EQ(r16(BMSR), 0x780du) << "nothing negotiated";
  EXPECT_EQ(r8(MSR) & 0x0c, 8) << "10 Mb/s, link";
  w16(BMCR, 0x2100);
  EXPECT_EQ(r8(MSR) & 0x0c, 0);
  w16(BMCR, 0x1200);
  EXPECT_EQ(r16(BMCR), 0x1000u) << "restarting is done";
  w16(ANAR, 0x0061);
  lock();
  w16(BMCR, 0x8000);
  EXPECT_EQ(r16(BMCR), 0x1000u);
  EXPECT_EQ(r16(ANAR), 0x05e1u);
}

TEST_F(Rtl8139ChipTest, LinkChanges) {
  w16(IMR, isr::kLinkChg);
  EXPECT_EQ(r8(MSR), 0xd0u);
  EXPECT_EQ(r16(CSCR) & 8, 8);
  card->set_link(false);
  EXPECT_TRUE(irq());
  EXPECT_EQ(take_isr(), isr::kLinkChg);
  EXPECT_EQ(r8(MSR), 0xd4u);
  EXPECT_EQ(r16(BMSR), 0x7809u);
  EXPECT_EQ(r16(CSCR) & 8, 0);
  card->set_link(false);
  EXPECT_FALSE(irq()) << "no change";
  start_ring();
  put_slot(frame_to(kStranger, 100));
  wire.arrive(frame_to(kMac, 100));
  EXPECT_TRUE(wire.sent.empty());
  EXPECT_TRUE(wire.waiting.empty());
  EXPECT_TRUE(ring_empty());
  take_isr();
  card->set_link(true);
  EXPECT_EQ(take_isr(), isr::kLinkChg);
  EXPECT_EQ(r8(MSR), 0xd0u);
  EXPECT_EQ(r16(BMSR), 0x782du);
}

TEST_F(Rtl8139ChipTest, CrcIsEthernets) {
  const char text[] = "123456789";
  EXPECT_EQ(crc32(Bytes(reinterpret_cast<const u8*>(text), 9)), 0xcbf43926u);
  // Where Linux' ether_crc() >> 26 puts well-known groups.
  const std::array<u8, 6> all_hosts{0x01, 0x00, 0x5e, 0x00, 0x00, 0x01};
  EXPECT_EQ(multicast_hash(all_hosts), 31u);
  EXPECT_EQ(multicast_hash(kGroup), 15u);
  EXPECT_EQ(multicast_hash(kBroadcast), 63u);
}

// It goes to everybody, with the address that the guest listens to.
TEST_F(Rtl8139ChipTest, Announces) {
  card->announce();
  ASSERT_EQ(wire.sent.size(), 1u);
  const auto expect = [&](const std::vector<u8>& frame, const std::array<u8, 6>& address) {
    ASSERT_EQ(frame.size(), 60u);
    EXPECT_TRUE(std::all_of(frame.begin(), frame.begin() + 6, [](u8 one) { return one == 0xff; }));
    for (const int at : {6, 22, 32}) {
      EXPECT_TRUE(std::equal(address.begin(), address.end(), frame.begin() + at)) << at;
    }
    EXPECT_EQ(load_be<u16>(&frame[12]), 0x8035) << "RARP";
    EXPECT_EQ(load_be<u16>(&frame[20]), 3) << "a reverse request";
  };
  expect(wire.sent[0], kMac);
  card->set_link(false);
  card->announce();
  EXPECT_EQ(wire.sent.size(), 1u) << "a pulled cable";
  card->set_link(true);
  unlock();
  w32(IDR0, 0x33221102);
  w32(IDR4, 0x5544);
  lock();
  card->announce();
  ASSERT_EQ(wire.sent.size(), 2u);
  expect(wire.sent[1], {0x02, 0x11, 0x22, 0x33, 0x44, 0x55});
}

}  // namespace
}  // namespace net
