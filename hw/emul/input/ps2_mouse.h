// PS/2 mouse: two-dimensional, with wheel (IntelliMouse) or wheel and five buttons (Explorer)
// after the guest's knock. Documents: see ps2_mouse_regs.h.
//
// Motion that the guest is too slow for adds up; clicks that it is too slow for are kept in
// order, and the last state of the buttons reaches it in any case.
//
// Not modelled: the sample rate as a limit, resolution, the horizontal wheel.
#pragma once

#include "hw/emul/core/device.h"
#include "hw/emul/core/display.h"
#include "hw/emul/core/irq.h"
#include "hw/emul/input/ps2_mouse_regs.h"
#include "hw/emul/input/ps2_port.h"

namespace input {

/// Thread: device thread.
class Ps2Mouse final : public core::Device, public core::PointerSink {
 public:
  struct State {
    Ps2Port port;
    u8 status = 0;
    u8 resolution = 2;
    u8 sample_rate = 100;
    u8 wrap = 0;
    u8 type = aux::kPlain;
    u8 knock = 0;  // how far the sequence of sample rates has come that changes the type
    i32 dx = 0;
    i32 dy = 0;  // up is positive, as in packets
    i32 dz = 0;
    u8 buttons = 0;
    bool operator==(const State&) const = default;
  };
  static const core::StateTable kTable;

  /// `data_ready` is high while there is a byte to read().
  explicit Ps2Mouse(core::IrqLine data_ready) : data_ready_(data_ready) {}

  u8 read();
  void write(u8 byte);
  /// Puts a byte in front of all others, from the controller.
  void inject(u8 byte);

  bool absolute() const override { return false; }
  void move_by(i32 dx, i32 dy) override;
  void move_to(core::u32 /*x*/, core::u32 /*y*/) override {}
  void button(core::PointerButton button, bool down) override;
  void sync() override;

  std::string_view name() const override { return "ps2-mouse"; }
  void reset() override;
  core::StateSection section() override { return core::section_of(kTable, s_, "ps2mouse"); }
  void after_restore() override;

 private:
  /// Motion up to a change of the buttons that could not be sent at once.
  struct Click {
    i32 dx = 0, dy = 0, dz = 0;
    u8 buttons = 0;
  };

  bool streams() const;
  bool has_news() const;
  bool send_packet();
  void send_what_fits();
  void command(u8 byte);
  void set_rate(u8 rate);
  void set_defaults();
  void reply(std::initializer_list<u8> bytes);
  void keep_click();
  void update_line() { data_ready_.set(!s_.port.empty()); }

  core::IrqLine data_ready_;
  State s_;

  u8 sent_buttons_ = 0;
  u8 seen_buttons_ = 0;  // at the last sync()
  std::array<Click, 16> clicks_{};
  std::size_t first_click_ = 0, click_count_ = 0;
};

}  // namespace input
