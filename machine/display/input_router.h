// Keys and pointer events from viewers and the monitor to the guest's keyboard and pointer, and
// the keyboard's lights back.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hw/emul/core/display.h"

namespace screen {

/// RFB's button mask (RFC 6143, 7.5.5).
enum ButtonMask : core::u32 {
  kButtonLeft = 1,
  kButtonMiddle = 2,
  kButtonRight = 4,
  kButtonWheelUp = 8,
  kButtonWheelDown = 16,
};

/// Thread: device thread.
class InputRouter final : public core::LedSink {
 public:
  struct PointerInfo {
    unsigned index = 0;
    std::string name;
    bool absolute = false;
    bool current = false;
  };

  /// The keyboard or pointer added last gets the events; among pointers an absolute one goes
  /// first. The router keeps the pointer until it is removed.
  void add_keyboard(core::KeyboardSink& sink) { keyboards_.push_back(&sink); }
  void remove_keyboard(core::KeyboardSink& sink);
  void add_pointer(core::PointerSink& sink, std::string name);
  void remove_pointer(core::PointerSink& sink);
  std::vector<PointerInfo> pointers() const;
  /// Takes the events away from the rule above; false if there is no such pointer.
  bool select_pointer(unsigned index);

  void key(core::KeyCode code, bool down);
  /// A viewer's pointer is at (`x`, `y`) of a picture of that size. A tablet gets the place, a
  /// mouse the way from the last one.
  void pointer_at(core::u32 x, core::u32 y, core::u32 width, core::u32 height, core::u32 buttons);

  void move_by(core::i32 dx, core::i32 dy);
  /// 0..32767 on both axes; nothing on a mouse.
  void move_to(core::u32 x, core::u32 y);
  void button(core::PointerButton button, bool down);
  void sync();

  /// Whether viewers are right to send places rather than ways.
  bool absolute() const;

  // core::LedSink
  void leds(bool scroll, bool num, bool caps) override;
  struct Leds {
    bool scroll = false, num = false, caps = false;
  };
  Leds leds() const { return leds_; }
  /// Told of every change. One listener.
  void on_leds(std::function<void(Leds)> told) { on_leds_ = std::move(told); }

 private:
  struct Pointer {
    core::PointerSink* sink;
    std::string name;
  };
  core::PointerSink* current() const;

  std::vector<core::KeyboardSink*> keyboards_;
  std::vector<Pointer> pointers_;
  const core::PointerSink* selected_ = nullptr;
  core::u32 buttons_ = 0;
  core::i64 last_x_ = -1, last_y_ = -1;  // of a viewer; -1: not known
  Leds leds_;
  std::function<void(Leds)> on_leds_;
};

}  // namespace screen
