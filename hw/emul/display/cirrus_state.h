// What a Cirrus remembers, in the order of QEMU's "cirrus_vga" state (version 2).
#pragma once

#include "hw/emul/display/cirrus_regs.h"
#include "hw/emul/display/vga_state.h"
#include "hw/emul/pci/function.h"

namespace display {

struct CirrusState {
  VgaState vga;
  u8 shadow_gr0 = 0;  // all eight bits of GR0 and GR1: colours of the BitBLT engine
  u8 shadow_gr1 = 0;
  u8 hidden_dac_lockindex = 5;  // reads of 3c6
  u8 hidden_dac_data = 0;
  u32 hw_cursor_x = 0;
  u32 hw_cursor_y = 0;
  std::array<u8, 3 * cirrus::kCursorColors> cursor_palette{};
};

struct CirrusPciState {
  pci::FunctionState dev;
  CirrusState cirrus;
};

/// The colours of the cursor from where a stream carries them.
void unpack_cursor_palette(CirrusState& s);

extern const core::StateTable kCirrusTable;
extern const core::StateTable kCirrusPciTable;

}  // namespace display
