#include "hw/emul/ide/ata_drive.h"

#include <algorithm>

namespace ide {

AtaDrive::AtaDrive(DriveHost& host, DriveState& state, u8 unit, core::BlockBackend& backend,
                   DriveIdentity identity, const Geometry& geometry)
    : Drive(host, state, unit),
      backend_(backend),
      identity_(std::move(identity)),
      geometry_(geometry),
      write_cache_(backend.info().write_cache) {
  current_heads_ = geometry_.heads;
  current_sectors_ = geometry_.sectors;
  backend_.set_listener(this);
}

AtaDrive::~AtaDrive() {
  abandon();
  backend_.drain();
  backend_.set_listener(nullptr);
}

void AtaDrive::reset() {
  if (std::exchange(reset_reverts_, false)) {
    current_heads_ = geometry_.heads;
    current_sectors_ = geometry_.sectors;
  }
  ahead_ = 0;
  queue_error_ = {};
  Drive::reset();
}

void AtaDrive::drain() {
  // The end of one piece of a DMA command starts the next.
  while (in_flight()) backend_.drain();
}

void AtaDrive::resized() {
  if (s_.identify_set != 0) fill_identify_size();
}

bool AtaDrive::in_range(u64 first, u64 count) const {
  const u64 total = backend_.info().sectors;
  return first <= total && count <= total - first;
}

/// Sectors in the data block that comes next.
u32 AtaDrive::block_sectors() const {
  const u32 block = std::clamp<u32>(static_cast<u32>(s_.req_nb_sectors), 1, kBufferSectors);
  return std::min(s_.nsector, block);
}

Drive::Outcome AtaDrive::execute(u8 opcode) {
  switch (opcode) {
    case kRecalibrate:
    case kSeek: return Outcome::kDoneSeek;
    case kVerify:
    case kVerifyOnce: return verify(false);
    case kVerifyExt: return verify(true);
    case kExecuteDiagnostic: return execute_diagnostic();
    case kInitDeviceParameters: return init_parameters();
    case kStandbyImmediateOld:
    case kIdleImmediateOld:
    case kStandbyOld:
    case kIdleOld:
    case kSleepOld:
    case kStandbyImmediate:
    case kIdleImmediate:
    case kStandby:
    case kIdle:
    case kSleep: return Outcome::kDone;
    case kCheckPowerModeOld:
    case kCheckPowerMode: s_.nsector = 0xff; return Outcome::kDoneSeek;
    case kSecurityFreezeLock:
      // Windows insists on it, with or without a security feature set.
      s_.nsector = 0;
      return Outcome::kDoneSeek;
    case kSmart: return smart();
    case kSetMultipleMode: return set_multiple();
    case kFlushCache:
    case kFlushCacheExt: return flush();
    case kIdentifyDevice: return identify();
    case kSetFeatures: return set_features();
    case kReadNativeMax: return read_native_max(false);
    case kReadNativeMaxExt: return read_native_max(true);
    case kReadLogExt: return read_log();
    default: return execute_transfer(opcode);
  }
}

Drive::Outcome AtaDrive::execute_transfer(u8 opcode) {
  const u32 multiple = static_cast<u32>(s_.mult_sectors);
  switch (opcode) {
    case kReadSectors:
    case kReadSectorsOnce: return pio_read(false, 1);
    case kReadSectorsExt: return pio_read(true, 1);
    case kReadMultiple: return pio_read(false, multiple);
    case kReadMultipleExt: return pio_read(true, multiple);
    case kWriteSectors:
    case kWriteSectorsOnce:
    case kWriteVerify: return pio_write(false, 1);
    case kWriteSectorsExt: return pio_write(true, 1);
    case kWriteMultiple: return pio_write(false, multiple);
    case kWriteMultipleExt: return pio_write(true, multiple);
    case kReadDma:
    case kReadDmaOnce: return start_dma(false, DmaCommand::kRead);
    case kReadDmaExt: return start_dma(true, DmaCommand::kRead);
    case kWriteDma:
    case kWriteDmaOnce: return start_dma(false, DmaCommand::kWrite);
    case kWriteDmaExt: return start_dma(true, DmaCommand::kWrite);
    case kDataSetManagement:
      if (s_.feature != kDsmTrim) return Outcome::kRefused;
      s_.nsector &= 0xff;
      set_status(kStatusIdle | kStatusDrq);
      note_retry();
      dma_ = DmaCommand::kTrim;
      host_.arm_dma(dma_);
      return Outcome::kPending;
    default: return Outcome::kRefused;
  }
}

Drive::Outcome AtaDrive::verify(bool ext) {
  take_count(ext);
  return in_range(sector_number(), s_.nsector) ? Outcome::kDoneSeek : Outcome::kRefused;
}

Drive::Outcome AtaDrive::read_native_max(bool ext) {
  const u64 total = backend_.info().sectors;
  if (total == 0) return Outcome::kRefused;
  take_count(ext);
  set_sector_number(total - 1);
  return Outcome::kDoneSeek;
}

Drive::Outcome AtaDrive::init_parameters() {
  const u32 sectors = s_.nsector & 0xff;
  if (sectors == 0) return Outcome::kRefused;
  current_heads_ = DeviceHead::get(s_.select) + 1u;
  current_sectors_ = sectors;
  return Outcome::kDoneSeek;
}

Drive::Outcome AtaDrive::set_multiple() {
  const u32 count = s_.nsector & 0xff;
  if (count > kMaxMultiple || (count & (count - 1)) != 0) return Outcome::kRefused;
  s_.mult_sectors = static_cast<i32>(count);
  return Outcome::kDoneSeek;
}

Drive::Outcome AtaDrive::set_features() {
  switch (s_.feature) {
    case kEnableWriteCache: return set_write_cache(true);
    case kDisableWriteCache: return set_write_cache(false);
    case kEnableRevert: reset_reverts_ = true; return Outcome::kDoneSeek;
    case kDisableRevert: reset_reverts_ = false; return Outcome::kDoneSeek;
    case kSetTransferMode: return set_transfer_mode();
    case kEnableApm:
    case kDisableApm:
    case kEnableAcoustic:
    case kDisableAcoustic:
    case kEnableReadLookAhead:
    case kDisableReadLookAhead:
    case kObsolete67:
    case kObsolete69:
    case kObsolete96:
    case kObsolete9a: return Outcome::kDoneSeek;
    default: return Outcome::kRefused;
  }
}

/// Turning the cache off makes what is in it durable.
Drive::Outcome AtaDrive::set_write_cache(bool on) {
  write_cache_ = on;
  const u32 others = identify_word(kWordEnabled) & ~u32{kEnabledWriteCache};
  set_identify_word(kWordEnabled, others | (on ? kEnabledWriteCache : 0u));
  return on ? Outcome::kDoneSeek : flush();
}

Drive::Outcome AtaDrive::flush() {
  note_retry();
  then_ = Step::kNone;
  request(Step::kFlush, core::BlockOp::kFlush, 0, {});
  return Outcome::kPending;
}

void AtaDrive::request(Step step, core::BlockOp what, u64 first, std::span<const iovec> memory) {
  step_ = step;
  // What is only read ahead may fail: it is asked for again, block by block.
  by_policy = step != Step::kPioRead || ahead_ <= block_sectors();
  submit(backend_, what, first, memory);
}

void AtaDrive::request_buffer(Step step, core::BlockOp what, u64 first, u32 sectors) {
  whole_ = {.iov_base = buffer(), .iov_len = u64{sectors} * kSectorSize};
  request(step, what, first, {&whole_, 1});
}

void AtaDrive::io_released() {
  step_ = then_ = Step::kNone;
  dma_ = DmaCommand::kNone;
  if (list_ != nullptr) list_->unmap();
}

/// The machine stops for an error: everything waits as a stream would have it wait, so that
/// restart() goes on with it here or elsewhere. A DMA command begins anew.
void AtaDrive::hold(Step step) {
  if (step == Step::kFlush) step = std::exchange(then_, Step::kNone);
  switch (step) {
    case Step::kPioRead:
      ahead_ = 0;
      note_retry();
      hold_command(kRetryPio | kRetryRead);
      return;
    case Step::kPioWrite:
      note_retry();
      hold_command(kRetryPio);
      return;
    case Step::kDmaRead:
    case Step::kDmaWrite:
    case Step::kTrim:
      if (list_ != nullptr) list_->unmap();
      s_.data_length = 0;
      hold_command(retry_bits(std::exchange(dma_, DmaCommand::kNone)));
      return;
    case Step::kFlush:
    case Step::kNone: hold_command(kRetryFlush); return;
  }
}

void AtaDrive::io_done(int error) {
  const Step step = std::exchange(step_, Step::kNone);
  if (error == core::kRetryLater) {
    hold(step);
    return;
  }
  switch (step) {
    case Step::kPioRead: pio_read_done(error); return;
    case Step::kDmaRead:
    case Step::kDmaWrite:
      if (error != 0) {
        dma_failed();
      } else {
        dma_chunk_done();
      }
      return;
    case Step::kTrim:
      if (error != 0) {
        dma_failed();
      } else {
        trim_next();
      }
      return;
    case Step::kPioWrite:
      if (error != 0) {
        drop_status(kStatusBsy);
        fail_command();
      } else if (write_cache_) {
        write_block_done();
      } else {
        then_ = Step::kPioWrite;
        request(Step::kFlush, core::BlockOp::kFlush, 0, {});
      }
      return;
    case Step::kFlush: break;
    case Step::kNone: return;
  }
  const Step then = std::exchange(then_, Step::kNone);
  if (error != 0) {
    if (then == Step::kDmaWrite) {
      dma_failed();
    } else {
      fail_command();
    }
  } else if (then == Step::kPioWrite) {
    write_block_done();
  } else if (then == Step::kDmaWrite) {
    dma_complete();
  } else {
    set_status(kStatusIdle);
    host_.raise_irq();
  }
}

/// The stream says which command could not finish on the other side; it starts over here.
void AtaDrive::restart(i32 error_status) {
  BusState& bus = host_.bus();
  const DmaCommand command = retried_dma(error_status);
  if (command == DmaCommand::kPacket) {
    fail_command();
  } else if (command != DmaCommand::kNone) {
    set_sector_number(static_cast<u64>(bus.retry_sector_num));
    s_.nsector = bus.retry_nsector;
    set_status(kStatusIdle | kStatusDrq);
    dma_ = command;
    host_.arm_dma(dma_);
  } else if ((error_status & kRetryPio) != 0) {
    if ((error_status & kRetryRead) != 0) {
      read_block();
    } else {
      write_block();
    }
  } else {
    add_status(kStatusBsy);
    flush();
  }
}

void AtaDrive::after_restore() {
  Drive::after_restore();
  step_ = then_ = Step::kNone;
  dma_ = DmaCommand::kNone;
  ahead_ = 0;
  single_blocks_ = false;
  if (s_.identify_set != 0) {
    write_cache_ = (identify_word(kWordEnabled) & kEnabledWriteCache) != 0;
  }
}

}  // namespace ide
