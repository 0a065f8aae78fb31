// The real-time clock of a PC with its interrupts, and the 128 bytes of CMOS RAM around it. On Xen
// the clock is the hypervisor's and chipset::Cmos keeps the RAM; here it serves machines that have
// no hypervisor.
//
// Document: MC146818A data sheet ADI1018. Not modelled: the square wave output, daylight saving,
// divider chains of other crystals, making up for periodic interrupts that nobody took.
#pragma once

#include <array>
#include <memory>

#include "hw/emul/core/clock.h"
#include "hw/emul/core/device.h"
#include "hw/emul/core/io_space.h"
#include "hw/emul/core/irq.h"

namespace rtc {

using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

class Mc146818 final : public core::Device, public core::IoHandler {
 public:
  /// The stream's names and order.
  struct State {
    std::array<u8, 128> cmos_data{};
    u8 cmos_index = 0;
    i64 periodic_timer = -1;
    i64 next_periodic_time = 0;
    u32 irq_coalesced = 0;
    u32 period = 0;
    u64 base_rtc = 0;     // seconds since 1970 that the clock showed...
    u64 last_update = 0;  // ...at this time of `clock`...
    i64 offset = 0;       // ...less this many nanoseconds
    i64 update_timer = -1;
    u64 next_alarm_time = 0;
    u16 irq_reinject_on_ack_count = 0;
  };

  /// `start` is the time of day, in seconds since 1970, at which it begins. Answers before
  /// whoever else has the ports.
  Mc146818(core::RegionMap& pio, core::IrqLine irq, core::Clock& clock, i64 start);

  /// Cells of the RAM, for whoever fills them before the guest runs.
  u8 get(u8 cell) const { return s_.cmos_data[cell & 0x7f]; }
  void set(u8 cell, u8 value) { s_.cmos_data[cell & 0x7f] = value; }
  /// The machine goes to sleep: firmware that starts next is to wake it up.
  void mark_sleep();

  std::string_view name() const override { return "mc146818rtc"; }
  void reset() override;
  core::StateSection section() override;
  void after_restore() override;

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  bool running() const;
  i64 time_ns() const;
  u8 encode(unsigned value) const;
  unsigned decode(u8 value) const;
  u8 encode_hour(unsigned hour) const;
  void show_time();
  void take_time();
  bool update_in_progress();
  u8 selected();

  u8 read_cell();
  void write_cell(u8 value);
  void write_a(u8 value);
  void write_b(u8 value);

  u32 period_ticks() const;
  void schedule_periodic(i64 from, u32 old_period, bool changed);
  void periodic();
  i64 seconds_to_alarm() const;
  void schedule_update();
  void update();

  core::IrqLine irq_;
  core::Clock& clock_;
  State s_;
  std::unique_ptr<core::Timer> periodic_;
  std::unique_ptr<core::Timer> update_;
  core::ScopedRegion ports_;
};

}  // namespace rtc
