// National PC16550D UART (data sheet of June 1995) as in a PC: the chip, without a bus.
//
// Transmission takes no time: a byte goes to the back end within the register write, and the
// holding register is empty again when the write returns, unless the back end is full. Then the
// transmitter stays busy and the guest waits, as with hardware flow control.
//
// Not modelled: parity and framing errors, stick parity, DMA signalling (RXRDY, TXRDY), the modem
// lines of a real tty behind the back end (DCD, DSR and CTS are always on).
#pragma once

#include <array>
#include <memory>

#include "hw/emul/core/chardev.h"
#include "hw/emul/core/clock.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/core/state_table.h"
#include "hw/emul/serial/uart16550_regs.h"

namespace serial {

using core::i32;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// Thread: device thread.
class Uart16550 final : private core::CharClient {
 public:
  struct Fifo {
    std::array<u8, uart_regs::kFifoDepth> data{};
    u32 head = 0;
    u32 count = 0;

    bool empty() const { return count == 0; }
    bool full() const { return count == data.size(); }
    void clear() { head = count = 0; }
    void push(u8 byte) { data[(head + count++) % data.size()] = byte; }
    u8 pop() {
      const u8 byte = data[head];
      head = (head + 1) % static_cast<u32>(data.size());
      --count;
      return byte;
    }
    bool operator==(const Fifo&) const = default;
  };

  struct State {
    u16 divisor = 12;  // 9600 baud
    u8 rbr = 0;
    u8 ier = 0;
    u8 iir = uart_regs::iir::kNone;
    u8 lcr = 0;
    u8 mcr = uart_regs::mcr::Out2::kMask;
    u8 lsr = uart_regs::lsr::TransmitterEmpty::kMask | uart_regs::lsr::HoldingEmpty::kMask;
    /// High nibble: the lines outside, also while looped back. Low nibble: deltas.
    u8 msr = uart_regs::msr::Dcd::kMask | uart_regs::msr::Dsr::kMask | uart_regs::msr::Cts::kMask;
    u8 scr = 0;
    u8 fcr = 0;
    i32 thr_ipending = 0;  // -1 while a restore has not found it
    u32 tsr_retry = 0;     // refusals of the byte in the shift register; 0: it is empty
    u8 thr = 0;
    u8 tsr = 0;
    Fifo receive;
    Fifo transmit;
    i64 timeout_deadline = -1;
    i32 timeout_ipending = 0;
    i32 poll_msl = -1;  // modem lines are not polled
    i64 modem_status_poll = -1;
    bool operator==(const State&) const = default;
  };
  static const core::StateTable kTable;

  Uart16550(core::IrqLine irq, core::CharBackend& backend, core::Clock& clock);
  ~Uart16550() override;
  Uart16550(const Uart16550&) = delete;
  Uart16550& operator=(const Uart16550&) = delete;

  u8 read(unsigned reg);
  void write(unsigned reg, u8 value);
  /// What read() would return, without its side effects.
  u8 peek(unsigned reg) const;

  void reset();
  State& state() { return s_; }
  void after_restore();
  /// Offers a byte that was stuck in the shift register when the state was saved.
  void resume();

 private:
  std::size_t can_receive() override;
  void receive(core::Bytes data) override;
  void char_event(core::CharEvent event) override;
  void writable() override;

  void write_holding(u8 value);
  void write_divisor(unsigned byte, u8 value);
  void write_ier(u8 value);
  void write_fcr(u8 value);
  void write_lcr(u8 value);
  void write_mcr(u8 value);
  u8 peek_data() const;
  void data_was_read();

  bool looped() const { return uart_regs::mcr::Loop::test(s_.mcr); }
  bool fifos_on() const { return uart_regs::fcr::Enable::test(s_.fcr); }
  bool divisor_access() const { return uart_regs::lcr::DivisorLatch::test(s_.lcr); }
  u32 trigger_level() const;
  u8 modem_lines() const;
  void transmit();
  bool load_shift_register();
  void put_received(u8 byte);
  void arm_timeout();
  void stop_timeout();
  void update_irq();
  void update_line_parameters();

  core::IrqLine irq_;
  core::CharBackend& backend_;
  core::Clock& clock_;
  std::unique_ptr<core::Timer> timeout_;
  State s_;

  // Derived from LCR and the divisor.
  struct Line {
    u32 speed = 0;
    char parity = 'N';
    unsigned data_bits = 8;
    unsigned stop_bits = 1;
    bool operator==(const Line&) const = default;
  };
  Line line_;
  i64 character_ns_ = 0;
};

}  // namespace serial
