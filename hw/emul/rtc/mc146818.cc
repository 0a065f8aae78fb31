#include "hw/emul/rtc/mc146818.h"

#include <algorithm>

#include "hw/emul/rtc/mc146818_regs.h"

namespace rtc {

using namespace mc146818;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

constexpr auto kReinjectFields = std::to_array<core::Field>({
    core::field<&Mc146818::State::irq_reinject_on_ack_count>("irq_reinject_on_ack_count"),
});
constexpr core::StateTable kReinjectTable{
    .name = "mc146818rtc/irq_reinject_on_ack_count",
    .fields = kReinjectFields,
    .needed = [](const void* state) {
      return static_cast<const Mc146818::State*>(state)->irq_reinject_on_ack_count != 0;
    }};

constexpr u64 kMostSeconds = u64{1} << 33;  // year 2242: keeps nanoseconds within 64 bits
constexpr i64 kLatestNs = i64{1} << 62;
constexpr u64 kMostNs = kMostSeconds * core::kNsPerSecond;

constexpr auto kFields = std::to_array<core::Field>({
    core::buffer<&Mc146818::State::cmos_data>("cmos_data"),
    core::within(core::field<&Mc146818::State::cmos_index>("cmos_index"), 0, 127),
    core::padding(7 * 4),
    core::within(core::timer<&Mc146818::State::periodic_timer>("periodic_timer"), -1),
    core::within(core::field<&Mc146818::State::next_periodic_time>("next_periodic_time"), 0,
                 kLatestNs - 1),
    core::padding(3 * 8),
    core::field<&Mc146818::State::irq_coalesced>("irq_coalesced", 2),
    core::field<&Mc146818::State::period>("period", 2),
    core::within(core::field<&Mc146818::State::base_rtc>("base_rtc", 3), 0, kMostSeconds - 1),
    core::within(core::field<&Mc146818::State::last_update>("last_update", 3), 0, kLatestNs - 1),
    core::within(core::field<&Mc146818::State::offset>("offset", 3), 0, core::kNsPerSecond - 1),
    core::within(core::timer<&Mc146818::State::update_timer>("update_timer", 3), -1),
    core::field<&Mc146818::State::next_alarm_time>("next_alarm_time", 3),
});

constexpr std::array<const core::StateTable*, 1> kSubsections{&kReinjectTable};
constexpr core::StateTable kTable{
    .name = "mc146818rtc",
    .version = 3,
    .min_version = 1,
    .fields = kFields,
    .subsections = kSubsections,
    .before_load = [](void* state) {
      static_cast<Mc146818::State*>(state)->irq_reinject_on_ack_count = 0;
    }};
static_assert(core::covers<Mc146818::State>(kTable));

constexpr i64 kSecondsADay = 86400;
constexpr u64 kNoAlarm = ~u64{0};
constexpr i64 kUipNs = kUipTicks * core::kNsPerSecond / kHz;

i64 to_ticks(i64 ns) {
  return static_cast<i64>(static_cast<__int128>(ns) * kHz / core::kNsPerSecond);
}
i64 to_ns(i64 ticks) {
  return static_cast<i64>(static_cast<__int128>(ticks) * core::kNsPerSecond / kHz);
}

struct Date {
  i64 year = 0;
  unsigned month = 1, day = 1;
};

/// The Gregorian calendar, with years that begin in March: leap days come last.
Date date_of(i64 days) {
  const i64 shifted = days + 719468;
  const i64 era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(shifted - era * 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned march = (5 * day_of_year + 2) / 153;
  const unsigned month = march < 10 ? march + 3 : march - 9;
  return {.year = static_cast<i64>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0),
          .month = month,
          .day = day_of_year - (153 * march + 2) / 5 + 1};
}

/// Days since 1970 of any numbers that a guest may have put together.
i64 days_of(i64 year, i64 month, i64 day) {
  year += (month - 1) / 12 - (month < 1 ? 1 : 0);
  month = ((month - 1) % 12 + 12) % 12 + 1;
  if (month <= 2) --year;
  const i64 era = (year >= 0 ? year : year - 399) / 400;
  const i64 year_of_era = year - era * 400;
  const i64 day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

bool is_time_cell(u8 cell) {
  switch (cell) {
    case kSeconds:
    case kMinutes:
    case kHours:
    case kDayOfWeek:
    case kDayOfMonth:
    case kMonth:
    case kYear:
    case kCentury: return true;
    default: return false;
  }
}

/// "Alarm bytes": both top bits match every value.
bool alarm_matches(u8 alarm, u8 value) {
  return (alarm & kDontCare) == kDontCare || alarm == value;
}

}  // namespace

Mc146818::Mc146818(core::RegionMap& pio, core::IrqLine irq, core::Clock& clock, i64 start)
    : irq_(irq),
      clock_(clock),
      periodic_(clock.make_timer([this] { periodic(); })),
      update_(clock.make_timer([this] { update(); })),
      ports_(pio, {.base = kIndexPort,
                   .length = 2,
                   .name = "rtc",
                   .handler = this,
                   .widths = {1, 1},
                   .priority = 1}) {
  set(kRegisterA, kRegisterAStart);
  set(kRegisterB, kRegisterBStart);
  set(kRegisterD, kRegisterDStart);
  s_.base_rtc = static_cast<u64>(std::max<i64>(start, 0)) % kMostSeconds;
  s_.last_update = static_cast<u64>(clock.now_ns());
  show_time();
  schedule_update();
}

void Mc146818::reset() {
  // Clock and RAM have a battery. A wake-up from sleep leaves its mark in the shutdown byte alone.
  if (get(kShutdownStatus) != kShutdownResume) set(kShutdownStatus, 0);
  constexpr u8 kEnables = PeriodicEnable::kMask | AlarmEnable::kMask | SquareWave::kMask;
  set(kRegisterB, core::low<u8>(get(kRegisterB) & ~kEnables));
  set(kRegisterC, 0);
  s_.irq_coalesced = 0;
  s_.irq_reinject_on_ack_count = 0;
  s_.period = 0;
  periodic_->cancel();
  schedule_update();
  irq_.lower();
}

void Mc146818::mark_sleep() {
  set(kShutdownStatus, kShutdownResume);
}

core::StateSection Mc146818::section() {
  s_.periodic_timer = periodic_->deadline_ns();
  s_.update_timer = update_->deadline_ns();
  return core::section_of(kTable, s_, "mc146818rtc");
}

void Mc146818::after_restore() {
  s_.period = period_ticks();
  // Interrupts that are overdue are made up for one by one: from a stream, no more than a second's.
  s_.next_periodic_time = std::max(s_.next_periodic_time, clock_.now_ns() - core::kNsPerSecond);
  if (s_.period != 0 && s_.periodic_timer >= 0) {
    periodic_->arm(s_.periodic_timer);
  } else {
    periodic_->cancel();
  }
  if (DividerReset::get(get(kRegisterA)) == kDividerHeld) {
    set(kRegisterA, core::low<u8>(get(kRegisterA) & ~UpdateInProgress::kMask));
  }
  schedule_update();
  irq_.set(IrqFlag::test(get(kRegisterC)));
}

bool Mc146818::running() const {
  return !Set::test(get(kRegisterB)) && Divider::get(get(kRegisterA)) <= kDividerLast;
}

/// The time of day in nanoseconds since 1970.
i64 Mc146818::time_ns() const {
  const i64 passed = clock_.now_ns() - static_cast<i64>(s_.last_update) + s_.offset;
  const u64 now = s_.base_rtc * core::kNsPerSecond + static_cast<u64>(passed);
  return static_cast<i64>(now % kMostNs);
}

u8 Mc146818::encode(unsigned value) const {
  if (DataMode::test(get(kRegisterB))) return core::low<u8>(value);
  return core::low<u8>(value / 10 << 4 | value % 10);
}

unsigned Mc146818::decode(u8 value) const {
  if (DataMode::test(get(kRegisterB))) return value;
  return (value >> 4) * 10U + (value & 0xfU);
}

u8 Mc146818::encode_hour(unsigned hour) const {
  if (Hours24::test(get(kRegisterB))) return encode(hour);
  const unsigned on_dial = hour % 12 != 0 ? hour % 12 : 12;
  return core::low<u8>(encode(on_dial) | (hour >= 12 ? kPm : 0));
}

/// From the clock into the cells.
void Mc146818::show_time() {
  if (Set::test(get(kRegisterB))) return;
  const i64 now = time_ns() / core::kNsPerSecond;
  const i64 days = now / kSecondsADay;
  const auto second = static_cast<unsigned>(now % kSecondsADay);
  const Date date = date_of(days);
  set(kSeconds, encode(second % 60));
  set(kMinutes, encode(second / 60 % 60));
  set(kHours, encode_hour(second / 3600));
  set(kDayOfWeek, encode(static_cast<unsigned>((days + 4) % 7) + 1));  // 1970 began on a Thursday
  set(kDayOfMonth, encode(date.day));
  set(kMonth, encode(date.month));
  set(kYear, encode(static_cast<unsigned>(date.year % 100)));
  set(kCentury, encode(static_cast<unsigned>(date.year / 100)));
}

/// From the cells into the clock. Impossible dates count on: the 32nd is the next month's first
/// or second.
void Mc146818::take_time() {
  unsigned hour = decode(core::low<u8>(get(kHours) & ~kPm));
  if (!Hours24::test(get(kRegisterB))) {
    hour = hour % 12 + ((get(kHours) & kPm) != 0 ? 12 : 0);
  }
  const i64 year = i64{decode(get(kCentury))} * 100 + decode(get(kYear));
  const i64 days = days_of(year, decode(get(kMonth)), decode(get(kDayOfMonth)));
  const i64 seconds = days * kSecondsADay + i64{hour} * 3600 + i64{decode(get(kMinutes))} * 60 +
                      decode(get(kSeconds));
  s_.base_rtc = static_cast<u64>(std::max<i64>(seconds, 0)) % kMostSeconds;
  s_.last_update = static_cast<u64>(clock_.now_ns());
}

/// Once seen it stays until the update, even if the update is put off meanwhile.
bool Mc146818::update_in_progress() {
  if (!running()) return false;
  if (update_->armed() && clock_.now_ns() >= update_->deadline_ns() - kUipNs) {
    set(kRegisterA, core::low<u8>(get(kRegisterA) | UpdateInProgress::kMask));
    return true;
  }
  return time_ns() % core::kNsPerSecond >= core::kNsPerSecond - kUipNs;
}

/// The PS/2's name of the century cell is its other name from then on.
u8 Mc146818::selected() {
  if (s_.cmos_index == kCenturyPs2) s_.cmos_index = kCentury;
  return s_.cmos_index;
}

u64 Mc146818::io_read(u32 /*tag*/, u64 offset, unsigned /*width*/) {
  return offset == 0 ? 0xff : read_cell();
}

void Mc146818::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned /*width*/) {
  if (offset == 0) {
    s_.cmos_index = core::low<u8>(value & kIndexMask);
  } else {
    write_cell(core::low<u8>(value));
  }
}

u8 Mc146818::read_cell() {
  const u8 cell = selected();
  if (is_time_cell(cell) && running()) show_time();
  const u8 value = get(cell);
  if (cell == kRegisterA && update_in_progress()) {
    return core::low<u8>(value | UpdateInProgress::kMask);
  }
  if (cell == kRegisterC) {
    irq_.lower();
    set(kRegisterC, 0);
    if ((value & (UpdateFlag::kMask | AlarmFlag::kMask)) != 0) schedule_update();
  }
  return value;
}

void Mc146818::write_cell(u8 value) {
  const u8 cell = selected();
  switch (cell) {
    case kRegisterA: write_a(value); return;
    case kRegisterB: write_b(value); return;
    case kRegisterC:
    case kRegisterD: return;
    default: break;
  }
  set(cell, value);
  if (is_time_cell(cell) && running()) {
    take_time();
    schedule_update();
  } else if (cell == kSecondsAlarm || cell == kMinutesAlarm || cell == kHoursAlarm) {
    schedule_update();
  }
}

void Mc146818::write_a(u8 value) {
  const u8 old = get(kRegisterA);
  const u32 old_period = period_ticks();
  const bool was_held = DividerReset::get(old) == kDividerHeld;
  u8 uip = core::low<u8>(old & UpdateInProgress::kMask);
  if (DividerReset::get(value) == kDividerHeld) {
    if (running()) show_time();
    uip = 0;
  } else if (was_held && Divider::get(value) <= kDividerLast) {
    // "Divider Control": the first update comes half a second after the release.
    if (!Set::test(get(kRegisterB))) {
      s_.offset = core::kNsPerSecond / 2;
      take_time();
    }
    uip = 0;
  }
  set(kRegisterA, core::low<u8>((value & ~UpdateInProgress::kMask) | uip));
  if (RateSelect::get(old) != RateSelect::get(value)) {
    schedule_periodic(clock_.now_ns(), old_period, true);
  }
  schedule_update();
}

void Mc146818::write_b(u8 value) {
  const u8 old = get(kRegisterB);
  const u32 old_period = period_ticks();
  if (Set::test(value)) {
    if (running()) show_time();
    set(kRegisterA, core::low<u8>(get(kRegisterA) & ~UpdateInProgress::kMask));
    value = core::low<u8>(value & ~UpdateEnable::kMask);  // "Register B": SET clears UIE
  } else if (Set::test(old) && Divider::get(get(kRegisterA)) <= kDividerLast) {
    s_.offset = time_ns() % core::kNsPerSecond;
    take_time();
  }
  // A flag that is up already interrupts as soon as its enable bit is.
  const bool wanted = (value & get(kRegisterC) & kFlags) != 0;
  set(kRegisterC, IrqFlag::with(get(kRegisterC), wanted ? 1 : 0));
  irq_.set(wanted);
  set(kRegisterB, value);
  if (PeriodicEnable::get(old) != PeriodicEnable::get(value)) {
    schedule_periodic(clock_.now_ns(), old_period, true);
  }
  schedule_update();
}

/// Table 5 of the data sheet, in ticks of the crystal; 0: none.
u32 Mc146818::period_ticks() const {
  const unsigned rate = RateSelect::get(get(kRegisterA));
  if (!PeriodicEnable::test(get(kRegisterB)) || rate == 0) return 0;
  return 1U << ((rate <= 2 ? rate + 7 : rate) - 1);
}

/// `changed`: another period took effect; what has passed of the old one counts.
void Mc146818::schedule_periodic(i64 from, u32 old_period, bool changed) {
  s_.period = period_ticks();
  if (s_.period == 0) {
    periodic_->cancel();
    return;
  }
  const i64 now = to_ticks(from);
  i64 passed = 0;
  if (changed && old_period != 0) {
    passed = std::clamp<i64>(now - (to_ticks(s_.next_periodic_time) - old_period), 0, s_.period);
  }
  s_.next_periodic_time = to_ns(now + s_.period - passed) + 1;
  periodic_->arm(s_.next_periodic_time);
}

void Mc146818::periodic() {
  schedule_periodic(s_.next_periodic_time, s_.period, false);
  u8 flags = core::low<u8>(get(kRegisterC) | PeriodicFlag::kMask);
  if (PeriodicEnable::test(get(kRegisterB))) {
    flags = core::low<u8>(flags | IrqFlag::kMask);
    irq_.raise();
  }
  set(kRegisterC, flags);
}

/// From the second that the cells show; -1: the alarm bytes never match.
i64 Mc146818::seconds_to_alarm() const {
  const auto now = static_cast<unsigned>(time_ns() / core::kNsPerSecond % kSecondsADay);
  const auto match = [this, now](unsigned days, unsigned hour) -> i64 {
    if (!alarm_matches(get(kHoursAlarm), encode_hour(hour))) return -1;
    for (unsigned minute = 0; minute < 60; ++minute) {
      if (!alarm_matches(get(kMinutesAlarm), encode(minute))) continue;
      for (unsigned second = 0; second < 60; ++second) {
        if (!alarm_matches(get(kSecondsAlarm), encode(second))) continue;
        const i64 ahead = i64{days} * kSecondsADay + (hour * 60 + minute) * 60 + second - i64{now};
        if (ahead > 0) return ahead;
      }
    }
    return -1;
  };
  for (unsigned ahead = 0; ahead <= 24; ++ahead) {
    const unsigned hour = now / 3600 + ahead;
    if (const i64 found = match(hour / 24, hour % 24); found > 0) return found;
  }
  return -1;
}

/// The timer runs for the next update only while that can change something: UF, or AF.
void Mc146818::schedule_update() {
  if (DividerReset::get(get(kRegisterA)) == kDividerHeld) {
    update_->cancel();
    return;
  }
  show_time();
  i64 next = clock_.now_ns() + core::kNsPerSecond - time_ns() % core::kNsPerSecond;
  const i64 alarm = seconds_to_alarm();
  s_.next_alarm_time =
      alarm < 0 ? kNoAlarm : static_cast<u64>(next + (alarm - 1) * core::kNsPerSecond);
  if (!UpdateInProgress::test(get(kRegisterA)) && UpdateFlag::test(get(kRegisterC))) {
    if (Set::test(get(kRegisterB)) || AlarmFlag::test(get(kRegisterC)) || alarm < 0) {
      update_->cancel();
      return;
    }
    next = static_cast<i64>(s_.next_alarm_time);
  }
  update_->arm(next);
}

void Mc146818::update() {
  show_time();
  set(kRegisterA, core::low<u8>(get(kRegisterA) & ~UpdateInProgress::kMask));
  u8 happened = UpdateFlag::kMask;
  if (static_cast<u64>(clock_.now_ns()) >= s_.next_alarm_time) {
    happened = core::low<u8>(happened | AlarmFlag::kMask);
  }
  const u8 fresh = core::low<u8>(happened & ~get(kRegisterC));
  set(kRegisterC, core::low<u8>(get(kRegisterC) | happened));
  if ((fresh & get(kRegisterB)) != 0) {
    set(kRegisterC, core::low<u8>(get(kRegisterC) | IrqFlag::kMask));
    irq_.raise();
  }
  schedule_update();
}

}  // namespace rtc
