#include "hw/emul/ahci/ahci_state.h"

namespace ahci {
namespace {

std::optional<core::BadValue> wrong_queued(const void* state) {
  const auto& s = *static_cast<const QueuedState*>(state);
  if (s.used != s.halt) return core::BadValue{"used", s.used, "is not what halt is"};
  if (!s.halt) return {};
  if (!is_queued(s.cmd)) return core::BadValue{"cmd", s.cmd, "is no queued command"};
  if (s.slot != s.tag) return core::BadValue{"slot", s.slot, "is not the tag"};
  return {};
}

constexpr auto kQueuedFields = std::to_array<core::Field>({
    core::within(core::field<&QueuedState::sector_count>("sector_count"), 0, 65536),
    core::field<&QueuedState::lba>("lba"),
    core::within(core::field<&QueuedState::tag>("tag"), 0, kSlots - 1),
    core::field<&QueuedState::cmd>("cmd"),
    core::within(core::field<&QueuedState::slot>("slot"), 0, kSlots - 1),
    core::field<&QueuedState::used>("used"),
    core::field<&QueuedState::halt>("halt"),
});
constexpr core::StateTable kQueuedTable{
    .name = "ncq state", .fields = kQueuedFields, .validate = wrong_queued};
static_assert(core::covers<QueuedState>(kQueuedTable));

std::optional<core::BadValue> wrong_port(const void* state) {
  const auto& s = *static_cast<const PortState*>(state);
  if ((s.cmd & kCmdStart) == 0 && (s.cmd & kCmdListRunning) != 0) {
    return core::BadValue{"port_regs.cmd", s.cmd, "has a list running that was not started"};
  }
  if ((s.cmd & kCmdFisReceive) == 0 && (s.cmd & kCmdFisRunning) != 0) {
    return core::BadValue{"port_regs.cmd", s.cmd, "receives frames though that is off"};
  }
  return {};
}

constexpr auto kPortFields = std::to_array<core::Field>({
    core::nested<&PortState::bus>("port", ide::kIdeBusTable),
    core::nested<&PortState::drive>("port.ifs[0]", ide::kIdeDriveTable),
    core::within(core::field<&PortState::port_state>("port_state"), 0, 1),
    core::field<&PortState::finished>("finished"),
    core::field<&PortState::clb>("port_regs.lst_addr"),
    core::field<&PortState::clbu>("port_regs.lst_addr_hi"),
    core::field<&PortState::fb>("port_regs.fis_addr"),
    core::field<&PortState::fbu>("port_regs.fis_addr_hi"),
    core::field<&PortState::irq_stat>("port_regs.irq_stat"),
    core::field<&PortState::irq_mask>("port_regs.irq_mask"),
    core::field<&PortState::cmd>("port_regs.cmd"),
    core::field<&PortState::tfd>("port_regs.tfdata"),
    core::field<&PortState::sig>("port_regs.sig"),
    core::field<&PortState::scr_stat>("port_regs.scr_stat"),
    core::field<&PortState::scr_ctl>("port_regs.scr_ctl"),
    core::field<&PortState::scr_err>("port_regs.scr_err"),
    core::field<&PortState::scr_act>("port_regs.scr_act"),
    core::field<&PortState::ci>("port_regs.cmd_issue"),
    core::field<&PortState::done_first_drq>("done_first_drq"),
    core::within(core::field<&PortState::busy_slot>("busy_slot"), -1, kSlots - 1),
    core::field<&PortState::init_d2h_sent>("init_d2h_sent"),
    core::nested<&PortState::queued>("ncq_tfs", kQueuedTable),
});
constexpr core::StateTable kPortTable{
    .name = "ahci port", .fields = kPortFields, .validate = wrong_port};
static_assert(core::covers<PortState>(kPortTable));

constexpr auto kAhciFields = std::to_array<core::Field>({
    core::nested<&State::pci>("parent_obj", pci::kFunctionTable),
    core::nested<&State::ports>("ahci.dev", kPortTable),
    core::field<&State::cap>("ahci.control_regs.cap"),
    core::field<&State::ghc>("ahci.control_regs.ghc"),
    core::field<&State::irqstatus>("ahci.control_regs.irqstatus"),
    core::field<&State::impl>("ahci.control_regs.impl"),
    core::field<&State::version>("ahci.control_regs.version"),
    core::field<&State::idp_index>("ahci.idp_index"),
    core::within(core::field<&State::port_count>("ahci.ports"), kPorts, kPorts),
});
constexpr core::StateTable kAhci{.name = "ich9_ahci", .fields = kAhciFields};
static_assert(core::covers<State>(kAhci));

}  // namespace

constinit const core::StateTable kAhciTable = kAhci;

}  // namespace ahci
