// 8042 keyboard controller with a keyboard and a mouse on it. Documents: see i8042_regs.h.
//
// Not modelled: parity errors and timeouts, the password commands, the input port's lines beyond
// the key lock, time (a command is done when the write returns).
#pragma once

#include "hw/emul/core/io.h"
#include "hw/emul/core/power.h"
#include "hw/emul/input/i8042_regs.h"
#include "hw/emul/input/ps2_keyboard.h"
#include "hw/emul/input/ps2_mouse.h"

namespace input {

using core::u64;

/// Thread: device thread.
class I8042 final : public core::Device, private core::IoHandler, private core::IrqSink {
 public:
  struct Lines {
    core::IrqLine keyboard;  // IRQ 1
    core::IrqLine mouse;     // IRQ 12
    core::IrqLine a20;       // high: enabled
  };

  struct State {
    u8 awaited = 0;  // command whose parameter comes next
    u8 status = kbc::status::Command::kMask | kbc::status::Unlocked::kMask;
    u8 mode = kbc::mode::KeyboardInterrupt::kMask | kbc::mode::AuxInterrupt::kMask;
    u8 pending_wire = 0;  // `pending` as the stream has it
    u8 outport = 0xcf;
    core::u32 flags = 0;    // of the stream; bit 0: a delayed update is due
    core::u32 source = 0;   // of the byte in the output buffer
    u8 output = 0;          // last byte read
    u8 reply = 0;           // of the controller itself
    u8 pending = 0;         // who has a byte: kPending*
    bool extended = false;  // the stream has the extended state; by machine type
    bool has_outport = false, has_extended = false;  // what a restore found
    bool operator==(const State&) const = default;
  };
  static const core::StateTable kTable;

  /// `extended_state`: false for machine types up to pc-i440fx-6.1, and with them for xenfv.
  /// `leds` may be null.
  I8042(core::IoSpace& ports, const Lines& lines, core::PowerControl& power, core::LedSink* leds,
        bool extended_state = false);

  /// Devices of their own for reset and save: in the stream they come before the controller.
  Ps2Keyboard& keyboard() { return keyboard_; }
  Ps2Mouse& mouse() { return mouse_; }

  std::string_view name() const override { return "i8042"; }
  /// The controller and both devices.
  void reset() override;
  void pause() override;
  core::StateSection section() override { return core::section_of(kTable, s_, "pckbd"); }
  void after_restore() override;

 private:
  u64 io_read(core::u32 tag, u64 offset, unsigned width) override;
  void io_write(core::u32 tag, u64 offset, u64 value, unsigned width) override;
  /// The devices' data lines.
  void set_irq(unsigned number, bool level) override;

  u8 read_data();
  void write_data(u8 byte);
  void write_command(u8 command);
  void write_mode(u8 mode);
  void write_outport(u8 value);
  void set_a20(bool on);
  void answer(u8 byte, bool as_mouse = false);
  u8 deliverable() const;
  void fill_output();
  void fill_output_if_empty();
  void empty_output();
  void update_irqs();

  Lines lines_;
  core::PowerControl& power_;
  State s_;
  Ps2Keyboard keyboard_;
  Ps2Mouse mouse_;
  core::ScopedRegion data_port_;
  core::ScopedRegion command_port_;
};

}  // namespace input
