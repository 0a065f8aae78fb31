// What a guest can see of an 8254x, as section "e1000" of QEMU 7.2 saves it.
#pragma once

#include <array>

#include "hw/emul/core/state_table.h"
#include "hw/emul/net/e1000_regs.h"
#include "hw/emul/pci/function.h"

namespace net {

using core::i64;
using core::i8;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// What a context descriptor asks for (3.3.6).
struct TxContext {
  u8 ipcss = 0, ipcso = 0;
  u16 ipcse = 0;
  u8 tucss = 0, tucso = 0;
  u16 tucse = 0;
  u32 paylen = 0;
  u8 hdr_len = 0;
  u16 mss = 0;
  i8 ip = 0;   // IPv4
  i8 tcp = 0;  // TCP, else UDP
};

inline constexpr std::size_t kTxBuffer = 0x10000;

struct E1000State {
  pci::FunctionState pci;
  u32 rxbuf_size = 0;  // what the last write to RCTL said, for QEMU; we look at RCTL
  u32 rxbuf_min_shift = 1;
  u32 eecd_val_in = 0;  // the EEPROM's serial interface
  u16 eecd_bitnum_in = 0, eecd_bitnum_out = 0, eecd_reading = 0;
  u32 eecd_old = 0;
  TxContext props;     // of the last context without TSE
  u16 tx_size = 0;     // bytes of the packet so far
  u16 tso_frames = 0;  // segments of it that went out
  u8 sum_needed = 0;   // POPTS
  std::array<u8, 256> tx_header{};
  std::array<u8, kTxBuffer> tx_data{};
  std::array<u16, e1000_regs::eeprom::kWords> eeprom{};
  std::array<u16, e1000_regs::kPhyRegisters> phy{};
  std::array<u32, e1000_regs::kRegisters> mac{};
  bool irq_level = false;  // what the pin shows, throttling included
  TxContext tso_props;     // of the last context with TSE
  u8 has_tso_props = 0;    // of a stream
  u8 has_full_mac = 0;

  u32& reg(u32 offset) { return mac[offset / 4]; }
  u32 reg(u32 offset) const { return mac[offset / 4]; }
};

extern const core::StateTable kE1000Table;

}  // namespace net
