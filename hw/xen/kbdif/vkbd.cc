#include "hw/xen/kbdif/vkbd.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "hw/emul/core/bits.h"

namespace kbdif {
namespace {

constexpr u64 kMost32 = 0xffffffff;
/// What a front end that reads nothing can have waiting. Then the oldest presses go.
constexpr std::size_t kMostWaiting = 1024;

}  // namespace

core::Result<std::unique_ptr<xenbus::Device>> VkbdKind::create(const xenbus::Address& address,
                                                               const xenbus::Directory& /*back*/,
                                                               xenbus::Host& /*host*/) {
  return std::make_unique<Vkbd>(parts_, address.domain);
}

core::Result<xenbus::Nodes> Vkbd::offer() {
  return xenbus::Nodes{{"feature-abs-pointer", "1"}, {"feature-raw-pointer", "1"}};
}

core::Result<xenbus::Nodes> Vkbd::connect(const xenbus::Directory& front, bool /*left*/) {
  disconnect();
  const auto reference = front.number("page-gref", kMost32);
  const auto channel = front.number("event-channel", kMost32);
  if (!reference || !channel) {
    return core::fail(fmt::format("{}: {} is missing or no number", front.path(),
                                  reference ? "event-channel" : "page-gref"));
  }
  const std::array references{static_cast<u32>(*reference)};
  xenbus::GrantMapping page(parts_.grants, domain_, references);
  if (page.get() == nullptr) {
    return core::fail(fmt::format("{}: page-gref {} cannot be mapped: {}", front.path(), *reference,
                                  std::strerror(errno)));
  }
  port_ = parts_.events.bind(domain_, static_cast<u32>(*channel), *this);
  if (port_ == 0) {
    return core::fail(fmt::format("{}: event channel {} cannot be bound: {}", front.path(),
                                  *channel, std::strerror(errno)));
  }
  page_ = std::move(page);
  absolute_ = front.number("request-abs-pointer", 1).value_or(0) == 1;
  raw_ = absolute_ && front.number("request-raw-pointer", 1).value_or(0) == 1;
  produced_ = load(kInProd);
  move_ = {};
  moved_ = false;
  parts_.source.attach(*this, *this, raw_);
  return xenbus::Nodes{};
}

void Vkbd::disconnect() {
  if (page_.get() == nullptr) return;
  parts_.source.detach(*this, *this);
  parts_.events.unbind(std::exchange(port_, 0));
  page_ = {};
  waiting_.clear();
}

// --- from the people ---

void Vkbd::key(core::KeyCode code, bool down) {
  add({.type = kKey, .pressed = down, .x = code});
  flush();
}

void Vkbd::move_by(i32 dx, i32 dy) {
  move_.x += dx;
  move_.y += dy;
  moved_ = true;
}

void Vkbd::move_to(u32 x, u32 y) {
  const auto place = [this](u32 at, u32 size) {
    if (raw_) return static_cast<i32>(at);
    return static_cast<i32>(u64{at} * (std::max<u32>(size, 1) - 1) / kAxisMax);
  };
  move_.x = place(x, parts_.source.width());
  move_.y = place(y, parts_.source.height());
  moved_ = true;
}

void Vkbd::button(core::PointerButton button, bool down) {
  switch (button) {
    case core::PointerButton::kWheelUp:
    case core::PointerButton::kWheelDown:
      if (!down) return;
      move_.z += button == core::PointerButton::kWheelUp ? -1 : 1;
      moved_ = true;
      return;
    case core::PointerButton::kLeft:
      add({.type = kKey, .pressed = down, .x = i32{kButtonLeft}});
      return;
    case core::PointerButton::kRight:
      add({.type = kKey, .pressed = down, .x = i32{kButtonLeft + 1}});
      return;
    case core::PointerButton::kMiddle:
      add({.type = kKey, .pressed = down, .x = i32{kButtonLeft + 2}});
      return;
    case core::PointerButton::kSide:
      add({.type = kKey, .pressed = down, .x = i32{kButtonLeft + 3}});
      return;
    case core::PointerButton::kExtra:
      add({.type = kKey, .pressed = down, .x = i32{kButtonLeft + 4}});
      return;
  }
}

void Vkbd::sync() {
  if (moved_) {
    move_.type = absolute_ ? kPosition : kMotion;
    add(move_);
    move_.z = 0;
    if (!absolute_) move_.x = move_.y = 0;
    moved_ = false;
  }
  flush();
}

// --- to the guest ---

void Vkbd::add(const Event& event) {
  if (!waiting_.empty() && event.type != kKey && waiting_.back().type == event.type) {
    Event& last = waiting_.back();
    last.x = event.type == kMotion ? last.x + event.x : event.x;
    last.y = event.type == kMotion ? last.y + event.y : event.y;
    last.z += event.z;
    return;
  }
  if (waiting_.size() >= kMostWaiting) {
    const auto press = std::find_if(waiting_.begin(), waiting_.end(), [](const Event& one) {
      return one.type != kKey || one.pressed;
    });
    waiting_.erase(press != waiting_.end() ? press : waiting_.begin());
  }
  waiting_.push_back(event);
}

void Vkbd::flush() {
  if (page_.get() == nullptr) return;
  bool any = false;
  while (!waiting_.empty()) {
    // The guest's index is anything; a ring that seems over-full is full.
    if (produced_ - load(kInCons) >= kInEvents) break;
    write(produced_++, waiting_.front());
    waiting_.pop_front();
    any = true;
  }
  if (!any) return;
  store(kInProd, produced_);
  parts_.events.notify(port_);
}

void Vkbd::write(u32 index, const Event& event) {
  u8* const at = page_.get() + kInRing + u64{index % kInEvents} * kEventSize;
  std::memset(at, 0, kEventSize);
  at[kType] = event.type;
  if (event.type == kKey) {
    at[kPressed] = event.pressed ? 1 : 0;
    core::store_le<u32>(at + kKeycode, static_cast<u32>(event.x));
    return;
  }
  core::store_le<u32>(at + kX, static_cast<u32>(event.x));
  core::store_le<u32>(at + kY, static_cast<u32>(event.y));
  core::store_le<u32>(at + kZ, static_cast<u32>(event.z));
}

/// The guest has read, perhaps. What it says is nothing that we know.
void Vkbd::event() {
  if (page_.get() == nullptr) return;
  store(kOutCons, load(kOutProd));
  flush();
}

u32 Vkbd::load(u32 at) const {
  return __atomic_load_n(reinterpret_cast<const u32*>(page_.get() + at), __ATOMIC_ACQUIRE);
}

void Vkbd::store(u32 at, u32 value) {
  __atomic_store_n(reinterpret_cast<u32*>(page_.get() + at), value, __ATOMIC_RELEASE);
}

}  // namespace kbdif
