// From a graphics card to whoever looks, and from there to the keyboard and the pointer.
#pragma once

#include <vector>

#include "hw/emul/core/types.h"

namespace core {

struct Rect {
  u32 x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Rect&) const = default;
};

/// A picture: 32 bits a pixel, 0x00RRGGBB in host order, rows `stride` bytes apart.
struct Surface {
  u8* pixels = nullptr;
  u32 width = 0, height = 0;
  u32 stride = 0;
};

/// Where a card draws. Implemented by machine/display.
class DisplaySink {
 public:
  virtual ~DisplaySink() = default;
  /// The picture has this size from now on; returns where to draw it. The content is undefined
  /// and the card redraws everything. Sizes are bounded by the card (at most 16384 each way).
  virtual Surface resize(u32 width, u32 height) = 0;
  /// These pixels were redrawn.
  virtual void update(const Rect& rect) = 0;
  /// The guest did something through the card that the next refresh() will show. Told once between
  /// two of them, in the middle of a guest's access: it must neither allocate nor draw. What the
  /// guest writes straight into video memory is not told.
  virtual void stirred() = 0;
};

/// A card's screen output. Thread: device thread; the machine asks, at the viewer's pace.
class DisplaySource {
 public:
  virtual ~DisplaySource() = default;
  /// Draws what changed since the last call, or everything if `full` (a new viewer, screendump).
  virtual void refresh(DisplaySink& sink, bool full) = 0;
  /// The last viewer has gone: stop watching video memory, and do not touch the surface again
  /// before the next refresh() has asked for one.
  virtual void idle() = 0;
};

/// A key, by its Linux input event code (KEY_*, linux/input-event-codes.h).
using KeyCode = u16;

enum class PointerButton : u8 { kLeft, kMiddle, kRight, kWheelUp, kWheelDown, kSide, kExtra };

/// A keyboard or pointing device of the guest. Thread: device thread.
class KeyboardSink {
 public:
  virtual ~KeyboardSink() = default;
  virtual void key(KeyCode code, bool down) = 0;
};

class PointerSink {
 public:
  virtual ~PointerSink() = default;
  /// True for a tablet: it gets move_to(); a mouse gets move_by().
  virtual bool absolute() const = 0;
  virtual void move_by(i32 dx, i32 dy) = 0;
  /// 0..32767 on both axes.
  virtual void move_to(u32 x, u32 y) = 0;
  virtual void button(PointerButton button, bool down) = 0;
  /// The end of a group of the above: one packet to the guest.
  virtual void sync() = 0;
};

/// Keyboard lights as the guest sets them. Implemented by machine/display.
class LedSink {
 public:
  virtual ~LedSink() = default;
  virtual void leds(bool scroll, bool num, bool caps) = 0;
};

}  // namespace core
