// What a guest can see of an RTL8139C+, as section "rtl8139" of QEMU 7.2 saves it.
#pragma once

#include <array>

#include "hw/emul/core/state_table.h"
#include "hw/emul/net/rtl8139_regs.h"
#include "hw/emul/pci/function.h"

namespace net {

using core::i32;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// A 93C46: 64 words behind a three-wire bus.
struct Eeprom93c46 {
  enum Mode : i32 { kIdle = 0, kStart = 1, kCommand = 2, kReading = 3 };
  std::array<u16, 64> words{};
  i32 mode = kIdle;
  u32 tick = 0;    // clocks in this mode
  u8 address = 0;  // of the last read
  u16 input = 0, output = 0;
  u8 select = 0, clock = 0, data_in = 0, data_out = 0;  // the wires
};

/// In the order of their dump.
struct TallyCounters {
  u64 tx_ok = 0, rx_ok = 0, tx_errors = 0;
  u32 rx_errors = 0;
  u16 missed = 0, alignment = 0;
  u32 one_collision = 0, collisions = 0;
  u64 rx_physical = 0, rx_broadcast = 0;
  u32 rx_multicast = 0;
  u16 aborted = 0, underruns = 0;
};

struct Rtl8139State {
  pci::FunctionState pci;
  std::array<u8, 6> idr{};
  std::array<u8, 8> mar{};
  std::array<u32, 4> tsd{}, tsad{};
  u32 rbstart = 0;
  u32 ring_size = 0;   // bytes of the receive ring: what RCR said last
  u32 ring_read = 0;   // CAPR + 16
  u32 ring_write = 0;  // CBR
  u16 isr = 0, imr = 0;
  u32 tcr = 0, rcr = 0, mpc = 0;
  u16 cscr = 0;
  u8 eecr = 0, config0 = 0, config1 = 0, config3 = 0, config4 = 0, config5 = 0;
  u8 clock_on = 1;
  u8 cr = 0;
  u16 mulint = 0;
  u16 bmcr = 0, bmsr = 0, anar = 0, anlpar = 0, aner = 0;
  u16 cpcr = 0;
  u8 etthr = 0;
  std::array<u8, 6> mac{};         // what the EEPROM gives IDR
  u32 slot = 0;                    // of the four, the one to be sent next
  u32 rx_index = 0, tx_index = 0;  // descriptors of C+ mode
  u32 rdsar = 0, rdsar_hi = 0;
  Eeprom93c46 eeprom;
  u32 tctr = 0;  // as of the save, for QEMU; we count from tctr_base
  u32 timer_int = 0;
  i64 tctr_base = 0;
  TallyCounters tally;
  u32 cplus = 0;  // for QEMU: CPCR was written since the last reset
};

extern const core::StateTable kRtl8139Table;

}  // namespace net
