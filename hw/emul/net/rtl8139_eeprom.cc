// The card's 93C46, behind the wires of 9346CR.
#include "hw/emul/net/rtl8139.h"

namespace net {
namespace {

using namespace rtl8139_regs;  // NOLINT(google-build-using-namespace)

constexpr unsigned kIdWord = 0, kVendorWord = 1, kDeviceWord = 2, kAddressWord = 7;
constexpr u16 kId = 0x8129;
constexpr u32 kCommandBits = 8;  // two of the opcode, six of the address
constexpr u32 kReadOpcode = 2;

}  // namespace

void Rtl8139::make_eeprom() {
  s_.eeprom = {};
  s_.eeprom.words[kIdWord] = kId;
  s_.eeprom.words[kVendorWord] = core::low<u16>(config_get(pci::kVendorId, 2));
  s_.eeprom.words[kDeviceWord] = core::low<u16>(config_get(pci::kDeviceId, 2));
  for (unsigned i = 0; i < 3; ++i) {
    s_.eeprom.words[kAddressWord + i] = core::load_le<u16>(&given_mac_[2 * i]);
  }
}

void Rtl8139::load_address() {
  for (unsigned i = 0; i < 3; ++i) {
    core::store_le<u16>(&s_.idr[2 * i], s_.eeprom.words[kAddressWord + i]);
  }
}

u8 Rtl8139::read_eecr() const {
  const bool high = eecr::Mode::get(s_.eecr) == eecr::kProgramming && s_.eeprom.select != 0 &&
                    s_.eeprom.data_out != 0;
  return core::low<u8>(s_.eecr | (high ? eecr::DataOut::kMask : 0));
}

void Rtl8139::write_eecr(u8 value) {
  s_.eecr = value & eecr::kWritable;
  if (eecr::Mode::get(value) == eecr::kProgramming) eeprom_wires(value);
  if (eecr::Mode::get(value) != eecr::kAutoLoad) return;
  // Done at once.
  soft_reset();
  load_address();
  s_.eecr = 0;
}

/// Selected, the EEPROM takes a bit, and shows the next, at each rising clock.
void Rtl8139::eeprom_wires(u8 value) {
  Eeprom93c46& e = s_.eeprom;
  const u8 select = eecr::ChipSelect::get(value), clock = eecr::Clock::get(value);
  const bool begins = select != 0 && e.select == 0;
  const bool rises = clock != 0 && e.clock == 0;
  e.select = select;
  e.clock = clock;
  e.data_in = eecr::DataIn::get(value);
  if (begins) {
    e.tick = 0;
    e.input = e.output = 0;
    e.mode = Eeprom93c46::kStart;
  }
  if (select != 0 && rises) eeprom_clocked();
}

void Rtl8139::eeprom_clocked() {
  Eeprom93c46& e = s_.eeprom;
  ++e.tick;
  switch (e.mode) {
    case Eeprom93c46::kStart:
      if (e.data_in == 0) return;  // zeros may come before the start bit
      e.mode = Eeprom93c46::kCommand;
      e.tick = 0;
      e.input = 0;
      return;
    case Eeprom93c46::kCommand:
      e.input = core::low<u16>(e.input << 1 | (e.data_in & 1));
      if (e.tick != kCommandBits) return;
      e.tick = 0;
      if ((e.input >> 6 & 3u) != kReadOpcode) {
        e.mode = Eeprom93c46::kIdle;  // write-protected
        return;
      }
      e.address = e.input & 0x3f;
      e.output = e.words[e.address];
      e.data_out = 0;  // a zero precedes the word
      e.mode = Eeprom93c46::kReading;
      return;
    case Eeprom93c46::kReading:
      e.data_out = core::low<u8>(e.output >> 15);
      e.output = core::low<u16>(e.output << 1);
      if (e.tick != 16) return;
      // FreeBSD's driver gives the next command without a pulse of the chip select.
      e.mode = Eeprom93c46::kStart;
      e.tick = 0;
      e.input = 0;
      return;
    default: return;
  }
}

}  // namespace net
