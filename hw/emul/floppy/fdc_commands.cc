// The commands of the 82078 (datasheet 5.2 and 6), with no drive to carry them out.
#include <algorithm>
#include "hw/emul/floppy/fdc.h"

namespace floppy {
namespace {

constexpr i64 kReadIdNs = core::kNsPerSecond / 50;  // one turn of a disk is ten of these

}  // namespace

DriveState& Fdc::select(u8 drive) {
  c_.drive = DorDrive::get(drive);
  return selected();
}

void Fdc::end_transfer(u8 status0, u8 status1, u8 status2) {
  const DriveState& drive = selected();
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
  result_phase(7);
  raise_irq();
}

// --- data ---

/// READ, WRITE, SCAN, VERIFY: the address that was asked for comes back with the failure.
void Fdc::transfer() {
  const u8 track = c_.fifo[2];
  const u8 head = c_.fifo[3];
  const u8 sector = c_.fifo[4];
  select(c_.fifo[1]);
  const bool first_track = track == 0 && head == 0 && sector != 0;
  end_transfer(kSt0Abnormal, first_track ? kSt1EndOfTrack : u8{0}, 0);
  c_.fifo[3] = track;
  c_.fifo[4] = head;
  c_.fifo[5] = sector;
}

void Fdc::transfer_deleted() {
  select(c_.fifo[1]);
  end_transfer(kSt0Abnormal | kSt0SeekEnd, 0, 0);
}

void Fdc::format_track() {
  select(c_.fifo[1]);
  end_transfer(kSt0Abnormal, kSt1MissingAddress, 0);
}

/// A disk would have to turn before the answer; drivers rely on the delay.
void Fdc::read_id() {
  select(c_.fifo[1]).head = core::low<u8>(c_.fifo[1] >> 2 & 1);
  c_.result_timer = clock_.now_ns() + kReadIdNs;
  timer_->arm(c_.result_timer);
}

void Fdc::read_id_done() {
  c_.result_timer = -1;
  if (c_.phase == Phase::kExecution) end_transfer(kSt0Abnormal, kSt1MissingAddress, 0);
}

// --- heads ---

void Fdc::seek_done() {
  command_phase();
  c_.status0 = core::low<u8>(c_.status0 | kSt0SeekEnd);
  raise_irq();
}

void Fdc::seek() {
  select(c_.fifo[1]);
  seek_done();
}

void Fdc::recalibrate() {
  select(c_.fifo[1]);
  seek_done();
}

void Fdc::relative_seek() {
  select(c_.fifo[1]);
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
  c_.fifo[1] = selected().track;
  result_phase(2);
  lower_irq();
  c_.status0 = kSt0Polling;
}

void Fdc::sense_drive() {
  DriveState& drive = select(c_.fifo[1]);
  drive.head = core::low<u8>(c_.fifo[1] >> 2 & 1);
  const u8 track0 = drive.track == 0 ? kSt3Track0 : u8{0};
  c_.fifo[0] = core::low<u8>(kSt3WriteProtected | track0 | drive.head << 2 | c_.drive | kSt3Fixed);
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
  if ((c_.fifo[1] & 0x80) != 0) selected().perpendicular = c_.fifo[1] & 0x07;
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
  c_.fifo[0] = c_.drives[0].track;
  c_.fifo[1] = c_.drives[1].track;
  c_.fifo[2] = c_.fifo[3] = 0;
  c_.fifo[4] = c_.timer0;
  c_.fifo[5] = core::low<u8>(c_.timer1 << 1 | dma);
  c_.fifo[6] = 0;  // sectors a track
  c_.fifo[7] = core::low<u8>(c_.lock << 7 | selected().perpendicular << 2);
  c_.fifo[8] = c_.config;
  c_.fifo[9] = c_.precomp_trk;
  result_phase(10);
}

void Fdc::save() {
  c_.fifo[0] = c_.fifo[1] = 0;
  c_.fifo[2] = c_.drives[0].track;
  c_.fifo[3] = c_.drives[1].track;
  c_.fifo[4] = c_.fifo[5] = 0;
  c_.fifo[6] = c_.timer0;
  c_.fifo[7] = c_.timer1;
  c_.fifo[8] = 0;
  c_.fifo[9] = core::low<u8>(c_.lock << 7 | selected().perpendicular << 2);
  c_.fifo[10] = c_.config;
  c_.fifo[11] = c_.precomp_trk;
  c_.fifo[12] = c_.pwrd;
  c_.fifo[13] = c_.fifo[14] = 0;
  result_phase(15);
}

void Fdc::restore() {
  c_.drives[0].track = c_.fifo[3];
  c_.drives[1].track = c_.fifo[4];
  c_.timer0 = c_.fifo[7];
  c_.timer1 = c_.fifo[8];
  c_.lock = c_.fifo[10] >> 7;
  selected().perpendicular = core::low<u8>(c_.fifo[10] >> 2 & 0xf);
  c_.config = c_.fifo[11];
  c_.precomp_trk = c_.fifo[12];
  c_.pwrd = c_.fifo[13];
  command_phase();
}

}  // namespace floppy
