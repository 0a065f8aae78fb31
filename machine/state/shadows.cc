#include "machine/state/shadows.h"

#include "hw/emul/pci/function.h"

namespace state {
namespace {

using core::i32;
using core::i64;
using core::u32;
using core::u64;
using core::u8;

// ---- guest time -----------------------------------------------------------------------------

struct ClockState {
  i64 ticks = 0;
  i64 now_ns = 0;
};
constexpr auto kClockFields = std::to_array<core::Field>({
    core::field<&ClockState::ticks>("cpu_ticks_offset"),
    core::padding(8),
    // 146 years; deadlines are added to it.
    core::within(core::field<&ClockState::now_ns>("cpu_clock_offset", 2), 0, (i64{1} << 62) - 1),
});
constexpr core::StateTable kClockTable{.name = "timer", .version = 2, .fields = kClockFields};
static_assert(core::covers<ClockState>(kClockTable));

/// Deadlines in the stream are of the saved machine's time, so we go on with that.
class ClockShadow final : public core::Device {
 public:
  explicit ClockShadow(loop::Loop& loop) : loop_(loop) {}
  std::string_view name() const override { return "timer"; }
  void reset() override {}
  core::StateSection section() override {
    s_.now_ns = loop_.clock().now_ns();
    return core::section_of(kClockTable, s_, "timer");
  }
  void after_restore() override { loop_.set_clock(s_.now_ns); }

 private:
  loop::Loop& loop_;
  ClockState s_;
};

// ---- the PCI bus ----------------------------------------------------------------------------

constexpr u32 kPins = 128;  // 32 slots of four

struct BusState {
  i32 pins = kPins;
  std::array<i32, kPins> asserted{};
};
constexpr auto kBusFields = std::to_array<core::Field>({
    core::within(core::field<&BusState::pins>("nirq"), kPins, kPins),
    core::field<&BusState::asserted>("irq_count"),
});
constexpr core::StateTable kBusTable{.name = "PCIBUS", .fields = kBusFields};
static_assert(core::covers<BusState>(kBusTable));

/// How many functions drive each pin. Ours follows from the functions; stock's does not, and would
/// keep a line high or low for ever if this said something else than they do.
class BusShadow final : public core::Device {
 public:
  explicit BusShadow(const pci::Bus& bus) : bus_(bus) {}
  std::string_view name() const override { return "PCIBUS"; }
  void reset() override {}
  core::StateSection section() override {
    s_ = {};
    for (const pci::Function* function : bus_.functions()) {
      const core::u64 pin = function->config_get(pci::kInterruptPin, 1);
      if (pin < 1 || pin > 4 || !function->intx()) continue;
      ++s_.asserted[function->slot() * 4 + pin - 1];
    }
    return core::section_of(kBusTable, s_, "PCIBUS");
  }

 private:
  const pci::Bus& bus_;
  BusState s_;
};

// ---- constant ones --------------------------------------------------------------------------

/// A section whose state only ever comes from its constructor or a stream.
template <typename State>
class Shadow final : public core::Device {
 public:
  Shadow(const core::StateTable& table, std::string_view id, u32 instance, const State& state)
      : table_(table), id_(id), instance_(instance), s_(state) {}
  std::string_view name() const override { return id_; }
  void reset() override {}
  core::StateSection section() override { return core::section_of(table_, s_, id_, instance_); }

 private:
  const core::StateTable& table_;
  const std::string_view id_;
  const u32 instance_;
  State s_;
};

struct CpuCommonState {
  u32 halted = 0;
  u32 interrupt_request = 0;
};
constexpr auto kCpuCommonFields = std::to_array<core::Field>({
    core::field<&CpuCommonState::halted>("halted"),
    core::field<&CpuCommonState::interrupt_request>("interrupt_request"),
});
constexpr core::StateTable kCpuCommonTable{.name = "cpu_common", .fields = kCpuCommonFields};
static_assert(core::covers<CpuCommonState>(kCpuCommonTable));

// A processor that never ran, in 32-bit QEMU's form. Nobody reads it: kept as bytes.
struct CpuState {
  std::array<u8, 1313> registers{};
  u64 poll_control = 0;
};
constexpr auto kPollFields = std::to_array<core::Field>({
    core::field<&CpuState::poll_control>("poll_control_msr"),
});
constexpr core::StateTable kPollTable{.name = "cpu/poll_control_msr", .fields = kPollFields};
constexpr auto kCpuFields = std::to_array<core::Field>({
    core::buffer<&CpuState::registers>("registers"),
});
constexpr std::array<const core::StateTable*, 1> kCpuSubsections = {&kPollTable};
constexpr core::StateTable kCpuTable{.name = "cpu",
                                     .version = 12,
                                     .min_version = 12,
                                     .fields = kCpuFields,
                                     .subsections = kCpuSubsections};
static_assert(core::covers<CpuState>(kCpuTable));

/// What differs from zero after its reset.
struct Patch {
  std::size_t at;
  std::array<u8, 4> bytes;  // big-endian
};
constexpr Patch kCpuReset[] = {
    {0x08, {0x00, 0x00, 0x06, 0x63}},  // EDX: signature
    {0x20, {0x00, 0x00, 0xff, 0xf0}},  // EIP
    {0x24, {0x00, 0x00, 0x00, 0x02}},  // EFLAGS
    {0x28, {0x00, 0x00, 0x00, 0x40}},  // HFLAGS
    {0x2c, {0x03, 0x7f, 0x00, 0x00}},  // FPU control
    {0x8e, {0xff, 0xff, 0x00, 0x00}},  // segments: limit, then flags
    {0x92, {0x93, 0x00, 0x00, 0x00}},  {0x96, {0xf0, 0x00, 0xff, 0xff}},
    {0x9e, {0xff, 0xff, 0x00, 0x00}},  {0xa2, {0x9b, 0x00, 0x00, 0x00}},
    {0xae, {0xff, 0xff, 0x00, 0x00}},  {0xb2, {0x93, 0x00, 0x00, 0x00}},
    {0xbe, {0xff, 0xff, 0x00, 0x00}},  {0xc2, {0x93, 0x00, 0x00, 0x00}},
    {0xce, {0xff, 0xff, 0x00, 0x00}},  {0xd2, {0x93, 0x00, 0x00, 0x00}},
    {0xde, {0xff, 0xff, 0x00, 0x00}},  {0xe2, {0x93, 0x00, 0x00, 0x00}},
    {0xee, {0xff, 0xff, 0x00, 0x00}},  {0xf2, {0x82, 0x00, 0x00, 0x00}},
    {0xfe, {0xff, 0xff, 0x00, 0x00}},  {0x102, {0x8b, 0x00, 0x00, 0x00}},
    {0x10e, {0xff, 0xff, 0x00, 0x00}},                                     // GDTR
    {0x11e, {0xff, 0xff, 0x00, 0x00}},                                     // IDTR
    {0x130, {0x60, 0x00, 0x00, 0x10}},                                     // CR0
    {0x158, {0xff, 0xff, 0x0f, 0xf0}}, {0x15e, {0x04, 0x00, 0xff, 0xff}},  // DR6, DR7
    {0x162, {0xff, 0xff, 0x00, 0x00}}, {0x166, {0x1f, 0x80, 0x00, 0x00}},  // MXCSR
    {0x1e9, {0x03, 0x00, 0x00, 0x00}}, {0x1ed, {0x07, 0x04, 0x06, 0x00}},  // PAT
    {0x1f1, {0x07, 0x04, 0x06, 0x00}}, {0x1f5, {0x00, 0x01, 0x01, 0x00}},
    {0x305, {0xff, 0xff, 0xff, 0xff}}, {0x315, {0xff, 0xff, 0xff, 0xff}},
    {0x495, {0x00, 0x00, 0x00, 0x01}},
};

CpuState cpu_at_reset() {
  CpuState cpu;
  for (const Patch& patch : kCpuReset) {
    std::copy(patch.bytes.begin(), patch.bytes.end(),
              cpu.registers.begin() + static_cast<std::ptrdiff_t>(patch.at));
  }
  return cpu;
}

struct ApicState {
  u32 base = 0;
  u8 id = 0, arbitration = 0, tpr = 0;
  u32 spurious = 0xff;
  u8 logical_destination = 0, destination_mode = 0xf;
  std::array<u32, 24> vectors{};  // in service, trigger mode, requested
  std::array<u32, 6> local_vectors{};
  u32 error = 0;
  std::array<u32, 2> command{};
  u32 divide = 0;
  i32 shift = 0;
  u32 initial_count = 0;
  i64 loaded_at = 0, next = 0, timer = -1;
  i32 sipi_vector = 0, waits_for_sipi = 0;
};
constexpr auto kSipiFields = std::to_array<core::Field>({
    core::field<&ApicState::sipi_vector>("sipi_vector"),
    core::field<&ApicState::waits_for_sipi>("wait_for_sipi"),
});
constexpr core::StateTable kSipiTable{
    .name = "apic_sipi", .fields = kSipiFields, .needed = [](const void* at) {
      return static_cast<const ApicState*>(at)->waits_for_sipi != 0;
    }};
constexpr std::array<const core::StateTable*, 1> kApicSubsections = {&kSipiTable};
constexpr auto kApicFields = std::to_array<core::Field>({
    core::field<&ApicState::base>("apicbase"),
    core::field<&ApicState::id>("id"),
    core::field<&ApicState::arbitration>("arb_id"),
    core::field<&ApicState::tpr>("tpr"),
    core::field<&ApicState::spurious>("spurious_vec"),
    core::field<&ApicState::logical_destination>("log_dest"),
    core::field<&ApicState::destination_mode>("dest_mode"),
    core::field<&ApicState::vectors>("isr, tmr, irr"),
    core::field<&ApicState::local_vectors>("lvt"),
    core::field<&ApicState::error>("esr"),
    core::field<&ApicState::command>("icr"),
    core::field<&ApicState::divide>("divide_conf"),
    core::field<&ApicState::shift>("count_shift"),
    core::field<&ApicState::initial_count>("initial_count"),
    core::field<&ApicState::loaded_at>("initial_count_load_time"),
    core::field<&ApicState::next>("next_time"),
    core::field<&ApicState::timer>("timer_expiry"),
});
constexpr core::StateTable kApicTable{.name = "apic",
                                      .version = 3,
                                      .min_version = 3,
                                      .fields = kApicFields,
                                      .subsections = kApicSubsections};
static_assert(core::covers<ApicState>(kApicTable));

ApicState apic_at_reset(u32 processor) {
  const bool boot = processor == 0;
  ApicState apic{.base = 0xfee00800U | (boot ? 0x100U : 0U), .id = static_cast<u8>(processor)};
  apic.local_vectors.fill(0x10000);
  apic.waits_for_sipi = boot ? 0 : 1;
  return apic;
}

struct IoApicState {
  u8 id = 0, index = 0;
  u32 requests = 0;
  std::array<u64, 24> entries{};
};
constexpr auto kIoApicFields = std::to_array<core::Field>({
    core::field<&IoApicState::id>("id"),
    core::field<&IoApicState::index>("ioregsel"),
    core::padding(8, 0, 2),
    core::field<&IoApicState::requests>("irr", 2),
    core::field<&IoApicState::entries>("ioredtbl"),
});
constexpr core::StateTable kIoApicTable{.name = "ioapic", .version = 3, .fields = kIoApicFields};
static_assert(core::covers<IoApicState>(kIoApicTable));

IoApicState io_apic_at_reset() {
  IoApicState chip;
  chip.entries.fill(0x10000);  // masked
  return chip;
}

// With hpet=0 a guest under stock reaches that one and may run its clock by it; we have none.
struct HpetTimer {
  u8 number = 0;
  u64 config = 0, compare = 0, route = 0, period = 0;
  u8 wrap = 0;
  i64 deadline = -1;
};
constexpr auto kHpetTimerFields = std::to_array<core::Field>({
    core::field<&HpetTimer::number>("tn"),
    core::field<&HpetTimer::config>("config"),
    core::field<&HpetTimer::compare>("cmp"),
    core::field<&HpetTimer::route>("fsb"),
    core::field<&HpetTimer::period>("period"),
    core::field<&HpetTimer::wrap>("wrap_flag"),
    core::field<&HpetTimer::deadline>("qemu_timer"),
});
constexpr core::StateTable kHpetTimerTable{.name = "hpet_timer", .fields = kHpetTimerFields};
static_assert(core::covers<HpetTimer>(kHpetTimerTable));

constexpr u32 kHpetTimers = 3;
struct HpetState {
  u64 config = 0, status = 0, counter = 0;
  u8 count = kHpetTimers;
  std::array<HpetTimer, kHpetTimers> timers{};
  u8 clock_line = 0;
  u64 offset = 0;
};
constexpr auto kHpetLineFields = std::to_array<core::Field>({
    core::field<&HpetState::clock_line>("rtc_irq_level"),
});
/// The clock's interrupt passes by: a guest that never used this chip may have it raised.
constexpr core::StateTable kHpetLineTable{
    .name = "hpet/rtc_irq_level", .fields = kHpetLineFields, .needed = [](const void* at) {
      return static_cast<const HpetState*>(at)->clock_line != 0;
    }};
constexpr auto kHpetOffsetFields = std::to_array<core::Field>({
    core::field<&HpetState::offset>("hpet_offset"),
});
/// Known so that what is refused is the use.
constexpr core::StateTable kHpetOffsetTable{
    .name = "hpet/offset", .fields = kHpetOffsetFields, .needed = [](const void* at) {
      return (static_cast<const HpetState*>(at)->config & 1) != 0;
    }};
constexpr std::array<const core::StateTable*, 2> kHpetSubsections = {&kHpetLineTable,
                                                                     &kHpetOffsetTable};
constexpr auto kHpetFields = std::to_array<core::Field>({
    core::field<&HpetState::config>("config"),
    core::field<&HpetState::status>("isr"),
    core::field<&HpetState::counter>("hpet_counter"),
    core::within(core::field<&HpetState::count>("num_timers_save", 2), kHpetTimers, kHpetTimers),
    core::nested<&HpetState::timers>("timer", kHpetTimerTable),
});
constexpr core::StateTable kHpetTable{
    .name = "hpet",
    .version = 2,
    .fields = kHpetFields,
    .subsections = kHpetSubsections,
    .before_load =
        [](void* at) {
          auto* hpet = static_cast<HpetState*>(at);
          hpet->clock_line = 0;
          hpet->offset = 0;
        },
    .validate = [](const void* at) -> std::optional<core::BadValue> {
      const u64 config = static_cast<const HpetState*>(at)->config;
      if ((config & 1) == 0) return {};
      return core::BadValue{"config", static_cast<i64>(config),
                            "says that the guest uses it; this machine has none"};
    }};
static_assert(core::covers<HpetState>(kHpetTable));

HpetState hpet_at_reset() {
  HpetState hpet;
  for (u32 i = 0; i < kHpetTimers; ++i) {
    hpet.timers[i].number = static_cast<u8>(i);
    // Periodic and 64 bits wide, may go to GSI 2 or be routed by message.
    hpet.timers[i].config = 0x0000000400000030;
    hpet.timers[i].compare = ~u64{0};
  }
  return hpet;
}

struct I2cState {
  u8 address = 0xff;  // nobody
};
constexpr auto kI2cFields = std::to_array<core::Field>({
    core::field<&I2cState::address>("saved_address"),
});
constexpr core::StateTable kI2cTable{.name = "i2c_bus", .fields = kI2cFields};
static_assert(core::covers<I2cState>(kI2cTable));

}  // namespace

Shadows::Shadows(loop::Loop& loop, const pci::Bus& bus, unsigned processors) {
  devices_.push_back(std::make_unique<ClockShadow>(loop));
  for (u32 i = 0; i < processors; ++i) {
    devices_.push_back(std::make_unique<Shadow<CpuCommonState>>(
        kCpuCommonTable, "cpu_common", i, CpuCommonState{.halted = i == 0 ? 0U : 1U}));
    devices_.push_back(std::make_unique<Shadow<CpuState>>(kCpuTable, "cpu", i, cpu_at_reset()));
    devices_.push_back(
        std::make_unique<Shadow<ApicState>>(kApicTable, "apic", i, apic_at_reset(i)));
  }
  devices_.push_back(std::make_unique<BusShadow>(bus));
  devices_.push_back(
      std::make_unique<Shadow<IoApicState>>(kIoApicTable, "ioapic", 0, io_apic_at_reset()));
  devices_.push_back(std::make_unique<Shadow<HpetState>>(kHpetTable, "hpet", 0, hpet_at_reset()));
  devices_.push_back(std::make_unique<Shadow<I2cState>>(kI2cTable, "i2c_bus", 0, I2cState{}));
}

Shadows::~Shadows() = default;

std::vector<core::Device*> Shadows::devices() const {
  std::vector<core::Device*> result;
  for (const auto& one : devices_) result.push_back(one.get());
  return result;
}

}  // namespace state
