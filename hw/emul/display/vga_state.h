// What a VGA remembers, in the order of QEMU's "vga" state (version 2). Cards built on VgaCore put
// it into their own State. A VGA has 8 sequencer and 16 graphics registers; cards with more keep
// them here, too.
#pragma once

#include <array>

#include "hw/emul/core/state_table.h"
#include "hw/emul/display/vga_regs.h"

namespace display {

struct VgaState {
  u32 latch = 0;  // plane 0 in the low byte
  u8 sr_index = 0;
  std::array<u8, 256> sr{};
  u8 gr_index = 0;
  std::array<u8, 256> gr{};
  u8 ar_index = 0;
  std::array<u8, kAttrCount> ar{};
  i32 ar_flip_flop = 0;  // 1: the next write to 3c0 is data
  u8 cr_index = 0;
  std::array<u8, 256> cr{};
  u8 msr = 0;
  u8 fcr = 0;
  u8 st00 = 0;
  u8 st01 = 0;
  u8 dac_state = 0;
  u8 dac_sub_index = 0;
  u8 dac_read_index = 0;
  u8 dac_write_index = 0;
  std::array<u8, 3> dac_cache{};
  std::array<u8, 768> palette{};
  i32 bank_offset = 0;
  u8 is_vbe_vmstate = 1;
  u16 vbe_index = 0;
  std::array<u16, kDispiCount> vbe_regs{};
  u32 vbe_start_addr = 0;   // in units of 4 bytes
  u32 vbe_line_offset = 0;  // bytes
  u32 vbe_bank_mask = 0;
  bool big_endian_fb = false;
};

extern const core::StateTable kVgaTable;

}  // namespace display
