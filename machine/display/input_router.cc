#include "machine/display/input_router.h"

#include <algorithm>
#include <utility>

namespace screen {
namespace {

using core::i64;
using core::u32;
using core::u64;

constexpr u32 kAxisMax = 32767;
/// As clients know it: QEMU counts from one, and the keyboard comes first.
constexpr unsigned kFirstPointer = 2;

struct ButtonBit {
  u32 mask;
  core::PointerButton button;
};
constexpr ButtonBit kButtons[] = {
    {kButtonLeft, core::PointerButton::kLeft},
    {kButtonMiddle, core::PointerButton::kMiddle},
    {kButtonRight, core::PointerButton::kRight},
    {kButtonWheelUp, core::PointerButton::kWheelUp},
    {kButtonWheelDown, core::PointerButton::kWheelDown},
};

/// The first pixel is 0 and the last kAxisMax.
u32 scale(u32 position, u32 size) {
  if (size <= 1) return 0;
  return static_cast<u32>(u64{std::min(position, size - 1)} * kAxisMax / (size - 1));
}

}  // namespace

void InputRouter::remove_keyboard(core::KeyboardSink& sink) {
  std::erase(keyboards_, &sink);
}

void InputRouter::add_pointer(core::PointerSink& sink, std::string name) {
  pointers_.push_back({&sink, std::move(name)});
}

void InputRouter::remove_pointer(core::PointerSink& sink) {
  std::erase_if(pointers_, [&sink](const Pointer& pointer) { return pointer.sink == &sink; });
  if (selected_ == &sink) selected_ = nullptr;
}

core::PointerSink* InputRouter::current() const {
  for (const Pointer& pointer : pointers_) {
    if (pointer.sink == selected_) return pointer.sink;
  }
  for (auto pointer = pointers_.rbegin(); pointer != pointers_.rend(); ++pointer) {
    if (pointer->sink->absolute()) return pointer->sink;
  }
  return pointers_.empty() ? nullptr : pointers_.back().sink;
}

std::vector<InputRouter::PointerInfo> InputRouter::pointers() const {
  std::vector<PointerInfo> result;
  const core::PointerSink* chosen = current();
  unsigned index = kFirstPointer;
  for (const Pointer& pointer : pointers_) {
    result.push_back({index++, pointer.name, pointer.sink->absolute(), pointer.sink == chosen});
  }
  return result;
}

bool InputRouter::select_pointer(unsigned index) {
  if (index < kFirstPointer || index - kFirstPointer >= pointers_.size()) return false;
  selected_ = pointers_[index - kFirstPointer].sink;
  return true;
}

bool InputRouter::absolute() const {
  const core::PointerSink* sink = current();
  return sink != nullptr && sink->absolute();
}

void InputRouter::key(core::KeyCode code, bool down) {
  if (!keyboards_.empty()) keyboards_.back()->key(code, down);
}

void InputRouter::pointer_at(u32 x, u32 y, u32 width, u32 height, u32 buttons) {
  core::PointerSink* sink = current();
  const i64 from_x = std::exchange(last_x_, i64{x});
  const i64 from_y = std::exchange(last_y_, i64{y});
  const u32 changed = std::exchange(buttons_, buttons) ^ buttons;
  if (sink == nullptr) return;
  if (sink->absolute()) {
    sink->move_to(scale(x, width), scale(y, height));
  } else if (from_x >= 0 && (from_x != x || from_y != y)) {
    sink->move_by(static_cast<core::i32>(x - from_x), static_cast<core::i32>(y - from_y));
  }
  for (const ButtonBit& bit : kButtons) {
    if ((changed & bit.mask) != 0) sink->button(bit.button, (buttons & bit.mask) != 0);
  }
  sink->sync();
}

void InputRouter::move_by(core::i32 dx, core::i32 dy) {
  if (core::PointerSink* sink = current()) sink->move_by(dx, dy);
}

void InputRouter::move_to(u32 x, u32 y) {
  core::PointerSink* sink = current();
  if (sink != nullptr && sink->absolute()) {
    sink->move_to(std::min(x, kAxisMax), std::min(y, kAxisMax));
  }
}

void InputRouter::button(core::PointerButton button, bool down) {
  if (core::PointerSink* sink = current()) sink->button(button, down);
}

void InputRouter::sync() {
  if (core::PointerSink* sink = current()) sink->sync();
}

void InputRouter::leds(bool scroll, bool num, bool caps) {
  leds_ = {scroll, num, caps};
  if (on_leds_) on_leds_(leds_);
}

}  // namespace screen
