#include "hw/emul/floppy/fdc.h"

namespace floppy {
namespace {

constexpr i32 kSensesAfterReset = 4;  // one for each of the chip's drive lines

}  // namespace

Fdc::Fdc(core::IoSpace& pio, core::IrqLine irq, core::Clock& clock, core::DmaChannel* dma,
         const DriveConfigs& drives)
    : irq_(irq),
      clock_(clock),
      timer_(clock.make_timer([this] { read_id_done(); })),
      dma_(dma),
      drives_{FloppyDrive(*this, c_.drives[0], drives[0]),
              FloppyDrive(*this, c_.drives[1], drives[1])} {
  if (dma_ != nullptr) dma_->set_client(this);
  // 3f0 is not the controller's, and 3f6 is the IDE controller's.
  regions_[0] = core::ScopedRegion(pio, {.base = kBase + kSrb,
                                         .length = 5,
                                         .name = "fdc",
                                         .handler = this,
                                         .tag = kSrb,
                                         .widths = {1, 1}});
  regions_[1] = core::ScopedRegion(pio, {.base = kBase + kDir,
                                         .length = 1,
                                         .name = "fdc-dir",
                                         .handler = this,
                                         .tag = kDir,
                                         .widths = {1, 1}});
  reset_controller(false);
}

Fdc::~Fdc() {
  if (dma_ != nullptr) dma_->set_client(nullptr);
}

u64 Fdc::io_read(u32 tag, u64 offset, unsigned /*width*/) {
  switch (tag + offset) {
    case kSra: return c_.sra;
    case kSrb: return c_.srb;
    case kDor: return c_.dor | c_.drive;
    case kTdr: return c_.tdr;
    case kMsr: c_.dsr = core::low<u8>(c_.dsr & ~kDsrPowerDown); return c_.msr;
    case kFifo: return read_fifo();
    case kDir: return selected().state().media_changed != 0 ? kDirDiskChange : 0;
    default: return 0xff;
  }
}

void Fdc::io_write(u32 tag, u64 offset, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  const u64 reg = tag + offset;
  if (reg == kDor) {
    write_dor(byte);
    return;
  }
  if (!DorReset_n::test(c_.dor)) return;  // held in reset
  switch (reg) {
    case kTdr: c_.tdr = byte & kTdrWritable; break;
    case kMsr: write_dsr(byte); break;
    case kFifo: write_fifo(byte); break;
    case kDir: c_.dsr = core::low<u8>((c_.dsr & ~kDsrRate) | (byte & kDsrRate)); break;
    default: break;
  }
}

void Fdc::write_dor(u8 value) {
  c_.srb = SrbMotor0::with(c_.srb, DorMotor0::get(value));
  c_.srb = SrbMotor1::with(c_.srb, DorMotor1::get(value));
  c_.srb = SrbDrive0::with(c_.srb, DorDrive::get(value));
  if (DorReset_n::test(value) && !DorReset_n::test(c_.dor)) {
    reset_controller(true);
    c_.dsr = core::low<u8>(c_.dsr & ~kDsrPowerDown);
  }
  c_.drive = DorDrive::get(value);
  c_.dor = value;
}

/// 2.1.5: the software reset clears itself.
void Fdc::write_dsr(u8 value) {
  if ((value & (kDsrSoftReset | kDsrPowerDown)) != 0) {
    const u8 dor = c_.dor;
    reset_controller(true);
    if ((value & kDsrSoftReset) != 0) c_.dor = dor;
  }
  c_.dsr = value;
}

/// 4.0: registers to their reset values; the interrupt of a reset that the guest asked for is owed
/// once a drive line.
void Fdc::reset_controller(bool interrupt) {
  lower_irq();
  c_.sra = drives_[1].connected() ? u8{0} : kSraDrive2_n;
  c_.srb = kSrbAtReset;
  c_.drive = 0;
  c_.dor = DorReset_n::kMask | DorDmaGate_n::kMask;
  c_.msr = kMsrRqm;
  c_.reset_sensei = 0;
  timer_->cancel();
  c_.result_timer = -1;
  c_.data_state = 0;
  reset_drives();
  command_phase();
  if (!interrupt) return;
  c_.status0 = kSt0Polling;
  raise_irq();
  c_.reset_sensei = kSensesAfterReset;
}

void Fdc::reset_drives() {
  fetched_ = false;
  if (dma_ != nullptr) dma_->release_request();
  for (FloppyDrive& one : drives_) {
    one.abandon();
    one.recalibrate();
  }
}

void Fdc::lower_irq() {
  c_.status0 = 0;
  c_.sra = core::low<u8>(c_.sra & ~kSraIntPending);
  irq_.lower();
}

void Fdc::raise_irq() {
  c_.sra = core::low<u8>(c_.sra | kSraIntPending);
  irq_.raise();
  c_.reset_sensei = 0;
}

// --- phases ---

void Fdc::command_phase() {
  c_.phase = Phase::kCommand;
  c_.data_dir = 0;
  c_.data_pos = 0;
  c_.data_len = 1;
  c_.msr = core::low<u8>((c_.msr & ~(kMsrBusy | kMsrDio | kMsrNonDma)) | kMsrRqm);
}

void Fdc::result_phase(u32 length) {
  c_.phase = Phase::kResult;
  c_.data_dir = 1;
  c_.data_pos = 0;
  c_.data_len = length;
  c_.msr = core::low<u8>((c_.msr & ~kMsrNonDma) | kMsrBusy | kMsrDio | kMsrRqm);
}

u8 Fdc::read_fifo() {
  c_.dsr = core::low<u8>(c_.dsr & ~kDsrPowerDown);
  const u8 ready = kMsrRqm | kMsrDio;
  if ((c_.msr & ready) != ready) return 0;
  if (c_.phase == Phase::kExecution) return read_data();
  if (c_.phase != Phase::kResult) return 0;
  const u8 value = c_.fifo[c_.data_pos % kFifoSize];
  if (++c_.data_pos >= c_.data_len) {
    command_phase();
    lower_irq();
  }
  return value;
}

struct Fdc::CommandEntry {
  u8 opcode;
  u8 mask;
  u8 parameters;
  void (Fdc::*run)();
};

/// 5.2: the first entry that matches. Opcodes with all bits given come before those with options.
const Fdc::CommandEntry& Fdc::find_command(u8 opcode) {
  static constexpr CommandEntry kCommands[] = {
      {kReadData, 0x1f, 8, &Fdc::transfer},
      {kWriteData, 0x1f, 8, &Fdc::transfer},
      {kSeek, 0xff, 2, &Fdc::seek},
      {kSenseInterrupt, 0xff, 0, &Fdc::sense_interrupt},
      {kRecalibrate, 0xff, 1, &Fdc::recalibrate},
      {kFormatTrack, 0xbf, 5, &Fdc::format_track},
      {kReadTrack, 0xbf, 8, &Fdc::transfer},
      {kRestore, 0xff, 17, &Fdc::restore},
      {kSave, 0xff, 0, &Fdc::save},
      {kReadDeleted, 0x1f, 8, &Fdc::transfer_deleted},
      {kScanEqual, 0x1f, 8, &Fdc::transfer},
      {kVerify, 0x1f, 8, &Fdc::transfer},
      {kScanLow, 0x1f, 8, &Fdc::transfer},
      {kScanHigh, 0x1f, 8, &Fdc::transfer},
      {kWriteDeleted, 0x3f, 8, &Fdc::transfer_deleted},
      {kReadId, 0xbf, 1, &Fdc::read_id},
      {kSpecify, 0xff, 2, &Fdc::specify},
      {kSenseDrive, 0xff, 1, &Fdc::sense_drive},
      {kPerpendicular, 0xff, 1, &Fdc::perpendicular},
      {kConfigure, 0xff, 3, &Fdc::configure},
      {kPowerdownMode, 0xff, 2, &Fdc::powerdown_mode},
      {kOption, 0xff, 1, &Fdc::option},
      {kDriveSpecification, 0xff, 5, &Fdc::drive_specification},
      {kRelativeSeekOut, 0xff, 2, &Fdc::relative_seek},
      {kFormatAndWrite, 0xff, 10, &Fdc::invalid},
      {kRelativeSeekIn, 0xff, 2, &Fdc::relative_seek},
      {kLock, 0x7f, 0, &Fdc::lock},
      {kDumpReg, 0xff, 0, &Fdc::dump_registers},
      {kVersion, 0xff, 0, &Fdc::version},
      {kPartId, 0xff, 0, &Fdc::part_id},
  };
  static constexpr CommandEntry kInvalid{0, 0, 0, &Fdc::invalid};
  for (const CommandEntry& entry : kCommands) {
    if ((opcode & entry.mask) == entry.opcode) return entry;
  }
  return kInvalid;
}

/// The number of bytes that a command takes bounds what the FIFO gets, whatever the guest writes.
void Fdc::write_fifo(u8 value) {
  if ((c_.msr & (kMsrRqm | kMsrDio)) != kMsrRqm) return;
  c_.dsr = core::low<u8>(c_.dsr & ~kDsrPowerDown);
  if (c_.phase == Phase::kExecution) {
    write_data(value);
    return;
  }
  if (c_.phase != Phase::kCommand) return;
  if (c_.data_pos == 0) {
    c_.data_len = find_command(value).parameters + 1u;
    c_.msr = core::low<u8>(c_.msr | kMsrBusy);
  }
  c_.fifo[c_.data_pos++ % kFifoSize] = value;
  // 6.2: the only command of variable length ends with a byte that says so.
  const bool last =
      c_.fifo[0] == kDriveSpecification && c_.data_pos > 1 && (value & kDriveSpecDone) != 0;
  if (c_.data_pos < c_.data_len && !last) return;
  c_.phase = Phase::kExecution;
  c_.msr = core::low<u8>(c_.msr & ~kMsrRqm);
  (this->*find_command(c_.fifo[0]).run)();
}

void Fdc::after_restore() {
  c_.drive = DorDrive::get(c_.dor_and_drive);
  c_.dor = core::low<u8>(c_.dor_and_drive & ~DorDrive::kMask);
  if (c_.phase == Phase::kFromRegisters) c_.phase = phase_from_registers(c_);
  if (c_.result_timer >= 0) {
    timer_->arm(c_.result_timer);
  } else {
    timer_->cancel();
  }
  fetched_ = false;
  for (FloppyDrive& one : drives_) one.abandon();
  restored_ = true;
  irq_.set((c_.sra & kSraIntPending) != 0);
}

}  // namespace floppy
