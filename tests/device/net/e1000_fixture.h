// An e1000 in slot 4 of the bench's bus, and a driver's way of talking to it.
#pragma once

#include <gtest/gtest.h>

#include "hw/emul/net/e1000.h"
#include "tests/bench/bench.h"
#include "tests/device/net/frames.h"

namespace net {

using bench::Bench;
using core::Gpa;
using namespace e1000_regs;  // NOLINT(google-build-using-namespace)

inline constexpr u8 kCard = pci::devfn(4, 0);
inline constexpr u64 kBar = 0xf2000000;
inline constexpr u64 kIo = 0xc100;
inline constexpr Gpa kTxRing = 0x10000, kRxRing = 0x20000;
inline constexpr Gpa kTxBuffers = 0x100000, kRxBuffers = 0x200000;

class E1000Test : public ::testing::Test {
 protected:
  E1000Test() { plug(E1000Model::k82540em); }

  void plug(E1000Model model) {
    card.reset();
    card = std::make_unique<E1000>(bench.pci, kCard, wire, bench.clock,
                                   E1000Config{.model = model, .mac = kMac, .rom = {}});
    card->reset();
    enable();
  }
  void enable() {
    bench.pci.config_write(kCard, 0x10, kBar, 4);
    bench.pci.config_write(kCard, 0x14, kIo, 4);
    bench.pci.config_write(kCard, 0x04, 7, 2);
  }

  u32 rd(u32 offset) { return low<u32>(bench.peek(kBar + offset, 4)); }
  void wr(u32 offset, u32 value) { bench.poke(kBar + offset, value, 4); }
  bool irq() { return bench.intx.level(4, 0); }
  void wait_ms(i64 ms) { bench.clock.advance(ms * 1'000'000); }

  u16 phy(u8 reg) {
    wr(MDIC, mdic::Read::kMask | mdic::Phy::of(1) | mdic::Register::of(reg));
    return low<u16>(rd(MDIC));
  }
  void phy(u8 reg, u16 value) {
    wr(MDIC, mdic::Write::kMask | mdic::Phy::of(1) | mdic::Register::of(reg) | value);
  }

  // --- transmit ---
  void start_tx(u32 descriptors = 64) {
    tx_size = descriptors;
    wr(TDBAL, low<u32>(kTxRing));
    wr(TDBAH, 0);
    wr(TDLEN, descriptors * 16);
    wr(TDH, 0);
    wr(TDT, 0);
    wr(TCTL, tctl::Enable::kMask);
    rd(ICR);
    tx_tail = 0;
  }
  /// Puts a raw descriptor at the tail; the doorbell is the test's.
  void tx_raw(u64 address, u32 lower, u32 upper) {
    const Gpa at = kTxRing + tx_tail * 16;
    bench.ram.put<u64>(at, address);
    bench.ram.put<u32>(at + 8, lower);
    bench.ram.put<u32>(at + 12, upper);
    tx_tail = (tx_tail + 1) % tx_size;
  }
  Gpa tx_buffer(Bytes data) {
    const Gpa at = kTxBuffers + tx_tail * (0x100000 / tx_size);
    EXPECT_TRUE(bench.ram.write(at, data));
    return at;
  }
  void tx_legacy(Bytes data, u32 command = 0x0b000000) {
    tx_raw(tx_buffer(data), low<u32>(data.size()) | command, 0);
  }
  void ring_tx() { wr(TDT, tx_tail); }
  void tx_context(bool segments, u32 paylen, u8 header, u16 mss, bool ip = true, bool tcp = true,
                  u8 ipcss = 14, u8 tucss = 34) {
    const u8 sum_at = low<u8>(tucss + (tcp ? 16 : 6));
    const u64 offsets = u64{ipcss} | u64{ipcss + 10u} << 8 | u64{tucss - 1u} << 16 |
                        u64{tucss} << 32 | u64{sum_at} << 40;
    tx_raw(offsets,
           paylen | 0x20000000 | (tcp ? 1u << 24 : 0) | (ip ? 1u << 25 : 0) |
               (segments ? 1u << 26 : 0),
           u32{header} << 8 | u32{mss} << 16);
  }
  void tx_data(Bytes data, u32 command, u8 options) {
    tx_raw(tx_buffer(data), low<u32>(data.size()) | 0x20100000 | command, u32{options} << 8);
  }

  // --- receive ---
  static constexpr u32 kRxControl = rctl::Enable::kMask | rctl::AcceptBroadcast::kMask;
  void start_rx(u32 control = kRxControl, u32 descriptors = 16, u32 buffer = 2048) {
    rx_size = descriptors;
    rx_next = 0;
    for (u32 i = 0; i < descriptors; ++i) {
      bench.ram.put<u64>(kRxRing + i * 16, kRxBuffers + u64{i} * buffer);
      bench.ram.put<u64>(kRxRing + i * 16 + 8, 0);
    }
    wr(RDBAL, low<u32>(kRxRing));
    wr(RDBAH, 0);
    wr(RDLEN, descriptors * 16);
    wr(RDH, 0);
    wr(RDT, descriptors - 1);
    wr(RCTL, control);
    wait_ms(1000);
  }
  struct Received {
    u16 length = 0;
    u8 status = 0, errors = 0;
    u16 special = 0;
    std::vector<u8> data;
  };
  Received rx(u32 index) {
    const Gpa at = kRxRing + index * 16;
    Received one{.length = bench.ram.get<u16>(at + 8),
                 .status = bench.ram.get<u8>(at + 12),
                 .errors = bench.ram.get<u8>(at + 13),
                 .special = bench.ram.get<u16>(at + 14),
                 .data = {}};
    one.data.resize(one.length);
    EXPECT_TRUE(bench.ram.read(bench.ram.get<u64>(at), one.data));
    return one;
  }
  bool received(u32 index) { return (bench.ram.get<u8>(kRxRing + index * 16 + 12) & 1) != 0; }

  Bench bench;
  bench::FakeNet wire;
  std::unique_ptr<E1000> card;
  u32 tx_size = 64, tx_tail = 0;
  u32 rx_size = 16, rx_next = 0;
};

}  // namespace net
