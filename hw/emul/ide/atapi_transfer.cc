// How the answer to a packet reaches the guest: in blocks of the byte count by PIO, or by DMA.
#include <algorithm>
#include <limits>

#include "hw/emul/ide/atapi_drive.h"

namespace ide {
namespace {

constexpr u64 kChunkBytes = u64{1} << 20;

/// MMC-5 3.1.36: minute, second, frame; block 0 is two seconds in.
void put_msf(u8* to, u64 frame) {
  const u64 at = frame + 150;
  to[0] = core::low<u8>(at / 75 / 60);
  to[1] = core::low<u8>(at / 75 % 60);
  to[2] = core::low<u8>(at % 75);
}

}  // namespace

bool AtapiDrive::byte_count_ok() const {
  return dma_ || byte_count_limit() != 0;
}

u32 AtapiDrive::byte_count_limit() const {
  const u32 limit = u32{s_.hcyl} << 8 | s_.lcyl;
  return limit == 0xffff ? 0xfffe : limit;
}

/// The stream has 32 bits for it.
void AtapiDrive::set_remaining(u64 bytes) {
  remaining_ = bytes;
  s_.packet_transfer_size = static_cast<i32>(std::min<u64>(bytes, std::numeric_limits<i32>::max()));
  s_.elementary_transfer_size = 0;
}

void AtapiDrive::reply(u32 length, u32 allocation) {
  const u32 size = std::min(length, allocation);
  frame_size_ = 0;
  frames_left_ = 0;
  filled_ = size;
  given_ = 0;
  set_remaining(size);
  if (dma_) {
    set_status(kStatusIdle | kStatusDrq);
    host_.arm_dma(DmaCommand::kPacket);
  } else {
    set_status(kStatusIdle);
    next_block();
  }
}

void AtapiDrive::start_read(u64 frame, u64 count, u32 frame_size) {
  frame_size_ = frame_size;
  next_frame_ = frame;
  frames_left_ = count;
  filled_ = given_ = 0;
  set_remaining(count * frame_size);
  if (dma_) {
    set_status(kStatusIdle | kStatusDrq | kStatusBsy);
    host_.arm_dma(DmaCommand::kPacket);
  } else {
    next_block();
  }
}

void AtapiDrive::block_ended(EndTransfer end) {
  if (end == EndTransfer::kPacket) {
    run_packet();
  } else if (end == EndTransfer::kPacketReply) {
    next_block();
  } else {
    stop_transfer();
  }
}

// --- PIO ---

/// Volume 2, 9.8: each block has at most the byte count's bytes, an even number unless it is the
/// last.
void AtapiDrive::next_block() {
  if (remaining_ == 0) {
    succeed();
    return;
  }
  u32 limit = byte_count_limit();
  if (remaining_ > limit) limit &= ~1u;
  const u32 block = core::low<u32>(std::min<u64>(remaining_, limit));
  if (block == 0) {
    fail_command();  // the guest took the byte count away under way
  } else if (filled_ - given_ >= block) {
    open_block(block);
  } else if (frames_left_ > 0) {
    fill_buffer();
  } else {
    check_condition(kAbortedCommand, kAscNone);  // restored without a way to go on
  }
}

void AtapiDrive::open_block(u32 length) {
  set_remaining(remaining_ - length);
  s_.nsector = (s_.nsector & ~u32{kReasonMask}) | kReasonToHost;
  s_.lcyl = core::low<u8>(length);
  s_.hcyl = core::low<u8>(length >> 8);
  set_status(kStatusIdle);
  start_transfer(given_, length, EndTransfer::kPacketReply);
  given_ += length;
  host_.raise_irq();
}

/// Fetches as many frames as the command still wants and the buffer holds behind what the guest
/// has not seen yet.
void AtapiDrive::fill_buffer() {
  const u32 left_over = filled_ - given_;
  std::copy_n(s_.buffer.begin() + given_, left_over, s_.buffer.begin());
  given_ = 0;
  filled_ = left_over;
  fetch_at_ = left_over;
  const u64 room = (kBufferSize - left_over) / frame_size_;
  add_status(kStatusBsy);
  read_frames(buffer() + fetch_at_, core::low<u32>(std::min(room, frames_left_)));
}

/// One segment a frame where the frames have headers, else one in all.
void AtapiDrive::read_frames(u8* to, u32 count) {
  const bool raw = frame_size_ == kRawSectorSize;
  const u32 used = raw ? count : 1;
  for (u32 i = 0; i < used; ++i) {
    segments_[i] = {.iov_base = to + i * u64{frame_size_} + (raw ? kRawHeaderSize : 0),
                    .iov_len = raw ? kCdSectorSize : u64{count} * kCdSectorSize};
  }
  fetching_ = count;
  submit(backend_, core::BlockOp::kRead, next_frame_ * (kCdSectorSize / kSectorSize),
         {segments_.data(), used});
}

/// ECMA-130 14: sync pattern, address and mode around the data of raw frames.
void AtapiDrive::complete_frames(u8* at, u32 count) {
  if (frame_size_ == kRawSectorSize) {
    for (u32 i = 0; i < count; ++i, at += kRawSectorSize) {
      at[0] = at[11] = 0x00;
      std::fill_n(at + 1, 10, u8{0xff});
      put_msf(at + 12, next_frame_ + i);
      at[15] = 0x01;
      std::fill_n(at + kRawHeaderSize + kCdSectorSize,
                  kRawSectorSize - kRawHeaderSize - kCdSectorSize, u8{0});
    }
  }
  next_frame_ += count;
  frames_left_ -= count;
}

void AtapiDrive::io_released() {
  fetching_ = 0;
  if (list_ != nullptr) list_->unmap();
}

void AtapiDrive::io_done(int error) {
  const u32 count = std::exchange(fetching_, 0);
  ScatterList* const list = dma_ ? list_ : nullptr;
  if (list != nullptr) list->unmap();
  if (error == core::kRetryLater) {
    // From the packet on, which therefore lies in the buffer again.
    std::copy(packet_.begin(), packet_.end(), s_.buffer.begin());
    s_.end = EndTransfer::kPacket;
    set_remaining(0);
    hold_command(kRetryPacket);
  } else if (error != 0) {
    drop_status(kStatusBsy);
    if (error == ENOMEDIUM) {
      check_condition(kNotReady, kAscMediumNotPresent);
    } else {
      check_condition(kIllegalRequest, kAscLbaOutOfRange);
    }
    if (list != nullptr) host_.finish_dma(false);
  } else if (list != nullptr) {
    dma_frames_done(*list, count);
  } else {
    complete_frames(buffer() + fetch_at_, count);
    filled_ = fetch_at_ + count * frame_size_;
    drop_status(kStatusBsy);
    next_block();
  }
}

// --- DMA ---

void AtapiDrive::dma_started() {
  list_ = host_.load_descriptors();
  if (list_ == nullptr) {
    check_condition(kAbortedCommand, kAscDataPhaseError);
    host_.finish_dma(false);
    return;
  }
  dma_step();
}

void AtapiDrive::dma_step() {
  if (remaining_ == 0) {
    dma_finish();
    return;
  }
  if (list_->remaining() == 0) {
    if (host_.drops_excess()) {
      set_remaining(0);
      dma_finish();
      return;
    }
    // The guest's descriptors end before the data: the engine stops, the drive waits for more.
    host_.finish_dma(false);
    return;
  }
  if (frame_size_ == 0) {
    const u64 count = std::min<u64>({remaining_, filled_ - given_, list_->remaining()});
    if (count == 0) {
      check_condition(kAbortedCommand, kAscNone);
      host_.finish_dma(false);
      return;
    }
    list_->copy_to_guest({buffer() + given_, count});
    given_ += core::low<u32>(count);
    set_remaining(remaining_ - count);
    dma_step();
    return;
  }
  dma_frames();
}

void AtapiDrive::dma_frames() {
  const u64 wanted = std::min(remaining_, kChunkBytes);
  if (frame_size_ == kCdSectorSize && list_->remaining() >= kCdSectorSize) {
    const std::span<const iovec> memory =
        list_->map(wanted, kCdSectorSize, core::MemoryAccess::kWrite);
    if (!memory.empty()) {
      bounced_ = false;
      fetching_ = core::low<u32>(list_->mapped() / kCdSectorSize);
      submit(backend_, core::BlockOp::kRead, next_frame_ * (kCdSectorSize / kSectorSize), memory);
      return;
    }
  }
  bounced_ = true;
  const u64 room = frame_size_ == kCdSectorSize ? 1 : kBufferSize / frame_size_;
  read_frames(buffer(), core::low<u32>(std::min(room, frames_left_)));
}

void AtapiDrive::dma_frames_done(ScatterList& list, u32 count) {
  const u64 bytes = u64{count} * frame_size_;
  if (bounced_) {
    complete_frames(buffer(), count);
    list.copy_to_guest({buffer(), std::min(bytes, list.remaining())});
  } else {
    next_frame_ += count;
    frames_left_ -= count;
  }
  set_remaining(remaining_ - std::min(bytes, remaining_));
  dma_step();
}

void AtapiDrive::dma_finish() {
  s_.error = 0;
  set_status(kStatusIdle);
  s_.nsector = (s_.nsector & ~u32{kReasonMask}) | kReasonToHost | kReasonCommand;
  stop_transfer();
  host_.raise_irq();
  host_.finish_dma(false);
}

}  // namespace ide
