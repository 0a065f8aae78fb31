// What the machine knows of a card that has a screen.
#pragma once

#include "hw/emul/display/vga_core.h"
#include "hw/emul/pci/function.h"

namespace display {

class GraphicsCard : public pci::Function {
 public:
  using Function::Function;
  /// The screen, for machine/display.
  virtual core::DisplaySource& screen() = 0;
  virtual const VgaCore& vga() const = 0;
};

}  // namespace display
