#include "hw/emul/net/rtl8139_state.h"

namespace net {
namespace {

using namespace core;  // NOLINT(google-build-using-namespace)
using State = Rtl8139State;

/// QEMU writes this empty subsection once a device was plugged or pulled. It means nothing to us.
constexpr StateTable kHotplugReady{.name = "rtl8139/hotplug_ready",
                                   .needed = [](const void*) { return false; }};
constexpr std::array<const StateTable*, 1> kSubsections{&kHotplugReady};

constexpr auto kFields = std::to_array<Field>({
    nested<&State::pci>("parent_obj", pci::kFunctionTable),
    buffer<&State::idr>("phys"),
    buffer<&State::mar>("mult"),
    field<&State::tsd>("TxStatus"),
    field<&State::tsad>("TxAddr"),
    field<&State::rbstart>("RxBuf"),
    field<&State::ring_size>("RxBufferSize"),
    field<&State::ring_read>("RxBufPtr"),
    field<&State::ring_write>("RxBufAddr"),
    field<&State::isr>("IntrStatus"),
    field<&State::imr>("IntrMask"),
    field<&State::tcr>("TxConfig"),
    field<&State::rcr>("RxConfig"),
    field<&State::mpc>("RxMissed"),
    field<&State::cscr>("CSCR"),
    field<&State::eecr>("Cfg9346"),
    field<&State::config0>("Config0"),
    field<&State::config1>("Config1"),
    field<&State::config3>("Config3"),
    field<&State::config4>("Config4"),
    field<&State::config5>("Config5"),
    field<&State::clock_on>("clock_enabled"),
    field<&State::cr>("bChipCmdState"),
    field<&State::mulint>("MultiIntr"),
    field<&State::bmcr>("BasicModeCtrl"),
    field<&State::bmsr>("BasicModeStatus"),
    field<&State::anar>("NWayAdvert"),
    field<&State::anlpar>("NWayLPAR"),
    field<&State::aner>("NWayExpansion"),
    field<&State::cpcr>("CpCmd"),
    field<&State::etthr>("TxThresh"),
    padding(4),
    buffer<&State::mac>("conf.macaddr"),
    padding(4),  // an address of QEMU's, always zero
    field<&State::slot>("currTxDesc"),
    field<&State::rx_index>("currCPlusRxDesc"),
    field<&State::tx_index>("currCPlusTxDesc"),
    field<&State::rdsar>("RxRingAddrLO"),
    field<&State::rdsar_hi>("RxRingAddrHI"),
    field<&State::eeprom, &Eeprom93c46::words>("eeprom.contents"),
    field<&State::eeprom, &Eeprom93c46::mode>("eeprom.mode"),
    field<&State::eeprom, &Eeprom93c46::tick>("eeprom.tick"),
    field<&State::eeprom, &Eeprom93c46::address>("eeprom.address"),
    field<&State::eeprom, &Eeprom93c46::input>("eeprom.input"),
    field<&State::eeprom, &Eeprom93c46::output>("eeprom.output"),
    field<&State::eeprom, &Eeprom93c46::select>("eeprom.eecs"),
    field<&State::eeprom, &Eeprom93c46::clock>("eeprom.eesk"),
    field<&State::eeprom, &Eeprom93c46::data_in>("eeprom.eedi"),
    field<&State::eeprom, &Eeprom93c46::data_out>("eeprom.eedo"),
    field<&State::tctr>("TCTR"),
    field<&State::timer_int>("TimerInt"),
    field<&State::tctr_base>("TCTR_base"),
    field<&State::tally, &TallyCounters::tx_ok>("tally_counters.TxOk"),
    field<&State::tally, &TallyCounters::rx_ok>("tally_counters.RxOk"),
    field<&State::tally, &TallyCounters::tx_errors>("tally_counters.TxERR"),
    field<&State::tally, &TallyCounters::rx_errors>("tally_counters.RxERR"),
    field<&State::tally, &TallyCounters::missed>("tally_counters.MissPkt"),
    field<&State::tally, &TallyCounters::alignment>("tally_counters.FAE"),
    field<&State::tally, &TallyCounters::one_collision>("tally_counters.Tx1Col"),
    field<&State::tally, &TallyCounters::collisions>("tally_counters.TxMCol"),
    field<&State::tally, &TallyCounters::rx_physical>("tally_counters.RxOkPhy"),
    field<&State::tally, &TallyCounters::rx_broadcast>("tally_counters.RxOkBrd"),
    field<&State::tally, &TallyCounters::rx_multicast>("tally_counters.RxOkMul", 5),
    field<&State::tally, &TallyCounters::aborted>("tally_counters.TxAbt"),
    field<&State::tally, &TallyCounters::underruns>("tally_counters.TxUndrn"),
    field<&State::cplus>("cplus_enabled", 4),
});

/// What a stream of an older QEMU does not carry.
void before_load(void* state) {
  State& s = *static_cast<State*>(state);
  s.tally.rx_multicast = 0;
  s.cplus = 0;
}

// No validate(): every value is a guest's to write, or masked where it is used.

}  // namespace

constinit const StateTable kRtl8139Table{.name = "rtl8139",
                                         .version = 5,
                                         .min_version = 3,
                                         .fields = kFields,
                                         .subsections = kSubsections,
                                         .before_load = before_load};
static_assert(covers<State>(StateTable{.fields = kFields, .subsections = kSubsections}));

}  // namespace net
