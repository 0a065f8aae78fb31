#include "hw/emul/floppy/fdc_state.h"

namespace floppy {
namespace {

const DriveState& drive(const void* state) {
  return *static_cast<const DriveState*>(state);
}
const ControllerState& controller(const void* state) {
  return *static_cast<const ControllerState*>(state);
}

// --- fdrive ---

constexpr auto kChangedFields =
    std::to_array<core::Field>({core::field<&DriveState::media_changed>("media_changed")});
constexpr core::StateTable kChangedTable{
    .name = "fdrive/media_changed", .fields = kChangedFields, .needed = [](const void* state) {
      return drive(state).media_changed != 1;
    }};

constexpr auto kRateFields =
    std::to_array<core::Field>({core::field<&DriveState::media_rate>("media_rate")});
constexpr core::StateTable kRateTable{.name = "fdrive/media_rate", .fields = kRateFields};

constexpr auto kPerpendicularFields =
    std::to_array<core::Field>({core::field<&DriveState::perpendicular>("perpendicular")});
constexpr core::StateTable kPerpendicularTable{
    .name = "fdrive/perpendicular",
    .fields = kPerpendicularFields,
    .needed = [](const void* state) { return drive(state).perpendicular != 0; }};

constexpr auto kDriveFields = std::to_array<core::Field>({
    core::field<&DriveState::head>("head"),
    core::field<&DriveState::track>("track"),
    core::field<&DriveState::sect>("sect"),
});
constexpr std::array<const core::StateTable*, 3> kDriveSubsections{&kChangedTable, &kRateTable,
                                                                   &kPerpendicularTable};
constexpr core::StateTable kDriveTable{
    .name = "fdrive",
    .fields = kDriveFields,
    .subsections = kDriveSubsections,
    .before_load = [](void* state) { *static_cast<DriveState*>(state) = {}; }};
static_assert(core::covers<DriveState>(kDriveTable));

// --- fdc ---

constexpr auto kSenseFields = std::to_array<core::Field>(
    {core::within(core::field<&ControllerState::reset_sensei>("reset_sensei"), 0, 4)});
constexpr core::StateTable kSenseTable{
    .name = "fdc/reset_sensei", .fields = kSenseFields, .needed = [](const void* state) {
      return controller(state).reset_sensei != 0;
    }};

constexpr auto kTimerFields =
    std::to_array<core::Field>({core::timer<&ControllerState::result_timer>("result_timer")});
constexpr core::StateTable kTimerTable{
    .name = "fdc/result_timer", .fields = kTimerFields, .needed = [](const void* state) {
      return controller(state).result_timer >= 0;
    }};

constexpr auto kPhaseFields = std::to_array<core::Field>({core::within(
    core::field<&ControllerState::phase>("phase"), 0, static_cast<core::i64>(Phase::kResult))});
constexpr core::StateTable kPhaseTable{
    .name = "fdc/phase", .fields = kPhaseFields, .needed = [](const void* state) {
      return phase_from_registers(controller(state)) != controller(state).phase;
    }};

constexpr auto kControllerFields = std::to_array<core::Field>({
    core::field<&ControllerState::sra>("sra"),
    core::field<&ControllerState::srb>("srb"),
    core::field<&ControllerState::dor_and_drive>("dor_vmstate"),
    core::field<&ControllerState::tdr>("tdr"),
    core::field<&ControllerState::dsr>("dsr"),
    core::field<&ControllerState::msr>("msr"),
    core::field<&ControllerState::status0>("status0"),
    core::field<&ControllerState::status1>("status1"),
    core::field<&ControllerState::status2>("status2"),
    core::buffer<&ControllerState::fifo>("fifo"),
    core::field<&ControllerState::data_pos>("data_pos"),
    core::field<&ControllerState::data_len>("data_len"),
    core::field<&ControllerState::data_state>("data_state"),
    core::field<&ControllerState::data_dir>("data_dir"),
    core::field<&ControllerState::eot>("eot"),
    core::field<&ControllerState::timer0>("timer0"),
    core::field<&ControllerState::timer1>("timer1"),
    core::field<&ControllerState::precomp_trk>("precomp_trk"),
    core::field<&ControllerState::config>("config"),
    core::field<&ControllerState::lock>("lock"),
    core::field<&ControllerState::pwrd>("pwrd"),
    core::within(core::field<&ControllerState::num_floppies>("num_floppies"), kDrives, kDrives),
    core::nested<&ControllerState::drives>("drives", kDriveTable, 1),
    core::local<&ControllerState::dor>("half of dor_vmstate"),
    core::local<&ControllerState::drive>("the other half of dor_vmstate"),
});
constexpr std::array<const core::StateTable*, 3> kControllerSubsections{&kSenseTable, &kTimerTable,
                                                                        &kPhaseTable};

void join_dor(void* state) {
  auto& s = *static_cast<ControllerState*>(state);
  s.dor_and_drive = core::low<u8>(s.dor | s.drive);
}

void default_controller(void* state) {
  auto& s = *static_cast<ControllerState*>(state);
  s.reset_sensei = 0;
  s.result_timer = -1;
  s.phase = Phase::kFromRegisters;
}

constexpr core::StateTable kControllerTable{.name = "fdc",
                                            .version = 2,
                                            .min_version = 2,
                                            .fields = kControllerFields,
                                            .subsections = kControllerSubsections,
                                            .before_save = join_dor,
                                            .before_load = default_controller};
static_assert(core::covers<ControllerState>(kControllerTable));

constexpr auto kFields = std::to_array<core::Field>({
    core::nested<&State::controller>("state", kControllerTable),
});
constexpr core::StateTable kTable{.name = "fdc", .version = 2, .min_version = 2, .fields = kFields};
static_assert(core::covers<State>(kTable));

}  // namespace

constinit const core::StateTable kFdcTable = kTable;

Phase phase_from_registers(const ControllerState& state) {
  if ((state.msr & kMsrNonDma) != 0 || (state.msr & kMsrRqm) == 0) return Phase::kExecution;
  return (state.msr & kMsrDio) != 0 ? Phase::kResult : Phase::kCommand;
}

}  // namespace floppy
