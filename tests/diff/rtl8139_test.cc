// The RTL8139C+: Debian's device model and ours side by side, each with a socket as its wire.
#include <gtest/gtest.h>
#include <unistd.h>

#include "hw/emul/net/rtl8139_regs.h"
#include "tests/diff/network_script.h"
#include "tests/diff/script.h"

namespace {

using diff::Frame;
using diff::frame_to;
using diff::kEverybody;
using diff::kMine;
using diff::u32;
using diff::u64;
using diff::u8;
using xensim::Cable;
namespace reg = net::rtl8139_regs;

constexpr u64 kTxRing = 0x100000, kRxRing = 0x101000, kTxData = 0x110000, kRxData = 0x120000;
constexpr u32 kRing = 8;  // descriptors
constexpr u32 kRxBuffer = 2048;

class Rtl8139Pair : public ::testing::Test {
 protected:
  Rtl8139Pair()
      : pair(std::string("rtl8139-") +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name(),
             diff::guest_with_card("rtl8139")) {}
  bool start() {
    if (!pair.start()) return false;
    pair.set_up_pci();
    memory_ = pair.bar(0x10ec, 0x8139, 1);
    EXPECT_NE(memory_, 0u);
    slot_ = xensim::find_function(pair.functions(), 0x10ec, 0x8139)->where;
    pair.set_config(slot_, 4, 7, 2);
    return true;
  }
  u32 get(u32 at, unsigned size) { return static_cast<u32>(pair.read(memory_ + at, size)); }
  void set(u32 at, u32 value, unsigned size) { pair.write(memory_ + at, value, size); }
  /// Polls each side until the bits are there.
  void wait(u32 at, unsigned size, u32 mask, u32 wanted) {
    const auto poll = [&](xensim::Machine& machine) {
      u64 value = 0;
      for (unsigned i = 0; i < 3000; ++i) {
        value = machine.vcpu().read(memory_ + at, size);
        if ((value & mask) == wanted) return fmt::format("{:#x}", value);
        ::usleep(1000);
      }
      return fmt::format("never, but {:#x}", value);
    };
    const std::string here = poll(pair.ours());
    pair.same(fmt::format("wait {:#x}", at), here, poll(pair.stock()));
  }
  /// The same with a descriptor's first word in RAM.
  void wait_ram(u64 at, u32 mask, u32 wanted) {
    const auto poll = [&](xensim::Machine& machine) {
      u32 value = 0;
      for (unsigned i = 0; i < 3000; ++i) {
        value = machine.vcpu().read32(at);
        if ((value & mask) == wanted) return fmt::format("{:#x}", value);
        ::usleep(1000);
      }
      return fmt::format("never, but {:#x}", value);
    };
    const std::string here = poll(pair.ours());
    pair.same(fmt::format("wait for RAM {:#x}", at), here, poll(pair.stock()));
  }
  void frame(const std::string& label) {
    const std::string here = diff::text_of(ours_.next());
    pair.same(label, here, diff::text_of(stock_.next()));
  }
  void send(const Frame& frame) {
    EXPECT_TRUE(ours_.send(frame));
    EXPECT_TRUE(stock_.send(frame));
  }
  static void put(Frame& to, u64 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) to.push_back(static_cast<u8>(value >> (8 * i)));
  }
  /// As 8139too: a ring of 32 KiB.
  void c_mode(u32 filter = 0x0a) {
    set(reg::CR, 0x10, 1);
    set(reg::CR, 0x0c, 1);
    set(reg::RCR, 0xf600 | 2 << 11 | filter, 4);
    set(reg::TCR, 0x03000600, 4);
    set(reg::RBSTART, kRxData, 4);
    pair.fill_ram(kRxData, 0, 32768 + 16);
    for (u32 i = 0; i < 4; ++i) set(reg::TSAD0 + 4 * i, static_cast<u32>(kTxData) + i * 2048, 4);
    set(reg::IMR, 0xe07f, 2);
  }
  /// As 8139cp: rings of eight descriptors.
  void cplus_mode() {
    set(reg::CR, 0x10, 1);
    set(reg::CPCR, 0x23, 2);  // with receive checksums
    Frame receive;
    for (u32 i = 0; i < kRing; ++i) {
      put(receive, 0x80000000u | (i + 1 == kRing ? 0x40000000u : 0) | kRxBuffer, 4);
      put(receive, 0, 4);
      put(receive, kRxData + i * kRxBuffer, 8);
    }
    pair.set_ram(kRxRing, receive);
    pair.fill_ram(kTxRing, 0, kRing * 16);
    pair.fill_ram(kRxData, 0, kRing * kRxBuffer);
    set(reg::RDSAR, static_cast<u32>(kRxRing), 4);
    set(reg::RDSAR_HI, 0, 4);
    set(reg::TNPDS, static_cast<u32>(kTxRing), 4);
    set(reg::TNPDS + 4, 0, 4);
    set(reg::CR, 0x0c, 1);
    set(reg::RCR, 0xe70a, 4);
    set(reg::TCR, 0x03000700, 4);
    set(reg::IMR, 0x80ff, 2);
  }
  void put_slot(u32 slot, const Frame& frame) {
    pair.set_ram(kTxData + slot * 2048, frame);
    set(reg::TSD0 + 4 * slot, static_cast<u32>(frame.size()) | 0x00080000, 4);
  }
  void put_descriptor(const Frame& frame, u32 flags, u32 tag = 0) {
    pair.set_ram(kTxData + tail_ * 2048, frame);
    Frame one;
    put(one, 0x80000000u | flags | frame.size(), 4);
    put(one, tag, 4);
    put(one, kTxData + tail_ * 2048, 8);
    pair.set_ram(kTxRing + tail_ * 16, one);
    tail_ = (tail_ + 1) % kRing;
  }

  Cable ours_{"ours"}, stock_{"stock"};
  diff::Pair pair;
  u64 memory_ = 0;
  xensim::PciAddress slot_{};
  u32 tail_ = 0;
};

#define START() \
  if (!start()) GTEST_SKIP() << xensim::stock().path << " is not installed"

TEST_F(Rtl8139Pair, AsItComes) {
  START();
  for (unsigned at = 0; at < 64; at += 4) pair.config(slot_, at);
  pair.set_config(slot_, 0x30, 0xfffffffe);
  pair.config(slot_, 0x30);
  pair.at("reset");
  for (const u32 at : {reg::IDR0, reg::IDR4, reg::MAR0, reg::MAR4, reg::TSD0, reg::TSD1, reg::TSAD0,
                       reg::RBSTART, reg::TCR, reg::RCR, reg::MPC, reg::TIMERINT}) {
    get(at, 4);
  }
  for (const u32 at : {reg::CAPR, reg::CBR, reg::IMR, reg::ISR, reg::TSAD, reg::BMCR, reg::BMSR,
                       reg::ANAR, reg::ANLPAR, reg::ANER, reg::CPCR}) {
    get(at, 2);
  }
  for (const u32 at : {reg::CR, reg::EECR, reg::CONFIG0, reg::CONFIG1, reg::MSR, reg::CONFIG3,
                       reg::CONFIG4, reg::CONFIG5, reg::ETTHR}) {
    get(at, 1);
  }
  pair.at("EEPROM, bit by bit");
  for (const u32 word : {0u, 7u, 8u, 9u}) {
    const auto wires = [&](u32 value) {
      set(reg::EECR, 0x80 | value, 1);
      return get(reg::EECR, 1);
    };
    wires(0);
    wires(8);
    const u32 command = 6u << 6 | word;
    for (unsigned bit = 11; bit-- > 0;) {
      const u32 data = (command >> bit & 1) << 1;
      wires(8 | data);
      wires(8 | data | 4);
    }
    wires(8);
    for (unsigned bit = 0; bit < 16; ++bit) {
      wires(8 | 4);
      wires(8);
    }
    set(reg::EECR, 0, 1);
  }
  pair.at("lock");
  set(reg::CONFIG1, 0xff, 1);
  get(reg::CONFIG1, 1);
  set(reg::EECR, 0xc0, 1);
  set(reg::IDR0, 0x55443322, 4);
  get(reg::IDR0, 4);
  set(reg::EECR, 0, 1);
}

TEST_F(Rtl8139Pair, CMode) {
  START();
  pair.at("send");
  c_mode();
  put_slot(0, frame_to(kEverybody, 60));
  frame("first");
  get(reg::TSD0, 4);
  get(reg::TSAD, 2);
  wait(reg::ISR, 2, 4, 4);
  set(reg::ISR, 4, 2);
  put_slot(1, frame_to(kMine, 1514));
  frame("long");
  put_slot(2, frame_to(kMine, 20));
  frame("short");
  put_slot(3, frame_to(kMine, 100));
  frame("fourth");
  put_slot(0, frame_to(kMine, 101));
  frame("around");
  set(reg::ISR, 0xffff, 2);
  pair.at("receive");
  send(frame_to(kEverybody, 60));
  wait(reg::CBR, 2, 0xffff, 68);
  pair.ram(kRxData, 96);
  get(reg::CR, 1);
  wait(reg::ISR, 2, 1, 1);
  send(frame_to(kMine, 1514));
  wait(reg::CBR, 2, 0xffff, 68 + 1524);
  pair.ram(kRxData, 2048);
  set(reg::CAPR, 68 + 1524 - 16, 2);
  get(reg::CR, 1);
  set(reg::ISR, 0xffff, 2);
  pair.at("not mine");
  send(frame_to("\x02\x02\x02\x02\x02\x02", 60));
  send(frame_to("\x01\x01\x01\x01\x01\x01", 60));
  send(frame_to(kMine, 64));
  wait(reg::CBR, 2, 0xffff, 68 + 1524 + 72);
  pair.ram(kRxData, 2048);
  pair.at("promiscuous");
  c_mode(0x0f);
  send(frame_to("\x02\x02\x02\x02\x02\x02", 60));
  wait(reg::CBR, 2, 0xffff, 68);
  send(frame_to("\x01\x01\x01\x01\x01\x01", 60));
  wait(reg::CBR, 2, 0xffff, 136);
  pair.ram(kRxData, 256);
}

TEST_F(Rtl8139Pair, CPlusMode) {
  START();
  cplus_mode();
  pair.at("send");
  put_descriptor(frame_to(kEverybody, 60), 0x30000000);
  set(reg::TPPOLL, 0x40, 1);
  frame("first");
  wait_ram(kTxRing, 0x80000000, 0);
  put_descriptor(frame_to(kMine, 100), 0x20000000);
  put_descriptor(frame_to(kMine, 50), 0x10000000);
  set(reg::TPPOLL, 0x40, 1);
  frame("in two pieces");
  put_descriptor(frame_to(kMine, 100), 0x30000000, 0x20000 | 0x3412);
  set(reg::TPPOLL, 0x40, 1);
  frame("tagged");
  wait_ram(kTxRing + 3 * 16, 0x80000000, 0);
  pair.ram(kTxRing, kRing * 16);
  pair.at("receive");
  send(frame_to(kEverybody, 60));
  wait_ram(kRxRing, 0x80000000, 0);
  send(frame_to(kMine, 1514));
  wait_ram(kRxRing + 16, 0x80000000, 0);
  pair.ram(kRxRing, 48);
  pair.ram(kRxData, 2 * kRxBuffer);
  wait(reg::ISR, 2, 1, 1);
}

TEST_F(Rtl8139Pair, InterruptsItsGuest) {
  START();
  c_mode();
  pair.at("asked for");
  put_slot(0, frame_to(kEverybody, 60));
  frame("frame");
  wait(reg::ISR, 2, 4, 4);
  pair.interrupts();
  set(reg::ISR, 4, 2);
  pair.interrupts();
  pair.at("link");
  pair.monitor("set_link", {{"name", "nic0"}, {"up", false}});
  get(reg::BMSR, 2);
  get(reg::MSR, 1);
  get(reg::ISR, 2);
  set(reg::ISR, 0xffff, 2);
  pair.monitor("set_link", {{"name", "nic0"}, {"up", true}});
  get(reg::BMSR, 2);
  get(reg::ISR, 2);
  set(reg::ISR, 0xffff, 2);
  pair.interrupts();
}

}  // namespace
