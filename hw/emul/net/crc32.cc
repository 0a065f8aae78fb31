#include "hw/emul/net/crc32.h"

#include <array>

#include "hw/emul/core/bits.h"

namespace net {
namespace {

using core::u32;
using core::u8;

constexpr u32 kPolynomial = 0xedb88320;  // reflected
constexpr unsigned kSlices = 8;
using Table = std::array<std::array<u32, 256>, kSlices>;

/// Row n: what a byte contributes that n more bytes follow.
constexpr Table make_table() {
  Table table{};
  for (u32 byte = 0; byte < 256; ++byte) {
    u32 crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[0][byte] = crc;
  }
  for (unsigned n = 1; n < kSlices; ++n) {
    for (u32 byte = 0; byte < 256; ++byte) {
      const u32 before = table[n - 1][byte];
      table[n][byte] = before >> 8 ^ table[0][before & 0xff];
    }
  }
  return table;
}
constexpr Table kTable = make_table();

}  // namespace

u32 crc32(core::Bytes data) {
  u32 crc = ~u32{0};
  const u8* at = data.data();
  std::size_t left = data.size();
  for (; left >= kSlices; at += kSlices, left -= kSlices) {
    const u32 low = core::load_le<u32>(at) ^ crc, high = core::load_le<u32>(at + 4);
    crc = kTable[7][low & 0xff] ^ kTable[6][low >> 8 & 0xff] ^ kTable[5][low >> 16 & 0xff] ^
          kTable[4][low >> 24] ^ kTable[3][high & 0xff] ^ kTable[2][high >> 8 & 0xff] ^
          kTable[1][high >> 16 & 0xff] ^ kTable[0][high >> 24];
  }
  for (; left != 0; ++at, --left) crc = crc >> 8 ^ kTable[0][(crc ^ *at) & 0xff];
  return ~crc;
}

u32 multicast_hash(core::Bytes address) {
  // The register shifts the other way round than the reflected one above.
  const u32 crc = ~crc32(address.first(6));
  u32 hash = 0;
  for (unsigned bit = 0; bit < 6; ++bit) hash = hash << 1 | (crc >> bit & 1);
  return hash;
}

}  // namespace net
