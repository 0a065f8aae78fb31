// Network cards.
#include "hw/emul/net/e1000_regs.h"
#include "hw/emul/net/rtl8139_regs.h"
#include "tests/lifecycle/interchange.h"
#include "tests/xensim/cable.h"

namespace interchange {
namespace {

using xensim::Cable;
namespace reg = net::e1000_regs;
namespace rtl = net::rtl8139_regs;

constexpr u64 kMemory = 0xf8000000, kTxRing = 0x40000, kRxRing = 0x41000;
constexpr u64 kTxData = 0x50000, kRxData = 0x60000;

/// A card in slot 6, with a cable.
class CardInterchange : public Interchange {
 protected:
  void plug(const std::string& driver, unsigned memory_bar) {
    Interchange::SetUp();
    if (IsSkipped()) return;
    cable_ = std::make_unique<Cable>(GetParam().name());
    machine_->qmp().call("netdev_add", cable_->arguments("net0"));
    machine_->qmp().call("device_add", {{"driver", driver},
                                        {"id", "nic0"},
                                        {"netdev", "net0"},
                                        {"addr", "6"},
                                        {"mac", "00:16:3e:01:02:03"}});
    machine_->set_extra({"-device", driver + ",id=nic0,netdev=net0,addr=6,mac=00:16:3e:01:02:03",
                         "-netdev", Cable::option("net0", GetParam().name())});
    cpu().set_config({6, 0}, 0x10 + 4 * memory_bar, kMemory, 4);
    cpu().set_config({6, 0}, 4, 7, 2);
  }
  static Cable::Frame frame() {
    Cable::Frame all(200);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<u8>(i * 5);
    const u8 mac[] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
    std::copy(std::begin(mac), std::end(mac), all.begin());
    return all;
  }
  /// Says where a guest is after its move (RARP).
  static bool announces(const Cable::Frame& came) {
    return came.size() > 14 && came[12] == 0x80 && came[13] == 0x35;
  }
  /// The next from the guest itself.
  Cable::Frame from_guest() {
    Cable::Frame came = cable_->next();
    while (announces(came)) came = cable_->next();
    return came;
  }
  void expect_announced() {
    Cable::Frame wanted(60);
    const u8 mac[] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
    const u8 request[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
    std::fill_n(wanted.begin(), 6, u8{0xff});
    std::copy(std::begin(request), std::end(request), wanted.begin() + 12);
    for (const int at : {6, 22, 32})
      std::copy(std::begin(mac), std::end(mac), &wanted[std::size_t(at)]);
    for (unsigned round = 0; round < 5; ++round) EXPECT_EQ(cable_->next(), wanted) << round;
    EXPECT_EQ(cable_->next(600).size(), 0U);
  }

  std::unique_ptr<Cable> cable_;
};

class E1000Interchange : public CardInterchange {
 protected:
  void SetUp() override { plug("e1000", 0); }
  u32 get(u32 offset) { return cpu().read32(kMemory + offset); }
  void set(u32 offset, u32 value) { cpu().write32(kMemory + offset, value); }
  u16 phy(u8 number) {
    set(reg::MDIC, 2U << 26 | 1U << 21 | u32{number} << 16);
    return static_cast<u16>(get(reg::MDIC));
  }
  void transmitter() {
    set(reg::TDBAL, kTxRing);
    set(reg::TDLEN, 128);
    set(reg::TDH, 0);
    set(reg::TDT, 0);
    set(reg::TCTL, 2);
  }
  void receiver() {
    for (u32 i = 0; i < 8; ++i) {
      cpu().write(kRxRing + i * 16, kRxData + i * 2048, 8);
      cpu().write(kRxRing + i * 16 + 8, 0, 8);
    }
    set(reg::RDBAL, kRxRing);
    set(reg::RDLEN, 128);
    set(reg::RDH, 0);
    set(reg::RDT, 7);
    set(reg::RCTL, 0x8002);
  }
  /// A legacy descriptor (3.3.3) at place `number`, for bytes of the frame.
  void transmit(u32 number, std::size_t from, std::size_t length, u8 command) {
    const Cable::Frame all = frame();
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
    cpu().set_ram(kTxData + number * 2048, Cable::Frame(begin, begin + std::ptrdiff_t(length)));
    cpu().write(kTxRing + number * 16, kTxData + number * 2048, 8);
    cpu().write(kTxRing + number * 16 + 8, length | u64{command} << 24, 8);
    set(reg::TDT, number + 1);
  }
  bool wait(u32 offset, u32 mask, u32 wanted) {
    for (int i = 0; i < 5000; ++i) {
      if ((get(offset) & mask) == wanted) return true;
      ::usleep(1000);
    }
    return false;
  }
};

TEST_P(E1000Interchange, Registers) {
  about("e1000", "registers, PHY and EEPROM set");
  set(reg::RA + 8, 0x44332211);
  set(reg::RA + 12, 0x80006655);
  set(reg::MTA + 4, 0xa5a5a5a5);
  set(reg::VFTA + 8, 0x5a5a5a5a);
  set(reg::ITR, 1000);
  set(reg::IMS, 0x80);
  set(reg::ICS, 4);
  set(reg::MDIC, 1U << 26 | 1U << 21 | 4U << 16 | 0x0de1);
  std::map<u32, u32> before;
  for (const u32 offset : std::initializer_list<u32>{
           reg::CTRL, reg::STATUS, reg::RA, reg::RA + 4, reg::RA + 8, reg::RA + 12, reg::MTA + 4,
           reg::VFTA + 8, reg::ITR, reg::IMS, reg::LEDCTL, reg::MANC, reg::VET}) {
    before[offset] = get(offset);
  }
  move();
  for (const auto& [offset, value] : before) EXPECT_EQ(get(offset), value) << std::hex << offset;
  EXPECT_EQ(get(reg::ICR) & 4, 4U);
  EXPECT_EQ(phy(4), 0x0de1);
  set(reg::EERD, 1);
  EXPECT_EQ(get(reg::EERD), 0x16000010U);
}

TEST_P(E1000Interchange, HalfAPacket) {
  about("e1000", "half a packet sent");
  transmitter();
  transmit(0, 0, 70, 0x08);
  EXPECT_EQ(get(reg::TDH), 1U);
  move();
  EXPECT_EQ(get(reg::TDH), 1U);
  transmit(1, 70, 130, 0x09);
  EXPECT_EQ(from_guest(), frame());
  EXPECT_TRUE(wait(reg::TDH, 7, 2));
  EXPECT_EQ(cpu().read32(kTxRing + 28) & 1, 1U);
}

TEST_P(E1000Interchange, Receiving) {
  about("e1000", "a receiver at work");
  receiver();
  ::usleep(1'100'000);
  ASSERT_TRUE(cable_->send(frame()));
  ASSERT_TRUE(wait(reg::RDH, 7, 1));
  move();
  EXPECT_EQ(get(reg::RDH), 1U);
  ASSERT_TRUE(cable_->send(frame()));
  ASSERT_TRUE(wait(reg::RDH, 7, 2));
  EXPECT_EQ(cpu().ram(kRxData + 2048, 200), frame());
  EXPECT_EQ(cpu().read16(kRxRing + 16 + 8), 204);
  EXPECT_TRUE(wait(reg::ICR, 0x80, 0x80));
}

TEST_P(E1000Interchange, PulledCable) {
  about("e1000", "a pulled cable");
  machine_->qmp().call("set_link", {{"name", "nic0"}, {"up", false}});
  EXPECT_EQ(get(reg::STATUS) & 2, 0U);
  move();
  EXPECT_EQ(get(reg::STATUS) & 2, 0U);
  machine_->qmp().call("set_link", {{"name", "nic0"}, {"up", true}});
  EXPECT_TRUE(wait(reg::STATUS, 2, 2));
}

TEST_P(E1000Interchange, Announces) {
  about("e1000", "a network that must hear of it");
  move();
  expect_announced();
}

class Rtl8139Interchange : public CardInterchange {
 protected:
  void SetUp() override { plug("rtl8139", 1); }
  u8 get8(u8 at) { return cpu().read8(kMemory + at); }
  u16 get16(u8 at) { return cpu().read16(kMemory + at); }
  u32 get32(u8 at) { return cpu().read32(kMemory + at); }
  void set8(u8 at, u8 value) { cpu().write8(kMemory + at, value); }
  void set16(u8 at, u16 value) { cpu().write16(kMemory + at, value); }
  void set32(u8 at, u32 value) { cpu().write32(kMemory + at, value); }
  /// C mode with a ring of 32 KiB, as 8139too.
  void c_mode() {
    set8(rtl::CR, 0x10);
    set8(rtl::CR, 0x0c);
    set32(rtl::RCR, 0xf60a | 2 << 11);
    set32(rtl::TCR, 0x03000600);
    set32(rtl::RBSTART, kRxData);
    set16(rtl::CAPR, 0xfff0);
    set16(rtl::IMR, 0xe07f);
  }
  /// Rings of eight descriptors, as 8139cp.
  void cplus_mode() {
    set8(rtl::CR, 0x10);
    set16(rtl::CPCR, 3);
    set32(rtl::RDSAR, kRxRing);
    set32(rtl::RDSAR_HI, 0);
    set32(rtl::TNPDS, kTxRing);
    set32(u8{rtl::TNPDS + 4}, 0);
    for (u32 i = 0; i < 8; ++i) {
      const u32 end = i == 7 ? 0x40000000 : 0;
      cpu().write(kRxRing + i * 16, 0x80000000u | end | 2048, 4);
      cpu().write(kRxRing + i * 16 + 4, 0, 4);
      cpu().write(kRxRing + i * 16 + 8, kRxData + i * 2048, 8);
      cpu().write(kTxRing + i * 16, end, 4);
    }
    set8(rtl::CR, 0x0c);
    set32(rtl::RCR, 0xe70a);
    set32(rtl::TCR, 0x03000700);
    set16(rtl::IMR, 0x80ff);
  }
  void give_tx(u32 number, std::size_t from, std::size_t length, u32 flags) {
    const Cable::Frame all = frame();
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
    cpu().set_ram(kTxData + number * 2048, Cable::Frame(begin, begin + std::ptrdiff_t(length)));
    cpu().write(kTxRing + number * 16 + 4, 0, 4);
    cpu().write(kTxRing + number * 16 + 8, kTxData + number * 2048, 8);
    cpu().write(kTxRing + number * 16, 0x80000000u | flags | length, 4);
  }
  template <typename Condition>
  bool wait(Condition condition) {
    for (int i = 0; i < 5000; ++i) {
      if (condition()) return true;
      ::usleep(1000);
    }
    return false;
  }
};

TEST_P(Rtl8139Interchange, Registers) {
  about("rtl8139", "registers and PHY set");
  c_mode();
  set8(rtl::EECR, 0xc0);
  set32(rtl::IDR0, 0x44332211);
  set8(rtl::CONFIG1, 0x2d);
  set8(rtl::EECR, 0);
  set32(rtl::MAR0, 0xa5a5a5a5);
  set32(rtl::TSAD0, kTxData);
  set16(rtl::ANAR, 0x0141);
  std::map<u8, u32> before;
  for (const u8 at : std::initializer_list<u8>{rtl::IDR0, rtl::MAR0, rtl::TSAD0, rtl::RBSTART,
                                               rtl::TCR, rtl::RCR}) {
    before[at] = get32(at);
  }
  const u8 config = get8(rtl::CONFIG1), command = get8(rtl::CR);
  move();
  for (const auto& [at, value] : before) EXPECT_EQ(get32(at), value) << std::hex << unsigned{at};
  EXPECT_EQ(get8(rtl::CONFIG1), config);
  EXPECT_EQ(get8(rtl::CR), command);
  EXPECT_EQ(get16(rtl::ANAR), 0x0141);
  EXPECT_EQ(get16(rtl::IMR), 0xe07f);
}

TEST_P(Rtl8139Interchange, TheRing) {
  about("rtl8139", "a frame in the ring not yet taken");
  c_mode();
  ASSERT_TRUE(cable_->send(frame()));
  ASSERT_TRUE(wait([&] { return (get8(rtl::CR) & 1) == 0; }));
  const u16 written = get16(rtl::CBR);
  move();
  EXPECT_EQ(get8(rtl::CR) & 1, 0);
  EXPECT_EQ(get16(rtl::CBR), written);
  EXPECT_EQ(cpu().ram(kRxData + 4, 200), frame());
  EXPECT_EQ(cpu().read16(kRxData + 2), 204);
  set16(rtl::CAPR, static_cast<u16>(208 - 16));
  EXPECT_EQ(get8(rtl::CR) & 1, 1);
  ASSERT_TRUE(cable_->send(frame()));
  ASSERT_TRUE(wait([&] { return (get8(rtl::CR) & 1) == 0; }));
  EXPECT_EQ(cpu().ram(kRxData + 208 + 4, 200), frame());
  EXPECT_EQ(get16(rtl::ISR) & 1, 1);
}

TEST_P(Rtl8139Interchange, Slots) {
  about("rtl8139", "two of four slots sent");
  c_mode();
  cpu().set_ram(kTxData, frame());
  for (u8 i = 0; i < 4; ++i) set32(static_cast<u8>(rtl::TSAD0 + 4 * i), kTxData);
  for (u8 i = 0; i < 2; ++i) {
    set32(static_cast<u8>(rtl::TSD0 + 4 * i), 200);
    EXPECT_EQ(cable_->next(), frame());
  }
  move();
  set32(static_cast<u8>(rtl::TSD0 + 8), 200);
  EXPECT_EQ(from_guest(), frame());
  EXPECT_EQ(get32(static_cast<u8>(rtl::TSD0 + 8)) & 0xa000, 0xa000U);
}

TEST_P(Rtl8139Interchange, Descriptors) {
  about("rtl8139", "rings of C+ mode in use");
  cplus_mode();
  ASSERT_TRUE(cable_->send(frame()));
  ASSERT_TRUE(wait([&] { return cpu().read32(kRxRing) >> 31 == 0; }));
  give_tx(0, 0, 200, 0x30000000);
  set8(rtl::TPPOLL, 0x40);
  EXPECT_EQ(cable_->next(), frame());
  move();
  give_tx(1, 0, 70, 0x20000000);
  give_tx(2, 70, 130, 0x10000000);
  set8(rtl::TPPOLL, 0x40);
  EXPECT_EQ(from_guest(), frame());
  EXPECT_TRUE(wait([&] { return cpu().read32(kTxRing + 32) >> 31 == 0; }));
  ASSERT_TRUE(cable_->send(frame()));
  ASSERT_TRUE(wait([&] { return cpu().read32(kRxRing + 16) >> 31 == 0; }));
  EXPECT_EQ(cpu().read32(kRxRing + 16) & 0x1fff, 204U);
  EXPECT_EQ(cpu().ram(kRxData + 2048, 200), frame());
}

TEST_P(Rtl8139Interchange, PulledCable) {
  about("rtl8139", "a pulled cable");
  machine_->qmp().call("set_link", {{"name", "nic0"}, {"up", false}});
  EXPECT_EQ(get16(rtl::BMSR) & 4, 0);
  move();
  EXPECT_EQ(get16(rtl::BMSR) & 4, 0);
  machine_->qmp().call("set_link", {{"name", "nic0"}, {"up", true}});
  EXPECT_EQ(get16(rtl::BMSR) & 4, 4);
}

TEST_P(Rtl8139Interchange, Announces) {
  about("rtl8139", "a network that must hear of it");
  move();
  expect_announced();
}

INSTANTIATE_TEST_SUITE_P(Ways, Rtl8139Interchange, ::testing::ValuesIn(kWays),
                         [](const auto& way) { return way.param.name(); });
INSTANTIATE_TEST_SUITE_P(Ways, E1000Interchange, ::testing::ValuesIn(kWays),
                         [](const auto& way) { return way.param.name(); });

}  // namespace
}  // namespace interchange
