#include "hw/emul/ide/drive.h"

#include <algorithm>
#include <cstring>

namespace ide {

const Geometry& Drive::geometry() const {
  static constexpr Geometry kNone{};
  return kNone;
}

void Drive::command(u8 opcode) {
  if ((s_.status & (kStatusBsy | kStatusDrq)) != 0) {
    if (opcode != kDeviceReset || !is_packet_device()) return;
  }
  if (opcode == kDeviceReset && is_packet_device()) {
    halt_transfer();
    if (in_flight_) {
      add_status(kStatusBsy);
      reset_waits_ = true;
      abandon();
    } else {
      finish_device_reset();
    }
    return;
  }
  set_status(kStatusDrdy | kStatusBsy);
  s_.error = 0;
  const Outcome outcome = execute(opcode);
  if (outcome == Outcome::kPending) return;
  if (outcome == Outcome::kRefused) {
    abort_command();
  } else {
    drop_status(kStatusBsy);
    if (outcome == Outcome::kDoneSeek) add_status(kStatusDsc);
  }
  host_.raise_irq();
}

/// ATA8-ACS 7.10: the drive shows its signature and an empty status, and does not interrupt.
void Drive::finish_device_reset() {
  reset_waits_ = false;
  host_.finish_dma(false);
  reset();
  set_status(0);
}

Drive::Outcome Drive::execute(u8 opcode) {
  return opcode == kExecuteDiagnostic ? execute_diagnostic() : Outcome::kRefused;
}

// --- reset ---

void Drive::reset() {
  s_.mult_sectors = kMaxMultiple;
  s_.feature = s_.error = 0;
  s_.nsector = 0;
  s_.sector = s_.lcyl = s_.hcyl = 0;
  s_.hob_feature = s_.hob_sector = s_.hob_nsector = s_.hob_lcyl = s_.hob_hcyl = 0;
  s_.select = kDeviceObsolete;
  s_.status = kStatusIdle;
  s_.lba48 = 0;
  s_.sense_key = s_.asc = s_.cdrom_changed = 0;
  s_.packet_transfer_size = s_.elementary_transfer_size = 0;
  s_.req_nb_sectors = 0;
  s_.tray_open = s_.tray_locked = false;
  set_signature();
  s_.end = EndTransfer::kNothing;
  s_.data_offset = s_.data_length = 0;
  std::fill_n(s_.buffer.begin(), 4, u8{0xff});
}

void Drive::software_reset() {
  reset_waits_ = false;
  reset();
  const Outcome outcome = execute_diagnostic();
  if (outcome != Outcome::kPending && present()) host_.raise_irq();
}

void Drive::halt_transfer() {
  s_.end = EndTransfer::kStop;
  s_.data_offset = s_.data_length = 0;
  drop_status(kStatusDrq);
}

/// Volume 1, 6.13. A packet device keeps DRDY clear until its first command (volume 2, 9.10).
Drive::Outcome Drive::execute_diagnostic() {
  s_.select = kDeviceObsolete;
  set_signature();
  s_.error = 0x01;  // device 0 passed, device 1 passed or absent: not an error here
  if (is_packet_device()) {
    set_status(0);
    return Outcome::kPending;
  }
  set_status(kStatusIdle);
  return Outcome::kDone;
}

/// Volume 1, table 11.
void Drive::set_signature() {
  s_.select = DeviceHead::with(s_.select, 0);
  s_.nsector = 1;
  s_.sector = 1;
  const u16 mark = is_packet_device() ? 0xeb14 : present() ? 0x0000 : 0xffff;
  s_.lcyl = core::low<u8>(mark);
  s_.hcyl = core::low<u8>(mark >> 8);
}

// --- the data register ---

bool Drive::to_guest() const {
  return s_.end != EndTransfer::kWriteBlock && s_.end != EndTransfer::kPacket;
}

void Drive::start_transfer(u32 offset, u32 length, EndTransfer end) {
  s_.data_offset = static_cast<i32>(offset);
  s_.data_length = static_cast<i32>(length);
  s_.end = end;
  note_retry();
  if ((s_.status & kStatusErr) == 0) add_status(kStatusDrq);
}

void Drive::stop_transfer() {
  halt_transfer();
}

void Drive::consumed(u32 bytes) {
  s_.data_offset += static_cast<i32>(bytes);
  s_.data_length -= static_cast<i32>(bytes);
  if (s_.data_length > 0) return;
  drop_status(kStatusDrq);
  block_ended(s_.end);
}

core::MutableBytes Drive::block() {
  if ((s_.status & kStatusDrq) == 0 || s_.data_length <= 0) return {};
  return {buffer() + s_.data_offset, static_cast<std::size_t>(s_.data_length)};
}

void Drive::block_moved() {
  consumed(static_cast<u32>(s_.data_length));
}

u32 Drive::data_read(unsigned width) {
  if ((s_.status & kStatusDrq) == 0 || !to_guest()) return 0;
  if (s_.data_length < static_cast<i32>(width)) return 0;
  u32 value = 0;
  std::memcpy(&value, buffer() + s_.data_offset, width);
  consumed(width);
  return value;
}

void Drive::data_write(u32 value, unsigned width) {
  if ((s_.status & kStatusDrq) == 0 || to_guest()) return;
  if (s_.data_length < static_cast<i32>(width)) return;
  std::memcpy(buffer() + s_.data_offset, &value, width);
  consumed(width);
}

void Drive::data_read_string(unsigned width, core::MutableBytes to) {
  while (!to.empty()) {
    const bool open = (s_.status & kStatusDrq) != 0 && to_guest();
    const std::size_t have = open ? static_cast<std::size_t>(s_.data_length) : 0;
    const std::size_t count = std::min(have, to.size()) / width * width;
    if (count == 0) {
      std::fill(to.begin(), to.end(), u8{0});
      return;
    }
    std::memcpy(to.data(), buffer() + s_.data_offset, count);
    to = to.subspan(count);
    consumed(core::low<u32>(count));
  }
}

void Drive::data_write_string(unsigned width, core::Bytes from) {
  while (!from.empty()) {
    const bool open = (s_.status & kStatusDrq) != 0 && !to_guest();
    const std::size_t have = open ? static_cast<std::size_t>(s_.data_length) : 0;
    const std::size_t count = std::min(have, from.size()) / width * width;
    if (count == 0) return;
    std::memcpy(buffer() + s_.data_offset, from.data(), count);
    from = from.subspan(count);
    consumed(core::low<u32>(count));
  }
}

void Drive::block_ended(EndTransfer /*end*/) {
  stop_transfer();
}

void Drive::dma_started() {
  host_.finish_dma(false);
}

// --- command pieces ---

void Drive::abort_command() {
  set_status(kStatusDrdy | kStatusErr);
  s_.error = kErrorAbrt;
  stop_transfer();
}

void Drive::fail_command() {
  abort_command();
  host_.raise_irq();
}

Drive::Outcome Drive::send_identify() {
  std::copy(s_.identify_data.begin(), s_.identify_data.end(), s_.buffer.begin());
  set_status(kStatusIdle);
  start_transfer(0, core::low<u32>(s_.identify_data.size()), EndTransfer::kStop);
  host_.raise_irq();
  return Outcome::kPending;
}

/// Volume 1, 6.49.3: the mode shows in the identify data.
Drive::Outcome Drive::set_transfer_mode() {
  const u8 mode = core::low<u8>(s_.nsector);
  const u16 chosen = core::low<u16>(1u << (TransferModeValue::get(mode) + 8));
  u16 single = 0x07;
  u16 multi = 0x07;
  u16 ultra = 0x3f;
  switch (TransferModeType::get(mode)) {
    case kPioDefault:
    case kPioFlow: break;
    case kSingleWordDma: single = core::low<u16>(single | chosen); break;
    case kMultiwordDma: multi = core::low<u16>(multi | chosen); break;
    case kUltraDma: ultra = core::low<u16>(ultra | chosen); break;
    default: return Outcome::kRefused;
  }
  set_identify_word(kWordSingleWordDma, single);
  set_identify_word(kWordMultiwordDma, multi);
  set_identify_word(kWordUltraDma, ultra);
  return Outcome::kDoneSeek;
}

u64 Drive::sector_number() const {
  const u64 low24 = u64{s_.hcyl} << 16 | u64{s_.lcyl} << 8 | s_.sector;
  if (DeviceLba::test(s_.select)) {
    if (s_.lba48 == 0) return u64{DeviceHead::get(s_.select)} << 24 | low24;
    return u64{s_.hob_hcyl} << 40 | u64{s_.hob_lcyl} << 32 | u64{s_.hob_sector} << 24 | low24;
  }
  // Sector numbers start at one; zero wraps to beyond any disk for the first track.
  const u64 cylinder = u64{s_.hcyl} << 8 | s_.lcyl;
  const u64 track = cylinder * current_heads_ + DeviceHead::get(s_.select);
  return track * current_sectors_ + s_.sector - 1;
}

void Drive::set_sector_number(u64 number) {
  if (DeviceLba::test(s_.select)) {
    s_.sector = core::low<u8>(number);
    s_.lcyl = core::low<u8>(number >> 8);
    s_.hcyl = core::low<u8>(number >> 16);
    if (s_.lba48 == 0) {
      s_.select = DeviceHead::with(s_.select, core::low<u8>(number >> 24));
    } else {
      s_.hob_sector = core::low<u8>(number >> 24);
      s_.hob_lcyl = core::low<u8>(number >> 32);
      s_.hob_hcyl = core::low<u8>(number >> 40);
    }
    return;
  }
  if (current_heads_ == 0 || current_sectors_ == 0) return;
  const u64 track = number / current_sectors_;
  const u64 cylinder = track / current_heads_;
  s_.sector = core::low<u8>(number % current_sectors_ + 1);
  s_.select = DeviceHead::with(s_.select, core::low<u8>(track % current_heads_));
  s_.lcyl = core::low<u8>(cylinder);
  s_.hcyl = core::low<u8>(cylinder >> 8);
}

void Drive::take_count(bool ext) {
  s_.lba48 = ext ? 1 : 0;
  const u32 count = ext ? u32{s_.hob_nsector} << 8 | (s_.nsector & 0xff) : s_.nsector & 0xff;
  s_.nsector = count != 0 ? count : ext ? 65536 : 256;
}

void Drive::note_retry() {
  BusState& bus = host_.bus();
  bus.retry_unit = unit_;
  bus.retry_sector_num = static_cast<i64>(sector_number());
  bus.retry_nsector = s_.nsector;
}

u16 Drive::identify_word(unsigned word) const {
  return core::load_le<u16>(&s_.identify_data[word * 2]);
}

void Drive::set_identify_word(unsigned word, u64 value) {
  core::store_le(&s_.identify_data[word * 2], core::low<u16>(value));
}

/// ACS-2 7.12.7.27 and 28: depth of the queue less one, and that there is one.
void Drive::fill_identify_queue() {
  if (host_.queue_depth() == 0) return;
  set_identify_word(75, host_.queue_depth() - 1);
  set_identify_word(76, 1u << 8);
}

/// Volume 1, 6.17.9: text is padded with blanks, the first character in the high byte.
void Drive::set_identify_text(unsigned word, unsigned length, const std::string& text) {
  for (unsigned i = 0; i < length; ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    s_.identify_data[word * 2 + (i ^ 1)] = static_cast<u8>(c);
  }
}

// --- the back end ---

void Drive::submit(core::BlockBackend& backend, core::BlockOp what, u64 first,
                   std::span<const iovec> memory) {
  op = what;
  sector = first;
  segments = memory;
  in_flight_ = true;
  backend.submit(*this);
}

void Drive::done(int error) {
  in_flight_ = false;
  if (!std::exchange(abandoned_, false)) {
    io_done(error);
    host_.settled();
    return;
  }
  io_released();
  host_.request_ended();
}

// --- restore ---

void Drive::restart(i32 /*error_status*/) {
  fail_command();
}

void Drive::after_restore() {
  abandoned_ = reset_waits_ = false;
  // Only a stream with an open data phase says where it is.
  if (s_.has_pio_state != 0) return;
  s_.data_offset = s_.data_length = 0;
  s_.end = EndTransfer::kNothing;
  drop_status(kStatusDrq);
}

}  // namespace ide
