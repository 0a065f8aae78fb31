// The floppy disk controller of the PC with two drives.
//
// Document: see fdc_regs.h. Not modelled: step rates, the time that a disk turns (but for READ ID),
// the FIFO threshold, deleted data; PS/2 status bits of drive signals.
#pragma once

#include <memory>
#include <span>

#include "hw/emul/core/clock.h"
#include "hw/emul/core/device.h"
#include "hw/emul/core/io.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/core/isa_dma.h"
#include "hw/emul/floppy/fdc_state.h"
#include "hw/emul/floppy/floppy_drive.h"

namespace floppy {

class Fdc final : public core::Device,
                  public core::IoHandler,
                  private core::DmaClient,
                  private FloppyDrive::Owner {
 public:
  static constexpr u64 kBase = 0x3f0;

  /// Without a DMA channel all data goes through the FIFO.
  Fdc(core::IoSpace& pio, core::IrqLine irq, core::Clock& clock, core::DmaChannel* dma = nullptr,
      const DriveConfigs& drives = {});
  ~Fdc() override;

  std::string_view name() const override { return "fdc"; }
  void reset() override { reset_controller(false); }
  void pause() override;
  void resume() override;
  core::StateSection section() override { return core::section_of(kFdcTable, s_, "fdc"); }
  void after_restore() override;

  /// What the drive is, for CMOS byte 10h.
  DriveType drive_type(unsigned number) const { return drives_[number].type(); }

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
  FloppyDrive& select(u8 drive);
  FloppyDrive& drive(u8 number);
  FloppyDrive& selected() { return drive(c_.drive); }
  void reset_drives();

  // Data (fdc_transfer.cc).
  u32 dma_transfer(u32 position, u32 size) override;
  void sector_done(FloppyDrive& drive, int error) override;
  bool uses_fifo() const;
  Direction direction() const { return Direction{c_.data_dir}; }
  bool scanning() const;
  void refuse(u8 status1);
  bool programmed_length(u32& length);
  void begin_data(u32 length);
  void advance();
  void advance_format();
  void fetch();
  void moved(u32 bytes);
  bool next_sector();
  void scan(core::Bytes memory, core::Bytes disk);
  void end_data();
  void fetched();
  void written();
  u8 read_data();
  void write_data(u8 value);
  void write_format();

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
  core::DmaChannel* const dma_;
  std::array<FloppyDrive, kDrives> drives_;
  std::array<core::ScopedRegion, 2> regions_;

  // Of the data command under way.
  u32 limit_ = 0;         // where the DMA channel, or the command, ends
  bool fetched_ = false;  // the sector at the head is in the FIFO
  u32 writing_ = 0;       // bytes of the sector that is being written
  u32 moved_ = 0;         // what the DMA channel is told when the command has ended
  u8 fill_ = 0;           // of a format
  u8 scan_result_ = 0;    // status 2
  DriveState before_{};   // where the head was for the sector before
  bool stepped_ = false;  // and that it has gone on from there, ahead of the guest
  bool restored_ = false;
};

}  // namespace floppy
