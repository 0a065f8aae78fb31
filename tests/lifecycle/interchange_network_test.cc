// Network cards.
#include "hw/emul/net/e1000_regs.h"
#include "tests/lifecycle/interchange.h"
#include "tests/xensim/cable.h"

namespace interchange {
namespace {

using xensim::Cable;
namespace reg = net::e1000_regs;

constexpr u64 kMemory = 0xf8000000, kTxRing = 0x40000, kRxRing = 0x41000;
constexpr u64 kTxData = 0x50000, kRxData = 0x60000;

class E1000Interchange : public Interchange {
 protected:
  void SetUp() override {
    Interchange::SetUp();
    if (IsSkipped()) return;
    cable_ = std::make_unique<Cable>(GetParam().name());
    machine_->qmp().call("netdev_add", cable_->arguments("net0"));
    machine_->qmp().call("device_add", {{"driver", "e1000"},
                                        {"id", "nic0"},
                                        {"netdev", "net0"},
                                        {"addr", "6"},
                                        {"mac", "00:16:3e:01:02:03"}});
    machine_->set_extra({"-device", "e1000,id=nic0,netdev=net0,addr=6,mac=00:16:3e:01:02:03",
                         "-netdev", Cable::option("net0", GetParam().name())});
    cpu().set_config({6, 0}, 0x10, kMemory, 4);
    cpu().set_config({6, 0}, 4, 7, 2);
  }
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
  static Cable::Frame frame() {
    Cable::Frame all(200);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<u8>(i * 5);
    const u8 mac[] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
    std::copy(std::begin(mac), std::end(mac), all.begin());
    return all;
  }
  bool wait(u32 offset, u32 mask, u32 wanted) {
    for (int i = 0; i < 5000; ++i) {
      if ((get(offset) & mask) == wanted) return true;
      ::usleep(1000);
    }
    return false;
  }

  std::unique_ptr<Cable> cable_;
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
  Cable::Frame came = cable_->next();
  // Stock tells the network where the guest's address is now (RARP).
  while (came.size() > 14 && came[12] == 0x80 && came[13] == 0x35) came = cable_->next();
  EXPECT_EQ(came, frame());
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

/// Switches between two hosts know by the frame where the address is now.
TEST_P(E1000Interchange, TheNetworkIsTold) {
  about("e1000", "an address on the network");
  move();
  const Cable::Frame told = cable_->next();
  const Cable::Frame mac = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
  Cable::Frame wanted(6, 0xff);
  const auto add = [&wanted](const Cable::Frame& bytes) {
    wanted.insert(wanted.end(), bytes.begin(), bytes.end());
  };
  add(mac);
  add({0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3});  // RARP (RFC 903), a request
  add(mac);
  add({0, 0, 0, 0});
  add(mac);
  wanted.resize(60);
  EXPECT_EQ(told, wanted);
  EXPECT_EQ(cable_->next(), wanted) << "frames get lost: it comes several times";
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

INSTANTIATE_TEST_SUITE_P(Ways, E1000Interchange, ::testing::ValuesIn(kWays),
                         [](const auto& way) { return way.param.name(); });

}  // namespace
}  // namespace interchange
