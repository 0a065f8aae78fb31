// The commands of the 82078 without data (datasheet 5.2 and 6).
#include <algorithm>
#include "hw/emul/floppy/fdc.h"

namespace floppy {
namespace {

constexpr i64 kReadIdNs = core::kNsPerSecond / 50;  // one turn of a disk is ten of these

}  // namespace

/// 2.1.4: the boot drive changes places with the first.
FloppyDrive& Fdc::drive(u8 number) {
  return drives_[(number ^ TdrBootDrive::get(c_.tdr)) & 1];
}

FloppyDrive& Fdc::select(u8 drive) {
  c_.drive = DorDrive::get(drive);
  return selected();
}

void Fdc::end_transfer(u8 status0, u8 status1, u8 status2) {
  const DriveState& drive = selected().state();
  const u8 kept = core::low<u8>(c_.status0 & ~(kSt0Drive | kSt0Head));
  const u8 head = drive.head != 0 ? kSt0Head : u8{0};
  c_.status0 = core::low<u8>(kept | c_.drive | head | status0);
  c_.fifo[0] = c_.status0;
  c_.fifo[1] = status1;
  c_.fifo[2] = status2;
  c_.fifo[3] = drive.track;
  c_.fifo[4] = drive.head;
  c_.fifo[5] = drive.sect;
  c_.fifo[6] = kSectorSizeCode;
  if (dma_ != nullptr && (c_.msr & kMsrNonDma) == 0) dma_->release_request();
  result_phase(7);
  raise_irq();
}

/// A disk would have to turn before the answer; drivers rely on the delay.
void Fdc::read_id() {
  selected().state().head = core::low<u8>(c_.fifo[1] >> 2 & 1);
  c_.result_timer = clock_.now_ns() + kReadIdNs;
  timer_->arm(c_.result_timer);
}

void Fdc::read_id_done() {
  c_.result_timer = -1;
  if (c_.phase != Phase::kExecution) return;
  FloppyDrive& drive = selected();
  DriveState& at = drive.state();
  // It turns: Coherent looks which sector comes next to find the interleave.
  if (drive.last_sector() != 0) at.sect = core::low<u8>(at.sect % drive.last_sector() + 1);
  const bool readable = drive.has_disk() && (c_.dsr & kDsrRate) == at.media_rate;
  end_transfer(readable ? u8{0} : kSt0Abnormal, readable ? u8{0} : kSt1MissingAddress, 0);
}

// --- heads ---

void Fdc::seek_done() {
  command_phase();
  c_.status0 = core::low<u8>(c_.status0 | kSt0SeekEnd);
  raise_irq();
}

/// The head moves whether or not there is a disk.
void Fdc::seek() {
  FloppyDrive& drive = select(c_.fifo[1]);
  const DriveState& at = drive.state();
  static_cast<void>(drive.seek(at.head, c_.fifo[2], at.sect));
  seek_done();
}

void Fdc::recalibrate() {
  select(c_.fifo[1]).recalibrate();
  seek_done();
}

void Fdc::relative_seek() {
  FloppyDrive& drive = select(c_.fifo[1]);
  const DriveState& at = drive.state();
  const u32 steps = c_.fifo[2];
  u32 track = at.track;
  if (c_.fifo[0] == kRelativeSeekIn) {
    track = track + steps >= drive.tracks() ? drive.tracks() - 1u : track + steps;
  } else {
    track = steps > track ? 0 : track - steps;
  }
  static_cast<void>(drive.seek(at.head, core::low<u8>(track), at.sect));
  seek_done();
}

/// 5.2.9: after a reset one answer a drive line, then what the last interrupt was for.
void Fdc::sense_interrupt() {
  if (c_.reset_sensei > 0) {
    c_.fifo[0] = core::low<u8>(kSt0Polling + 4 - c_.reset_sensei);
    --c_.reset_sensei;
  } else if ((c_.sra & kSraIntPending) == 0) {
    c_.fifo[0] = kSt0Invalid;
    result_phase(1);
    return;
  } else {
    c_.fifo[0] = core::low<u8>((c_.status0 & ~(kSt0Head | kSt0Drive)) | c_.drive);
  }
  c_.fifo[1] = selected().state().track;
  result_phase(2);
  lower_irq();
  c_.status0 = kSt0Polling;
}

void Fdc::sense_drive() {
  FloppyDrive& drive = select(c_.fifo[1]);
  DriveState& at = drive.state();
  at.head = core::low<u8>(c_.fifo[1] >> 2 & 1);
  const u8 track0 = at.track == 0 ? kSt3Track0 : u8{0};
  const u8 writable = drive.read_only() ? kSt3WriteProtected : u8{0};
  c_.fifo[0] = core::low<u8>(writable | track0 | at.head << 2 | c_.drive | kSt3Fixed);
  result_phase(1);
}

// --- set-up ---

void Fdc::specify() {
  c_.timer0 = core::low<u8>(c_.fifo[1] >> 4);
  c_.timer1 = core::low<u8>(c_.fifo[2] >> 1);
  c_.dor = DorDmaGate_n::with(c_.dor, (c_.fifo[2] & 1) != 0 ? u8{0} : u8{1});
  command_phase();
}

void Fdc::configure() {
  c_.config = c_.fifo[2];
  c_.precomp_trk = c_.fifo[3];
  command_phase();
}

void Fdc::perpendicular() {
  if ((c_.fifo[1] & 0x80) != 0) selected().state().perpendicular = c_.fifo[1] & 0x07;
  command_phase();
}

void Fdc::powerdown_mode() {
  c_.pwrd = c_.fifo[1];
  c_.fifo[0] = c_.fifo[1];
  result_phase(1);
}

void Fdc::option() {
  command_phase();
}

void Fdc::drive_specification() {
  const u8 last = c_.fifo[(c_.data_pos - 1) % kFifoSize];
  if ((last & kDriveSpecDone) != 0 && (last & kDriveSpecNoResult) == 0) {
    std::fill_n(c_.fifo.begin(), 4, u8{0});
    result_phase(4);
  } else {
    command_phase();
  }
}

void Fdc::lock() {
  c_.lock = c_.fifo[0] >> 7;
  c_.fifo[0] = core::low<u8>(c_.lock << 4);
  result_phase(1);
}

// --- what the chip says of itself ---

void Fdc::version() {
  c_.fifo[0] = kVersion82078;
  result_phase(1);
}

void Fdc::part_id() {
  c_.fifo[0] = kPartIdStepping1;
  result_phase(1);
}

void Fdc::invalid() {
  c_.fifo[0] = kSt0Invalid;
  result_phase(1);
}

void Fdc::dump_registers() {
  const u8 dma = DorDmaGate_n::get(c_.dor);
  c_.fifo[0] = drive(0).state().track;
  c_.fifo[1] = drive(1).state().track;
  c_.fifo[2] = c_.fifo[3] = 0;
  c_.fifo[4] = c_.timer0;
  c_.fifo[5] = core::low<u8>(c_.timer1 << 1 | dma);
  c_.fifo[6] = selected().last_sector();
  c_.fifo[7] = core::low<u8>(c_.lock << 7 | selected().state().perpendicular << 2);
  c_.fifo[8] = c_.config;
  c_.fifo[9] = c_.precomp_trk;
  result_phase(10);
}

void Fdc::save() {
  c_.fifo[0] = c_.fifo[1] = 0;
  c_.fifo[2] = drive(0).state().track;
  c_.fifo[3] = drive(1).state().track;
  c_.fifo[4] = c_.fifo[5] = 0;
  c_.fifo[6] = c_.timer0;
  c_.fifo[7] = c_.timer1;
  c_.fifo[8] = selected().last_sector();
  c_.fifo[9] = core::low<u8>(c_.lock << 7 | selected().state().perpendicular << 2);
  c_.fifo[10] = c_.config;
  c_.fifo[11] = c_.precomp_trk;
  c_.fifo[12] = c_.pwrd;
  c_.fifo[13] = c_.fifo[14] = 0;
  result_phase(15);
}

void Fdc::restore() {
  drive(0).state().track = c_.fifo[3];
  drive(1).state().track = c_.fifo[4];
  c_.timer0 = c_.fifo[7];
  c_.timer1 = c_.fifo[8];
  selected().set_last_sector(c_.fifo[9]);
  c_.lock = c_.fifo[10] >> 7;
  selected().state().perpendicular = core::low<u8>(c_.fifo[10] >> 2 & 0xf);
  c_.config = c_.fifo[11];
  c_.precomp_trk = c_.fifo[12];
  c_.pwrd = c_.fifo[13];
  command_phase();
}

}  // namespace floppy
