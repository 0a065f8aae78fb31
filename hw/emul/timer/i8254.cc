#include "hw/emul/timer/i8254.h"

#include <algorithm>

#include "hw/emul/timer/i8254_regs.h"

namespace timer {

using namespace i8254;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

using Channel = I8254::ChannelState;

/// 146 years: rounds are added to it.
constexpr i64 kLatest = i64{1} << 62;

constexpr auto kChannelFields = std::to_array<core::Field>({
    core::within(core::field<&Channel::count>("count"), 1, 0x10000),
    core::field<&Channel::latched_count>("latched_count"),
    core::field<&Channel::count_latched>("count_latched"),
    core::field<&Channel::status_latched>("status_latched"),
    core::field<&Channel::status>("status"),
    core::field<&Channel::read_state>("read_state"),
    core::field<&Channel::write_state>("write_state"),
    core::field<&Channel::write_latch>("write_latch"),
    core::field<&Channel::rw_mode>("rw_mode"),
    core::within(core::field<&Channel::mode>("mode"), 0, 7),
    core::field<&Channel::bcd>("bcd"),
    core::field<&Channel::gate>("gate"),
    core::within(core::field<&Channel::count_load_time>("count_load_time"), 0, kLatest - 1),
    core::within(core::field<&Channel::next_transition_time>("next_transition_time"), -1,
                 kLatest - 1),
});
constexpr core::StateTable kChannelTable{
    .name = "pit channel", .version = 2, .min_version = 2, .fields = kChannelFields};
static_assert(core::covers<Channel>(kChannelTable));

constexpr auto kFields = std::to_array<core::Field>({
    core::field<&I8254::State::irq_disabled>("channels[0].irq_disabled", 3),
    core::nested<&I8254::State::channels>("channels", kChannelTable, 2),
    core::field<&I8254::State::irq_timer>("channels[0].next_transition_time"),
});
constexpr core::StateTable kTable{
    .name = "i8254",
    .version = 3,
    .min_version = 2,
    .fields = kFields,
    .before_save =
        [](void* state) {
          auto& s = *static_cast<I8254::State*>(state);
          s.irq_timer = s.channels[0].next_transition_time;
        },
    .before_load = [](void* state) { static_cast<I8254::State*>(state)->irq_disabled = 0; }};
static_assert(core::covers<I8254::State>(kTable));

using Wide = unsigned __int128;

u64 scale(u64 value, u64 by, u64 over) {
  return static_cast<u64>(Wide{value} * by / over);
}

/// "Control Word Format": 110 and 111 are modes 2 and 3.
u8 mode_of(const Channel& channel) {
  return core::low<u8>(channel.mode > 5 ? channel.mode - 4 : channel.mode);
}

u32 from_bcd(u32 value) {
  u32 result = 0;
  for (u32 place = 1; value != 0; value >>= 4, place *= 10) result += (value & 0xf) * place;
  return result;
}

u16 to_bcd(u32 value) {
  u32 result = 0;
  for (u32 shift = 0; shift < 16; shift += 4, value /= 10) result |= value % 10 << shift;
  return core::low<u16>(result);
}

}  // namespace

I8254::I8254(core::RegionMap& pio, core::IrqLine irq, core::Clock& clock)
    : irq_(irq),
      clock_(clock),
      timer_(clock.make_timer([this] { update_irq(s_.channels[0].next_transition_time); })),
      ports_(pio,
             {.base = kBasePort, .length = 4, .name = "pit", .handler = this, .widths = {1, 1}}) {}

/// The 8254 comes up undefined; what firmware finds is the square wave that the BIOS sets up.
/// The output is driven at its next change.
void I8254::reset() {
  const u32 disabled = s_.irq_disabled;
  s_ = State{};
  s_.irq_disabled = disabled;
  for (Channel& channel : s_.channels) channel.count_load_time = clock_.now_ns();
  s_.channels[2].gate = 0;
  irq_.lower();
  s_.channels[0].next_transition_time = next_transition(s_.channels[0], clock_.now_ns());
  timer_->arm(s_.channels[0].next_transition_time);
}

core::StateSection I8254::section() {
  return core::section_of(kTable, s_, "i8254");
}

void I8254::after_restore() {
  // Changes that are overdue are made up for one by one: from a stream, no more than a second's.
  i64& next = s_.channels[0].next_transition_time;
  if (next >= 0) next = std::max(next, clock_.now_ns() - core::kNsPerSecond);
  irq_.set(s_.irq_disabled == 0 && out_at(s_.channels[0], clock_.now_ns()));
  if (next >= 0 && s_.irq_disabled == 0) {
    timer_->arm(next);
  } else {
    timer_->cancel();
  }
}

u64 I8254::ticks(const Channel& channel, i64 now) {
  const i64 passed = std::max<i64>(now - channel.count_load_time, 0);
  return scale(static_cast<u64>(passed), kHz, core::kNsPerSecond);
}

/// "Mode Definitions". In mode 2 this is true for the clock in which the count has just run out;
/// next_transition() turns that into the level of the interrupt line.
bool I8254::out_at(const Channel& channel, i64 now) {
  const u64 done = ticks(channel, now);
  const auto count = static_cast<u64>(channel.count);
  switch (mode_of(channel)) {
    case 0: return done >= count;
    case 1: return done < count;
    case 2: return done != 0 && done % count == 0;
    case 3: return done % count < (count + 1) / 2;
    default: return done == count;
  }
}

/// When the line changes next; -1: never. In mode 2 it is low for one clock in each round and rises
/// one clock after the count ran out, both seen a nanosecond early: still in the clock before.
i64 I8254::next_transition(const Channel& channel, i64 now) {
  const u64 done = ticks(channel, now);
  const auto count = static_cast<u64>(channel.count);
  const u64 phase = done % count;
  const u64 round = done - phase;
  u64 next = 0;
  switch (mode_of(channel)) {
    case 0:
    case 1:
      if (done >= count) return -1;
      next = count;
      break;
    case 2: next = round + count + (phase == 0 && done != 0 ? 0 : 1); break;
    case 3: next = round + (phase < (count + 1) / 2 ? (count + 1) / 2 : count); break;
    default:
      if (done > count) return -1;
      next = done == count ? count + 1 : count;
      break;
  }
  const bool before = mode_of(channel) == 2;
  const u64 passed = static_cast<u64>((Wide{next} * core::kNsPerSecond - (before ? 1 : 0)) / kHz);
  // Rounded down, it may still be the clock before: then we are back a nanosecond later.
  return std::max<i64>(channel.count_load_time + static_cast<i64>(passed), now + 1);
}

u16 I8254::count_at(const Channel& channel, i64 now) {
  const u64 done = ticks(channel, now);
  const auto count = static_cast<u64>(channel.count);
  u64 left = 0;
  switch (mode_of(channel)) {
    case 2: left = count - done % count; break;
    case 3: left = count - done * 2 % count; break;
    default: left = channel.bcd != 0 ? (count + 10000 - done % 10000) % 10000 : count - done; break;
  }
  return channel.bcd != 0 ? to_bcd(static_cast<u32>(left % 10000)) : core::low<u16>(left);
}

void I8254::update_irq(i64 now) {
  Channel& channel = s_.channels[0];
  if (s_.irq_disabled != 0) return;
  irq_.set(out_at(channel, now));
  channel.next_transition_time = next_transition(channel, now);
  if (channel.next_transition_time >= 0) {
    timer_->arm(channel.next_transition_time);
  } else {
    timer_->cancel();
  }
}

void I8254::load(Channel& channel, u32 value) {
  const u32 count = channel.bcd != 0 ? from_bcd(value) : value;
  const u32 most = channel.bcd != 0 ? 10000 : 0x10000;
  channel.count = static_cast<i32>(count == 0 ? most : std::min(count, 0x10000U));
  channel.count_load_time = clock_.now_ns();
  if (&channel == s_.channels.data()) update_irq(channel.count_load_time);
}

/// "Counter Latch Command": further ones are ignored until the count has been read.
void I8254::latch_count(Channel& channel) const {
  if (channel.count_latched != 0) return;
  channel.latched_count = count_at(channel, clock_.now_ns());
  channel.count_latched = channel.rw_mode;
}

void I8254::read_back(u8 command) {
  for (unsigned number = 0; number < s_.channels.size(); ++number) {
    Channel& channel = s_.channels[number];
    if ((command & (2U << number)) == 0) continue;
    if (!LatchCount_n::test(command)) latch_count(channel);
    if (!LatchStatus_n::test(command) && channel.status_latched == 0) {
      channel.status =
          core::low<u8>(StatusOut::of(out_at(channel, clock_.now_ns()) ? 1 : 0) |
                        Access::of(channel.rw_mode) | Mode::of(channel.mode) | channel.bcd);
      channel.status_latched = 1;
    }
  }
}

void I8254::write_control(u8 value) {
  const u8 number = Select::get(value);
  if (number == kReadBack) {
    read_back(value);
    return;
  }
  Channel& channel = s_.channels[number];
  const u8 access = Access::get(value);
  if (access == kLatch) {
    latch_count(channel);
    return;
  }
  channel.rw_mode = channel.read_state = channel.write_state = access;
  channel.mode = Mode::get(value);
  channel.bcd = Bcd::get(value);
}

void I8254::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) {
  const u8 byte = core::low<u8>(value);
  if (offset == kControl) {
    write_control(byte);
    return;
  }
  Channel& channel = s_.channels[offset & 3];
  switch (channel.write_state) {
    case kHigh: load(channel, u32{byte} << 8); break;
    case kLowThenHigh:
      channel.write_latch = byte;
      channel.write_state = kHighNext;
      break;
    case kHighNext:
      channel.write_state = kLowThenHigh;
      load(channel, u32{byte} << 8 | channel.write_latch);
      break;
    default: load(channel, byte); break;
  }
}

/// A latched status comes first, then a latched count, then the count as it is.
u8 I8254::read_counter(Channel& channel) const {
  if (channel.status_latched != 0) {
    channel.status_latched = 0;
    return channel.status;
  }
  if (channel.count_latched != 0) {
    const u8 state = channel.count_latched;
    channel.count_latched = state == kLowThenHigh ? u8{kHigh} : u8{0};
    return core::low<u8>(state == kHigh ? channel.latched_count >> 8 : channel.latched_count);
  }
  const u16 count = count_at(channel, clock_.now_ns());
  switch (channel.read_state) {
    case kHigh: return core::low<u8>(count >> 8);
    case kLowThenHigh: channel.read_state = kHighNext; return core::low<u8>(count);
    case kHighNext: channel.read_state = kLowThenHigh; return core::low<u8>(count >> 8);
    default: return core::low<u8>(count);
  }
}

u64 I8254::io_read(u32 /*tag*/, u64 offset, unsigned /*width*/) {
  return offset == kControl ? 0 : read_counter(s_.channels[offset & 3]);
}

/// A rising edge starts modes 1, 2, 3 and 5 over.
void I8254::set_gate(bool level) {
  Channel& channel = s_.channels[2];
  const u8 mode = mode_of(channel);
  if (level && channel.gate == 0 && mode != 0 && mode != 4) {
    channel.count_load_time = clock_.now_ns();
  }
  channel.gate = level ? 1 : 0;
}

}  // namespace timer
