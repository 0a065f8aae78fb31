// A port's commands: what the list says, a drive's own, and queued ones.
#include <algorithm>
#include <bit>

#include "hw/emul/ahci/ahci_port.h"
#include "hw/emul/core/guest_error.h"

namespace ahci {

u64 Port::header_address(unsigned slot) const {
  return list_address() + u64{slot} * sizeof(CommandHeader);
}

bool Port::load_header(unsigned slot) {
  return memory_.dma_read(header_address(slot), {reinterpret_cast<u8*>(&header_), sizeof header_});
}

/// Does what can be done without waiting. Each slot is looked at once: what cannot be taken now
/// stays in PxCI.
void Port::run() {
  if (running_) return;
  running_ = true;
  u32 seen = 0;
  for (;;) {
    advance();
    const u32 ready = s_.ci & ~seen;
    if (s_.busy_slot >= 0 || reset_waits_ || stopped_ || ready == 0) break;
    if ((s_.cmd & kCmdListRunning) == 0 || (s_.cmd & kCmdStart) == 0 || !drive_->present()) break;
    if ((s_.drive.status & (ide::kStatusBsy | ide::kStatusDrq)) != 0) break;
    const auto slot = static_cast<u8>(std::countr_zero(ready));
    seen |= u32{1} << slot;
    start(slot);
  }
  running_ = false;
}

/// Takes the drive's command as far as it goes.
void Port::advance() {
  while (s_.busy_slot >= 0 && !drive_->in_flight() && !reset_waits_) {
    if (!drive_->block().empty()) {
      move_block();
    } else if ((s_.drive.status & (ide::kStatusBsy | ide::kStatusDrq)) != 0) {
      return;
    } else {
      command_done();
    }
  }
}

void Port::start(u8 slot) {
  std::array<u8, kTableDescriptors> table{};
  if (!load_header(slot) || !memory_.dma_read(header_.table, table)) {
    core::guest_error("ahci", "command table outside of guest memory", header_.table);
    trigger(kHbfs);
    return;
  }
  const u8 flags = table[1];
  if (table[0] != kFrameRegisterToDevice || (flags & (kFrameMultiplier | kFrameReserved)) != 0) {
    core::guest_error("ahci", "not a frame for this drive", u64{table[0]} << 8 | flags);
    return;
  }
  if ((flags & kFrameCommand) == 0) {
    control_frame(slot, table);
  } else if (is_queued(table[2])) {
    queue(slot, table);
  } else if (queued_ == 0) {
    drive_command(slot, table);  // else it waits: the two do not mix
  }
}

/// 10.4.1: software reset is two frames. The drive answers only the second.
void Port::control_frame(u8 slot, const std::array<u8, kTableDescriptors>& table) {
  const bool srst = (table[15] & kControlSrst) != 0;
  if (s_.port_state == 0 && srst) {
    s_.port_state = 1;
    if (HeaderClearBusy::test(header_.flags)) clear_issue(slot);
  } else if (s_.port_state == 1 && !srst) {
    begin_reset();
  }
}

void Port::drive_command(u8 slot, const std::array<u8, kTableDescriptors>& table) {
  ide::DriveState& d = s_.drive;
  d.feature = table[3];
  d.sector = table[4];
  d.lcyl = table[5];
  d.hcyl = table[6];
  d.select = table[7];
  d.hob_sector = table[8];
  d.hob_lcyl = table[9];
  d.hob_hcyl = table[10];
  d.hob_feature = table[11];
  d.nsector = core::load_le<u16>(&table[12]);
  d.hob_nsector = table[13];
  d.error = 0;
  if (HeaderAtapi::test(header_.flags)) {
    std::copy_n(table.begin() + kTablePacket, 16, d.buffer.begin());
  }
  s_.done_first_drq = false;
  s_.busy_slot = slot;
  loaded_ = false;
  byte_count_ = 0;
  add_byte_count(0);
  drive_->command(table[2]);
}

/// 5.3.11 and after: the drive says what it is about to move, moves it, and interrupts. The first
/// block of a packet command is the packet, which has been taken from the table.
void Port::move_block() {
  const core::MutableBytes block = drive_->block();
  const bool atapi = HeaderAtapi::test(header_.flags);
  const bool interrupt = s_.done_first_drq || (!atapi && !HeaderWrite::test(header_.flags));
  send_pio_setup(block.size(), interrupt);
  if (!atapi || s_.done_first_drq) {
    ide::ScatterList* const list = loaded_ ? &list_ : load_descriptors();
    if (list != nullptr) {
      const core::MutableBytes part = block.first(std::min<u64>(block.size(), list->remaining()));
      if (drive_->block_to_guest()) {
        list->copy_to_guest(part);
      } else {
        static_cast<void>(list->copy_from_guest(part));
      }
    }
    add_byte_count(block.size());
  }
  s_.done_first_drq = true;
  if (interrupt) trigger(kPss);
  drive_->block_moved();
}

/// 3.3.14: a command that failed stays issued.
void Port::clear_issue(unsigned slot) {
  constexpr u8 kUnfinished = ide::kStatusErr | ide::kStatusBsy | ide::kStatusDrq;
  if ((s_.drive.status & kUnfinished) == 0) s_.ci &= ~(u32{1} << slot);
}

void Port::command_done() {
  clear_issue(static_cast<unsigned>(s_.busy_slot));
  s_.busy_slot = -1;
  list_.clear();
  loaded_ = false;
  stopped_ = (s_.drive.status & ide::kStatusErr) != 0;
  send_register(true);
}

/// 4.2.2, PRDBC.
void Port::add_byte_count(u64 bytes) {
  byte_count_ += bytes;
  std::array<u8, 4> count{};
  core::store_le<u32>(count.data(), core::low<u32>(byte_count_));
  const auto slot = static_cast<unsigned>(s_.busy_slot);
  static_cast<void>(memory_.dma_write(header_address(slot) + kByteCountOffset, count));
}

// --- DriveHost: DMA ---

void Port::arm_dma(ide::DmaCommand /*command*/) {
  drive_->dma_started();
}

ide::ScatterList* Port::load_descriptors() {
  loaded_ = ahci::load_descriptors(memory_, header_.table + kTableDescriptors, header_.prdt_length,
                                   ~u64{0}, list_);
  if (loaded_) return &list_;
  core::guest_error("ahci", "descriptors outside of guest memory", header_.table);
  return nullptr;
}

void Port::finish_dma(bool /*more*/) {
  list_.unmap();
  if (s_.busy_slot < 0 || !loaded_) return;
  const bool good = (s_.drive.status & ide::kStatusErr) == 0;
  add_byte_count(good ? list_.position() : 0);
  loaded_ = false;
}

// --- the queue ---

/// The command leaves PxCI when the drive has taken it, and PxSACT when it is done.
void Port::queue(u8 slot, const std::array<u8, kTableDescriptors>& table) {
  const u8 tag = core::low<u8>(table[12] >> 3);
  QueuedState& one = s_.queued[tag];
  // Still under way, or forgotten by a driver but not yet by the disk: it waits.
  if (one.used || (queued_ >> tag & 1) != 0) return;
  if ((s_.drive.status & ide::kStatusErr) != 0) {
    s_.drive.status = ide::kStatusIdle;
    s_.drive.error = 0;
  }
  clear_issue(slot);
  send_register(false);
  const u32 count = u32{table[11]} << 8 | table[3];
  one = {.sector_count = count != 0 ? count : 65536,
         .lba = u64{table[10]} << 40 | u64{table[9]} << 32 | u64{table[8]} << 24 |
                u64{table[6]} << 16 | u64{table[5]} << 8 | table[4],
         .tag = tag,
         .cmd = table[2],
         .slot = slot,
         .used = true};
  start_queued(tag, (table[7] & kQueuedForceUnitAccess) != 0);
}

void Port::start_queued(u8 tag, bool durable) {
  QueuedState& one = s_.queued[tag];
  const bool write = one.cmd == kWriteQueued;
  const bool known = one.cmd == kReadQueued || write;
  const core::BlockBackend* const disk = drive_->is_packet_device() ? nullptr : backend_;
  const u64 bytes = u64{one.sector_count} * ide::kSectorSize;
  const u64 total = disk != nullptr ? disk->info().sectors : 0;
  if (!known || one.lba > total || one.sector_count > total - one.lba) return queued_failed(tag);
  std::unique_ptr<QueuedCommand>& command = commands_[tag];
  if (command == nullptr) {
    command = std::make_unique<QueuedCommand>(static_cast<QueuedCommand::Owner&>(*this), tag,
                                              memory_, *backend_);
  }
  if (!load_header(one.slot) ||
      !ahci::load_descriptors(memory_, header_.table + kTableDescriptors, header_.prdt_length,
                              bytes, command->list()) ||
      command->list().total() < bytes) {
    core::guest_error("ahci", "descriptors for less than the queued command", bytes);
    queued_failed(tag);
    trigger(kOfs);
    return;
  }
  if (!command->start(write, one.lba, one.sector_count, durable || !drive_->write_cache())) {
    return queued_failed(tag);
  }
  queued_ |= u32{1} << tag;
}

/// ACS-2 4.15: the drive ends all of its queue; the log tells which command it was.
void Port::queued_failed(u8 tag) {
  QueuedState& one = s_.queued[tag];
  one.used = false;
  drive_->note_queue_error(tag, one.lba, one.sector_count);
  for (u32 left = queued_; left != 0; left &= left - 1) {
    commands_[static_cast<unsigned>(std::countr_zero(left))]->abandon();
  }
  stopped_ = true;
  s_.drive.error = ide::kErrorAbrt;
  s_.drive.status = ide::kStatusDrdy | ide::kStatusErr;
  send_device_bits();
}

void Port::queued_done(u8 tag, int error) {
  const u32 bit = u32{1} << tag;
  queued_ &= ~bit;
  const bool dropped = commands_[tag]->abandoned();
  if (error == core::kRetryLater && !dropped && !reset_waits_) {
    // The machine stops: the command is made again when it goes on, here or elsewhere.
    s_.queued[tag].halt = true;
    return;
  }
  s_.queued[tag].used = false;
  if (reset_waits_) {
    if (!in_flight()) finish_reset();
  } else if (dropped) {
    list_stopped();
  } else if (error != 0) {
    queued_failed(tag);
  } else {
    s_.drive.status = ide::kStatusIdle;
    s_.finished |= bit;
    send_device_bits();
  }
  run();
}

}  // namespace ahci
