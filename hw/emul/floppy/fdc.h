// The floppy disk controller of the PC, with its two drive connectors empty: every command is
// accepted and answered as without a disk.
//
// Document: see fdc_regs.h. Not modelled: drives and their data (so no DMA), step rates, the FIFO
// threshold; PS/2 status bits of drive signals.
#pragma once

#include <memory>
#include <span>

#include "hw/emul/core/clock.h"
#include "hw/emul/core/device.h"
#include "hw/emul/core/io.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/floppy/fdc_state.h"

namespace floppy {

class Fdc final : public core::Device, public core::IoHandler {
 public:
  static constexpr u64 kBase = 0x3f0;

  Fdc(core::IoSpace& pio, core::IrqLine irq, core::Clock& clock);

  std::string_view name() const override { return "fdc"; }
  void reset() override { reset_controller(false); }
  core::StateSection section() override { return core::section_of(kFdcTable, s_, "fdc"); }
  void after_restore() override;

  /// CMOS byte 0x10: drive types, the first in the high nibble. 0 is no drive.
  u8 cmos_drive_types() const { return 0; }

  u64 io_read(u32 tag, u64 offset, unsigned width) override;
  void io_write(u32 tag, u64 offset, u64 value, unsigned width) override;

 private:
  struct CommandEntry;
  static const CommandEntry& find_command(u8 opcode);

  void write_dor(u8 value);
  void write_dsr(u8 value);
  void write_fifo(u8 value);
  u8 read_fifo();
  void reset_controller(bool interrupt);
  void lower_irq();
  void raise_irq();

  void command_phase();
  void result_phase(u32 length);
  /// The seven result bytes of data commands, and the interrupt.
  void end_transfer(u8 status0, u8 status1, u8 status2);
  void seek_done();
  void read_id_done();
  DriveState& select(u8 drive);
  DriveState& selected() { return c_.drives[c_.drive]; }

  // Commands, in the order of their table. Parameters are in the FIFO from byte 1 on.
  void transfer();
  void transfer_deleted();
  void seek();
  void sense_interrupt();
  void recalibrate();
  void format_track();
  void restore();
  void save();
  void read_id();
  void specify();
  void sense_drive();
  void perpendicular();
  void configure();
  void powerdown_mode();
  void option();
  void drive_specification();
  void relative_seek();
  void lock();
  void dump_registers();
  void version();
  void part_id();
  void invalid();

  State s_;
  ControllerState& c_ = s_.controller;
  core::IrqLine irq_;
  core::Clock& clock_;
  std::unique_ptr<core::Timer> timer_;
  std::array<core::ScopedRegion, 2> regions_;
};

}  // namespace floppy
