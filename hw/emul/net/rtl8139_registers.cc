// The card's registers. The chip takes accesses of any width at any offset: they are cut into
// registers here, and what a write leaves out of a register keeps its value.
#include <algorithm>

#include "hw/emul/net/rtl8139.h"

namespace net {
namespace {

using namespace rtl8139_regs;  // NOLINT(google-build-using-namespace)

struct Place {
  u8 offset;
  u8 size;
};
constexpr Place kPlaces[] = {
    {0, 0},       {IDR0, 4},    {IDR4, 2},    {MAR0, 4},    {MAR4, 4},     {TSD0, 4},
    {TSD1, 4},    {TSD2, 4},    {TSD3, 4},    {TSAD0, 4},   {TSAD1, 4},    {TSAD2, 4},
    {TSAD3, 4},   {RBSTART, 4}, {ERBCR, 2},   {ERSR, 1},    {CR, 1},       {CAPR, 2},
    {CBR, 2},     {IMR, 2},     {ISR, 2},     {TCR, 4},     {RCR, 4},      {TCTR, 4},
    {MPC, 4},     {EECR, 1},    {CONFIG0, 1}, {CONFIG1, 1}, {TIMERINT, 4}, {MSR, 1},
    {CONFIG3, 1}, {CONFIG4, 1}, {HLTCLK, 1},  {MULINT, 2},  {RERID, 1},    {TSAD, 2},
    {BMCR, 2},    {BMSR, 2},    {ANAR, 2},    {ANLPAR, 2},  {ANER, 2},     {CSCR, 2},
    {CONFIG5, 1}, {TPPOLL, 1},  {CPCR, 2},    {RDSAR, 4},   {RDSAR_HI, 4}, {ETTHR, 1},
};

/// The place that each byte of the BARs belongs to; 0: none, reads as zero.
constexpr std::array<u8, kBarSize> make_index() {
  std::array<u8, kBarSize> index{};
  for (std::size_t i = 1; i < std::size(kPlaces); ++i) {
    for (unsigned n = 0; n < kPlaces[i].size; ++n) index[kPlaces[i].offset + n] = core::low<u8>(i);
  }
  return index;
}
constexpr std::array<u8, kBarSize> kIndex = make_index();

/// Four status bits of each slot, gathered: TOK, TUN, TABT and OWN from the top.
u16 all_slots(const std::array<u32, 4>& tsd) {
  unsigned value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= unsigned{tsd::Ok::test(tsd[i])} << (12 + i);
    value |= unsigned{tsd::Underrun::test(tsd[i])} << (8 + i);
    value |= unsigned{tsd::Aborted::test(tsd[i])} << (4 + i);
    value |= unsigned{tsd::Own::test(tsd[i])} << i;
  }
  return core::low<u16>(value);
}

constexpr u8 kRun = 'R', kHalt = 'H';  // of HLTCLK

u32 with(u32 old, u32 mask, u32 value) {
  return (old & ~mask) | (value & mask);
}

}  // namespace

u64 Rtl8139::io_read(u32 /*tag*/, u64 offset, unsigned width) {
  u64 value = 0;
  for (unsigned i = 0; i < width;) {
    const u32 at = core::low<u32>(offset + i) & (kBarSize - 1);
    const Place& place = kPlaces[kIndex[at]];
    if (place.size == 0) {
      ++i;
      continue;
    }
    const unsigned skip = at - place.offset;
    value |= u64{read(place.offset) >> (8 * skip)} << (8 * i);
    i += place.size - skip;
  }
  return core::truncate(value, width);
}

void Rtl8139::io_write(u32 /*tag*/, u64 offset, u64 value, unsigned width) {
  for (unsigned i = 0; i < width;) {
    const u32 at = core::low<u32>(offset + i) & (kBarSize - 1);
    const Place& place = kPlaces[kIndex[at]];
    if (place.size == 0) {
      ++i;
      continue;
    }
    const unsigned skip = at - place.offset;
    const unsigned count = std::min(place.size - skip, width - i);
    const u32 written = core::low<u32>(core::all_ones(count) << (8 * skip));
    write(place.offset, core::low<u32>(value >> (8 * i) << (8 * skip)) & written, written);
    i += count;
  }
}

// --- reading: nothing has side effects ---

u32 Rtl8139::read(u8 reg) const {
  switch (reg) {
    case IDR0: return core::load_le<u32>(&s_.idr[0]);
    case IDR4: return core::load_le<u16>(&s_.idr[4]);
    case MAR0: return core::load_le<u32>(&s_.mar[0]);
    case MAR4: return core::load_le<u32>(&s_.mar[4]);
    case TSD0:
    case TSD1:
    case TSD2:
    case TSD3: return s_.tsd[reg / 4u % 4];
    case TSAD0:
    case TSAD1:
    case TSAD2:
    case TSAD3: return s_.tsad[reg / 4u % 4];
    case RBSTART: return s_.rbstart;
    case CR: return (s_.cr & cr::kWritable) | (ring_empty() ? cr::BufferEmpty::kMask : 0u);
    case CAPR: return (s_.ring_read - kCaprLag) & 0xffff;
    case CBR: return s_.ring_write & 0xffff;
    case IMR: return s_.imr;
    case ISR: return s_.isr;
    case TCR: return s_.tcr;
    case RCR: return s_.rcr;
    case TCTR: return ticks();
    case MPC: return s_.mpc & 0xffffff;
    case TIMERINT: return s_.timer_int;
    case MULINT: return s_.mulint;
    case TSAD: return all_slots(s_.tsd);
    case BMCR: return s_.bmcr;
    case BMSR: return s_.bmsr;
    case ANAR: return s_.anar;
    case ANLPAR: return s_.anlpar;
    case ANER: return s_.aner;
    case CSCR: return s_.cscr | (link_up_ ? cscr::Connected::kMask : 0u);
    case CPCR: return s_.cpcr;
    case RDSAR: return s_.rdsar;
    case RDSAR_HI: return s_.rdsar_hi;
    case ETTHR: return s_.etthr;
    default: return read_config(reg);
  }
}

u32 Rtl8139::read_config(u8 reg) const {
  switch (reg) {
    case EECR: return read_eecr();
    case CONFIG0: return s_.config0;
    case CONFIG1: return s_.config1;
    case CONFIG3: return s_.config3;
    case CONFIG4: return s_.config4;
    case CONFIG5: return s_.config5;
    case HLTCLK: return s_.clock_on;
    case RERID: return kRevision;
    case MSR: {
      const bool slow = !bmcr::AutoNegotiate::test(s_.bmcr) && !bmcr::Speed100::test(s_.bmcr);
      return msr::kAlways | (slow ? msr::Speed10::kMask : 0u) |
             (link_up_ ? 0u : msr::LinkDown::kMask);
    }
    default: return 0;
  }
}

// --- writing: `value` has zeros where `written` has ---

void Rtl8139::write(u8 reg, u32 value, u32 written) {
  const u32 whole = with(read(reg), written, value);
  switch (reg) {
    case IDR0: core::store_le<u32>(&s_.idr[0], whole); break;
    case IDR4: core::store_le<u16>(&s_.idr[4], core::low<u16>(whole)); break;
    case MAR0: core::store_le<u32>(&s_.mar[0], whole); break;
    case MAR4: core::store_le<u32>(&s_.mar[4], whole); break;
    case TSD0:
    case TSD1:
    case TSD2:
    case TSD3: write_slots(reg, whole, written); break;
    case TSAD0:
    case TSAD1:
    case TSAD2:
    case TSAD3: s_.tsad[reg / 4u % 4] = whole; break;
    case RBSTART: s_.rbstart = whole; break;
    case CR: write_cr(core::low<u8>(value)); break;
    case CAPR:
      s_.ring_read = (whole + kCaprLag) & (ring_bytes() - 1);
      receive_again();
      break;
    case IMR:
    case ISR: write_interrupts(reg, reg == ISR ? value : whole); break;
    case TCR:
      // "TCR can only be changed after having set TE."
      if (cr::TransmitterEnable::test(s_.cr)) s_.tcr = with(whole, tcr::kReadOnly, s_.tcr);
      break;
    case RCR: write_rcr(with(whole, rcr::kReadOnly, s_.rcr)); break;
    case TCTR: clear_ticks(); break;
    case MPC: s_.mpc = 0; break;
    case TIMERINT:
      s_.timer_int = whole;
      arm_timer();
      break;
    case MULINT: s_.mulint = whole & 0x0fff; break;
    case BMCR:
    case ANAR:
    case CSCR: write_phy(reg, core::low<u16>(whole)); break;
    case TPPOLL:
      if (tppoll::SoftwareInterrupt::test(core::low<u8>(value))) cause(isr::kSwInt);
      if (!tppoll::Normal::test(core::low<u8>(value))) break;
      polled_ = true;
      transmit();
      break;
    case CPCR:
      s_.cpcr = core::low<u16>(whole) & cpcr::kWritable;
      s_.cplus = 1;
      starved_->cancel();
      offer_more();
      break;
    case RDSAR:
    case RDSAR_HI:
      (reg == RDSAR ? s_.rdsar : s_.rdsar_hi) = whole;
      starved_->cancel();
      offer_more();
      break;
    case ETTHR: s_.etthr = core::low<u8>(whole); break;
    default: write_config(reg, core::low<u8>(value)); break;
  }
}

/// Transmit slots in C mode, the command to dump counters in C+ mode.
void Rtl8139::write_slots(u8 reg, u32 value, u32 written) {
  u32& status = s_.tsd[reg / 4u % 4];
  if (cpcr::Transmit::test(s_.cpcr)) {
    status = value;
    if (reg == DTCCR && dtccr::Command::test(value & written)) dump_tally();
    return;
  }
  status = (value & tsd::kWritable) | (status & tsd::kReserved);
  transmit();
}

void Rtl8139::write_interrupts(u8 reg, u32 value) {
  if (reg == IMR) {
    s_.imr = core::low<u16>(value & ~u32{isr::kReserved});
  } else {
    s_.isr = core::low<u16>(s_.isr & ~value);
  }
  update_irq();
  // Drivers of C+ mode touch these when they have returned descriptors, and nothing else.
  if (starved_->armed()) receive_again();
}

bool Rtl8139::unlocked() const {
  return eecr::Mode::get(s_.eecr) == eecr::kUnlocked;
}

void Rtl8139::write_config(u8 reg, u8 value) {
  const auto hold = [value](u8& where, u32 mask) {
    where = core::low<u8>(with(where, mask, value));
  };
  switch (reg) {
    case EECR: write_eecr(value); break;
    case CONFIG0:
      if (unlocked()) hold(s_.config0, config::kWritable0);
      break;
    case CONFIG1:
      if (unlocked()) hold(s_.config1, config::kWritable1);
      break;
    case CONFIG3:
      if (unlocked()) hold(s_.config3, config::kWritable3);
      break;
    case CONFIG4:
      if (unlocked()) hold(s_.config4, config::kWritable4);
      break;
    case CONFIG5: hold(s_.config5, config::kWritable5); break;  // has no lock
    case HLTCLK:
      if (value == kRun) s_.clock_on = 1;
      if (value == kHalt) s_.clock_on = 0;
      arm_timer();
      offer_more();
      break;
    default: break;
  }
}

void Rtl8139::write_phy(u8 reg, u16 value) {
  if (reg == ANAR) {
    s_.anar = value;
  } else if (reg == CSCR) {
    s_.cscr = value & cscr::kWritable;
  } else {
    // Speed, duplex and negotiation are behind the same lock as the configuration registers; reset
    // and restart are done at once.
    const bool reset = bmcr::Reset::test(value);
    if (reset) s_.bmcr = bmcr::AutoNegotiate::kMask;
    if (unlocked() && !reset) s_.bmcr = value & bmcr::kLocked;
    if (reset) reset_phy();
    update_link();
  }
}

void Rtl8139::write_cr(u8 value) {
  if (cr::Reset::test(value)) soft_reset();
  const u8 rising = core::low<u8>(value & ~s_.cr);
  s_.cr = value & cr::kWritable;
  if (cr::TransmitterEnable::test(rising)) s_.slot = s_.tx_index = 0;
  // Linux restarts the receiver by this bit and then reads from the ring's beginning.
  if (cr::ReceiverEnable::test(rising)) {
    rewind_ring();
    s_.rx_index = 0;
  }
  if (!cr::TransmitterEnable::test(s_.cr)) polled_ = false;
  if (!cr::ReceiverEnable::test(s_.cr) || rising != 0) starved_->cancel();
  transmit();
  offer_more();
}

/// A ring of another size begins anew; a change of the filters leaves it alone.
void Rtl8139::write_rcr(u32 value) {
  s_.rcr = value;
  if (s_.ring_size == ring_bytes()) return;
  s_.ring_size = ring_bytes();
  rewind_ring();
  offer_more();
}

}  // namespace net
