#include "hw/emul/input/ps2_keyboard.h"

#include <linux/input-event-codes.h>

#include <utility>

#include "hw/emul/core/bits.h"
#include "hw/emul/core/guest_error.h"
#include "hw/emul/input/ps2_keyboard_regs.h"

namespace input {
namespace {

using State = Ps2Keyboard::State;

const State& of(const void* at) {
  return *static_cast<const State*>(at);
}

constexpr auto kLedFields = std::to_array<core::Field>({core::field<&State::leds>("ledstate")});
constexpr core::StateTable kLeds{.name = "ps2kbd/ledstate",
                                 .version = 3,
                                 .min_version = 2,
                                 .fields = kLedFields,
                                 .needed = [](const void* at) { return of(at).leds != 0; }};

constexpr auto kHighBitFields =
    std::to_array<core::Field>({core::field<&State::high_bit>("need_high_bit")});
constexpr core::StateTable kHighBit{.name = "ps2kbd/need_high_bit",
                                    .fields = kHighBitFields,
                                    .needed = [](const void* at) { return of(at).high_bit; }};

constexpr auto kReplyFields = std::to_array<core::Field>(
    {core::field<&State::port, &Ps2Port::replies_end>("parent_obj.queue.cwptr")});
constexpr core::StateTable kReplies{
    .name = "ps2kbd/command_reply_queue",
    .version = 0,
    .min_version = 0,
    .fields = kReplyFields,
    .needed = [](const void* at) { return of(at).port.replies_end != -1; }};

constexpr std::array<const core::StateTable*, 3> kSubsections{&kLeds, &kHighBit, &kReplies};

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&State::port>("parent_obj", kPs2PortTable),
    core::field<&State::scan_enabled>("scan_enabled"),
    core::field<&State::translated>("translate"),
    core::field<&State::set>("scancode_set", 3),
});

void before_load(void* at) {
  State& s = *static_cast<State*>(at);
  s.set = 2;
  s.leds = 0;
  s.high_bit = false;
  s.port.replies_end = -1;
}

constexpr core::StateTable kKeyboardTable{.name = "ps2kbd",
                                          .version = 3,
                                          .min_version = 2,
                                          .fields = kFields,
                                          .subsections = kSubsections,
                                          .before_load = before_load};
static_assert(core::covers<State>(kKeyboardTable));

}  // namespace

const core::StateTable Ps2Keyboard::kTable = kKeyboardTable;

void Ps2Keyboard::reset() {
  s_ = State{};
  lost_presses_.reset();
  late_count_ = 0;
  pressed_.reset();
  update_line();
  set_leds(0);
}

void Ps2Keyboard::after_restore() {
  s_.port.sanitize();
  s_.set = s_.set >= 1 && s_.set <= 3 ? s_.set : 2;
  lost_presses_.reset();
  late_count_ = 0;
  update_line();
  set_leds(core::low<u8>(s_.leds));
}

u8 Ps2Keyboard::read() {
  const u8 byte = s_.port.pop();
  // Low in between, so that the controller sees an edge for the next byte.
  data_ready_.lower();
  send_late_releases();
  update_line();
  return byte;
}

template <std::size_t N>
void Ps2Keyboard::reply(const std::array<u8, N>& bytes) {
  s_.port.push_replies(bytes);
  update_line();
}

void Ps2Keyboard::inject(u8 byte) {
  reply(std::array{byte});
}

void Ps2Keyboard::restore_defaults() {
  s_.scan_enabled = 1;
  s_.set = 2;
  s_.port.clear();
  lost_presses_.reset();
  late_count_ = 0;
  set_leds(0);
}

void Ps2Keyboard::set_leds(u8 leds) {
  s_.leds = leds;
  if (led_sink_ != nullptr) led_sink_->leds((leds & 1) != 0, (leds & 2) != 0, (leds & 4) != 0);
}

void Ps2Keyboard::write(u8 byte) {
  // A new command ends the previous one: replies that nobody fetched are gone.
  s_.port.drop_replies();
  switch (s_.port.command) {
    case kbd::kScanCodeSet:
    case kbd::kSetLeds:
    case kbd::kSetRate:
    case kbd::kKeyMakeBreak: parameter(byte); break;
    default: command(byte); break;
  }
}

void Ps2Keyboard::command(u8 byte) {
  switch (byte) {
    case kbd::kScanCodeSet:
    case kbd::kSetLeds:
    case kbd::kSetRate:
    case kbd::kKeyMakeBreak:
      s_.port.command = byte;
      reply(std::array{kbd::kAck});
      break;
    case kbd::kEcho: reply(std::array{kbd::kEcho}); break;
    case kbd::kReadId:
      reply(std::array{kbd::kAck, kbd::kIdFirst,
                       s_.translated != 0 ? translate(kbd::kIdSecond) : kbd::kIdSecond});
      break;
    case kbd::kEnable:
      s_.scan_enabled = 1;
      reply(std::array{kbd::kAck});
      break;
    case kbd::kDefaultDisable:
    case kbd::kSetDefault:
      restore_defaults();
      s_.scan_enabled = byte == kbd::kSetDefault ? 1 : 0;
      reply(std::array{kbd::kAck});
      break;
    case kbd::kReset:
      restore_defaults();
      reply(std::array{kbd::kAck, kbd::kSelfTestPassed});
      break;
    case 0x00:  // some BIOSes probe with it
    case kbd::kAllTypematic:
    case kbd::kAllMakeBreak:
    case kbd::kAllMake:
    case kbd::kAllTypematicMakeBreak: reply(std::array{kbd::kAck}); break;
    default:
      core::guest_error("ps2-kbd", "unknown command", byte);
      reply(std::array{kbd::kResend});
      break;
  }
}

void Ps2Keyboard::parameter(u8 byte) {
  const i32 command = std::exchange(s_.port.command, Ps2Port::kNoCommand);
  if (command == kbd::kScanCodeSet) {
    if (byte == 0) {
      const u8 set = core::low<u8>(s_.set);
      reply(std::array{kbd::kAck, s_.translated != 0 ? translate(set) : set});
      return;
    }
    if (byte > 3) {
      reply(std::array{kbd::kResend});
      return;
    }
    s_.set = byte;
  } else if (command == kbd::kSetLeds) {
    set_leds(byte);
  }
  reply(std::array{kbd::kAck});
}

void Ps2Keyboard::note_modifier(core::KeyCode code, bool down) {
  switch (code) {
    case KEY_LEFTCTRL: left_control_ = down; break;
    case KEY_RIGHTCTRL: right_control_ = down; break;
    case KEY_LEFTSHIFT: left_shift_ = down; break;
    case KEY_RIGHTSHIFT: right_shift_ = down; break;
    case KEY_LEFTALT: modifiers_.left_alt = down; break;
    case KEY_RIGHTALT: modifiers_.right_alt = down; break;
    default: return;
  }
  modifiers_.control = left_control_ || right_control_;
  modifiers_.shift = left_shift_ || right_shift_;
}

bool Ps2Keyboard::send_key(core::KeyCode code, bool down) {
  KeySequence bytes = key_sequence(static_cast<unsigned>(s_.set), code, down, modifiers_);
  // All or nothing: half a sequence would turn into another key.
  if (s_.translated != 0) {
    bool high_bit = s_.high_bit;
    bytes = translate(bytes, high_bit);
    if (s_.port.room() < bytes.count) return false;
    s_.high_bit = high_bit;
  } else if (s_.port.room() < bytes.count) {
    return false;
  }
  for (u8 i = 0; i < bytes.count; ++i) s_.port.push(bytes.bytes[i]);
  update_line();
  return true;
}

void Ps2Keyboard::send_late_releases() {
  if (late_count_ == 0 || s_.scan_enabled == 0) return;
  std::size_t sent = 0;
  while (sent < late_count_ && send_key(late_[sent], false)) pressed_.reset(late_[sent++]);
  std::copy(late_.begin() + sent, late_.begin() + late_count_, late_.begin());
  late_count_ -= sent;
}

bool Ps2Keyboard::forget_late_release(core::KeyCode code) {
  const auto end = std::remove(late_.begin(), late_.begin() + late_count_, code);
  const auto left = static_cast<std::size_t>(end - late_.begin());
  return std::exchange(late_count_, left) != left;
}

void Ps2Keyboard::key(core::KeyCode code, bool down) {
  if (code >= kKeys) return;
  note_modifier(code, down);
  if (s_.scan_enabled == 0) return;
  send_late_releases();
  if (down) {
    // Pressed again before the guest could hear of the release: for it, still pressed.
    if (forget_late_release(code)) return;
    if (send_key(code, true)) {
      pressed_.set(code);
      lost_presses_.reset(code);
    } else if (!pressed_[code]) {
      lost_presses_.set(code);
    }
    return;
  }
  if (lost_presses_[code]) {
    lost_presses_.reset(code);
  } else if (send_key(code, false)) {
    pressed_.reset(code);
  } else {
    forget_late_release(code);
    late_[late_count_++] = core::low<u8>(code);
  }
}

}  // namespace input
