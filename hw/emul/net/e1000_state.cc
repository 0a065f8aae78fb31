#include "hw/emul/net/e1000_state.h"

namespace net {
namespace {

using namespace core;        // NOLINT(google-build-using-namespace)
using namespace e1000_regs;  // NOLINT(google-build-using-namespace)
using State = E1000State;

template <u32 Offset>
void* mac_at(void* state) {
  return &static_cast<State*>(state)->mac[Offset / 4];
}

/// `count` registers from `Offset` on.
template <u32 Offset>
constexpr Field mac(std::string_view name, u32 count = 1) {
  Field one = field<&State::mac>(name);
  one.count = count;
  one.access = &mac_at<Offset>;
  return one;
}

constexpr auto kMitigationFields = std::to_array<Field>({
    mac<RDTR>("mac_reg[RDTR]"),
    mac<RADV>("mac_reg[RADV]"),
    mac<TADV>("mac_reg[TADV]"),
    mac<ITR>("mac_reg[ITR]"),
    field<&State::irq_level>("mit_irq_level"),
});
constexpr StateTable kMitigation{.name = "e1000/mit_state", .fields = kMitigationFields};

constexpr auto kFullMacFields = std::to_array<Field>({
    field<&State::mac>("mac_reg"),
});
constexpr StateTable kFullMac{
    .name = "e1000/full_mac_state", .fields = kFullMacFields, .before_load = [](void* state) {
      static_cast<State*>(state)->has_full_mac = 1;
    }};

constexpr auto kTsoFields = std::to_array<Field>({
    field<&State::tso_props, &TxContext::ipcss>("tx.tso_props.ipcss"),
    field<&State::tso_props, &TxContext::ipcso>("tx.tso_props.ipcso"),
    field<&State::tso_props, &TxContext::ipcse>("tx.tso_props.ipcse"),
    field<&State::tso_props, &TxContext::tucss>("tx.tso_props.tucss"),
    field<&State::tso_props, &TxContext::tucso>("tx.tso_props.tucso"),
    field<&State::tso_props, &TxContext::tucse>("tx.tso_props.tucse"),
    field<&State::tso_props, &TxContext::paylen>("tx.tso_props.paylen"),
    field<&State::tso_props, &TxContext::hdr_len>("tx.tso_props.hdr_len"),
    field<&State::tso_props, &TxContext::mss>("tx.tso_props.mss"),
    field<&State::tso_props, &TxContext::ip>("tx.tso_props.ip"),
    field<&State::tso_props, &TxContext::tcp>("tx.tso_props.tcp"),
});
constexpr StateTable kTso{
    .name = "e1000/tx_tso_state", .fields = kTsoFields, .before_load = [](void* state) {
      static_cast<State*>(state)->has_tso_props = 1;
    }};

constexpr std::array<const StateTable*, 3> kSubsections{&kMitigation, &kFullMac, &kTso};

constexpr auto kFields = std::to_array<Field>({
    nested<&State::pci>("parent_obj", pci::kFunctionTable),
    padding(4),  // an address of QEMU's
    field<&State::rxbuf_size>("rxbuf_size"),
    field<&State::rxbuf_min_shift>("rxbuf_min_shift"),
    field<&State::eecd_val_in>("eecd_state.val_in"),
    field<&State::eecd_bitnum_in>("eecd_state.bitnum_in"),
    field<&State::eecd_bitnum_out>("eecd_state.bitnum_out"),
    field<&State::eecd_reading>("eecd_state.reading"),
    field<&State::eecd_old>("eecd_state.old_eecd"),
    field<&State::props, &TxContext::ipcss>("mig_props.ipcss"),
    field<&State::props, &TxContext::ipcso>("mig_props.ipcso"),
    field<&State::props, &TxContext::ipcse>("mig_props.ipcse"),
    field<&State::props, &TxContext::tucss>("mig_props.tucss"),
    field<&State::props, &TxContext::tucso>("mig_props.tucso"),
    field<&State::props, &TxContext::tucse>("mig_props.tucse"),
    field<&State::props, &TxContext::paylen>("mig_props.paylen"),
    field<&State::props, &TxContext::hdr_len>("mig_props.hdr_len"),
    field<&State::props, &TxContext::mss>("mig_props.mss"),
    field<&State::tx_size>("tx.size"),
    field<&State::tso_frames>("tx.tso_frames"),
    field<&State::sum_needed>("tx.sum_needed"),
    field<&State::props, &TxContext::ip>("mig_props.ip"),
    field<&State::props, &TxContext::tcp>("mig_props.tcp"),
    buffer<&State::tx_header>("tx.header"),
    buffer<&State::tx_data>("tx.data"),
    field<&State::eeprom>("eeprom_data"),
    field<&State::phy>("phy_reg"),
    mac<CTRL>("mac_reg[CTRL]"),
    mac<EECD>("mac_reg[EECD]"),
    mac<EERD>("mac_reg[EERD]"),
    mac<GPRC>("mac_reg[GPRC]"),
    mac<GPTC>("mac_reg[GPTC]"),
    mac<ICR>("mac_reg[ICR]"),
    mac<ICS>("mac_reg[ICS]"),
    mac<IMC>("mac_reg[IMC]"),
    mac<IMS>("mac_reg[IMS]"),
    mac<LEDCTL>("mac_reg[LEDCTL]"),
    mac<MANC>("mac_reg[MANC]"),
    mac<MDIC>("mac_reg[MDIC]"),
    mac<MPC>("mac_reg[MPC]"),
    mac<PBA>("mac_reg[PBA]"),
    mac<RCTL>("mac_reg[RCTL]"),
    mac<RDBAH>("mac_reg[RDBAH]"),
    mac<RDBAL>("mac_reg[RDBAL]"),
    mac<RDH>("mac_reg[RDH]"),
    mac<RDLEN>("mac_reg[RDLEN]"),
    mac<RDT>("mac_reg[RDT]"),
    mac<STATUS>("mac_reg[STATUS]"),
    mac<SWSM>("mac_reg[SWSM]"),
    mac<TCTL>("mac_reg[TCTL]"),
    mac<TDBAH>("mac_reg[TDBAH]"),
    mac<TDBAL>("mac_reg[TDBAL]"),
    mac<TDH>("mac_reg[TDH]"),
    mac<TDLEN>("mac_reg[TDLEN]"),
    mac<TDT>("mac_reg[TDT]"),
    mac<TORH>("mac_reg[TORH]"),
    mac<TORL>("mac_reg[TORL]"),
    mac<TOTH>("mac_reg[TOTH]"),
    mac<TOTL>("mac_reg[TOTL]"),
    mac<TPR>("mac_reg[TPR]"),
    mac<TPT>("mac_reg[TPT]"),
    mac<TXDCTL>("mac_reg[TXDCTL]"),
    mac<WUFC>("mac_reg[WUFC]"),
    mac<VET>("mac_reg[VET]"),
    mac<RA>("mac_reg[RA]", 32),
    mac<MTA>("mac_reg[MTA]", 128),
    mac<VFTA>("mac_reg[VFTA]", 128),
    local<&State::has_tso_props>("whether the stream had the subsection"),
    local<&State::has_full_mac>("whether the stream had the subsection"),
});

/// What a stream of an older QEMU does not carry.
void before_load(void* state) {
  State& s = *static_cast<State*>(state);
  s.has_tso_props = s.has_full_mac = 0;
  s.irq_level = false;
  s.mac.fill(0);
}

// No validate(): every value is a guest's to write, or masked where it is used.

}  // namespace

constinit const StateTable kE1000Table{.name = "e1000",
                                       .version = 2,
                                       .min_version = 2,
                                       .fields = kFields,
                                       .subsections = kSubsections,
                                       .before_load = before_load};
static_assert(covers<State>(StateTable{.fields = kFields, .subsections = kSubsections}));

}  // namespace net
