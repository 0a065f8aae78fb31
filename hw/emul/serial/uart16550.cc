#include "hw/emul/serial/uart16550.h"

#include <algorithm>

namespace serial {

using namespace core;       // NOLINT(google-build-using-namespace)
using namespace uart_regs;  // NOLINT(google-build-using-namespace)

namespace {

constexpr u32 kBaudBase = 115200;  // 1.8432 MHz / 16
// A byte that the back end refuses this often though it said it had room is given up.
constexpr u32 kMaxRetries = 4;
// The receive timeout is four character times (8.11).
constexpr i64 kTimeoutCharacters = 4;

}  // namespace

Uart16550::Uart16550(IrqLine irq, CharBackend& backend, Clock& clock)
    : irq_(irq), backend_(backend), clock_(clock) {
  timeout_ = clock_.make_timer([this] {
    s_.timeout_deadline = -1;
    if (s_.receive.empty()) return;
    s_.timeout_ipending = 1;
    update_irq();
  });
  reset();
  backend_.set_client(this);
}

Uart16550::~Uart16550() {
  backend_.set_client(nullptr);
}

void Uart16550::reset() {
  s_ = State{};
  timeout_->cancel();
  update_line_parameters();
  update_irq();
}

u8 Uart16550::peek_data() const {
  if (!fifos_on()) return s_.rbr;
  return s_.receive.empty() ? u8{0} : s_.receive.data[s_.receive.head];
}

u8 Uart16550::peek(unsigned reg) const {
  switch (reg) {
    case RBR_THR: return divisor_access() ? low<u8>(s_.divisor) : peek_data();
    case IER: return divisor_access() ? low<u8>(s_.divisor >> 8) : s_.ier;
    case IIR_FCR: return s_.iir;
    case LCR: return s_.lcr;
    case MCR: return s_.mcr;
    case LSR: return s_.lsr;
    case MSR: return low<u8>(modem_lines() | msr::Deltas::get(s_.msr));
    case SCR: return s_.scr;
    default: return 0xff;
  }
}

u8 Uart16550::read(unsigned reg) {
  const u8 value = peek(reg);
  switch (reg) {
    case RBR_THR:
      if (!divisor_access()) data_was_read();
      break;
    case IIR_FCR:
      // Reading IIR clears the THRE interrupt if it is the one shown (8.6).
      if ((value & 0x0f) == iir::kHoldingEmpty) {
        s_.thr_ipending = 0;
        update_irq();
      }
      break;
    case LSR:
      if (lsr::AnyError::test(value)) {
        s_.lsr &= low<u8>(~lsr::AnyError::kMask);
        update_irq();
      }
      break;
    case MSR:
      if (msr::Deltas::test(value)) {
        s_.msr &= low<u8>(~msr::Deltas::kMask);
        update_irq();
      }
      break;
    default: break;
  }
  return value;
}

void Uart16550::data_was_read() {
  if (fifos_on()) {
    if (!s_.receive.empty()) s_.receive.pop();
    s_.timeout_ipending = 0;
    if (!s_.receive.empty()) arm_timeout();
  }
  if (!fifos_on() || s_.receive.empty()) {
    s_.lsr &= low<u8>(~(lsr::DataReady::kMask | lsr::Break::kMask));
  }
  update_irq();
  backend_.accept_input();
}

void Uart16550::write(unsigned reg, u8 value) {
  switch (reg) {
    case RBR_THR:
      if (divisor_access()) {
        write_divisor(0, value);
      } else {
        write_holding(value);
      }
      break;
    case IER:
      if (divisor_access()) {
        write_divisor(1, value);
      } else {
        write_ier(value);
      }
      break;
    case IIR_FCR: write_fcr(value); break;
    case LCR: write_lcr(value); break;
    case MCR: write_mcr(value); break;
    case SCR: s_.scr = value; break;
    default: break;  // LSR and MSR are read-only
  }
}

void Uart16550::write_holding(u8 value) {
  s_.thr = value;
  if (fifos_on()) {
    if (s_.transmit.full()) s_.transmit.pop();
    s_.transmit.push(value);
  }
  s_.thr_ipending = 0;
  s_.lsr &= low<u8>(~(lsr::HoldingEmpty::kMask | lsr::TransmitterEmpty::kMask));
  update_irq();
  if (s_.tsr_retry == 0) transmit();
}

void Uart16550::write_divisor(unsigned byte, u8 value) {
  const unsigned shift = byte * 8;
  s_.divisor = low<u16>((s_.divisor & ~(0xffu << shift)) | (unsigned{value} << shift));
  update_line_parameters();
}

void Uart16550::write_ier(u8 value) {
  const u8 changed = ier::Implemented::get(low<u8>(s_.ier ^ value));
  if (changed == 0) return;
  s_.ier = ier::Implemented::get(value);
  // Enabling the THRE interrupt raises it if the register is empty, even if it was read from IIR
  // before: the Windows driver starts transmission by toggling IER.
  if (ier::HoldingEmpty::test(changed)) {
    s_.thr_ipending = ier::HoldingEmpty::test(s_.ier) && lsr::HoldingEmpty::test(s_.lsr) ? 1 : 0;
  }
  update_irq();
}

void Uart16550::write_fcr(u8 value) {
  // Changing the mode empties both FIFOs (8.5).
  if (fcr::Enable::test(low<u8>(value ^ s_.fcr))) {
    value |= fcr::ResetReceive::kMask | fcr::ResetTransmit::kMask;
  }
  if (fcr::ResetReceive::test(value)) {
    s_.receive.clear();
    s_.lsr &= low<u8>(~(lsr::DataReady::kMask | lsr::Break::kMask));
    s_.timeout_ipending = 0;
    stop_timeout();
  }
  if (fcr::ResetTransmit::test(value)) {
    s_.transmit.clear();
    s_.lsr |= lsr::HoldingEmpty::kMask;
    s_.thr_ipending = 1;
  }
  s_.fcr = value & (fcr::Trigger::kMask | fcr::DmaMode::kMask | fcr::Enable::kMask);
  s_.iir = iir::FifosEnabled::with(s_.iir, fifos_on() ? u8{3} : u8{0});
  update_irq();
  backend_.accept_input();
}

void Uart16550::write_lcr(u8 value) {
  const bool begin_break = !lcr::SetBreak::test(s_.lcr) && lcr::SetBreak::test(value);
  s_.lcr = value;
  update_line_parameters();
  if (begin_break && !looped()) backend_.send_break();
}

void Uart16550::write_mcr(u8 value) {
  const u8 before = modem_lines();
  const bool was_looped = looped();
  s_.mcr = mcr::Implemented::get(value);
  const u8 after = modem_lines();
  // Deltas sit four bits below their lines; RI counts only when it goes away (8.9).
  u8 deltas = msr::Lines::get(low<u8>(before ^ after));
  if (!msr::Ri::test(before)) deltas &= low<u8>(~msr::TrailingRi::kMask);
  s_.msr |= deltas;
  if (deltas != 0) update_irq();
  if (was_looped && !looped()) backend_.accept_input();
}

u32 Uart16550::trigger_level() const {
  constexpr std::array<u8, 4> kLevels{1, 4, 8, 14};
  return kLevels[fcr::Trigger::get(s_.fcr)];
}

u8 Uart16550::modem_lines() const {
  if (!looped()) return s_.msr & msr::Lines::kMask;
  // Looped back, the outputs appear at the inputs (8.8).
  return low<u8>(msr::Dcd::of(mcr::Out2::get(s_.mcr)) | msr::Ri::of(mcr::Out1::get(s_.mcr)) |
                 msr::Dsr::of(mcr::Dtr::get(s_.mcr)) | msr::Cts::of(mcr::Rts::get(s_.mcr)));
}

bool Uart16550::load_shift_register() {
  if (lsr::HoldingEmpty::test(s_.lsr)) return false;
  bool loaded = true;
  if (!fifos_on()) {
    s_.tsr = s_.thr;
    s_.lsr |= lsr::HoldingEmpty::kMask;
  } else {
    // Empty in spite of LSR only after a restore of such a state.
    loaded = !s_.transmit.empty();
    if (loaded) s_.tsr = s_.transmit.pop();
    if (s_.transmit.empty()) s_.lsr |= lsr::HoldingEmpty::kMask;
  }
  if (lsr::HoldingEmpty::test(s_.lsr) && s_.thr_ipending == 0) {
    s_.thr_ipending = 1;
    update_irq();
  }
  return loaded;
}

void Uart16550::transmit() {
  while (s_.tsr_retry != 0 || load_shift_register()) {
    if (looped()) {
      const u8 byte = s_.tsr;
      receive(Bytes(&byte, 1));
    } else if (backend_.write(Bytes(&s_.tsr, 1)) == 0 && s_.tsr_retry < kMaxRetries) {
      ++s_.tsr_retry;
      return;
    }
    s_.tsr_retry = 0;
  }
  s_.lsr |= lsr::TransmitterEmpty::kMask;
}

void Uart16550::writable() {
  if (s_.tsr_retry != 0) transmit();
}

std::size_t Uart16550::can_receive() {
  // Looped back, the serial input is disconnected (8.8).
  if (looped()) return 0;
  if (!fifos_on()) return lsr::DataReady::test(s_.lsr) ? 0 : 1;
  // Up to the trigger level, so that the guest is asked as often as it wanted to be.
  return trigger_level() - std::min(s_.receive.count, trigger_level());
}

void Uart16550::put_received(u8 byte) {
  if (fifos_on()) {
    // An overrun loses the new byte, not what is in the FIFO (8.4).
    if (s_.receive.full()) {
      s_.lsr |= lsr::Overrun::kMask;
    } else {
      s_.receive.push(byte);
    }
  } else {
    if (lsr::DataReady::test(s_.lsr)) s_.lsr |= lsr::Overrun::kMask;
    s_.rbr = byte;
  }
  s_.lsr |= lsr::DataReady::kMask;
}

void Uart16550::receive(Bytes data) {
  if (data.empty()) return;
  for (const u8 byte : data) put_received(byte);
  if (fifos_on()) arm_timeout();
  update_irq();
}

void Uart16550::char_event(CharEvent event) {
  if (event != CharEvent::kBreak || looped()) return;
  put_received(0);
  s_.lsr |= lsr::Break::kMask;
  update_irq();
}

void Uart16550::arm_timeout() {
  s_.timeout_deadline = clock_.now_ns() + kTimeoutCharacters * character_ns_;
  timeout_->arm(s_.timeout_deadline);
}

void Uart16550::stop_timeout() {
  s_.timeout_deadline = -1;
  timeout_->cancel();
}

void Uart16550::update_irq() {
  u8 id = iir::kNone;
  if (ier::LineStatus::test(s_.ier) && lsr::AnyError::test(s_.lsr)) {
    id = iir::kLineStatus;
  } else if (ier::DataAvailable::test(s_.ier) && s_.timeout_ipending != 0) {
    id = iir::kTimeout;
  } else if (ier::DataAvailable::test(s_.ier) && lsr::DataReady::test(s_.lsr) &&
             (!fifos_on() || s_.receive.count >= trigger_level())) {
    id = iir::kDataAvailable;
  } else if (ier::HoldingEmpty::test(s_.ier) && s_.thr_ipending != 0) {
    id = iir::kHoldingEmpty;
  } else if (ier::ModemStatus::test(s_.ier) && msr::Deltas::test(s_.msr)) {
    id = iir::kModemStatus;
  }
  s_.iir = low<u8>((s_.iir & 0xf0) | id);
  irq_.set(id != iir::kNone);
}

void Uart16550::update_line_parameters() {
  Line line;
  // A divisor of zero has no defined speed; something slow keeps the timeout sane.
  line.speed = s_.divisor == 0 ? 3500 : kBaudBase / s_.divisor;
  if (lcr::ParityEnable::test(s_.lcr)) line.parity = lcr::EvenParity::test(s_.lcr) ? 'E' : 'O';
  line.data_bits = 5u + lcr::WordLength::get(s_.lcr);
  line.stop_bits = lcr::TwoStopBits::test(s_.lcr) ? 2 : 1;
  const i64 bits = 1 + line.data_bits + (line.parity == 'N' ? 0 : 1) + line.stop_bits;
  character_ns_ =
      s_.divisor == 0 ? bits * kNsPerSecond / 3500 : bits * s_.divisor * kNsPerSecond / kBaudBase;
  if (line == line_) return;
  line_ = line;
  backend_.set_line(line.speed, line.parity, line.data_bits, line.stop_bits);
}

void Uart16550::after_restore() {
  if (s_.thr_ipending < 0) s_.thr_ipending = (s_.iir & 0x06) == iir::kHoldingEmpty ? 1 : 0;
  s_.tsr_retry = std::min(s_.tsr_retry, kMaxRetries);
  s_.poll_msl = -1;
  s_.modem_status_poll = -1;
  s_.iir = iir::FifosEnabled::with(s_.iir, fifos_on() ? u8{3} : u8{0});
  if (s_.timeout_deadline >= 0) {
    timeout_->arm(s_.timeout_deadline);
  } else {
    stop_timeout();
  }
  update_line_parameters();
  update_irq();
}

void Uart16550::resume() {
  if (s_.tsr_retry != 0) transmit();
}

}  // namespace serial
