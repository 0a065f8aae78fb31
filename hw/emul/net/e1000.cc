#include "hw/emul/net/e1000.h"

#include <algorithm>

namespace net {
namespace {

using namespace e1000_regs;  // NOLINT(google-build-using-namespace)

constexpr pci::Identity identity(E1000Model model) {
  u16 device = 0x100e;
  if (model == E1000Model::k82544gc) device = 0x100c;
  if (model == E1000Model::k82545em) device = 0x100f;
  return {
      .vendor = 0x8086, .device = device, .revision = 3, .class_code = 0x0200, .interrupt_pin = 1};
}

constexpr u32 kMemoryTag = 0, kIoTag = 1;
constexpr i64 kThrottleUnit = 256;   // ns, 13.4.18
constexpr u32 kLeastThrottle = 500;  // 7813 interrupts a second, which is what stock's guests see
constexpr u16 kVlanType = 0x8100;
constexpr u32 kManagement = 0x00222300;  // MANC as QEMU's guests know it
constexpr u32 kPacketBuffer = 0x00100030;
constexpr u32 kLeds = 0x602;

}  // namespace

E1000::E1000(pci::Bus& bus, u8 devfn, core::NetBackend& backend, core::Clock& clock,
             E1000Config config)
    : Function(bus, devfn, identity(config.model)),
      config_(std::move(config)),
      backend_(backend),
      offloading_(dynamic_cast<core::OffloadingBackend*>(&backend)),
      clock_(clock),
      negotiation_(clock.make_timer([this] { negotiated(); })),
      throttle_(clock.make_timer([this] { throttle_over(); })),
      receive_start_(clock.make_timer([this] { offer_more(); })),
      transmit_more_(clock.make_timer([this] { go_on(); })) {
  adopt_state(s_.pci);
  add_bar(0, pci::BarKind::kMemory, kMemoryBar, "e1000-mmio", kMemoryTag, {4, 4});
  add_bar(1, pci::BarKind::kIo, kIoBar, "e1000-io", kIoTag, {4, 4});
  if (!config_.rom.empty()) set_rom(std::exchange(config_.rom, {}), "e1000.rom");
  make_eeprom();
  backend_.set_client(this);
}

E1000::~E1000() {
  backend_.set_client(nullptr);
}

/// Of the model, as -device calls it.
std::string_view E1000::name() const {
  if (config_.model == E1000Model::k82544gc) return "e1000-82544gc";
  return config_.model == E1000Model::k82545em ? "e1000-82545em" : "e1000";
}

/// With receive address 0, which the guest may have set to another.
void E1000::announce() {
  if (!link_up_) return;
  MacAddress address = config_.mac;
  if (rah::Valid::test(s_.reg(RA + 4))) {
    core::store_le<u32>(address.data(), s_.reg(RA));
    core::store_le<u16>(address.data() + 4, core::low<u16>(s_.reg(RA + 4)));
  }
  const auto frame = announcement(address);
  const core::Bytes one(frame);
  (void)backend_.send({&one, 1});
}

// --- reset ---

void E1000::reset() {
  negotiation_->cancel();
  receive_start_->cancel();
  batch_.clear();
  large_ = false;
  io_address_ = 0;
  s_.eecd_val_in = s_.eecd_old = 0;
  s_.eecd_bitnum_in = s_.eecd_bitnum_out = s_.eecd_reading = 0;
  s_.rxbuf_min_shift = 1;
  reset_phy();
  reset_mac();
  Function::reset();
}

/// What CTRL.RST does, too: everything but the PHY and configuration space (13.4.1).
void E1000::reset_mac() {
  throttle_->cancel();
  transmit_more_->cancel();
  s_.mac.fill(0);
  s_.reg(CTRL) = ctrl::kAtReset;
  s_.reg(STATUS) = status::kAtReset;
  s_.reg(MANC) = kManagement;
  s_.reg(PBA) = kPacketBuffer;
  s_.reg(LEDCTL) = kLeds;
  s_.reg(VET) = kVlanType;
  if (!pstatus::Link::test(s_.phy[PSTATUS])) s_.reg(STATUS) &= ~status::LinkUp::kMask;
  load_address();
  s_.props = s_.tso_props = {};
  s_.tx_size = s_.tso_frames = 0;
  s_.sum_needed = 0;
  segmented_ = broken_ = tag_ = legacy_sum_ = delay_asked_ = large_ = false;
  s_.irq_level = false;
  set_intx(false);
}

/// Receive address 0 comes from the EEPROM (13.5.2).
void E1000::load_address() {
  s_.reg(RA) = s_.eeprom[0] | u32{s_.eeprom[1]} << 16;
  s_.reg(RA + 4) = s_.eeprom[2] | rah::Valid::kMask;
}

// --- state ---

void E1000::pause() {
  paused_ = true;
  // The stream has no word for a pulled cable: no link, and nothing being negotiated, says it.
  if (!link_up_ && negotiates()) s_.phy[PSTATUS] |= pstatus::Complete::kMask;
}

void E1000::resume() {
  paused_ = false;
  if (!link_up_) s_.phy[PSTATUS] = core::low<u16>(s_.phy[PSTATUS] & ~pstatus::Complete::kMask);
  go_on();
  offer_more();
}

core::StateSection E1000::section() {
  return core::section_of(kE1000Table, s_, "e1000");
}

void E1000::after_restore() {
  if (s_.has_tso_props == 0) s_.tso_props = s_.props;
  batch_.clear();
  segmented_ = broken_ = tag_ = legacy_sum_ = delay_asked_ = large_ = false;
  transmit_more_->cancel();
  receive_start_->cancel();
  negotiation_->cancel();
  const bool negotiating = negotiates() && !pstatus::Complete::test(s_.phy[PSTATUS]);
  link_up_ = status::LinkUp::test(s_.reg(STATUS)) || negotiating;
  if (negotiating) negotiation_->arm(clock_.now_ns() + kNegotiation);
  // An interrupt that the source held back comes soon.
  throttle_->arm(clock_.now_ns() + 1);
  Function::after_restore();
}

void E1000::config_write(u8 reg, u32 value, unsigned width) {
  const bool before = bus_master();
  Function::config_write(reg, value, width);
  if (!before && bus_master()) offer_more();
}

// --- interrupts ---

void E1000::cause(u32 bits) {
  set_causes(s_.reg(ICR) | bits);
}

/// ICS reads as ICR without its side effect: the VxWorks driver uses that.
void E1000::set_causes(u32 bits) {
  s_.reg(ICR) = s_.reg(ICS) = bits;
  const u32 pending = bits & s_.reg(IMS);
  if (!s_.irq_level && pending != 0) {
    if (throttle_->armed()) return;
    throttle_->arm(clock_.now_ns() + i64{throttle_delay(pending)} * kThrottleUnit);
    delay_asked_ = false;
  }
  s_.irq_level = pending != 0;
  set_intx(s_.irq_level);
}

/// How long after this interrupt the next one may come: the shortest that applies (13.4.18 ITR,
/// RADV and TADV in units of four).
u32 E1000::throttle_delay(u32 pending) {
  u32 delay = 0;
  const auto at_most = [&delay](u32 value) {
    if (value != 0 && (delay == 0 || value < delay)) delay = value;
  };
  if (delay_asked_ && (pending & (icr::kTxqe | icr::kTxdw)) != 0) at_most(s_.reg(TADV) * 4);
  if (s_.reg(RDTR) != 0 && (pending & icr::kRxt0) != 0) at_most(s_.reg(RADV) * 4);
  at_most(s_.reg(ITR));
  return std::max(delay, kLeastThrottle);
}

void E1000::throttle_over() {
  set_causes(s_.reg(ICR));
}

// --- statistics (13.7): they stick at the top ---

void E1000::count(u32 offset) {
  u32& counter = s_.reg(offset);
  if (counter != ~u32{0}) ++counter;
}

void E1000::count_octets(u32 low, u64 bytes) {
  const u64 before = u64{s_.reg(low + 4)} << 32 | s_.reg(low);
  const u64 after = before + bytes < before ? ~u64{0} : before + bytes;
  s_.reg(low) = core::low<u32>(after);
  s_.reg(low + 4) = core::low<u32>(after >> 32);
}

/// `first` counts packets of 64 bytes, the next five those up to 127, 255, 511, 1023 and beyond.
void E1000::count_size(u32 first, u64 bytes) {
  u32 bucket = 0;
  for (u64 limit = 64; bucket < 5 && bytes > limit; limit = limit == 64 ? 127 : limit * 2 + 1) {
    ++bucket;
  }
  count(first + 4 * bucket);
}

}  // namespace net
