#include "hw/emul/chipset/piix4_pm.h"

#include <algorithm>

#include "hw/emul/chipset/piix4_pm_regs.h"

namespace chipset {

using namespace piix4_pm;  // NOLINT(google-build-using-namespace): the chip's own registers

namespace {

using State = Piix4Pm::State;

const State& of(const void* state) {
  return *static_cast<const State*>(state);
}
bool saves_smbus(const void* state) {
  return of(state).saves_smbus;
}
bool has_bridges(const void* state) {
  return of(state).hotplug.bridges;
}
bool has_no_bridges(const void* state) {
  return !of(state).hotplug.bridges;
}

constexpr auto kApmFields = std::to_array<core::Field>({
    core::field<&Piix4Pm::ApmState::apmc>("apmc"),
    core::field<&Piix4Pm::ApmState::apms>("apms"),
});
constexpr core::StateTable kApmTable{.name = "APM State", .fields = kApmFields};
static_assert(core::covers<Piix4Pm::ApmState>(kApmTable));

constexpr auto kGpeFields = std::to_array<core::Field>({
    core::field<&Piix4Pm::GpeState::sts>("sts"),
    core::field<&Piix4Pm::GpeState::en>("en"),
});
constexpr core::StateTable kGpeTable{.name = "gpe", .fields = kGpeFields};
static_assert(core::covers<Piix4Pm::GpeState>(kGpeTable));

// There are no slots for memory, so of their block only the selector is in the stream.
constexpr auto kMemhpFields = std::to_array<core::Field>({
    core::field<&State::memhp_selector>("acpi_memory_hotplug.selector"),
});
constexpr core::StateTable kMemhpTable{.name = "piix4_pm/memhp", .fields = kMemhpFields};

constexpr u32 kSavedBuses = 256;
/// Beyond this the deadline does not fit a signed 64-bit number of nanoseconds.
constexpr i64 kLatestTick = (i64{1} << 62) / core::kNsPerSecond * kPmTimerHz - 1;

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&State::parent_obj>("parent_obj", pci::kFunctionTable),
    core::field<&State::pm1_sts>("ar.pm1.evt.sts"),
    core::field<&State::pm1_en>("ar.pm1.evt.en"),
    core::field<&State::pm1_cnt>("ar.pm1.cnt.cnt"),
    core::nested<&State::apm>("apm", kApmTable),
    core::when(core::nested<&State::smb>("smb", kSmbusTable, 3), saves_smbus),
    core::timer<&State::tmr_timer>("ar.tmr.timer"),
    core::within(core::field<&State::tmr_overflow_time>("ar.tmr.overflow_time"), 0, kLatestTick),
    core::nested<&State::gpe>("ar.gpe", kGpeTable, 2),
    core::when(core::nested<&State::hotplug, &PciHotplugState::root>(
                   "acpi_pci_hotplug.acpi_pcihp_pci_status[0x0]", kSlotStatusTable, 2),
               has_no_bridges),
    core::when(core::field<&State::hotplug, &PciHotplugState::hotplug_select>(
                   "acpi_pci_hotplug.hotplug_select"),
               has_bridges),
    core::when(core::nested<&State::hotplug, &PciHotplugState::root>(
                   "acpi_pci_hotplug.acpi_pcihp_pci_status", kSlotStatusTable, 1),
               has_bridges),
    core::when(core::padding((kSavedBuses - 1) * 8), has_bridges),
    core::when(
        core::field<&State::hotplug, &PciHotplugState::acpi_index>("acpi_pci_hotplug.acpi_index"),
        has_bridges),
    core::local<&State::saves_smbus>("of the machine type"),
});
constexpr std::array<const core::StateTable*, 1> kSubsections{&kMemhpTable};
constexpr core::StateTable kTable{
    .name = "piix4_pm",
    .version = 3,
    .min_version = 3,
    .fields = kFields,
    .subsections = kSubsections,
    .before_load = [](void* state) { static_cast<State*>(state)->memhp_selector = 0; }};
static_assert(core::covers<State>(kTable));

enum Tag : u32 { kPmTag, kApmTag, kGpeTag };

/// value * numerator / denominator without losing the high bits on the way.
i64 scale(i64 value, i64 numerator, i64 denominator) {
  return static_cast<i64>(static_cast<__int128>(value) * numerator / denominator);
}

}  // namespace

Piix4Pm::Piix4Pm(pci::Bus& bus, u8 devfn, const Piix4PmWires& wires, const Piix4PmType& type)
    : Function(bus, devfn,
               {.vendor = kVendor,
                .device = kDevice,
                .revision = kRevision,
                .class_code = kClassOtherBridge,
                .interrupt_pin = 1}),
      type_(type),
      power_(wires.power),
      clock_(wires.clock),
      sci_(wires.sci),
      timer_(clock_.make_timer([this] {
        s_.tmr_timer = -1;
        update_sci();
      })),
      smbus_(s_.smb),
      pci_slots_(bus.wires().pio, wires.slots, s_.hotplug),
      cpus_(bus.wires().pio),
      apm_ports_(bus.wires().pio, {.base = kApmPort,
                                   .length = 2,
                                   .name = "apm-io",
                                   .handler = this,
                                   .tag = kApmTag,
                                   .widths = {1, 1}}),
      gpe_ports_(bus.wires().pio, {.base = kGpePort,
                                   .length = 4,
                                   .name = "acpi-gpe0",
                                   .handler = this,
                                   .tag = kGpeTag,
                                   .widths = {1, 1}}) {
  adopt_state(s_.parent_obj);
  s_.saves_smbus = type.saves_smbus;
  s_.hotplug.bridges = type.bridge_hotplug;
  config_set(pci::kStatus, 0x0280, 2);
  config_set(kPmba, kBaseIo, 4);
  config_set(kDevactb, 0x02000000, 4);  // SMM counts as set up: no hypervisor gives us SMIs
  config_set(kSmbba, 0xb100 | kBaseIo, 4);
  config_set(kSmbhstcfg, 0x09, 1);
  update_ranges();
}

void Piix4Pm::reset() {
  // What the board decodes shows in the device resources: parallel port, serial ports.
  core::RegionMap& pio = bus().wires().pio;
  const auto there = [&pio](u16 port) { return pio.find(port) != nullptr; };
  config_set(kDevresA + 3, 0x10 | (there(0x378) ? 0x80 : 0), 1);
  config_set(kDevresB + 3, 0x60, 1);
  config_set(kDevresC + 3, (there(0x3f8) ? 0x08 : 0) | (there(0x2f8) ? 0x90 : 0), 1);

  s_.pm1_sts = 0;
  s_.pm1_en = 0;
  s_.pm1_cnt = type_.acpi_only ? SciEnable::kMask : u16{0};
  s_.apm = {};
  smbus_.reset();
  s_.tmr_overflow_time = 0;
  s_.gpe = {};
  s_.memhp_selector = 0;
  Function::reset();
  update_ranges();
  update_sci();
  pci_slots_.reset();
}

core::StateSection Piix4Pm::section() {
  return core::section_of(kTable, s_, "piix4_pm");
}

void Piix4Pm::after_restore() {
  Function::after_restore();
  update_ranges();
  update_sci();
}

void Piix4Pm::config_write(u8 reg, u32 value, unsigned width) {
  Function::config_write(reg, value, width);
  update_ranges();
}

/// Moves the two ranges of ports to where configuration space says.
void Piix4Pm::update_ranges() {
  const auto place = [this](u8 base_reg, u8 enable_reg, u32& base, core::ScopedRegion& region,
                            core::IoRegion wanted) {
    const bool enabled = IoEnable::test(core::low<u8>(config_get(enable_reg, 1)));
    const u32 at = enabled ? core::low<u32>(config_get(base_reg, 4)) & kBaseMask : 0;
    if (at == base) return;
    base = at;
    region.reset();
    wanted.base = at;
    if (at != 0) region = core::ScopedRegion(bus().wires().pio, wanted);
  };
  place(kPmba, kPmregmisc, pm_base_, pm_ports_,
        {.length = kRangeSize, .name = "piix4-pm", .handler = this, .tag = kPmTag});
  place(kSmbba, kSmbhstcfg, smbus_base_, smbus_ports_,
        {.length = kRangeSize, .name = "pm-smbus", .handler = &smbus_, .widths = {1, 1}});
}

u64 Piix4Pm::io_read(u32 tag, u64 offset, unsigned width) {
  switch (tag) {
    case kPmTag: return read_pm(offset, width);
    case kApmTag: return offset == 0 ? s_.apm.apmc : s_.apm.apms;
    default: return read_gpe(offset);
  }
}

void Piix4Pm::io_write(u32 tag, u64 offset, u64 value, unsigned width) {
  switch (tag) {
    case kPmTag: write_pm(offset, value, width); break;
    case kApmTag:
      if (offset == 0) {
        write_apm_command(core::low<u8>(value));
      } else {
        s_.apm.apms = core::low<u8>(value);
      }
      break;
    default: write_gpe(offset, core::low<u8>(value)); break;
  }
}

i64 Piix4Pm::timer_ticks() const {
  return scale(clock_.now_ns(), kPmTimerHz, core::kNsPerSecond);
}

i64 Piix4Pm::overflow_ns() const {
  return scale(s_.tmr_overflow_time, core::kNsPerSecond, kPmTimerHz);
}

/// The timer's status is found by looking at the clock, so that nothing ticks unless the guest
/// wants an interrupt.
u16 Piix4Pm::read_pm1_status() {
  if (clock_.now_ns() >= overflow_ns()) {
    s_.pm1_sts = core::low<u16>(s_.pm1_sts | Pm1Timer::kMask);
  }
  return s_.pm1_sts;
}

u16 Piix4Pm::read_pm16(u64 offset) {
  switch (offset) {
    case kPm1Status: return read_pm1_status();
    case kPm1Enable: return s_.pm1_en;
    case kPm1Control: return s_.pm1_cnt;
    case kPmTimer: return core::low<u16>(timer_ticks());
    case kPmTimer + 2: return core::low<u16>(timer_ticks() >> 16 & 0xff);
    default: return 0xffff;
  }
}

u64 Piix4Pm::read_pm(u64 offset, unsigned width) {
  if (offset == kPmTimer && width == 4) return static_cast<u64>(timer_ticks()) & 0xffffff;
  u64 value = 0;
  for (unsigned at = 0; at < width; ++at) {
    const u64 byte = offset + at;
    value |= u64{core::low<u8>(read_pm16(byte & ~u64{1}) >> (byte & 1) * 8)} << at * 8;
  }
  return value;
}

/// Registers are 16 bits; a byte of one changes that half of it.
void Piix4Pm::write_pm(u64 offset, u64 value, unsigned width) {
  const u64 end = offset + width;
  for (u64 reg = offset & ~u64{1}; reg < end; reg += 2) {
    u16 bits = 0;
    u16 lanes = 0;
    for (u64 byte = std::max(reg, offset); byte < std::min(reg + 2, end); ++byte) {
      const u64 shift = (byte - reg) * 8;
      bits = core::low<u16>(bits | (value >> (byte - offset) * 8 & 0xff) << shift);
      lanes = core::low<u16>(lanes | 0xff << shift);
    }
    switch (reg) {
      case kPm1Status:
        if (Pm1Timer::test(core::low<u16>(read_pm1_status() & bits))) {
          s_.tmr_overflow_time = (timer_ticks() + kPmTimerHalf) & ~(kPmTimerHalf - 1);
        }
        s_.pm1_sts = core::low<u16>(s_.pm1_sts & ~bits);
        break;
      case kPm1Enable: s_.pm1_en = core::low<u16>((s_.pm1_en & ~lanes) | bits); break;
      case kPm1Control: write_pm1_control(core::low<u16>((s_.pm1_cnt & ~lanes) | bits)); break;
      default: break;
    }
  }
  update_sci();
}

void Piix4Pm::write_pm1_control(u16 value) {
  s_.pm1_cnt = core::low<u16>(value & ~SleepEnable::kMask);
  if (!SleepEnable::test(value)) return;
  switch (SleepType::get(value)) {
    case kSleepOff: power_.power_off(); break;
    case kSleepToDisk: power_.suspend_to_disk(); break;
    case kSleepToRam: power_.suspend_to_ram(); break;
    default: break;
  }
}

/// Firmware on Xen gives up if the enable command does not set SCI_EN at once.
void Piix4Pm::write_apm_command(u8 value) {
  s_.apm.apmc = value;
  if (type_.acpi_only) return;
  if (value == kAcpiEnable) s_.pm1_cnt = core::low<u16>(s_.pm1_cnt | SciEnable::kMask);
  if (value == kAcpiDisable) s_.pm1_cnt = core::low<u16>(s_.pm1_cnt & ~SciEnable::kMask);
}

u8 Piix4Pm::read_gpe(u64 offset) const {
  const u16 reg = offset < 2 ? s_.gpe.sts : s_.gpe.en;
  return core::low<u8>(reg >> (offset & 1) * 8);
}

void Piix4Pm::write_gpe(u64 offset, u8 value) {
  const u64 shift = (offset & 1) * 8;
  if (offset < 2) {
    s_.gpe.sts = core::low<u16>(s_.gpe.sts & ~(value << shift));
  } else {
    s_.gpe.en = core::low<u16>((s_.gpe.en & ~(0xff << shift)) | value << shift);
  }
  update_sci();
}

void Piix4Pm::raise_event(u16 gpe_mask) {
  s_.gpe.sts = core::low<u16>(s_.gpe.sts | gpe_mask);
  update_sci();
}

bool Piix4Pm::cpu_plugged(unsigned number) {
  if (!cpus_.add(number)) return false;
  raise_event(GpeCpuHotplug::kMask);
  return true;
}

void Piix4Pm::pci_slot_plugged(unsigned slot) {
  pci_slots_.plugged(slot);
  raise_event(GpePciHotplug::kMask);
}

void Piix4Pm::pci_slot_eject_requested(unsigned slot) {
  pci_slots_.eject_requested(slot);
  raise_event(GpePciHotplug::kMask);
}

void Piix4Pm::press_power_button() {
  if (!Pm1PowerButton::test(s_.pm1_en)) return;
  s_.pm1_sts = core::low<u16>(s_.pm1_sts | Pm1PowerButton::kMask);
  update_sci();
}

PmPorts Piix4Pm::ports() const {
  return {.pm = core::low<u32>(config_get(kPmba, 4)),
          .pm_enable = core::low<u8>(config_get(kPmregmisc, 1)),
          .smbus = core::low<u32>(config_get(kSmbba, 4)),
          .smbus_enable = core::low<u8>(config_get(kSmbhstcfg, 1))};
}

void Piix4Pm::place(const PmPorts& ports) {
  config_write(kPmba, ports.pm, 4);
  config_write(kPmregmisc, ports.pm_enable, 1);
  config_write(kSmbba, ports.smbus, 4);
  config_write(kSmbhstcfg, ports.smbus_enable, 1);
}

void Piix4Pm::woken(WakeReason reason) {
  // Something woke it: nobody in particular counts as the power button.
  u16 cause = Pm1PowerButton::kMask;
  if (reason == WakeReason::kClock) cause = Pm1RealTimeClock::kMask;
  if (reason == WakeReason::kTimer) cause = Pm1Timer::kMask;
  s_.pm1_sts = core::low<u16>(s_.pm1_sts | Pm1Wake::kMask | cause);
  update_sci();
}

/// Drives the interrupt and arms the timer for the next overflow, if the guest wants to know.
void Piix4Pm::update_sci() {
  const u16 status = read_pm1_status();
  sci_.set((status & s_.pm1_en & kPm1Events) != 0 || (s_.gpe.sts & s_.gpe.en) != 0);
  if (Pm1Timer::test(s_.pm1_en) && !Pm1Timer::test(status)) {
    timer_->arm(overflow_ns());
    s_.tmr_timer = overflow_ns();
  } else {
    timer_->cancel();
    s_.tmr_timer = -1;
  }
}

}  // namespace chipset
