// Header, registers, EEPROM, PHY, interrupts, link and reset.
// Numbers are sections of Intel's 8254x manual.
#include "tests/device/net/e1000_fixture.h"

namespace net {
namespace {

TEST_F(E1000Test, HeaderOfEachModel) {
  const std::pair<E1000Model, u32> models[] = {{E1000Model::k82540em, 0x100e8086},
                                               {E1000Model::k82544gc, 0x100c8086},
                                               {E1000Model::k82545em, 0x100f8086}};
  for (const auto& [model, id] : models) {
    plug(model);
    EXPECT_EQ(bench.pci.config_read(kCard, 0x00, 4), id);
    EXPECT_EQ(bench.pci.config_read(kCard, 0x08, 4), 0x02000003u);
    EXPECT_EQ(bench.pci.config_read(kCard, 0x2c, 4), 0x11001af4u);
    EXPECT_EQ(bench.pci.config_read(kCard, 0x3d, 1), 1u);
    EXPECT_EQ(phy(PHY_ID1), 0x0141);
    EXPECT_EQ(phy(PHY_ID2), model == E1000Model::k82544gc ? 0x0c30 : 0x0c20);
  }
}

TEST_F(E1000Test, Bars) {
  bench.pci.config_write(kCard, 0x10, ~0u, 4);
  EXPECT_EQ(bench.pci.config_read(kCard, 0x10, 4), 0xfffe0000u) << "128 KiB";
  bench.pci.config_write(kCard, 0x14, ~0u, 4);
  EXPECT_EQ(bench.pci.config_read(kCard, 0x14, 4), 0xffffffc1u) << "64 ports";
}

TEST_F(E1000Test, ResetValues) {
  EXPECT_EQ(rd(CTRL), 0x00140240u);
  EXPECT_EQ(rd(STATUS) & 0x83u, 0x83u) << "full duplex, link, 1000 Mb/s (13.4.2)";
  EXPECT_EQ(rd(PBA), 0x00100030u);
  EXPECT_EQ(rd(VET), 0x8100u);
  EXPECT_EQ(rd(RCTL), 0u);
  EXPECT_EQ(rd(TCTL), 0u);
  EXPECT_EQ(rd(RA), 0x113e1600u) << "receive address 0 is the EEPROM's (13.5.2)";
  EXPECT_EQ(rd(RA + 4), 0x80003322u);
  EXPECT_EQ(rd(FLA), 0u) << "no flash";
  EXPECT_EQ(rd(0x0004), rd(CTRL)) << "CTRL_DUP";
}

// What `ethtool -t` writes and expects back (drivers/net/ethernet/intel/e1000).
TEST_F(E1000Test, PatternsThatAnEthtoolTestReadsBack) {
  const struct {
    u32 offset, mask;
  } kTests[] = {
      {FCAL, 0xffffffff},  {FCAH, 0xffff},       {FCT, 0xffff},         {VET, 0xffff},
      {RDTR, 0xffff},      {RDBAH, 0xffffffff},  {RDLEN, 0xfff80},      {RDH, 0xffff},
      {RDT, 0xffff},       {FCRTH, 0xfff8},      {FCTTV, 0xffff},       {TIPG, 0x3fffffff},
      {TDBAH, 0xffffffff}, {TDLEN, 0xfff80},     {TXCW, 0xc000ffff},    {TIDV, 0xffff},
      {RDBAL, 0xfffffff0}, {TDBAL, 0xfffffff0},  {MTA, 0xffffffff},     {VFTA, 0xffffffff},
      {RA, 0xffffffff},    {RA + 4, 0x8003ffff}, {RA + 124, 0x8003ffff}};
  for (const auto& [offset, mask] : kTests) {
    for (const u32 pattern : {0x5a5a5a5au, 0xa5a5a5a5u, 0x00000000u, 0xffffffffu}) {
      const u32 write = offset == FCRTH ? pattern & mask : pattern;
      wr(offset, write);
      EXPECT_EQ(rd(offset), write & mask) << std::hex << offset;
    }
  }
  const u32 before = rd(STATUS);
  wr(STATUS, 0xfffff833);
  EXPECT_EQ(rd(STATUS), before);
}

TEST_F(E1000Test, OddWidthsReadTheWholeRegister) {
  EXPECT_EQ(bench.peek(kBar + PBA, 2), 0x0030u);
  EXPECT_EQ(bench.peek(kBar + PBA, 1), 0x30u);
  EXPECT_EQ(bench.peek(kBar + RA, 8), 0x80003322'113e1600u);
  EXPECT_EQ(rd(0x0700), 0u) << "nothing there";
}

// 13.2.2: Linux resets the card through the I/O window.
TEST_F(E1000Test, IoWindow) {
  wr(IMS, 0x1f);
  wr(FCAL, 77);
  bench.outl(kIo + kIoAddr, FCAL);
  EXPECT_EQ(bench.inl(kIo + kIoAddr), u32{FCAL});
  EXPECT_EQ(bench.inl(kIo + kIoData), 77u);
  bench.outl(kIo + kIoAddr, CTRL);
  bench.outl(kIo + kIoData, ctrl::kAtReset | ctrl::Reset::kMask);
  EXPECT_EQ(rd(IMS), 0u);
  EXPECT_EQ(rd(FCAL), 0u);
  EXPECT_EQ(rd(CTRL), ctrl::kAtReset) << "RST clears itself (13.4.1)";
  bench.outl(kIo + kIoAddr, 0x80000);
  EXPECT_EQ(bench.inl(kIo + kIoData), 0u) << "the flash window";
  bench.outl(kIo + kIoData, 1);
}

// --- EEPROM ---

class EepromTest : public E1000Test {
 protected:
  u16 eerd_word(u32 word) {
    wr(EERD, eerd::Start::kMask | eerd::Address::of(word));
    const u32 value = rd(EERD);
    EXPECT_TRUE(eerd::Done::test(value));
    return low<u16>(eerd::Data::get(value));
  }
  void clock_bit(bool bit) {
    const u32 base = eecd::ChipSelect::kMask | (bit ? eecd::DataIn::kMask : 0);
    wr(EECD, base);
    wr(EECD, base | eecd::Clock::kMask);
    wr(EECD, base);
  }
  /// As e1000_shift_out_ee_bits and e1000_shift_in_ee_bits do.
  u16 banged_word(u32 word) {
    wr(EECD, 0);
    wr(EECD, eecd::ChipSelect::kMask);
    for (int bit = 2; bit >= 0; --bit) clock_bit((6 >> bit & 1) != 0);
    for (int bit = 5; bit >= 0; --bit) clock_bit((word >> bit & 1) != 0);
    u16 value = 0;
    for (int bit = 0; bit < 16; ++bit) {
      wr(EECD, eecd::ChipSelect::kMask | eecd::Clock::kMask);
      value = low<u16>(value << 1 | (eecd::DataOut::test(rd(EECD)) ? 1 : 0));
      wr(EECD, eecd::ChipSelect::kMask);
    }
    wr(EECD, 0);
    return value;
  }
};

TEST_F(EepromTest, HoldsMacAndAValidChecksum) {
  u16 sum = 0;
  for (u32 word = 0; word < 64; ++word) sum = low<u16>(sum + eerd_word(word));
  EXPECT_EQ(sum, 0xbaba);  // 5.6.35
  EXPECT_EQ(eerd_word(0), 0x1600);
  EXPECT_EQ(eerd_word(1), 0x113e);
  EXPECT_EQ(eerd_word(2), 0x3322);
  EXPECT_EQ(eerd_word(0x0d), 0x100e);
  EXPECT_EQ(eerd_word(0x40), 0) << "beyond its end";
}

TEST_F(EepromTest, BitBangingReadsTheSame) {
  wr(EECD, eecd::Request::kMask);
  EXPECT_TRUE(eecd::Grant::test(rd(EECD)));
  EXPECT_TRUE(eecd::Present::test(rd(EECD)));
  for (u32 word = 0; word < 64; ++word) EXPECT_EQ(banged_word(word), eerd_word(word)) << word;
}

// --- PHY ---

TEST_F(E1000Test, PhyThatIsNotThere) {
  wr(MDIC, mdic::Read::kMask | mdic::Phy::of(2) | mdic::Register::of(PSTATUS));
  EXPECT_TRUE(mdic::Error::test(rd(MDIC)));
  wr(MDIC, mdic::Read::kMask | mdic::Phy::of(1) | mdic::Register::of(31));
  EXPECT_TRUE(mdic::Error::test(rd(MDIC)));
  wr(MDIC, mdic::Write::kMask | mdic::Phy::of(1) | mdic::Register::of(PSTATUS));
  EXPECT_TRUE(mdic::Error::test(rd(MDIC))) << "read only";
}

TEST_F(E1000Test, MdicInterruptsIfAsked) {
  wr(IMS, icr::kMdac);
  wr(MDIC, mdic::Read::kMask | mdic::Phy::of(1) | mdic::Register::of(PSTATUS));
  EXPECT_FALSE(irq());
  wr(MDIC, mdic::Interrupt::kMask | mdic::Read::kMask | mdic::Phy::of(1));
  EXPECT_TRUE(irq());
  EXPECT_EQ(rd(ICR), icr::kMdac);
}

TEST_F(E1000Test, NegotiationTakesHalfASecond) {
  wr(IMS, icr::kLsc);
  phy(PCTRL, 0x1340);
  EXPECT_EQ(phy(PCTRL), 0x1140) << "restart clears itself";
  EXPECT_FALSE(status::LinkUp::test(rd(STATUS)));
  EXPECT_FALSE(pstatus::Link::test(phy(PSTATUS)));
  wait_ms(499);
  EXPECT_FALSE(irq());
  wait_ms(2);
  EXPECT_TRUE(irq());
  EXPECT_EQ(rd(ICR), icr::kLsc);
  EXPECT_TRUE(status::LinkUp::test(rd(STATUS)));
  EXPECT_TRUE(pstatus::Complete::test(phy(PSTATUS)));
  EXPECT_EQ(phy(LPA), 0x41e0) << "the partner acknowledged";
}

TEST_F(E1000Test, PhyResetNegotiatesAnew) {
  phy(ANA, 0x01e1);
  phy(PCTRL, 0x9140);
  EXPECT_EQ(phy(ANA), 0x01e1) << "a reset by register keeps what was set";
  EXPECT_FALSE(status::LinkUp::test(rd(STATUS)));
  wait_ms(501);
  EXPECT_TRUE(status::LinkUp::test(rd(STATUS)));
  wr(CTRL, rd(CTRL) | ctrl::PhyReset::kMask);
  EXPECT_EQ(phy(ANA), 0x0de1) << "one by pin does not";
  EXPECT_FALSE(status::LinkUp::test(rd(STATUS)));
  wr(CTRL, rd(CTRL) & ~ctrl::PhyReset::kMask);
  wait_ms(501);
  EXPECT_TRUE(status::LinkUp::test(rd(STATUS)));
}

// --- link ---

TEST_F(E1000Test, CablePulledAndPluggedRaisesLsc) {
  wr(IMS, icr::kLsc);
  card->set_link(false);
  EXPECT_FALSE(status::LinkUp::test(rd(STATUS)));
  EXPECT_TRUE(irq());
  EXPECT_EQ(rd(ICR), icr::kLsc);
  wait_ms(1);
  card->set_link(true);
  EXPECT_FALSE(irq()) << "first they negotiate";
  wait_ms(501);
  EXPECT_TRUE(irq());
  EXPECT_TRUE(status::LinkUp::test(rd(STATUS)));
}

TEST_F(E1000Test, ForcedLinkComesAtOnce) {
  phy(PCTRL, 0x0140);  // no negotiation
  card->set_link(false);
  rd(ICR);
  card->set_link(true);
  EXPECT_TRUE(status::LinkUp::test(rd(STATUS)));
  EXPECT_EQ(rd(ICR) & icr::kLsc, icr::kLsc);
}

TEST_F(E1000Test, ResetWithoutACable) {
  card->set_link(false);
  card->reset();
  enable();
  EXPECT_FALSE(status::LinkUp::test(rd(STATUS)));
  EXPECT_FALSE(pstatus::Link::test(phy(PSTATUS)));
  phy(PCTRL, 0x1340);
  wait_ms(1000);
  EXPECT_FALSE(status::LinkUp::test(rd(STATUS))) << "nobody to negotiate with";
}

// --- interrupts ---

TEST_F(E1000Test, CausesAndMasks) {
  wr(ICS, icr::kTxdw | icr::kLsc);
  EXPECT_EQ(rd(ICS), icr::kTxdw | icr::kLsc) << "reads as ICR without clearing";
  EXPECT_FALSE(irq());
  wr(IMS, icr::kLsc);
  EXPECT_EQ(rd(IMS), icr::kLsc);
  EXPECT_TRUE(irq());
  wr(IMC, icr::kLsc);
  EXPECT_FALSE(irq());
  EXPECT_EQ(rd(IMS), 0u);
  wr(ICR, icr::kLsc);
  EXPECT_EQ(rd(ICS), icr::kTxdw) << "writing ones clears (13.4.17)";
  EXPECT_EQ(rd(ICR), icr::kTxdw);
  EXPECT_EQ(rd(ICR), 0u) << "reading clears";
}

TEST_F(E1000Test, ReadingIcrLowersTheLine) {
  wr(IMS, icr::kLsc);
  wr(ICS, icr::kLsc);
  EXPECT_TRUE(irq());
  rd(ICR);
  EXPECT_FALSE(irq());
}

TEST_F(E1000Test, ThrottlingHoldsTheSecondInterruptBack) {
  wr(IMS, icr::kLsc);
  wr(ITR, 4000);  // of 256 ns: 1.024 ms
  wr(ICS, icr::kLsc);
  EXPECT_TRUE(irq());
  rd(ICR);
  wr(ICS, icr::kLsc);
  EXPECT_FALSE(irq());
  bench.clock.advance(1'023'000);
  EXPECT_FALSE(irq());
  bench.clock.advance(2'000);
  EXPECT_TRUE(irq()) << "13.4.18";
}

TEST_F(E1000Test, NeverMoreThanAnInterruptIn128Microseconds) {
  wr(IMS, icr::kLsc);
  wr(ICS, icr::kLsc);
  rd(ICR);
  wr(ICS, icr::kLsc);
  EXPECT_FALSE(irq());
  bench.clock.advance(128'001);
  EXPECT_TRUE(irq());
}

// --- reset ---

TEST_F(E1000Test, ResetAtAnyMoment) {
  start_tx();
  start_rx();
  wr(IMS, 0xff);
  wr(ICS, 0xff);
  phy(PCTRL, 0x1340);
  card->reset();
  EXPECT_FALSE(irq());
  enable();
  EXPECT_EQ(rd(IMS), 0u);
  EXPECT_EQ(rd(RCTL), 0u);
  EXPECT_TRUE(status::LinkUp::test(rd(STATUS)));
  wait_ms(2000);
  EXPECT_EQ(rd(ICR), 0u) << "no timer of before";
}

TEST_F(E1000Test, SoftwareResetKeepsThePhyAndConfigurationSpace) {
  phy(ANA, 0x01e1);
  wr(IMS, icr::kLsc);
  wr(ICS, icr::kLsc);
  wr(RA, 0x12345678);
  wr(CTRL, ctrl::Reset::kMask);
  EXPECT_FALSE(irq());
  EXPECT_EQ(phy(ANA), 0x01e1);
  EXPECT_EQ(rd(RA), 0x113e1600u) << "loaded from the EEPROM again";
  EXPECT_EQ(bench.pci.config_read(kCard, 0x10, 4), kBar);
}

TEST_F(E1000Test, RomBar) {
  card.reset();
  card = std::make_unique<E1000>(bench.pci, kCard, wire, bench.clock,
                                 E1000Config{.mac = kMac, .rom = std::vector<u8>(5000, 0x55)});
  card->reset();
  enable();
  bench.pci.config_write(kCard, 0x30, 0xf3000001, 4);
  EXPECT_EQ(bench.peek(0xf3000000, 4), 0x55555555u);
  bench.pci.config_write(kCard, 0x30, ~0u, 4);
  EXPECT_EQ(bench.pci.config_read(kCard, 0x30, 4), 0xffffe001u) << "8 KiB";
}

// It goes to everybody, with the address that the guest listens to.
TEST_F(E1000Test, Announces) {
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
  wr(RA, 0x33221102);
  wr(RA + 4, 0x80005544);
  card->announce();
  ASSERT_EQ(wire.sent.size(), 2u);
  expect(wire.sent[1], {0x02, 0x11, 0x22, 0x33, 0x44, 0x55});
}

}  // namespace
}  // namespace net
