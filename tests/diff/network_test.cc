// Network cards: Debian's device model and ours side by side, each with a socket as its wire.
#include <gtest/gtest.h>
#include <unistd.h>

#include "hw/emul/net/e1000_regs.h"
#include "tests/diff/network_script.h"
#include "tests/diff/script.h"

namespace {

using diff::Frame;
using diff::frame_to;
using diff::kEverybody;
using diff::kMine;
using diff::Pair;
using diff::text_of;
using diff::u16;
using diff::u32;
using diff::u64;
using diff::u8;
using xensim::Cable;
using xensim::Json;
namespace reg = net::e1000_regs;

constexpr u64 kTxRing = 0x100000, kRxRing = 0x101000, kTxData = 0x110000, kRxData = 0x120000;
constexpr u32 kRing = 8;  // descriptors
constexpr u32 kRxBuffer = 2048;

class E1000Pair : public ::testing::Test {
 protected:
  explicit E1000Pair(const std::string& model = "e1000", u16 device = 0x100e)
      : device_(device),
        pair(::testing::UnitTest::GetInstance()->current_test_info()->name() ==
                     std::string("SendsAndReceives")
                 ? "e1000-frames"
                 : model,
             diff::guest_with_card(model)) {}
  bool start() {
    if (!pair.start()) return false;
    pair.set_up_pci();
    memory_ = pair.bar(0x8086, device_, 0);
    EXPECT_NE(memory_, 0u);
    slot_ = xensim::find_function(pair.functions(), 0x8086, device_)->where;
    pair.set_config(slot_, 4, 7, 2);
    return true;
  }
  u32 get(u32 offset) { return static_cast<u32>(pair.read(memory_ + offset)); }
  void set(u32 offset, u32 value) { pair.write(memory_ + offset, value); }
  /// Polls each side until the bits are there.
  void wait(u32 offset, u32 mask, u32 wanted) {
    const auto poll = [&](xensim::Machine& machine) {
      u32 value = 0;
      for (unsigned i = 0; i < 3000; ++i) {
        value = machine.vcpu().read32(memory_ + offset);
        if ((value & mask) == wanted) return fmt::format("{:#x}", value);
        ::usleep(1000);
      }
      return fmt::format("never, but {:#x}", value);
    };
    const std::string here = poll(pair.ours());
    pair.same(fmt::format("wait {:#x}", offset), here, poll(pair.stock()));
  }
  void frame(const std::string& label) {
    const std::string here = text_of(ours_.next());
    pair.same(label, here, text_of(stock_.next()));
  }
  void no_frame(const std::string& label) {
    const std::string here = text_of(ours_.next(100));
    pair.same(label, here, text_of(stock_.next(100)));
  }
  void send(const Frame& frame) {
    EXPECT_TRUE(ours_.send(frame));
    EXPECT_TRUE(stock_.send(frame));
  }
  void mdic(u8 phy_register, u32 value = 0, bool write = false) {
    set(reg::MDIC, u32{write ? 1u : 2u} << 26 | 1u << 21 | u32{phy_register} << 16 | value);
    get(reg::MDIC);
  }
  static void put(Frame& to, u64 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) to.push_back(static_cast<u8>(value >> (8 * i)));
  }
  void transmitter() {
    set(reg::TDBAL, kTxRing);
    set(reg::TDBAH, 0);
    set(reg::TDLEN, kRing * 16);
    set(reg::TDH, 0);
    set(reg::TDT, 0);
    pair.fill_ram(kTxRing, 0, kRing * 16);
    set(reg::TCTL, 0x10a);
  }
  void receiver(u32 rctl = 0x8002) {
    Frame ring;
    for (u32 i = 0; i < kRing; ++i) {
      put(ring, kRxData + i * kRxBuffer, 8);
      put(ring, 0, 8);
    }
    pair.set_ram(kRxRing, ring);
    pair.fill_ram(kRxData, 0, kRing * kRxBuffer);
    set(reg::RDBAL, kRxRing);
    set(reg::RDBAH, 0);
    set(reg::RDLEN, kRing * 16);
    set(reg::RDH, 0);
    set(reg::RDT, kRing - 1);
    set(reg::RCTL, rctl);
    ::usleep(1'200'000);  // neither receives before a second is over
  }
  /// A legacy descriptor (3.3.3), and the doorbell.
  void transmit(const Frame& frame, u8 command) {
    pair.set_ram(kTxData + tail_ * 2048, frame);
    Frame descriptor;
    put(descriptor, kTxData + tail_ * 2048, 8);
    put(descriptor, frame.size() | u64{command} << 24, 8);
    pair.set_ram(kTxRing + tail_ * 16, descriptor);
    tail_ = (tail_ + 1) % kRing;
    set(reg::TDT, tail_);
  }

  const u16 device_;
  Cable ours_{"ours"}, stock_{"stock"};
  Pair pair;
  u64 memory_ = 0;
  xensim::PciAddress slot_{};
  u32 tail_ = 0;
};

#define START() \
  if (!start()) GTEST_SKIP() << xensim::stock().path << " is not installed"

TEST_F(E1000Pair, AsItComes) {
  START();
  for (unsigned at = 0; at < 64; at += 4) pair.config(slot_, at);
  pair.set_config(slot_, 0x30, 0xfffffffe);
  pair.config(slot_, 0x30);
  pair.at("reset");
  for (const u32 offset :
       {reg::CTRL,  reg::STATUS, reg::EECD, reg::FLA,   reg::ICR,   reg::ITR, reg::IMS, reg::RCTL,
        reg::TCTL,  reg::LEDCTL, reg::PBA,  reg::RDBAL, reg::RDLEN, reg::RDH, reg::RDT, reg::TDBAL,
        reg::TDLEN, reg::TDH,    reg::TDT,  reg::MANC,  reg::SWSM,  reg::WUFC}) {
    get(offset);
  }
  for (u32 offset = reg::RA; offset < reg::RA + 128; offset += 4) get(offset);
  for (u32 offset = reg::CRCERRS; offset <= reg::TSCTFC; offset += 4) get(offset);
  pair.at("EEPROM");
  for (u32 word = 0; word < 64; ++word) {
    set(reg::EERD, word << 8 | 1);
    get(reg::EERD);
  }
  pair.at("EEPROM, bit by bit");
  set(reg::EECD, 1u << 6);
  get(reg::EECD);
  const auto clock = [&](bool bit) {
    const u32 wires = 1u << 6 | 2 | (bit ? 4u : 0u);
    set(reg::EECD, wires);
    set(reg::EECD, wires | 1);
    get(reg::EECD);
  };
  set(reg::EECD, 1u << 6 | 2);
  for (unsigned i = 9; i-- > 0;) clock((0x180u >> i & 1) != 0);  // READ of word 0
  for (unsigned i = 0; i < 16; ++i) clock(false);
  set(reg::EECD, 0);
  pair.at("PHY");
  for (u8 one = 0; one < 32; ++one) mdic(one);
  mdic(4, 0x0de1, true);
  mdic(4);
  set(reg::MDIC, 2u << 26 | 2u << 21 | 2u << 16);  // another PHY
  get(reg::MDIC);
}

TEST_F(E1000Pair, SendsAndReceives) {
  START();
  pair.at("send");
  set(reg::IMS, 0x1f6dc);
  transmitter();
  transmit(frame_to(kEverybody, 60), 0x0b);
  frame("first");
  wait(reg::ICR, 1, 1);
  pair.ram(kTxRing, kRing * 16);
  get(reg::TDH);
  transmit(frame_to(kMine, 1514), 0x0b);
  frame("long");
  transmit(frame_to(kMine, 20), 0x0b);
  frame("short");
  transmit(frame_to(kMine, 100), 0x4b);
  frame("tagged");
  pair.at("receive");
  receiver();
  send(frame_to(kEverybody, 60));
  wait(reg::RDH, 0xf, 1);
  pair.ram(kRxRing, 16);
  pair.ram(kRxData, 64);
  send(frame_to(kMine, 1514));
  wait(reg::RDH, 0xf, 2);
  pair.ram(kRxRing, 32);
  pair.ram(kRxData, 2 * kRxBuffer);
  wait(reg::ICR, 0x80, 0x80);
  pair.at("not mine");
  send(frame_to("\x02\x02\x02\x02\x02\x02", 60));
  send(frame_to("\x01\x01\x01\x01\x01\x01", 60));
  send(frame_to(kMine, 64));
  wait(reg::RDH, 0xf, 3);
  pair.ram(kRxRing, kRing * 16);
  pair.at("promiscuous");
  receiver(0x801a);
  send(frame_to("\x02\x02\x02\x02\x02\x02", 60));
  send(frame_to("\x01\x01\x01\x01\x01\x01", 60));
  wait(reg::RDH, 0xf, 2);
  pair.ram(kRxRing, kRing * 16);
  pair.ram(kRxData, 2 * kRxBuffer);
}

TEST_F(E1000Pair, InterruptsItsGuest) {
  START();
  transmitter();
  set(reg::IMS, 1);
  pair.at("asked for");
  transmit(frame_to(kEverybody, 60), 0x0b);
  frame("frame");
  ::usleep(50'000);
  pair.interrupts();
  get(reg::IMS);
  wait(reg::ICR, 1, 1);
  pair.interrupts();
  pair.at("by hand");
  ::usleep(50'000);
  set(reg::ICS, 1);
  ::usleep(50'000);
  pair.interrupts();
  set(reg::IMC, 1);
  pair.interrupts();
  get(reg::ICR);
}

TEST_F(E1000Pair, TheOperatorsCable) {
  START();
  const auto tell = [&](const std::string& command, const Json& arguments) {
    const auto text = [&](xensim::Machine& machine) {
      Json answer = machine.qmp().execute(command, arguments);
      answer.erase("id");
      return answer.dump();
    };
    pair.same(command + " " + arguments.dump(), text(pair.ours()), text(pair.stock()));
  };
  transmitter();
  tell("set_link", {{"name", "nic0"}, {"up", false}});
  get(reg::STATUS);
  transmit(frame_to(kEverybody, 60), 0x0b);
  no_frame("pulled");
  tell("set_link", {{"name", "nic0"}, {"up", true}});
  wait(reg::STATUS, 2, 2);
  transmit(frame_to(kEverybody, 60), 0x0b);
  frame("plugged");
  tell("set_link", {{"name", "net0"}, {"up", false}});
  get(reg::STATUS);
  tell("set_link", {{"name", "net0"}, {"up", true}});
  tell("set_link", {{"name", "net1"}, {"up", true}});
  tell("query-rx-filter", Json::object());
  tell("query-rx-filter", {{"name", "nic0"}});
  tell("query-rx-filter", {{"name", "net0"}});
  tell("query-rx-filter", {{"name", "net1"}});
  tell("netdev_del", {{"id", "net1"}});
  tell("netdev_add", {{"type", "tap"}, {"id", "net0"}});
  tell("device_add", {{"driver", "e1000"}, {"id", "nic1"}, {"netdev", "net1"}});
  tell("device_add", {{"driver", "e1000"}, {"id", "nic1"}, {"netdev", "net0"}});
  tell("device_add", {{"driver", "e1000"}, {"id", "nic1"}, {"mac", "0:1:2"}});
  tell("device_add", {{"driver", "e1000"}, {"id", "nic1"}, {"romfile", "no-such.rom"}});
  tell("device_add", {{"driver", "e1000"}, {"id", "nic1"}, {"addr", "8"}});
  tell("query-pci", Json::object());
  const auto cards = [&](xensim::Machine& machine) {
    const std::string all =
        machine.qmp().call("human-monitor-command", {{"command-line", "info network"}});
    std::string nics;  // without the wires' own words
    for (std::size_t at = 0; (at = all.find("nic", at)) != std::string::npos && at < all.size();) {
      const std::size_t end = all.find('\r', at);
      nics += all.substr(at, end - at) + "; ";
      at = end;
    }
    return nics;
  };
  pair.same("info network", cards(pair.ours()), cards(pair.stock()));
  tell("netdev_del", {{"id", "net0"}});
  get(reg::STATUS);
  tell("netdev_del", {{"id", "net0"}});
}

class E1000Gc : public E1000Pair {
 protected:
  E1000Gc() : E1000Pair("e1000-82544gc", 0x100c) {}
};
TEST_F(E1000Gc, IsAnother) {
  START();
  for (unsigned at = 0; at < 64; at += 4) pair.config(slot_, at);
  for (const u32 word : {3u, 11u, 13u, 63u}) {
    set(reg::EERD, word << 8 | 1);
    get(reg::EERD);
  }
  for (u8 one = 0; one < 4; ++one) mdic(one);
}

}  // namespace
