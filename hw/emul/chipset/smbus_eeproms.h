// Eight serial EEPROMs of 256 bytes at SMBus addresses 50h to 57h, where memory modules keep their
// descriptions (SPD): tools of the guest that look for modules find them, and nothing in them.
//
// Document: SMBus 2.0, chapter 5; JEDEC 21-C 4.1.2.5 (the addresses). Not modelled: write
// protection, the time that a write takes. What a guest writes is lost at a reset and in the
// stream: on Xen's machine type the stock stream has no place for it.
#pragma once

#include <array>
#include <span>

#include "hw/emul/core/types.h"

namespace chipset {

using core::u32;
using core::u8;

class SmbusEeproms {
 public:
  /// Whether somebody acknowledges this 7-bit address. All answer the general call, address 0.
  static bool acknowledges(u8 address);

  /// Bytes written after the address: the first one sets the offset, the others are stored. None
  /// is a quick command.
  void write(u8 address, std::span<const u8> bytes);
  /// The byte at the offset, which moves on. A general call has no answer: FFh.
  u8 read(u8 address);
  void clear() { chips_ = {}; }

 private:
  static constexpr u8 kFirst = 0x50;
  static constexpr u8 kGeneralCall = 0;
  struct Chip {
    std::array<u8, 256> data{};
    u8 offset = 0;
  };
  std::array<Chip, 8> chips_{};
};

}  // namespace chipset
