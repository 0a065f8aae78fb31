// The data commands of the 82078 (datasheet 5.1 and 6.1): by DMA, or byte by byte through the FIFO.
// One sector at a time is fetched or written; no access waits for it.
#include <algorithm>
#include <cerrno>

#include "hw/emul/floppy/fdc.h"

namespace floppy {
namespace {

constexpr u32 kSector = FloppyDrive::kSectorSize;
constexpr u32 kHeader = 4;  // of a sector to be formatted: cylinder, head, sector, size

Direction direction_of(u8 opcode) {
  switch (opcode & kOpcodeMask) {
    case kWriteData: return Direction::kWrite;
    case kScanEqual: return Direction::kScanEqual;
    case kScanLow: return Direction::kScanLow;
    case kScanHigh: return Direction::kScanHigh;
    case kVerify: return Direction::kVerify;
    default: return Direction::kRead;
  }
}

}  // namespace

bool Fdc::uses_fifo() const {
  return (c_.msr & kMsrNonDma) != 0;
}

bool Fdc::scanning() const {
  return direction() == Direction::kScanEqual || direction() == Direction::kScanLow ||
         direction() == Direction::kScanHigh;
}

/// A failure; the address that was asked for comes back with it.
void Fdc::refuse(u8 status1) {
  const u8 track = c_.fifo[2];
  const u8 head = c_.fifo[3];
  const u8 sector = c_.fifo[4];
  end_transfer(kSt0Abnormal, status1, 0);
  c_.fifo[3] = track;
  c_.fifo[4] = head;
  c_.fifo[5] = sector;
}

/// How many bytes the command is about. False if its last sector comes before its first.
bool Fdc::programmed_length(u32& length) {
  const u8 size_code = c_.fifo[5];
  const u32 last = c_.fifo[6];
  const u32 first = c_.fifo[4];
  if (size_code == 0) {
    length = c_.fifo[8];
    return true;
  }
  if (last + 1 < first) return false;
  const bool multi = (c_.fifo[0] & kMultiTrack) != 0;
  length = (128u << std::min<u32>(size_code, 7)) * (last + 1 - first + (multi ? last : 0));
  return true;
}

void Fdc::transfer() {
  FloppyDrive& drive = select(c_.fifo[1]);
  switch (drive.seek(c_.fifo[3], c_.fifo[2], c_.fifo[4])) {
    case FloppyDrive::Seek::kNoTrack: return refuse(0);
    case FloppyDrive::Seek::kNoSector: return refuse(kSt1EndOfTrack);
    case FloppyDrive::Seek::kMoved: c_.status0 |= kSt0SeekEnd; break;
    case FloppyDrive::Seek::kThere: break;
  }
  u32 length = 0;
  if ((c_.dsr & kDsrRate) != drive.state().media_rate || !programmed_length(length)) {
    return refuse(kSt1MissingAddress);
  }
  c_.data_dir = static_cast<u8>(direction_of(c_.fifo[0]));
  c_.eot = c_.fifo[6];
  const bool multi = (c_.fifo[0] & kMultiTrack) != 0;
  c_.data_state =
      core::low<u8>((c_.data_state & ~kStateMultiTrack) | (multi ? kStateMultiTrack : 0));
  begin_data(length);
}

void Fdc::transfer_deleted() {
  select(c_.fifo[1]);
  end_transfer(kSt0Abnormal | kSt0SeekEnd, 0, 0);
}

/// 6.1.7: a header for each sector comes as data; the sector is filled with one byte.
void Fdc::format_track() {
  FloppyDrive& drive = select(c_.fifo[1]);
  drive.state().head = core::low<u8>(c_.fifo[1] >> 2 & 1);
  if (!drive.has_disk() || (c_.dsr & kDsrRate) != drive.state().media_rate) {
    end_transfer(kSt0Abnormal, kSt1MissingAddress, 0);
    return;
  }
  c_.data_dir = static_cast<u8>(Direction::kFormat);
  fill_ = c_.fifo[5];
  begin_data(c_.fifo[3] * kHeader);
}

void Fdc::begin_data(u32 length) {
  c_.data_pos = 0;
  c_.data_len = length;
  limit_ = length;
  fetched_ = stepped_ = false;
  writing_ = 0;
  scan_result_ = scanning() ? kSt2ScanNotSatisfied : u8{0};
  const bool to_disk = direction() == Direction::kWrite || direction() == Direction::kFormat;
  if (to_disk && selected().read_only()) {
    end_transfer(kSt0Abnormal | kSt0SeekEnd, kSt1NotWritable, 0);
    return;
  }
  if (length == 0) return end_data();
  c_.msr = core::low<u8>(c_.msr & ~kMsrRqm);
  if (direction() == Direction::kVerify) {
    advance();
  } else if (dma_ != nullptr && DorDmaGate_n::test(c_.dor)) {
    dma_->hold_request();
  } else if (to_disk) {
    c_.msr = core::low<u8>(c_.msr | kMsrNonDma | kMsrRqm);
    raise_irq();
  } else {
    c_.msr = core::low<u8>(c_.msr | kMsrNonDma | kMsrDio);
    fetch();
  }
}

void Fdc::end_data() {
  end_transfer(0, 0, scan_result_);
}

// --- sectors ---

/// Brings the sector at the head into the FIFO. What an image is too short for reads as zeros.
void Fdc::fetch() {
  if (selected().sector_exists()) {
    selected().read_sector();
    return;
  }
  if (selected().state().sect == 0 || !selected().has_disk()) {
    end_transfer(kSt0Abnormal, kSt1NoData, 0);
    return;
  }
  c_.fifo.fill(0);
  fetched();
}

void Fdc::fetched() {
  fetched_ = true;
  if (!uses_fifo()) return;
  c_.msr = core::low<u8>(c_.msr | kMsrRqm);
  raise_irq();
}

void Fdc::sector_done(FloppyDrive& drive, int error) {
  if (c_.phase != Phase::kExecution || &drive != &selected()) return;
  const u32 written_bytes = std::exchange(writing_, 0);
  if (error != 0) {
    const u8 status1 = written_bytes == 0 ? kSt1DataError
                       : error == EPERM   ? kSt1NotWritable
                                          : u8{0};
    const u8 seek = written_bytes == 0 ? u8{0} : kSt0SeekEnd;
    end_transfer(core::low<u8>(kSt0Abnormal | seek), status1,
                 written_bytes == 0 ? kSt2DataError : u8{0});
    return;
  }
  if (written_bytes == 0) {
    std::copy(drive.buffer().begin(), drive.buffer().end(), c_.fifo.begin());
    fetched();
    if (uses_fifo()) return;
  } else if (uses_fifo()) {
    written();
    return;
  } else if (direction() == Direction::kFormat) {
    c_.data_pos += kHeader;
  } else {
    moved(written_bytes);
  }
  if (c_.phase != Phase::kExecution) return;
  if (direction() == Direction::kVerify) {
    advance();
  } else {
    dma_->hold_request();  // the channel is asked for the next
  }
}

/// 6.1.1: the order of sectors. False at the end of the track, or cylinder.
bool Fdc::next_sector() {
  FloppyDrive& drive = selected();
  before_ = drive.state();
  stepped_ = true;
  u8 head = before_.head;
  u8 track = before_.track;
  u8 sector = before_.sect;
  bool goes_on = true;
  if (sector < drive.last_sector() && sector != c_.eot) {
    ++sector;
  } else {
    sector = 1;
    if ((c_.data_state & kStateMultiTrack) == 0) {
      c_.status0 |= kSt0SeekEnd;
      ++track;
      goes_on = false;
    } else if (head == 0 && drive.two_sided()) {
      head = 1;
    } else {
      head = 0;
      ++track;
      c_.status0 |= kSt0SeekEnd;
      goes_on = drive.two_sided();
    }
  }
  static_cast<void>(drive.seek(head, track, sector));
  return goes_on;
}

/// Bytes of the sector at the head are done.
void Fdc::moved(u32 bytes) {
  c_.data_pos += bytes;
  moved_ = c_.data_pos;
  if (c_.data_pos % kSector != 0) return;
  fetched_ = false;
  // The end is told by whoever moves the data, who knows how far the DMA channel is.
  if (!next_sector()) c_.data_len = limit_ = c_.data_pos;
}

// --- DMA ---

u32 Fdc::dma_transfer(u32 position, u32 size) {
  if (c_.phase != Phase::kExecution || (c_.msr & kMsrRqm) != 0 || uses_fifo()) return position;
  limit_ = std::min(size, c_.data_len);
  moved_ = c_.data_pos;
  advance();
  return std::min(moved_, size);
}

/// Moves what can be moved without waiting.
void Fdc::advance() {
  while (c_.phase == Phase::kExecution && !selected().busy()) {
    if (c_.data_pos >= limit_) return end_data();
    if (direction() == Direction::kFormat) return advance_format();
    const u32 at = c_.data_pos % kSector;
    const u32 length = std::min(kSector - at, limit_ - c_.data_pos);
    const bool write = direction() == Direction::kWrite;
    if (!fetched_ && (!write || length < kSector)) {
      fetch();
      continue;
    }
    const core::MutableBytes data = core::MutableBytes(c_.fifo).subspan(at, length);
    if (write) {
      if (!selected().sector_exists()) return end_transfer(kSt0Abnormal, kSt1NoData, 0);
      dma_->read_memory(c_.data_pos, data);
      std::copy(c_.fifo.begin(), c_.fifo.end(), selected().buffer().begin());
      writing_ = length;
      selected().write_sector();
      return;
    }
    if (direction() == Direction::kRead) {
      dma_->write_memory(c_.data_pos, data);
    } else if (scanning()) {
      std::array<u8, kSector> memory{};
      dma_->read_memory(c_.data_pos, core::MutableBytes(memory).first(length));
      scan(core::Bytes(memory).first(length), data);
    }
    moved(length);
  }
}

void Fdc::advance_format() {
  std::array<u8, kHeader> header{};
  dma_->read_memory(c_.data_pos, header);
  std::copy(header.begin(), header.end(), c_.fifo.begin());
  write_format();
}

/// 6.1.8: FFh matches anything. A sector that satisfies the condition ends the command.
void Fdc::scan(core::Bytes memory, core::Bytes disk) {
  bool equal = true;
  bool low = true;
  bool high = true;
  for (std::size_t i = 0; i < disk.size(); ++i) {
    if (memory[i] == 0xff || disk[i] == 0xff) continue;
    equal = equal && disk[i] == memory[i];
    low = low && disk[i] <= memory[i];
    high = high && disk[i] >= memory[i];
  }
  const bool satisfied = equal || (direction() == Direction::kScanLow && low) ||
                         (direction() == Direction::kScanHigh && high);
  if (!satisfied) return;
  scan_result_ = equal ? kSt2ScanEqual : u8{0};
  limit_ = c_.data_pos + core::low<u32>(disk.size());
}

// --- through the FIFO ---

u8 Fdc::read_data() {
  stepped_ = false;
  const u8 value = c_.fifo[c_.data_pos % kSector];
  if (++c_.data_pos >= c_.data_len) {
    end_data();
  } else if (c_.data_pos % kSector == 0) {
    fetched_ = false;
    c_.msr = core::low<u8>(c_.msr & ~kMsrRqm);
    if (next_sector()) {
      fetch();
    } else {
      end_transfer(kSt0Abnormal, kSt1EndOfTrack, 0);
    }
  }
  return value;
}

void Fdc::write_data(u8 value) {
  const u32 at = c_.data_pos++ % kSector;
  if (direction() == Direction::kFormat) {
    c_.fifo[at % kHeader] = value;
    if (c_.data_pos % kHeader != 0) return;
    c_.msr = core::low<u8>(c_.msr & ~kMsrRqm);
    write_format();
    return;
  }
  c_.fifo[at] = value;
  if (at + 1 < kSector && c_.data_pos < c_.data_len) return;
  c_.msr = core::low<u8>(c_.msr & ~kMsrRqm);
  if (!selected().sector_exists()) return end_transfer(kSt0Abnormal, kSt1NoData, 0);
  auto& sector = selected().buffer();
  sector.fill(0);
  std::copy_n(c_.fifo.begin(), at + 1, sector.begin());
  writing_ = at + 1;
  selected().write_sector();
}

/// What the guest gave through the FIFO is on the disk.
void Fdc::written() {
  const bool format = direction() == Direction::kFormat;
  if (c_.data_pos >= c_.data_len) {
    if (!format) static_cast<void>(next_sector());
    end_data();
  } else if (!format && !next_sector()) {
    end_transfer(kSt0Abnormal, kSt1EndOfTrack, 0);
  } else {
    c_.msr = core::low<u8>(c_.msr | kMsrRqm);
  }
}

/// One sector, by the header in the FIFO.
void Fdc::write_format() {
  FloppyDrive& drive = selected();
  switch (drive.seek(c_.fifo[1], c_.fifo[0], c_.fifo[2])) {
    case FloppyDrive::Seek::kNoTrack: return end_transfer(kSt0Abnormal, 0, 0);
    case FloppyDrive::Seek::kNoSector: return end_transfer(kSt0Abnormal, kSt1EndOfTrack, 0);
    case FloppyDrive::Seek::kMoved: c_.status0 |= kSt0SeekEnd; break;
    case FloppyDrive::Seek::kThere: break;
  }
  if (!drive.sector_exists()) return end_transfer(kSt0Abnormal, kSt1NoData, 0);
  drive.buffer().fill(fill_);
  writing_ = kHeader;
  drive.write_sector();
}

// --- save and restore ---

/// What is in flight ends. The stream says where the head was for the byte that comes next, and not
/// that the sector of it has been fetched ahead.
void Fdc::pause() {
  for (FloppyDrive& one : drives_) one.drain();
  const bool ahead = c_.phase == Phase::kExecution && uses_fifo() && stepped_ && fetched_ &&
                     direction() != Direction::kWrite && c_.data_pos % kSector == 0;
  if (!ahead) return;
  DriveState& at = selected().state();
  at.head = before_.head;
  at.track = before_.track;
  at.sect = before_.sect;
  restored_ = true;
}

/// Goes on with a transfer that a stream has brought, or a pause has rewound.
void Fdc::resume() {
  if (!std::exchange(restored_, false) || c_.phase != Phase::kExecution || timer_->armed()) return;
  if (!selected().has_disk() || c_.data_dir >= static_cast<u8>(Direction::kFormat)) {
    end_transfer(kSt0Abnormal, kSt1MissingAddress, 0);
    return;
  }
  limit_ = c_.data_len;
  writing_ = 0;
  if (!uses_fifo()) {
    if (direction() == Direction::kVerify) {
      advance();
    } else if (dma_ != nullptr) {
      dma_->hold_request();
    }
  } else if (direction() == Direction::kWrite) {
    c_.msr = core::low<u8>(c_.msr | kMsrRqm);
  } else if (c_.data_pos % kSector == 0) {
    c_.msr = core::low<u8>(c_.msr & ~kMsrRqm);
    if (c_.data_pos != 0) static_cast<void>(next_sector());
    fetch();
  } else {
    fetched_ = true;
  }
}

}  // namespace floppy
