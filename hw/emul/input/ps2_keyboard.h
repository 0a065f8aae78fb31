// PS/2 keyboard of 102 keys with multimedia keys. Documents: see ps2_keyboard_regs.h.
//
// Not modelled: typematic repeat (the viewer's own repeat comes through; rate and delay are
// accepted), modes of single keys in set 3, the overrun code.
#pragma once

#include <bitset>

#include "hw/emul/core/device.h"
#include "hw/emul/core/display.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/input/ps2_port.h"
#include "hw/emul/input/scan_codes.h"

namespace input {

/// Thread: device thread.
class Ps2Keyboard final : public core::Device, public core::KeyboardSink {
 public:
  struct State {
    Ps2Port port;
    i32 scan_enabled = 1;
    i32 translated = 0;  // the controller translates to set 1
    i32 set = 2;
    i32 leds = 0;
    bool high_bit = false;  // the translation saw a break prefix
    bool operator==(const State&) const = default;
  };
  static const core::StateTable kTable;

  /// `data_ready` is high while there is a byte to read(). `leds` may be null.
  Ps2Keyboard(core::IrqLine data_ready, core::LedSink* leds)
      : data_ready_(data_ready), led_sink_(leds) {}

  /// The host's side of the wire: the keyboard controller.
  u8 read();
  void write(u8 byte);
  void set_translated(bool translated) { s_.translated = translated ? 1 : 0; }
  /// Puts a byte in front of all others, from the controller.
  void inject(u8 byte);

  /// A release is never lost: without room it is sent when there is.
  void key(core::KeyCode code, bool down) override;

  std::string_view name() const override { return "ps2-kbd"; }
  void reset() override;
  core::StateSection section() override { return core::section_of(kTable, s_, "ps2kbd"); }
  void after_restore() override;

 private:
  static constexpr std::size_t kKeys = 256;

  void command(u8 byte);
  void parameter(u8 byte);
  void restore_defaults();
  void set_leds(u8 leds);
  template <std::size_t N>
  void reply(const std::array<u8, N>& bytes);
  bool send_key(core::KeyCode code, bool down);
  void send_late_releases();
  bool forget_late_release(core::KeyCode code);
  void note_modifier(core::KeyCode code, bool down);
  void update_line() { data_ready_.set(!s_.port.empty()); }

  core::IrqLine data_ready_;
  core::LedSink* led_sink_;
  State s_;

  // The viewer's keyboard as we know it; not the guest's business.
  Modifiers modifiers_;
  bool left_control_ = false, right_control_ = false, left_shift_ = false, right_shift_ = false;
  std::bitset<kKeys> pressed_;       // the guest was told of the press and not of a release
  std::bitset<kKeys> lost_presses_;  // the guest was not told: the release is not news either
  // Releases to be told when there is room, in their order, each key once.
  std::array<u8, kKeys> late_{};
  std::size_t late_count_ = 0;
};

}  // namespace input
