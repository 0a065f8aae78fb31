// The Bochs display interface: ten 16-bit registers that set linear modes beside the VGA's own.
// Writes that make no sense are bent to the nearest that does; there is no way to refuse.
#pragma once

#include "hw/emul/display/scan_mode.h"

namespace display {

/// What a write asks of the card.
struct DispiEffect {
  bool clear_screen = false;  // the shown part of video memory
};

/// Register `s.vbe_index`; `memory` is the size of video memory in bytes.
u16 dispi_read(const VgaState& s, u64 memory);
DispiEffect dispi_write(VgaState& s, u16 value, u64 memory);

/// While a DISPI mode is on, brings the VGA registers in line with it: the VGA BIOS and drivers
/// read them back, and the memory window goes by them. After every CRTC and graphics write.
void dispi_mirror(VgaState& s);

void dispi_reset(VgaState& s, u64 memory);

}  // namespace display
