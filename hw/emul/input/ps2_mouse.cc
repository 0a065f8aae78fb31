#include "hw/emul/input/ps2_mouse.h"

#include <utility>

#include "hw/emul/core/guest_error.h"

namespace input {
namespace {

using State = Ps2Mouse::State;

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&State::port>("parent_obj", kPs2PortTable),
    core::field<&State::status>("mouse_status"),
    core::field<&State::resolution>("mouse_resolution"),
    core::field<&State::sample_rate>("mouse_sample_rate"),
    core::field<&State::wrap>("mouse_wrap"),
    core::field<&State::type>("mouse_type"),
    core::field<&State::knock>("mouse_detect_state"),
    core::field<&State::dx>("mouse_dx"),
    core::field<&State::dy>("mouse_dy"),
    core::field<&State::dz>("mouse_dz"),
    core::field<&State::buttons>("mouse_buttons"),
});
constexpr core::StateTable kMouseTable{
    .name = "ps2mouse",
    .version = 2,
    .min_version = 2,
    .fields = kFields,
    // Replies are queued like everything else; a guest's stream cannot say otherwise.
    .before_load = [](void* at) { static_cast<State*>(at)->port.replies_end = -1; }};
static_assert(core::covers<State>(kMouseTable));

// What one packet can carry; motion stays within seven bits because some drivers take the byte
// as signed and ignore the sign bits.
constexpr i32 kMaxMotion = 127;
constexpr i32 kMaxWheel = 7;
// More than any screen; keeps the sums from overflowing.
constexpr i32 kMaxPending = 1 << 20;

void add(i32& sum, i32 delta) {
  const core::i64 wide = core::i64{sum} + delta;
  sum = static_cast<i32>(std::clamp<core::i64>(wide, -kMaxPending, kMaxPending));
}

// 2:1 scaling of the technical reference: small movements unchanged or damped, others doubled.
i32 scale(i32 count) {
  constexpr std::array<i32, 6> kSmall{0, 1, 1, 3, 6, 9};
  const i32 size = count < 0 ? -count : count;
  const i32 scaled = size < 6 ? kSmall[static_cast<std::size_t>(size)] : size * 2;
  return count < 0 ? -scaled : scaled;
}

}  // namespace

const core::StateTable Ps2Mouse::kTable = kMouseTable;

void Ps2Mouse::reset() {
  s_ = State{};
  sent_buttons_ = seen_buttons_ = 0;
  click_count_ = 0;
  update_line();
}

void Ps2Mouse::after_restore() {
  s_.port.sanitize();
  if (s_.type != aux::kWheel && s_.type != aux::kFiveButtons) s_.type = aux::kPlain;
  for (i32* sum : {&s_.dx, &s_.dy, &s_.dz}) add(*sum, 0);
  sent_buttons_ = seen_buttons_ = s_.buttons;
  click_count_ = 0;
  update_line();
}

u8 Ps2Mouse::read() {
  const u8 byte = s_.port.pop();
  data_ready_.lower();
  if (streams()) send_what_fits();
  update_line();
  return byte;
}

void Ps2Mouse::inject(u8 byte) {
  s_.port.push_replies(std::array{byte});
  s_.port.replies_end = -1;
  update_line();
}

bool Ps2Mouse::streams() const {
  using namespace aux::status;  // NOLINT(google-build-using-namespace)
  return Enabled::test(s_.status) && !Remote::test(s_.status) && s_.wrap == 0 &&
         s_.port.command < 0;
}

bool Ps2Mouse::has_news() const {
  if (click_count_ > 0 || s_.buttons != sent_buttons_) return true;
  return s_.dx != 0 || s_.dy != 0 || (s_.dz != 0 && s_.type != aux::kPlain);
}

bool Ps2Mouse::send_packet() {
  if (s_.port.room() < (s_.type == aux::kPlain ? 3 : 4)) return false;
  Click current{s_.dx, s_.dy, s_.dz, s_.buttons};
  Click& from = click_count_ > 0 ? clicks_[first_click_] : current;
  const i32 dx = std::clamp(from.dx, -kMaxMotion, kMaxMotion);
  const i32 dy = std::clamp(from.dy, -kMaxMotion, kMaxMotion);
  const i32 dz = std::clamp(from.dz, -kMaxWheel, kMaxWheel);
  from.dx -= dx;
  from.dy -= dy;
  from.dz = s_.type == aux::kPlain ? 0 : from.dz - dz;

  s_.port.push(core::low<u8>(aux::packet::One::kMask | (dx < 0 ? aux::packet::XSign::kMask : 0) |
                             (dy < 0 ? aux::packet::YSign::kMask : 0) |
                             aux::packet::Buttons::of(from.buttons)));
  s_.port.push(core::low<u8>(dx));
  s_.port.push(core::low<u8>(dy));
  if (s_.type == aux::kWheel) s_.port.push(core::low<u8>(dz));
  if (s_.type == aux::kFiveButtons) {
    // Wheel in the low nibble, the side buttons above it.
    const u8 side = aux::button::Side::get(from.buttons) != 0 ? 0x10 : 0;
    const u8 extra = aux::button::Extra::get(from.buttons) != 0 ? 0x20 : 0;
    s_.port.push(core::low<u8>((dz & 0x0f) | side | extra));
  }
  sent_buttons_ = from.buttons;
  if (click_count_ == 0) {
    s_.dx = from.dx;
    s_.dy = from.dy;
    s_.dz = from.dz;
  } else if (from.dx == 0 && from.dy == 0 && from.dz == 0) {
    first_click_ = (first_click_ + 1) % clicks_.size();
    --click_count_;
  }
  return true;
}

// Bounded by the room in the queue.
void Ps2Mouse::send_what_fits() {
  while (has_news() && send_packet()) {
  }
  update_line();
}

void Ps2Mouse::move_by(i32 dx, i32 dy) {
  if (!aux::status::Enabled::test(s_.status)) return;
  if (aux::status::Scaling2To1::test(s_.status) && !aux::status::Remote::test(s_.status)) {
    dx = scale(std::clamp(dx, -kMaxPending, kMaxPending));
    dy = scale(std::clamp(dy, -kMaxPending, kMaxPending));
  }
  add(s_.dx, dx);
  add(s_.dy, dy == INT32_MIN ? INT32_MAX : -dy);
}

void Ps2Mouse::button(core::PointerButton button, bool down) {
  using core::PointerButton;
  // Buttons are followed while reporting is off, too: a release must not get lost.
  const bool enabled = aux::status::Enabled::test(s_.status);
  u8 mask = 0;
  switch (button) {
    case PointerButton::kLeft: mask = aux::button::Left::kMask; break;
    case PointerButton::kMiddle: mask = aux::button::Middle::kMask; break;
    case PointerButton::kRight: mask = aux::button::Right::kMask; break;
    case PointerButton::kSide: mask = aux::button::Side::kMask; break;
    case PointerButton::kExtra: mask = aux::button::Extra::kMask; break;
    case PointerButton::kWheelUp:
      if (down && enabled) add(s_.dz, -1);
      return;
    case PointerButton::kWheelDown:
      if (down && enabled) add(s_.dz, 1);
      return;
  }
  s_.buttons = core::low<u8>(down ? s_.buttons | mask : s_.buttons & ~mask);
}

void Ps2Mouse::keep_click() {
  // Without room for another click its motion stays in the sums, and the button's last state
  // still gets through.
  if (click_count_ == clicks_.size()) return;
  clicks_[(first_click_ + click_count_++) % clicks_.size()] = {s_.dx, s_.dy, s_.dz, s_.buttons};
  s_.dx = s_.dy = s_.dz = 0;
}

void Ps2Mouse::sync() {
  if (!aux::status::Enabled::test(s_.status)) return;
  const bool clicked = s_.buttons != seen_buttons_;
  seen_buttons_ = s_.buttons;
  if (streams()) send_what_fits();
  if (clicked && has_news() && !aux::status::Remote::test(s_.status)) keep_click();
}

void Ps2Mouse::reply(std::initializer_list<u8> bytes) {
  // Motion gives way to the answer that the guest waits for.
  if (s_.port.room() < static_cast<i32>(bytes.size())) s_.port.clear();
  for (const u8 byte : bytes) s_.port.push(byte);
  update_line();
}

void Ps2Mouse::set_defaults() {
  s_.sample_rate = 100;
  s_.resolution = 2;
  s_.status = 0;
  s_.dx = s_.dy = s_.dz = 0;
  click_count_ = 0;
}

// 200, 100, 80 asks for the wheel; 200, 200, 80 for five buttons.
void Ps2Mouse::set_rate(u8 rate) {
  s_.sample_rate = rate;
  const u8 knock = std::exchange(s_.knock, u8{0});
  if (knock == 1 && rate == 100) {
    s_.knock = 2;
  } else if (knock == 1 && rate == 200) {
    s_.knock = 3;
  } else if (knock == 2 && rate == 80) {
    s_.type = aux::kWheel;
  } else if (knock == 3 && rate == 80) {
    s_.type = aux::kFiveButtons;
  } else if (knock != 1 && knock != 2 && knock != 3 && rate == 200) {
    s_.knock = 1;
  }
}

void Ps2Mouse::write(u8 byte) {
  const i32 awaited = s_.port.command;
  if (awaited == aux::kSetRate || awaited == aux::kSetResolution) {
    s_.port.command = Ps2Port::kNoCommand;
    if (awaited == aux::kSetRate) {
      set_rate(byte);
    } else {
      s_.resolution = byte;
    }
    reply({aux::kAck});
    return;
  }
  if (s_.wrap != 0 && byte != aux::kResetWrap && byte != aux::kReset) {
    reply({byte});
    return;
  }
  command(byte);
}

void Ps2Mouse::command(u8 byte) {
  using namespace aux::status;  // NOLINT(google-build-using-namespace)
  switch (byte) {
    case aux::kScaling1To1: s_.status &= core::low<u8>(~Scaling2To1::kMask); break;
    case aux::kScaling2To1: s_.status |= Scaling2To1::kMask; break;
    case aux::kStreamMode: s_.status &= core::low<u8>(~Remote::kMask); break;
    case aux::kRemoteMode: s_.status |= Remote::kMask; break;
    case aux::kResetWrap: s_.wrap = 0; break;
    case aux::kWrapMode: s_.wrap = 1; break;
    case aux::kSetRate:
    case aux::kSetResolution: s_.port.command = byte; break;
    case aux::kEnable: s_.status |= Enabled::kMask; break;
    case aux::kDisable: s_.status &= core::low<u8>(~Enabled::kMask); break;
    case aux::kSetDefault: set_defaults(); break;
    case aux::kReadId: reply({aux::kAck, s_.type}); return;
    case aux::kStatusRequest: {
      const u8 buttons = core::low<u8>(Left::of(aux::button::Left::get(s_.buttons)) |
                                       Middle::of(aux::button::Middle::get(s_.buttons)) |
                                       Right::of(aux::button::Right::get(s_.buttons)));
      reply({aux::kAck, core::low<u8>(s_.status | buttons), s_.resolution, s_.sample_rate});
      return;
    }
    case aux::kReadData:
      // The packet must follow its acknowledgement.
      if (s_.port.room() < 5) s_.port.clear();
      reply({aux::kAck});
      send_packet();
      return;
    case aux::kReset:
      set_defaults();
      s_.type = aux::kPlain;
      s_.wrap = 0;
      s_.knock = 0;
      s_.port.clear();
      reply({aux::kAck, aux::kSelfTestPassed, s_.type});
      return;
    default:
      core::guest_error("ps2-mouse", "unknown command", byte);
      reply({aux::kResend});
      return;
  }
  reply({aux::kAck});
}

}  // namespace input
