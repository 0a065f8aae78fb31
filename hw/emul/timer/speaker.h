// System control port B, 61h: the speaker's gate and data, and what software reads time from.
//
// Document: Intel 82371SB PIIX3 data sheet 2.5.5. Not modelled: sound; parity and channel check
// enables and status (NMI).
#pragma once

#include "hw/emul/timer/i8254.h"

namespace timer {

class Speaker final : public core::Device, public core::IoHandler {
 public:
  struct State {
    u8 data_on = 0;
    u8 dummy_refresh_clock = 0;
  };

  Speaker(core::RegionMap& pio, I8254& pit);

  std::string_view name() const override { return "pcspk"; }
  /// Port B has no reset of its own: the gate is the timer's.
  void reset() override { s_ = State{}; }
  core::StateSection section() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  I8254& pit_;
  State s_;
  core::ScopedRegion port_;
};

}  // namespace timer
