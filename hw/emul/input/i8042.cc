#include "hw/emul/input/i8042.h"

#include <utility>

#include "hw/emul/core/guest_error.h"
#include "hw/emul/input/i8042_pending.h"

namespace input {

using namespace kbc;  // NOLINT(google-build-using-namespace)

namespace {

enum Tag : core::u32 { kData, kCommand };
enum Source : unsigned { kKeyboard, kMouse };

}  // namespace

I8042::I8042(core::IoSpace& ports, const Lines& lines, core::PowerControl& power,
             core::LedSink* leds, bool extended_state)
    : lines_(lines),
      power_(power),
      keyboard_(core::IrqLine(*this, kKeyboard), leds),
      mouse_(core::IrqLine(*this, kMouse)),
      data_port_(ports, {.base = kDataPort,
                         .length = 1,
                         .name = "i8042-data",
                         .handler = this,
                         .tag = kData,
                         .widths = {1, 1}}),
      command_port_(ports, {.base = kCommandPort,
                            .length = 1,
                            .name = "i8042-cmd",
                            .handler = this,
                            .tag = kCommand,
                            .widths = {1, 1}}) {
  s_.extended = extended_state;
  lines_.a20.raise();
}

void I8042::reset() {
  s_ = State{.extended = s_.extended};
  keyboard_.reset();
  mouse_.reset();
  s_.pending = 0;
  empty_output();
  lines_.a20.raise();
}

u64 I8042::io_read(core::u32 tag, u64 /*offset*/, unsigned /*width*/) {
  return tag == kCommand ? s_.status : read_data();
}

void I8042::io_write(core::u32 tag, u64 /*offset*/, u64 value, unsigned /*width*/) {
  if (tag == kCommand) {
    write_command(core::low<u8>(value));
  } else {
    write_data(core::low<u8>(value));
  }
}

void I8042::set_irq(unsigned number, bool level) {
  const u8 bit = number == kKeyboard ? kPendingKeyboard : kPendingMouse;
  s_.pending = core::low<u8>(level ? s_.pending | bit : s_.pending & ~bit);
  fill_output_if_empty();
}

// A disabled interface holds its device's bytes back.
u8 I8042::deliverable() const {
  return core::low<u8>(s_.pending & ~(s_.mode & (kPendingKeyboard | kPendingMouse)));
}

void I8042::fill_output() {
  const u8 ready = deliverable();
  s_.status &= core::low<u8>(~(status::OutputFull::kMask | status::AuxOutputFull::kMask));
  s_.outport &= core::low<u8>(~(outport::KeyboardIrq::kMask | outport::AuxIrq::kMask));
  if (ready != 0) {
    s_.status |= status::OutputFull::kMask;
    s_.outport |= outport::KeyboardIrq::kMask;
    bool from_mouse = false;
    if ((ready & kPendingReply) != 0) {
      s_.source = kSourceController;
    } else if ((ready & kPendingAuxReply) != 0) {
      s_.source = kSourceController;
      from_mouse = true;
    } else if ((ready & kPendingKeyboard) != 0) {
      s_.source = kSourceKeyboard;
    } else {
      s_.source = kSourceMouse;
      from_mouse = true;
    }
    if (from_mouse) {
      s_.status |= status::AuxOutputFull::kMask;
      s_.outport |= outport::AuxIrq::kMask;
    }
  }
  update_irqs();
}

// A byte that is in the buffer stays there until it is read.
void I8042::fill_output_if_empty() {
  if (status::OutputFull::test(s_.status)) return;
  if (deliverable() != 0) fill_output();
}

void I8042::empty_output() {
  s_.status &= core::low<u8>(~(status::OutputFull::kMask | status::AuxOutputFull::kMask));
  s_.outport &= core::low<u8>(~(outport::KeyboardIrq::kMask | outport::AuxIrq::kMask));
  update_irqs();
}

void I8042::update_irqs() {
  const bool full = status::OutputFull::test(s_.status);
  const bool from_mouse = status::AuxOutputFull::test(s_.status);
  lines_.mouse.set(full && from_mouse && mode::AuxInterrupt::test(s_.mode));
  lines_.keyboard.set(full && !from_mouse && mode::KeyboardInterrupt::test(s_.mode) &&
                      !mode::KeyboardDisabled::test(s_.mode));
}

u8 I8042::read_data() {
  if (!status::OutputFull::test(s_.status)) return s_.output;
  const core::u32 source = s_.source;
  empty_output();
  // The device's line falls and rises meanwhile, which fills the buffer anew.
  if ((source & kSourceKeyboard) != 0) {
    s_.output = keyboard_.read();
  } else if ((source & kSourceMouse) != 0) {
    s_.output = mouse_.read();
  } else if ((source & kSourceController) != 0) {
    s_.output = s_.reply;
    s_.pending &= core::low<u8>(~(kPendingReply | kPendingAuxReply));
    fill_output_if_empty();
  }
  return s_.output;
}

void I8042::answer(u8 byte, bool as_mouse) {
  s_.reply = byte;
  s_.pending &= core::low<u8>(~(kPendingReply | kPendingAuxReply));
  s_.pending |= as_mouse ? kPendingAuxReply : kPendingReply;
  fill_output_if_empty();
}

void I8042::write_command(u8 command) {
  if ((command & command::kPulse) == command::kPulse) {
    // Output lines 3..0 go low for 6 us where the bit is clear; only line 0 is wired.
    if ((command & 1) == 0) power_.reset_requested(core::ResetCause::kKeyboard);
    return;
  }
  switch (command) {
    case command::kReadMode: answer(s_.mode); break;
    case command::kWriteMode:
    case command::kWriteOutputPort:
    case command::kWriteKeyboardBuffer:
    case command::kWriteAuxBuffer:
    case command::kWriteAux: s_.awaited = command; break;
    case command::kDisableAux: s_.mode |= mode::AuxDisabled::kMask; break;
    case command::kEnableAux:
      s_.mode &= core::low<u8>(~mode::AuxDisabled::kMask);
      fill_output_if_empty();
      break;
    case command::kTestAux:
    case command::kTestKeyboard: answer(kTestPassed); break;
    case command::kSelfTest:
      s_.status |= status::System::kMask;
      answer(kSelfTestPassed);
      break;
    case command::kDisableKeyboard: s_.mode |= mode::KeyboardDisabled::kMask; break;
    case command::kEnableKeyboard:
      s_.mode &= core::low<u8>(~mode::KeyboardDisabled::kMask);
      fill_output_if_empty();
      break;
    case command::kReadInputPort: answer(kInputPort); break;
    case command::kReadOutputPort: answer(s_.outport); break;
    case command::kEnableA20: set_a20(true); break;
    case command::kDisableA20: set_a20(false); break;
    default: core::guest_error("i8042", "unknown command", command); break;
  }
}

void I8042::write_data(u8 byte) {
  const u8 awaited = std::exchange(s_.awaited, u8{0});
  switch (awaited) {
    case 0:
      // Talking to the keyboard enables its interface.
      s_.mode &= core::low<u8>(~mode::KeyboardDisabled::kMask);
      keyboard_.write(byte);
      fill_output_if_empty();
      break;
    case command::kWriteMode: write_mode(byte); break;
    case command::kWriteOutputPort: write_outport(byte); break;
    case command::kWriteKeyboardBuffer: answer(byte); break;
    case command::kWriteAuxBuffer: answer(byte, true); break;
    case command::kWriteAux:
      s_.mode &= core::low<u8>(~mode::AuxDisabled::kMask);
      mouse_.write(byte);
      fill_output_if_empty();
      break;
    default: break;  // from a stream
  }
}

void I8042::write_mode(u8 mode) {
  s_.mode = mode;
  keyboard_.set_translated(mode::Translate::test(mode));
  update_irqs();
  fill_output_if_empty();
}

void I8042::set_a20(bool on) {
  s_.outport = outport::A20::with(s_.outport, on ? 1 : 0);
  lines_.a20.set(on);
}

void I8042::write_outport(u8 value) {
  s_.outport = value;
  lines_.a20.set(outport::A20::test(value));
  if (!outport::Reset_n::test(value)) power_.reset_requested(core::ResetCause::kKeyboard);
}

}  // namespace input
