#include "hw/emul/ahci/ahci_port.h"

#include <algorithm>
#include <bit>

#include "hw/emul/core/guest_error.h"

namespace ahci {
namespace {

// Status of a drive that has just been reset: what drivers found under QEMU.
constexpr u8 kDiskAfterReset = 0x30;
constexpr u8 kCdAfterReset = 0x70;
constexpr u8 kDiagnosticPassed = 0x01;

using Frame = std::array<u8, 20>;

/// What frames of both kinds begin with: the drive's registers.
Frame task_file(u8 type, const ide::DriveState& d, bool interrupt) {
  return {type,
          interrupt ? kFrameInterrupt : u8{0},
          d.status,
          d.error,
          d.sector,
          d.lcyl,
          d.hcyl,
          d.select,
          d.hob_sector,
          d.hob_lcyl,
          d.hob_hcyl,
          0,
          core::low<u8>(d.nsector),
          core::low<u8>(d.nsector >> 8)};
}

}  // namespace

Port::Port(PortState& state, ide::DmaPort& memory, Controller& controller)
    : s_(state), memory_(memory), controller_(controller), list_(memory, kMaxExtents) {
  put_in(std::make_unique<ide::Drive>(static_cast<ide::DriveHost&>(*this), s_.drive, u8{0}));
}

Port::~Port() {
  stopped_ = true;
  for (const auto& command : commands_) {
    if (command != nullptr) command->abandon();
  }
  drive_->abandon();
  if (backend_ != nullptr) drain();
  drive_.reset();
}

void Port::put_in(std::unique_ptr<ide::Drive> drive) {
  drive_ = std::move(drive);
  drive_->reset();
}

void Port::detach() {
  if (backend_ == nullptr) return;
  stopped_ = true;
  drive_->halt_transfer();
  drive_->abandon();
  for (const auto& command : commands_) {
    if (command != nullptr) command->abandon();
  }
  drain();
  for (auto& command : commands_) command.reset();
  backend_ = nullptr;
  put_in(std::make_unique<ide::Drive>(static_cast<ide::DriveHost&>(*this), s_.drive, u8{0}));
  begin_reset();
}

// --- registers ---

u32 Port::read(u32 reg) const {
  switch (reg) {
    case kPxClb: return s_.clb;
    case kPxClbu: return s_.clbu;
    case kPxFb: return s_.fb;
    case kPxFbu: return s_.fbu;
    case kPxIs: return s_.irq_stat;
    case kPxIe: return s_.irq_mask;
    case kPxCmd: return s_.cmd;
    case kPxTfd: return s_.tfd;
    case kPxSig: return s_.sig;
    case kPxSsts: return drive_->present() ? kSstsPresent : 0;
    case kPxSctl: return s_.scr_ctl;
    case kPxSerr: return s_.scr_err;
    case kPxSact: return s_.scr_act;
    case kPxCi: return s_.ci;
    default: return 0;
  }
}

void Port::write(u32 reg, u32 value) {
  switch (reg) {
    case kPxClb: s_.clb = value; return;
    case kPxClbu: s_.clbu = value; return;
    case kPxFb: s_.fb = value; return;
    case kPxFbu: s_.fbu = value; return;
    case kPxIs:
      s_.irq_stat &= ~value;
      controller_.port_interrupt(true);
      return;
    case kPxIe:
      s_.irq_mask = value & kPortInterrupts;
      controller_.port_interrupt(true);
      return;
    case kPxCmd: write_command(value); return;
    case kPxSctl: {
      // 10.4.2: the reset is over when the guest lets go of the link.
      const bool released = SctlDet::get(s_.scr_ctl) == kDetReset && SctlDet::get(value) == 0;
      s_.scr_ctl = value;
      if (released) begin_reset();
      return;
    }
    case kPxSerr: s_.scr_err &= ~value; return;
    case kPxSact: s_.scr_act |= value; return;
    case kPxCi:
      s_.ci |= value;
      run();
      return;
    default: return;  // read-only, or not there
  }
}

void Port::write_command(u32 value) {
  if ((s_.cmd & kCmdStart) != 0 && (value & kCmdStart) == 0) stop_list();
  s_.cmd = (s_.cmd & kCmdReadOnly) | (value & ~(kCmdReadOnly | kCmdIcc));
  if (start_engines() && receives() && !s_.init_d2h_sent) send_first_register();
  run();
}

/// 10.3: both engines need their memory. One that has none does not start.
bool Port::start_engines() {
  std::array<u8, kCommandListSize> probe{};
  if ((s_.cmd & kCmdStart) != 0 && (s_.cmd & kCmdListRunning) == 0) {
    if (!memory_.dma_read(list_address(), probe)) {
      core::guest_error("ahci", "command list outside of guest memory", list_address());
      s_.cmd &= ~kCmdStart;
      return false;
    }
    s_.cmd |= kCmdListRunning;
  } else if ((s_.cmd & kCmdStart) == 0) {
    list_stopped();
  }
  const u64 receive = u64{s_.fbu} << 32 | s_.fb;
  if ((s_.cmd & kCmdFisReceive) != 0 && !receives()) {
    if (!memory_.dma_read(receive, core::MutableBytes(probe).first(kReceivedSize))) {
      core::guest_error("ahci", "received frames outside of guest memory", receive);
      s_.cmd &= ~kCmdFisReceive;
      return false;
    }
    s_.cmd |= kCmdFisRunning;
  } else if ((s_.cmd & kCmdFisReceive) == 0) {
    s_.cmd &= ~kCmdFisRunning;
  }
  return true;
}

/// What is under way is dropped when it comes back, and what waits for the machine to go on at
/// once.
void Port::abandon_queue() {
  for (u32 left = queued_; left != 0; left &= left - 1) {
    commands_[static_cast<unsigned>(std::countr_zero(left))]->abandon();
  }
  for (QueuedState& one : s_.queued) {
    if (one.halt) one = {};
  }
}

/// 3.3.14: nothing is issued any more. Queued commands are forgotten; the list counts as running
/// until the disk has let go of their memory.
void Port::stop_list() {
  s_.scr_act = 0;
  s_.ci = 0;
  stopped_ = false;
  abandon_queue();
}

void Port::list_stopped() {
  if ((s_.cmd & kCmdStart) == 0 && queued_ == 0) s_.cmd &= ~kCmdListRunning;
}

// --- interrupts and frames ---

void Port::trigger(u32 interrupt) {
  const bool fresh = (s_.irq_stat & interrupt) == 0 && (s_.irq_mask & interrupt) != 0;
  s_.irq_stat |= interrupt;
  controller_.port_interrupt(fresh);
}

/// Serial ATA 3.2, 10.5.6.
void Port::send_register(bool interrupt) {
  if (!receives()) return;
  const ide::DriveState& d = s_.drive;
  const Frame frame = task_file(kFrameRegisterToHost, d, interrupt);
  static_cast<void>(memory_.dma_write((u64{s_.fbu} << 32 | s_.fb) + kReceivedRegister, frame));
  s_.tfd = u32{d.error} << 8 | d.status;
  if ((d.status & ide::kStatusErr) != 0) trigger(kTfes);
  if (interrupt) trigger(kDhrs);
}

/// Serial ATA 3.2, 10.5.11. The interrupt, if there is one, follows the data.
void Port::send_pio_setup(std::size_t length, bool interrupt) {
  if (!receives()) return;
  const ide::DriveState& d = s_.drive;
  Frame frame = task_file(kFramePioSetup, d, interrupt);
  frame[15] = d.status;
  frame[16] = core::low<u8>(length);
  frame[17] = core::low<u8>(length >> 8);
  static_cast<void>(memory_.dma_write((u64{s_.fbu} << 32 | s_.fb) + kReceivedPioSetup, frame));
  s_.tfd = u32{d.error} << 8 | d.status;
  if ((d.status & ide::kStatusErr) != 0) trigger(kTfes);
}

/// Serial ATA 3.2, 10.5.7: the ends of queued commands, or an error.
void Port::send_device_bits() {
  if (!receives()) return;
  constexpr u8 kStatusBits = 0x77;
  const ide::DriveState& d = s_.drive;
  std::array<u8, 8> frame{kFrameDeviceBits, kFrameInterrupt, core::low<u8>(d.status & kStatusBits),
                          d.error};
  core::store_le<u32>(&frame[4], s_.finished);
  static_cast<void>(memory_.dma_write((u64{s_.fbu} << 32 | s_.fb) + kReceivedDeviceBits, frame));
  s_.tfd = u32{d.error} << 8 | (d.status & kStatusBits) | (s_.tfd & ~u32{kStatusBits} & 0xff);
  s_.scr_act &= ~s_.finished;
  s_.finished = 0;
  trigger((d.status & ide::kStatusErr) != 0 ? kTfes : kSdbs);
}

/// 10.1.1: the frame that a drive sends after a reset, kept back until the port takes it.
void Port::send_first_register() {
  if (s_.init_d2h_sent || !receives()) return;
  send_register(true);
  s_.init_d2h_sent = true;
  const ide::DriveState& d = s_.drive;
  s_.sig = u32{d.hcyl} << 24 | u32{d.lcyl} << 16 | u32{d.sector} << 8 | (d.nsector & 0xff);
}

// --- resets ---

/// Lets go of everything. A port whose disk still works on something stays busy until that is over:
/// its memory is in use as long.
void Port::begin_reset() {
  s_.scr_stat = s_.scr_err = s_.scr_act = 0;
  s_.sig = kNoSignature;
  s_.ci = 0;
  s_.finished = 0;
  s_.busy_slot = -1;
  s_.init_d2h_sent = false;
  stopped_ = false;
  abandon_queue();
  if (!in_flight()) return finish_reset();
  reset_waits_ = true;
  s_.tfd = kTfdBusy;
  drive_->halt_transfer();
  if (drive_->in_flight()) drive_->abandon();
  s_.drive.status = core::low<u8>(s_.drive.status | ide::kStatusBsy);
}

void Port::finish_reset() {
  reset_waits_ = false;
  list_.clear();
  loaded_ = false;
  s_.tfd = kTfdReset;
  s_.bus = {};
  drive_->reset();
  list_stopped();
  if (!drive_->present()) return;
  s_.port_state = 0;
  s_.drive.status = drive_->is_packet_device() ? kCdAfterReset : kDiskAfterReset;
  s_.drive.error = kDiagnosticPassed;
  send_first_register();
}

void Port::controller_reset() {
  s_.irq_stat = s_.irq_mask = 0;
  s_.scr_ctl = 0;
  s_.cmd = (s_.cmd & kCmdListRunning) | kCmdSpinUp | kCmdPowerOn;
  begin_reset();
  list_stopped();
}

void Port::reset() {
  controller_reset();
  drain();
}

void Port::drain() {
  while (in_flight()) backend_->drain();
}

void Port::request_ended() {
  if (drive_ == nullptr) return;
  if (reset_waits_) {
    if (!in_flight()) finish_reset();
  } else if (drive_->reset_waits()) {
    drive_->finish_device_reset();
  }
  run();
}

// --- restore ---

void Port::after_restore() {
  list_.clear();
  loaded_ = false;
  running_ = reset_waits_ = false;
  // A command that failed is still in the list until the guest stops that.
  stopped_ = s_.ci != 0 && s_.busy_slot < 0 && (s_.drive.status & ide::kStatusErr) != 0;
  restored_ = true;
  drive_->after_restore();
}

/// Goes on with what was restored, and with what an error of the disk has stopped the machine for.
void Port::resume() {
  const bool restored = std::exchange(restored_, false);
  const i32 error_status = std::exchange(s_.bus.error_status, 0);
  const bool halted = std::any_of(s_.queued.begin(), s_.queued.end(),
                                  [](const QueuedState& one) { return one.halt; });
  if (!restored && error_status == 0 && !halted) return;
  if (s_.busy_slot >= 0 && (restored || error_status != 0)) {
    list_.clear();
    loaded_ = false;
    if (!load_header(static_cast<unsigned>(s_.busy_slot))) {
      core::guest_error("ahci", "command list outside of guest memory", list_address());
    }
    byte_count_ = header_.byte_count;
    running_ = true;  // until the command has been taken up
    if ((error_status & ide::kRetryMask) != 0) drive_->restart(error_status);
    running_ = false;
  }
  for (u8 tag = 0; tag < kSlots; ++tag) {
    QueuedState& one = s_.queued[tag];
    if (!one.halt) continue;
    one.halt = false;
    start_queued(tag, false);
  }
  run();
}

}  // namespace ahci
