#include "hw/emul/ide/ide_channel.h"

namespace ide {

Channel::Channel(BusState& bus, BmdmaState& bmdma, std::array<DriveState, 2>& drives, DmaPort& port,
                 core::IrqLine irq)
    : bus_(bus), states_(drives), irq_(irq), master_(bmdma, port, *this) {
  for (u8 unit = 0; unit < 2; ++unit) attach<Drive>(unit);
}

Channel::~Channel() {
  // Drives wait for their requests when they go, and tell this object.
  for (auto& drive : drives_) drive.reset();
}

void Channel::detach(u8 unit) {
  Drive& old = *drives_[unit];
  old.halt_transfer();
  old.abandon();
  old.drain();
  if (dma_running_ || master_.armed()) finish_dma(false);
  attach<Drive>(unit);
}

// --- ports ---

u64 Channel::io_read(u32 tag, u64 offset, unsigned width) {
  if (tag == kControl) return alternate_status();
  if (offset == kData && width >= 2) {
    return selected().data_read(width >= 4 ? 4 : 2);
  }
  u64 value = 0;
  for (unsigned i = 0; i < width; ++i) {
    const u64 at = offset + i;
    value |= u64{at < 8 ? read_register(core::low<u8>(at)) : u8{0xff}} << (i * 8);
  }
  return value;
}

void Channel::io_write(u32 tag, u64 offset, u64 value, unsigned width) {
  if (tag == kControl) {
    write_control(core::low<u8>(value));
  } else if (offset == kData && width >= 2) {
    selected().data_write(core::low<u32>(value), width >= 4 ? 4 : 2);
  } else {
    for (unsigned i = 0; i < width && offset + i < 8; ++i) {
      write_register(core::low<u8>(offset + i), core::low<u8>(value >> (i * 8)));
    }
  }
}

void Channel::io_read_string(u32 tag, u64 offset, unsigned width, core::MutableBytes data) {
  if (tag == kCommandBlock && offset == kData && (width == 2 || width == 4)) {
    selected().data_read_string(width, data.first(data.size() / width * width));
  } else {
    IoHandler::io_read_string(tag, offset, width, data);
  }
}

void Channel::io_write_string(u32 tag, u64 offset, unsigned width, core::Bytes data) {
  if (tag == kCommandBlock && offset == kData && (width == 2 || width == 4)) {
    selected().data_write_string(width, data.first(data.size() / width * width));
  } else {
    IoHandler::io_write_string(tag, offset, width, data);
  }
}

/// Drive 0 answers for an absent drive 1 with a status of zero; without drives nothing is there.
bool Channel::selected_answers() {
  return !empty() && (bus_.unit == 0 || drives_[1]->present());
}

u8 Channel::alternate_status() {
  return selected_answers() ? selected().state().status : u8{0};
}

u8 Channel::read_register(u8 reg) {
  if (reg == kData) return core::low<u8>(selected().data_read(2));  // a word, cut
  if (reg == kStatus) {
    const u8 status = alternate_status();
    irq_.lower();
    return status;
  }
  return empty() ? u8{0} : read_task_file(reg);
}

u8 Channel::read_task_file(u8 reg) {
  const DriveState& s = selected().state();
  const bool previous = ControlHob::test(bus_.cmd);
  switch (reg) {
    case kError:
      if (!selected_answers()) return 0;
      return previous ? s.hob_feature : s.error;
    case kSectorCount: return previous ? s.hob_nsector : core::low<u8>(s.nsector);
    case kLbaLow: return previous ? s.hob_sector : s.sector;
    case kLbaMid: return previous ? s.hob_lcyl : s.lcyl;
    case kLbaHigh: return previous ? s.hob_hcyl : s.hcyl;
    default: return s.select;
  }
}

void Channel::write_register(u8 reg, u8 value) {
  if (reg == kData) return;
  if (reg == kStatus) {
    bus_.cmd = ControlHob::with(bus_.cmd, 0);
    irq_.lower();
    if (bus_.unit == 0 || selected().present()) selected().command(value);
    return;
  }
  // A busy drive does not listen.
  if ((selected().state().status & (kStatusBsy | kStatusDrq)) != 0) return;
  write_task_file(reg, value);
}

void Channel::write_task_file(u8 reg, u8 value) {
  if (reg == kDevice) {
    for (DriveState& s : states_) s.select = core::low<u8>(value | kDeviceObsolete);
    bus_.unit = DeviceUnit::get(value);
    return;
  }
  bus_.cmd = ControlHob::with(bus_.cmd, 0);
  for (DriveState& s : states_) {
    switch (reg) {
      case kError: s.hob_feature = std::exchange(s.feature, value); break;
      case kSectorCount:
        s.hob_nsector = core::low<u8>(s.nsector);
        s.nsector = value;
        break;
      case kLbaLow: s.hob_sector = std::exchange(s.sector, value); break;
      case kLbaMid: s.hob_lcyl = std::exchange(s.lcyl, value); break;
      default: s.hob_hcyl = std::exchange(s.hcyl, value); break;
    }
  }
}

// --- resets ---

/// Volume 1, 5.8: both drives are busy from here on, until what they do is over.
void Channel::write_control(u8 value) {
  const bool rising = ControlSrst::test(value) && !ControlSrst::test(bus_.cmd);
  bus_.cmd = value;
  if (!rising) return;
  reset_waits_ = true;
  for (const auto& drive : drives_) {
    drive->halt_transfer();
    drive->state().status = core::low<u8>(drive->state().status | kStatusBsy);
    if (drive->in_flight()) drive->abandon();
  }
  request_ended();
}

/// Called when a request that a reset waits for is done, and by the reset itself.
void Channel::request_ended() {
  for (const auto& drive : drives_) {
    if (drive == nullptr || drive->in_flight()) return;
  }
  if (reset_waits_) {
    software_reset();
    return;
  }
  for (const auto& drive : drives_) {
    if (drive->reset_waits()) drive->finish_device_reset();
  }
}

void Channel::software_reset() {
  reset_waits_ = false;
  if (dma_running_ || master_.armed()) finish_dma(false);
  for (const auto& drive : drives_) drive->software_reset();
  bus_.unit = 0;
  bus_.error_status = 0;
  bus_.cmd = ControlSrst::with(bus_.cmd, 0);
}

/// Lets go of everything under way, for a reset that nothing survives.
void Channel::cancel() {
  for (const auto& drive : drives_) {
    if (!drive->in_flight()) continue;
    drive->abandon();
    drive->drain();
  }
  if (dma_running_ || master_.armed()) finish_dma(false);
}

void Channel::reset() {
  reset_waits_ = false;
  cancel();
  bus_ = {};
  for (const auto& drive : drives_) drive->reset();
  master_.reset();
  dma_running_ = false;
  irq_.lower();
}

void Channel::drain() {
  for (const auto& drive : drives_) drive->drain();
}

void Channel::resume() {
  const i32 error_status = std::exchange(bus_.error_status, 0);
  if (error_status == 0 || bus_.armed != DmaCommand::kNone) return;
  if (bus_.retry_unit <= 1) bus_.unit = bus_.retry_unit;
  master_.rewind();
  selected().restart(error_status);
}

void Channel::after_restore() {
  reset_waits_ = dma_running_ = false;
  master_.disarm();
  for (const auto& drive : drives_) drive->after_restore();
  irq_.set(master_.interrupt_pending() && !ControlNien::test(bus_.cmd));
}

// --- DriveHost ---

void Channel::raise_irq() {
  if (ControlNien::test(bus_.cmd)) return;
  master_.interrupt();
  irq_.raise();
}

void Channel::arm_dma(DmaCommand command) {
  bus_.armed = command;
  master_.arm();
}

ScatterList* Channel::load_descriptors() {
  if (master_.load_table()) return &master_.list();
  master_.error();
  return nullptr;
}

void Channel::finish_dma(bool more) {
  if (!dma_running_ && !master_.armed()) return;
  dma_running_ = false;
  bus_.armed = DmaCommand::kNone;
  bus_.retry_unit = 0xff;
  bus_.retry_sector_num = 0;
  bus_.retry_nsector = 0;
  master_.finish(more);
}

void Channel::dma_started() {
  bus_.armed = DmaCommand::kNone;
  dma_running_ = true;
  selected().dma_started();
}

}  // namespace ide
