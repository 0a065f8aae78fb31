#include "hw/emul/net/rtl8139.h"

#include <utility>

namespace net {
namespace {

using namespace rtl8139_regs;  // NOLINT(google-build-using-namespace)

constexpr pci::Identity kIdentity{.vendor = 0x10ec,
                                  .device = 0x8139,
                                  .revision = kRevision,
                                  .class_code = 0x0200,
                                  .interrupt_pin = 1};
constexpr u32 kIoTag = 0, kMemoryTag = 1;
/// QEMU's header has a capability pointer without capabilities, and its streams must match.
constexpr u32 kCapabilities = 0xdc;

constexpr u64 kTick = 30;  // ns of a PCI clock
constexpr u64 kTickPeriod = kTick << 32;

}  // namespace

Rtl8139::Rtl8139(pci::Bus& bus, u8 devfn, core::NetBackend& backend, core::Clock& clock,
                 Rtl8139Config config)
    : Function(bus, devfn, kIdentity),
      given_mac_(config.mac),
      backend_(backend),
      offloading_(dynamic_cast<core::OffloadingBackend*>(&backend)),
      clock_(clock),
      timer_(clock.make_timer([this] { time_out(); })),
      starved_(clock.make_timer([this] { offer_more(); })),
      transmit_more_(clock.make_timer([this] { go_on(); })) {
  adopt_state(s_.pci);
  config_set(pci::kCapabilityList, kCapabilities, 1);
  add_bar(0, pci::BarKind::kIo, kBarSize, "rtl8139", kIoTag);
  add_bar(1, pci::BarKind::kMemory, kBarSize, "rtl8139-mem", kMemoryTag);
  if (!config.rom.empty()) set_rom(std::move(config.rom), "rtl8139.rom");
  make_eeprom();
  backend_.set_client(this);
}

Rtl8139::~Rtl8139() {
  backend_.set_client(nullptr);
}

/// With the address in IDR, which the guest may have changed.
void Rtl8139::announce() {
  if (!link_up_) return;
  const auto frame = announcement(s_.idr);
  const core::Bytes one(frame);
  (void)backend_.send({&one, 1});
}

// --- reset ---

void Rtl8139::reset() {
  s_.mac = given_mac_;
  make_eeprom();
  load_address();
  s_.mar.fill(0);
  s_.tsad.fill(0);
  s_.eecr = 0;
  s_.config4 = 0;
  s_.bmcr = bmcr::AutoNegotiate::kMask;
  reset_phy();
  soft_reset();
  Function::reset();
}

/// CR.RST: everything but the addresses, the filter, the PHY and configuration space.
void Rtl8139::soft_reset() {
  starved_->cancel();
  transmit_more_->cancel();
  batch_.clear();
  polled_ = false;
  s_.isr = s_.imr = 0;
  update_irq();
  s_.tsd.fill(tsd::Own::kMask);
  s_.slot = s_.rx_index = s_.tx_index = 0;
  s_.rbstart = s_.rdsar = s_.rdsar_hi = 0;
  rewind_ring();
  s_.tcr = tcr::kVersion;
  s_.rcr = 0;
  s_.ring_size = ring_bytes();
  s_.mpc = 0;
  s_.cr = 0;
  s_.clock_on = 1;
  s_.config0 = 0;
  s_.config1 = config::kReset1;
  s_.config3 = config::kReset3;
  s_.config5 = 0;
  s_.mulint = 0;
  s_.cpcr = 0;
  s_.cplus = 0;
  s_.etthr = 0;
  s_.timer_int = 0;
  clear_ticks();
  s_.tally = {};
}

// --- state ---

void Rtl8139::pause() {
  paused_ = true;
}

void Rtl8139::resume() {
  paused_ = false;
  go_on();
  offer_more();
}

core::StateSection Rtl8139::section() {
  s_.tctr = ticks();
  return core::section_of(kRtl8139Table, s_, "rtl8139");
}

void Rtl8139::after_restore() {
  batch_.clear();
  starved_->cancel();
  transmit_more_->cancel();
  if (s_.cpcr != 0) s_.cplus = 1;  // older streams do not say
  s_.ring_size = ring_bytes();
  s_.ring_read &= s_.ring_size - 1;
  s_.ring_write &= s_.ring_size - 1;
  s_.slot %= 4;
  s_.rx_index %= kDescriptors;
  s_.tx_index %= kDescriptors;
  // A stream does not say whether the driver's last poll was served to the end.
  overflow_told_ = false;
  polled_ = s_.tsad[0] != 0 || s_.tsad[1] != 0;
  link_up_ = bmsr::Link::test(s_.bmsr);
  arm_timer();
  Function::after_restore();
}

void Rtl8139::config_write(u8 reg, u32 value, unsigned width) {
  const bool before = bus_master();
  Function::config_write(reg, value, width);
  if (before || !bus_master()) return;
  go_on();
  offer_more();
}

// --- interrupts ---

void Rtl8139::cause(u16 bits) {
  s_.isr |= bits;
  update_irq();
}

void Rtl8139::update_irq() {
  set_intx((s_.isr & s_.imr) != 0);
}

// --- TCTR and TIMERINT ---

u32 Rtl8139::ticks() const {
  return core::low<u32>((static_cast<u64>(clock_.now_ns()) - static_cast<u64>(s_.tctr_base)) /
                        kTick);
}

void Rtl8139::clear_ticks() {
  s_.tctr_base = clock_.now_ns();
  arm_timer();
}

/// For the next time that TCTR passes TIMERINT.
void Rtl8139::arm_timer() {
  const i64 now = clock_.now_ns();
  // The base may be anything that a stream says; whole rounds of the counter do not show.
  const u64 elapsed = (static_cast<u64>(now) - static_cast<u64>(s_.tctr_base)) % kTickPeriod;
  s_.tctr_base = now - static_cast<i64>(elapsed);
  if (s_.timer_int == 0 || s_.clock_on == 0) {
    timer_->cancel();
    return;
  }
  u64 wait = u64{s_.timer_int} * kTick;
  wait = wait > elapsed ? wait - elapsed : wait + kTickPeriod - elapsed;
  timer_->arm(now + static_cast<i64>(wait));
}

void Rtl8139::time_out() {
  cause(isr::kTimeOut);
  arm_timer();
}

// --- tally counters ---

void Rtl8139::dump_tally() {
  std::array<u8, dtccr::kBytes> dump;
  const TallyCounters& t = s_.tally;
  core::store_le<u64>(&dump[0], t.tx_ok);
  core::store_le<u64>(&dump[8], t.rx_ok);
  core::store_le<u64>(&dump[16], t.tx_errors);
  core::store_le<u32>(&dump[24], t.rx_errors);
  core::store_le<u16>(&dump[28], t.missed);
  core::store_le<u16>(&dump[30], t.alignment);
  core::store_le<u32>(&dump[32], t.one_collision);
  core::store_le<u32>(&dump[36], t.collisions);
  core::store_le<u64>(&dump[40], t.rx_physical);
  core::store_le<u64>(&dump[48], t.rx_broadcast);
  core::store_le<u32>(&dump[56], t.rx_multicast);
  core::store_le<u16>(&dump[60], t.aborted);
  core::store_le<u16>(&dump[62], t.underruns);
  dma_write(u64{s_.tsd[1]} << 32 | (s_.tsd[0] & dtccr::kAddress), dump);
  s_.tsd[0] &= ~dtccr::Command::kMask;
}

// --- the cable and the PHY ---

void Rtl8139::reset_phy() {
  s_.anar = s_.anlpar = kAllModes;
  s_.aner = 1;  // the partner negotiates, too
  s_.cscr = cscr::kReset;
  update_link();
}

void Rtl8139::update_link() {
  s_.bmsr = bmsr::kAbilities;
  if (!link_up_) return;
  s_.bmsr |= bmsr::Link::kMask;
  if (bmcr::AutoNegotiate::test(s_.bmcr)) s_.bmsr |= bmsr::Complete::kMask;
}

void Rtl8139::link_changed(bool up) {
  if (up == link_up_) return;
  link_up_ = up;
  update_link();
  cause(isr::kLinkChg);
  offer_more();
}

}  // namespace net
