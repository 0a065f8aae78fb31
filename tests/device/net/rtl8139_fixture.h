// An RTL8139C+ in slot 5 of the bench's bus, and a driver's way of talking to it.
#pragma once

#include <gtest/gtest.h>

#include "hw/emul/net/crc32.h"
#include "hw/emul/net/rtl8139.h"
#include "tests/bench/bench.h"
#include "tests/device/net/frames.h"

namespace net {

using namespace rtl8139_regs;  // NOLINT(google-build-using-namespace)

class Rtl8139Test : public ::testing::Test {
 protected:
  static constexpr u8 kDevfn = pci::devfn(5, 0);
  static constexpr u64 kBar = 0xf3000000;
  static constexpr u64 kIo = 0xc200;
  static constexpr Gpa kRing = 0x40000;  // receive ring of C mode
  static constexpr Gpa kTxRing = 0x10000, kRxRing = 0x11000, kStats = 0x12000;
  static constexpr Gpa kTxBuffers = 0x100000, kRxBuffers = 0x200000;
  static constexpr u32 kTxBufferSize = 0x10000, kRxBufferSize = 1536;
  static constexpr u8 kOn = cr::ReceiverEnable::kMask | cr::TransmitterEnable::kMask;
  static constexpr u32 kFilter = rcr::AcceptBroadcast::kMask | rcr::AcceptPhysicalMatch::kMask;

  Rtl8139Test() {
    card = std::make_unique<Rtl8139>(bench.pci, kDevfn, wire, bench.clock,
                                     Rtl8139Config{.mac = kMac, .rom = {}});
    card->reset();
    enable();
  }
  void enable() {
    bench.pci.config_write(kDevfn, 0x10, kIo, 4);
    bench.pci.config_write(kDevfn, 0x14, kBar, 4);
    bench.pci.config_write(kDevfn, 0x04, 7, 2);
  }

  u8 r8(u8 reg) { return bench.inb(kIo + reg); }
  u16 r16(u8 reg) { return bench.inw(kIo + reg); }
  u32 r32(u8 reg) { return bench.inl(kIo + reg); }
  void w8(u8 reg, u32 value) { bench.outb(kIo + reg, low<u8>(value)); }
  void w16(u8 reg, u32 value) { bench.outw(kIo + reg, low<u16>(value)); }
  void w32(u8 reg, u32 value) { bench.outl(kIo + reg, value); }
  bool irq() { return bench.intx.level(5, 0); }
  void wait_us(i64 us) { bench.clock.advance(us * 1000); }
  u16 take_isr() {
    const u16 status = r16(ISR);
    w16(ISR, status);
    return status;
  }
  void unlock() { w8(EECR, 0xc0); }
  void lock() { w8(EECR, 0); }

  /// As Linux and iPXE clock the wires; `address_bits` is 6 for a 93C46.
  u16 eeprom(u32 word, unsigned address_bits = 6) {
    constexpr u8 kOnBus = 0x88, kClock = 4;
    w8(EECR, 0x80);
    w8(EECR, kOnBus);
    const u32 command = 6u << address_bits | word;
    for (unsigned bit = address_bits + 5; bit-- > 0;) {
      const u32 data = (command >> bit & 1) << 1;
      w8(EECR, kOnBus | data);
      w8(EECR, kOnBus | data | kClock);
    }
    w8(EECR, kOnBus);
    u16 value = 0;
    for (int i = 0; i < 16; ++i) {
      w8(EECR, kOnBus | kClock);
      value = low<u16>(value << 1 | (r8(EECR) & 1));
      w8(EECR, kOnBus);
    }
    w8(EECR, 0);
    return value;
  }

  // --- C mode, as 8139too does it ---

  void start_ring(u32 length = 2, u32 more = 0) {
    w8(CR, cr::Reset::kMask);
    EXPECT_EQ(r8(CR) & cr::Reset::kMask, 0);
    w8(CR, kOn);
    w32(RCR, 0x0000e600 | rcr::RingLength::of(length) | kFilter | more);
    w32(TCR, 0x03000600);
    w32(RBSTART, low<u32>(kRing));
    w32(MPC, 0);
    w16(IMR, 0xe07f);
    ring_size = 8192u << length;
    ring_at = 0;
    for (u32 i = 0; i < 4; ++i) {
      w32(low<u8>(TSAD0 + 4 * i), low<u32>(kTxBuffers + i * kTxBufferSize));
    }
    next_slot = 0;
  }
  struct Received {
    u32 header = 0;  // or flags
    u32 tag = 0;
    std::vector<u8> data;  // with CRC
    Bytes frame() const { return Bytes(data).first(data.size() - 4); }
    bool crc_right() const { return load_le<u32>(&data[data.size() - 4]) == crc32(frame()); }
  };
  bool ring_empty() { return (r8(CR) & 1) != 0; }
  u8 ring_byte(u32 at) { return bench.ram.get<u8>(kRing + at % ring_size); }
  /// The next frame of the ring, which is not empty; moves CAPR on.
  Received take_ring() {
    Received one;
    one.header = bench.ram.get<u32>(kRing + ring_at);
    const u32 length = one.header >> 16;
    for (u32 i = 0; i < length; ++i) one.data.push_back(ring_byte(ring_at + 4 + i));
    ring_at = ((ring_at + length + 4 + 3) & ~3u) % ring_size;
    w16(CAPR, ring_at - 16);
    return one;
  }
  void put_slot(Bytes data) {
    EXPECT_TRUE(bench.ram.write(kTxBuffers + next_slot * kTxBufferSize, data));
    w32(low<u8>(TSD0 + 4 * next_slot), low<u32>(data.size()) | 0x00080000);
    next_slot = (next_slot + 1) % 4;
  }

  // --- C+ mode, as 8139cp does it ---

  void start_cplus(u16 more = 0, u32 tx = 64, u32 rx = 64) {
    w8(CR, cr::Reset::kMask);
    unlock();
    w32(IDR0, load_le<u32>(kMac.data()));
    w32(IDR4, load_le<u16>(&kMac[4]));
    w16(CPCR, 0x000b | more);
    w32(THPDS, 0);
    w32(THPDS + 4, 0);
    w32(RDSAR, low<u32>(kRxRing));
    w32(RDSAR_HI, 0);
    w32(TNPDS, low<u32>(kTxRing));
    w32(TNPDS + 4, 0);
    tx_size = tx;
    rx_size = rx;
    tx_next = rx_next = 0;
    for (u32 i = 0; i < 64; ++i) bench.ram.put<u32>(kTxRing + i * 16, 0);
    for (u32 i = 0; i < rx; ++i) give(i);
    w8(CR, kOn);
    w8(ETTHR, 6);
    w32(RCR, 0x0000e700 | kFilter);
    w32(TCR, 0x03000700);
    lock();
    w16(IMR, 0x80ff);
  }
  void give(u32 index, u32 size = kRxBufferSize) {
    const Gpa at = kRxRing + index * 16;
    bench.ram.put<u32>(at + 4, 0);
    bench.ram.put<u64>(at + 8, kRxBuffers + u64{index} * 0x2000);
    bench.ram.put<u32>(
        at, desc::Own::kMask | size | (index + 1 == rx_size ? desc::EndOfRing::kMask : 0));
  }
  bool received(u32 index) {
    return (bench.ram.get<u32>(kRxRing + index * 16) & desc::Own::kMask) == 0;
  }
  Received rx(u32 index) {
    const Gpa at = kRxRing + index * 16;
    Received one{bench.ram.get<u32>(at), bench.ram.get<u32>(at + 4), {}};
    one.data.resize(one.header & 0x1fff);
    EXPECT_TRUE(bench.ram.read(bench.ram.get<u64>(at + 8), one.data));
    return one;
  }
  static constexpr u32 kFirst = desc::First::kMask, kLast = desc::Last::kMask;
  void tx_raw(u64 address, u32 flags, u32 tag = 0) {
    const Gpa at = kTxRing + tx_next * 16;
    bench.ram.put<u32>(at + 4, tag);
    bench.ram.put<u64>(at + 8, address);
    bench.ram.put<u32>(
        at, flags | desc::Own::kMask | (tx_next + 1 == tx_size ? desc::EndOfRing::kMask : 0));
    tx_next = (tx_next + 1) % tx_size;
  }
  void tx(Bytes data, u32 flags = kFirst | kLast, u32 tag = 0) {
    const Gpa at = kTxBuffers + tx_next * 0x4000;
    EXPECT_TRUE(bench.ram.write(at, data));
    tx_raw(at, flags | low<u32>(data.size()), tag);
  }
  u32 tx_flags(u32 index) { return bench.ram.get<u32>(kTxRing + index * 16); }
  void poll() { w8(TPPOLL, tppoll::Normal::kMask); }
  u32 tally(u32 offset) {
    w32(DTCCR + 4, 0);
    w32(DTCCR, low<u32>(kStats) | dtccr::Command::kMask);
    EXPECT_EQ(r32(DTCCR) & dtccr::Command::kMask, 0u);
    return bench.ram.get<u32>(kStats + offset);
  }

  bench::Bench bench;
  bench::FakeNet wire;
  std::unique_ptr<Rtl8139> card;
  u32 ring_size = 0, ring_at = 0, next_slot = 0;
  u32 tx_size = 64, tx_next = 0, rx_size = 64, rx_next = 0;
};

}  // namespace net
