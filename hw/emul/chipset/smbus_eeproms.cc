#include "hw/emul/chipset/smbus_eeproms.h"

namespace chipset {

bool SmbusEeproms::acknowledges(u8 address) {
  return address == kGeneralCall || (address & ~7U) == kFirst;
}

void SmbusEeproms::write(u8 address, std::span<const u8> bytes) {
  if (bytes.empty()) return;
  for (std::size_t i = 0; i < chips_.size(); ++i) {
    if (address != kGeneralCall && address != kFirst + i) continue;
    Chip& chip = chips_[i];
    chip.offset = bytes[0];
    for (const u8 byte : bytes.subspan(1)) chip.data[chip.offset++] = byte;
  }
}

u8 SmbusEeproms::read(u8 address) {
  if (address == kGeneralCall || !acknowledges(address)) return 0xff;
  Chip& chip = chips_[address & 7U];
  return chip.data[chip.offset++];
}

}  // namespace chipset
