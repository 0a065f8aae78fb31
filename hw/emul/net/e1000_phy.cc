// The card's EEPROM, read through EERD or bit by bit, and its PHY behind MDIC.
#include "hw/emul/core/guest_error.h"
#include "hw/emul/net/e1000.h"

namespace net {
namespace {

using namespace e1000_regs;  // NOLINT(google-build-using-namespace)

/// Words 3..3eh of tables 5-2 and 5-3, for a copper card on a desktop's board.
constexpr std::array<u16, eeprom::kWords> kImage{
    0x0000, 0x0000, 0x0000, 0x0000, 0xffff, 0x0000, 0x0000, 0x0000,  //
    0x3000, 0x1000, 0x6403, 0x0000, 0x8086, 0x0000, 0x8086, 0x3040,  //
    0x0008, 0x2000, 0x7e14, 0x0048, 0x1000, 0x00d8, 0x0000, 0x2700,  //
    0x6cc9, 0x3150, 0x0722, 0x040b, 0x0984, 0x0000, 0xc000, 0x0706,  //
    0x1008, 0x0000, 0x0f04, 0x7fff, 0x4d01, 0xffff, 0xffff, 0xffff,  //
    0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,  //
    0x0100, 0x4000, 0x121c, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,  //
    0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0x0000};

constexpr unsigned kCommandBits = 9;  // start, two of the opcode, six of the address

constexpr u8 kReadable = 1, kWritable = 2;
struct PhyRegister {
  u8 number;
  u8 access;
  u16 at_reset;
};
constexpr PhyRegister kPhyTable[] = {
    {PCTRL, kReadable | kWritable, 0x1140},  // negotiates, full duplex, 1000 Mb/s
    {PSTATUS, kReadable, 0x794d},            // link up, negotiation not completed
    {PHY_ID1, kReadable, 0x0141},            // Marvell
    {PHY_ID2, kReadable, 0},
    {ANA, kReadable | kWritable, 0x0de1},
    {LPA, kReadable, 0x01e0},
    {ANE, kReadable, 0},
    {GCON, kReadable | kWritable, 0x0e00},
    {GSTATUS, kReadable, 0x3c00},
    {PSCON, kReadable | kWritable, 0x0360},
    {PSSTAT, kReadable, 0xac00},
    {EPSCON, kReadable | kWritable, 0x0d60},
    {RXERRC, kReadable, 0},
};

u8 phy_access(u32 reg) {
  for (const PhyRegister& one : kPhyTable) {
    if (one.number == reg) return one.access;
  }
  return 0;
}

}  // namespace

// --- EEPROM ---

void E1000::make_eeprom() {
  s_.eeprom = kImage;
  for (unsigned i = 0; i < 3; ++i) {
    s_.eeprom[i] = core::low<u16>(config_.mac[2 * i] | config_.mac[2 * i + 1] << 8);
  }
  const u16 device = core::low<u16>(config_get(pci::kDeviceId, 2));
  s_.eeprom[eeprom::kSubsystemId] = s_.eeprom[eeprom::kDeviceId] = device;
  u16 sum = 0;
  for (unsigned i = 0; i < eeprom::kChecksum; ++i) sum = core::low<u16>(sum + s_.eeprom[i]);
  s_.eeprom[eeprom::kChecksum] = core::low<u16>(eeprom::kSum - sum);
}

/// Done at once; a word that is not there reads as nothing.
u32 E1000::read_eerd() const {
  const u32 asked = s_.reg(EERD);
  if (!eerd::Start::test(asked)) return asked;
  const u32 answer = (asked & ~eerd::Start::kMask) | eerd::Done::kMask;
  const u32 word = answer >> 8;  // what is above the address field must be zero, too
  if (word >= eeprom::kWords) return answer;
  return eerd::Data::with(answer, s_.eeprom[word]);
}

u32 E1000::read_eecd() const {
  u32 value = eecd::Present::kMask | eecd::Grant::kMask | s_.eecd_old;
  const u32 at = s_.eecd_bitnum_out;
  const u16 word = s_.eeprom[at / 16 % eeprom::kWords];
  // Idle, the line is high: ready.
  if (s_.eecd_reading == 0 || ((word >> (15 - at % 16)) & 1) != 0) value |= eecd::DataOut::kMask;
  return value;
}

/// The Microwire bus by hand (5.4): selected, the EEPROM takes a bit at each rising clock and shows
/// the next at each falling one.
void E1000::write_eecd(u32 value) {
  const u32 changed = value ^ s_.eecd_old;
  s_.eecd_old = value & eecd::kWritable;
  if (!eecd::ChipSelect::test(value)) return;
  if (eecd::ChipSelect::test(changed)) {
    s_.eecd_val_in = 0;
    s_.eecd_bitnum_in = s_.eecd_bitnum_out = s_.eecd_reading = 0;
  }
  if (!eecd::Clock::test(changed)) return;
  if (!eecd::Clock::test(value)) {
    ++s_.eecd_bitnum_out;
    return;
  }
  s_.eecd_val_in = s_.eecd_val_in << 1 | eecd::DataIn::get(value);
  if (++s_.eecd_bitnum_in == kCommandBits && s_.eecd_reading == 0) {
    // The address's last falling clock brings this to the word's first bit.
    s_.eecd_bitnum_out = core::low<u16>((s_.eecd_val_in & 0x3f) * 16 - 1);
    s_.eecd_reading = (s_.eecd_val_in >> 6 & 7) == eeprom::kReadOpcode ? 1 : 0;
  }
}

// --- PHY ---

void E1000::reset_phy() {
  negotiation_->cancel();
  s_.phy.fill(0);
  for (const PhyRegister& one : kPhyTable) s_.phy[one.number] = one.at_reset;
  s_.phy[PHY_ID2] = config_.model == E1000Model::k82544gc ? 0x0c30 : 0x0c20;
  if (!link_up_) set_link_bits(false);
}

void E1000::write_mdic(u32 value) {
  const u32 reg = mdic::Register::get(value);
  bool error = mdic::Phy::get(value) != 1;
  if (error) {
    value = s_.reg(MDIC);
  } else if (mdic::Read::test(value)) {
    error = (phy_access(reg) & kReadable) == 0;
    if (!error) value = mdic::Data::with(value, s_.phy[reg]);
  } else if (mdic::Write::test(value)) {
    error = (phy_access(reg) & kWritable) == 0;
    if (!error) write_phy(core::low<u8>(reg), core::low<u16>(mdic::Data::get(value)));
  }
  s_.reg(MDIC) = value | mdic::Ready::kMask | (error ? mdic::Error::kMask : 0);
  if (mdic::Interrupt::test(value)) cause(icr::kMdac);
}

void E1000::write_phy(u8 reg, u16 value) {
  if (reg != PCTRL) {
    s_.phy[reg] = value;
    return;
  }
  s_.phy[PCTRL] = value & pctrl::kWritable;
  // A reset keeps what was set and negotiates anew, as restarting does.
  const bool restart = pctrl::Restart::test(value) || pctrl::Reset::test(value);
  if (restart && negotiates()) start_negotiation();
}

bool E1000::negotiates() const {
  return pctrl::AutoNegotiate::test(s_.phy[PCTRL]);
}

void E1000::set_link_bits(bool up) {
  if (up) {
    s_.reg(STATUS) |= status::LinkUp::kMask;
    s_.phy[PSTATUS] |= pstatus::Link::kMask;
    return;
  }
  s_.reg(STATUS) &= ~status::LinkUp::kMask;
  s_.phy[PSTATUS] =
      core::low<u16>(s_.phy[PSTATUS] & ~(pstatus::Link::kMask | pstatus::Complete::kMask));
  s_.phy[LPA] = core::low<u16>(s_.phy[LPA] & ~lpa::Acknowledge::kMask);
}

void E1000::start_negotiation() {
  set_link_bits(false);
  negotiation_->arm(clock_.now_ns() + kNegotiation);
}

void E1000::negotiated() {
  if (!link_up_) return;
  set_link_bits(true);
  s_.phy[LPA] |= lpa::Acknowledge::kMask;
  s_.phy[PSTATUS] |= pstatus::Complete::kMask;
  cause(icr::kLsc);
  offer_more();
}

void E1000::link_changed(bool up) {
  if (up == link_up_) return;
  link_up_ = up;
  const u32 before = s_.reg(STATUS);
  if (!up) {
    negotiation_->cancel();
    set_link_bits(false);
  } else if (negotiates() && !pstatus::Complete::test(s_.phy[PSTATUS])) {
    start_negotiation();
  } else {
    set_link_bits(true);
  }
  if (s_.reg(STATUS) != before) cause(icr::kLsc);
  offer_more();
}

}  // namespace net
