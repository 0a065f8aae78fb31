// The interval timer of a PC: three counters at 40h, the first of which is ISA interrupt 0. On Xen
// it is the hypervisor's; here it serves machines that have none.
//
// Document: Intel 8254 data sheet 231164. Not modelled: the null count bit, the clock that a load
// takes, GATE of counters 0 and 1 (tied high), holding the count while GATE of counter 2 is low.
#pragma once

#include <array>
#include <memory>

#include "hw/emul/core/clock.h"
#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/irq.h"

namespace timer {

using core::i32;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

class I8254 final : public core::Device, public core::IoHandler {
 public:
  /// The stream's names and order.
  struct ChannelState {
    i32 count = 0x10000;
    u16 latched_count = 0;
    u8 count_latched = 0;
    u8 status_latched = 0;
    u8 status = 0;
    u8 read_state = 0;
    u8 write_state = 0;
    u8 write_latch = 0;
    u8 rw_mode = 0;
    u8 mode = 3;
    u8 bcd = 0;
    u8 gate = 1;
    i64 count_load_time = 0;
    i64 next_transition_time = -1;
  };
  struct State {
    u32 irq_disabled = 0;
    std::array<ChannelState, 3> channels{};
    i64 irq_timer = -1;
  };

  I8254(core::RegionMap& pio, core::IrqLine irq, core::Clock& clock);

  std::string_view name() const override { return "i8254"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

  // Counter 2, for the speaker.
  void set_gate(bool level);
  bool gate() const { return s_.channels[2].gate != 0; }
  bool out() const { return out_at(s_.channels[2], clock_.now_ns()); }

 private:
  static u64 ticks(const ChannelState& channel, i64 now);
  static bool out_at(const ChannelState& channel, i64 now);
  static i64 next_transition(const ChannelState& channel, i64 now);
  static u16 count_at(const ChannelState& channel, i64 now);
  void write_control(u8 value);
  void read_back(u8 command);
  void latch_count(ChannelState& channel) const;
  void load(ChannelState& channel, u32 value);
  u8 read_counter(ChannelState& channel) const;
  void update_irq(i64 now);

  core::IrqLine irq_;
  core::Clock& clock_;
  State s_;
  std::unique_ptr<core::Timer> timer_;
  core::ScopedRegion ports_;
};

}  // namespace timer
