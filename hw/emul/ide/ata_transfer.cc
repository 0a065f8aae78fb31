// Data commands of the hard disk: PIO, DMA, TRIM.
#include <algorithm>

#include "hw/emul/ide/ata_drive.h"

namespace ide {
namespace {

/// The largest piece of a DMA command that is under way at once.
constexpr u64 kChunkBytes = u64{1} << 20;

}  // namespace

// --- PIO ---

Drive::Outcome AtaDrive::pio_read(bool ext, u32 block) {
  if (block == 0) return Outcome::kRefused;  // READ MULTIPLE without SET MULTIPLE
  take_count(ext);
  s_.req_nb_sectors = static_cast<i32>(block);
  ahead_ = 0;
  single_blocks_ = false;
  read_block();
  return Outcome::kPending;
}

/// The next block of a read: from what was read ahead, or from the disk, and then as much as the
/// command still wants and the buffer holds.
void AtaDrive::read_block() {
  set_status(kStatusIdle);
  s_.error = 0;  // Windows looks
  const u32 block = block_sectors();
  if (block == 0) {
    stop_transfer();
    return;
  }
  if (ahead_ >= block) {
    deliver_block(block);
    return;
  }
  add_status(kStatusBsy);
  const u64 first = sector_number();
  if (!in_range(first, block)) {
    fail_command();
    return;
  }
  u32 count = block;
  if (!single_blocks_) {
    const u64 left = backend_.info().sectors - first;
    count = core::low<u32>(std::min<u64>({s_.nsector, kBufferSectors, left}));
  }
  ahead_ = count;
  request_buffer(Step::kPioRead, core::BlockOp::kRead, first, count);
}

void AtaDrive::pio_read_done(int error) {
  if (error != 0) {
    const bool find_block = std::exchange(ahead_, 0) > block_sectors();
    if (find_block) {
      single_blocks_ = true;
      read_block();
    } else {
      fail_command();
    }
    return;
  }
  drop_status(kStatusBsy);
  ahead_at_ = 0;
  deliver_block(block_sectors());
}

void AtaDrive::deliver_block(u32 count) {
  set_sector_number(sector_number() + count);
  s_.nsector -= count;
  ahead_ -= count;
  const u32 at = std::exchange(ahead_at_, ahead_at_ + count);
  start_transfer(at * kSectorSize, count * kSectorSize, EndTransfer::kReadNext);
  host_.raise_irq();
}

Drive::Outcome AtaDrive::pio_write(bool ext, u32 block) {
  if (block == 0) return Outcome::kRefused;
  take_count(ext);
  s_.req_nb_sectors = static_cast<i32>(block);
  set_status(kStatusIdle);
  start_transfer(0, block_sectors() * kSectorSize, EndTransfer::kWriteBlock);
  return Outcome::kPending;
}

void AtaDrive::write_block() {
  set_status(kStatusIdle | kStatusBsy);
  const u64 first = sector_number();
  const u32 block = block_sectors();
  if (block == 0 || !in_range(first, block)) {
    fail_command();
    return;
  }
  request_buffer(Step::kPioWrite, core::BlockOp::kWrite, first, block);
}

void AtaDrive::write_block_done() {
  drop_status(kStatusBsy);
  const u32 count = block_sectors();
  s_.nsector -= count;
  set_sector_number(sector_number() + count);
  if (s_.nsector == 0) {
    stop_transfer();
  } else {
    start_transfer(0, block_sectors() * kSectorSize, EndTransfer::kWriteBlock);
  }
  host_.raise_irq();
}

void AtaDrive::block_ended(EndTransfer end) {
  if (end == EndTransfer::kReadNext) {
    read_block();
  } else if (end == EndTransfer::kWriteBlock) {
    write_block();
  } else {
    stop_transfer();
  }
}

// --- DMA ---

Drive::Outcome AtaDrive::start_dma(bool ext, DmaCommand command) {
  take_count(ext);
  set_status(kStatusIdle | kStatusDrq);
  note_retry();
  dma_ = command;
  host_.arm_dma(command);
  return Outcome::kPending;
}

void AtaDrive::dma_started() {
  if (dma_ == DmaCommand::kNone) {
    host_.finish_dma(false);
    return;
  }
  const u64 bytes = u64{s_.nsector} * kSectorSize;
  list_ = host_.load_descriptors();
  if (list_ == nullptr) {
    dma_failed();
    return;
  }
  more_prds_ = list_->total() > bytes;
  if (bytes == 0) {
    dma_complete();
  } else if (list_->total() < bytes) {
    // Descriptors for less than the command wants: the engine stops, and nobody interrupts.
    dma_finished_short();
  } else if (dma_ == DmaCommand::kTrim) {
    start_trim();
  } else if (!in_range(sector_number(), s_.nsector)) {
    dma_failed();
  } else {
    dma_chunk();
  }
}

/// Hands the next piece to the back end: the guest's pages themselves, or the buffer when they
/// cannot be had.
void AtaDrive::dma_chunk() {
  const bool read = dma_ == DmaCommand::kRead;
  const u64 left = u64{s_.nsector} * kSectorSize;
  const auto access = read ? core::MemoryAccess::kWrite : core::MemoryAccess::kRead;
  std::span<const iovec> memory = list_->map(std::min(left, kChunkBytes), kSectorSize, access);
  const Step step = read ? Step::kDmaRead : Step::kDmaWrite;
  const auto what = read ? core::BlockOp::kRead : core::BlockOp::kWrite;
  bounced_ = memory.empty();
  if (!bounced_) {
    chunk_ = core::low<u32>(list_->mapped() / kSectorSize);
    request(step, what, sector_number(), memory);
    return;
  }
  // One sector: the next may be in memory that can be pinned.
  chunk_ = 1;
  if (!read && !list_->copy_from_guest({buffer(), kSectorSize})) {
    dma_failed();  // rather than write what is not memory to the disk
    return;
  }
  request_buffer(step, what, sector_number(), chunk_);
}

void AtaDrive::dma_chunk_done() {
  list_->unmap();
  if (bounced_ && dma_ == DmaCommand::kRead) {
    list_->copy_to_guest({buffer(), u64{chunk_} * kSectorSize});
  }
  set_sector_number(sector_number() + chunk_);
  s_.nsector -= chunk_;
  if (s_.nsector > 0) {
    dma_chunk();
  } else if (dma_ == DmaCommand::kWrite && !write_cache_) {
    then_ = Step::kDmaWrite;
    request(Step::kFlush, core::BlockOp::kFlush, 0, {});
  } else {
    dma_complete();
  }
}

void AtaDrive::dma_complete() {
  dma_ = DmaCommand::kNone;
  set_status(kStatusIdle);
  host_.raise_irq();
  host_.finish_dma(more_prds_);
}

void AtaDrive::dma_finished_short() {
  dma_ = DmaCommand::kNone;
  set_status(kStatusIdle);
  host_.finish_dma(false);
}

void AtaDrive::dma_failed() {
  if (list_ != nullptr) list_->unmap();
  dma_ = DmaCommand::kNone;
  abort_command();
  host_.finish_dma(false);
  host_.raise_irq();
}

// --- TRIM ---

/// ACS-2 7.9.3: the data is a list of ranges. At most 255 sectors of them, so the buffer holds all.
void AtaDrive::start_trim() {
  trim_bytes_ = std::min<u32>(s_.nsector * kSectorSize, kBufferSize);
  trim_at_ = 0;
  if (!list_->copy_from_guest({buffer(), trim_bytes_})) {
    dma_failed();
    return;
  }
  trim_next();
}

void AtaDrive::trim_next() {
  while (trim_at_ < trim_bytes_) {
    const u64 entry = core::load_le<u64>(buffer() + trim_at_);
    trim_at_ += sizeof entry;
    const u64 count = TrimCount::get(entry);
    if (count == 0) continue;
    if (!in_range(TrimLba::get(entry), count)) {
      dma_failed();
      return;
    }
    sector_count = count;
    request(Step::kTrim, core::BlockOp::kDiscard, TrimLba::get(entry), {});
    return;
  }
  s_.nsector = 0;
  dma_complete();
}

}  // namespace ide
