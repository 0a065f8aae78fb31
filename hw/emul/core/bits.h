// Register bit fields as the manuals print them, and loads and stores in either byte order.
#pragma once

#include <cstring>
#include <type_traits>

#include "hw/emul/core/types.h"

namespace core {

/// Narrowing that says so: the low bits of an integer expression as a T (u8 arithmetic promotes
/// to int, and -Wconversion asks for the way back to be written down).
template <typename T, typename V>
constexpr T low(V value) {
  return static_cast<T>(value);
}

/// One field of a register: `using Parity = Bits<u8, 5, 3>` is bits 5..3 of an 8-bit register.
/// A single bit is `Bits<u8, 7>`. Active-low fields have names that end in _n.
template <typename T, unsigned High, unsigned Low = High>
struct Bits {
  static_assert(std::is_unsigned_v<T> && High >= Low && High < sizeof(T) * 8);
  static constexpr T kValueMask =
      High - Low + 1 == sizeof(T) * 8 ? low<T>(~T{0}) : low<T>((T{1} << (High - Low + 1)) - 1);
  static constexpr T kMask = low<T>(kValueMask << Low);

  static constexpr T get(T reg) { return low<T>((reg >> Low) & kValueMask); }
  static constexpr bool test(T reg) { return (reg & kMask) != 0; }
  /// The field's value moved to its place, other bits zero.
  static constexpr T of(T value) { return low<T>((value & kValueMask) << Low); }
  static constexpr T with(T reg, T value) { return low<T>((reg & low<T>(~kMask)) | of(value)); }
};

/// Unaligned little-endian loads and stores (the host is little-endian: x86).
template <typename T>
inline T load_le(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
inline void store_le(void* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

/// Unaligned big-endian loads and stores, as SCSI and the Internet protocols have them.
template <typename T>
inline T load_be(const void* from) {
  const auto* bytes = static_cast<const u8*>(from);
  T value = 0;
  for (unsigned i = 0; i < sizeof value; ++i) value = low<T>(u64{value} << 8 | bytes[i]);
  return value;
}

/// The low bytes of `value`, as many as a T has.
template <typename T>
inline void store_be(void* to, u64 value) {
  auto* bytes = static_cast<u8*>(to);
  for (unsigned i = 0; i < sizeof(T); ++i) bytes[i] = low<u8>(value >> (8 * (sizeof(T) - 1 - i)));
}

/// The low `width` bytes (1..8) of all ones: what an absent register reads as.
constexpr u64 all_ones(unsigned width) {
  return width >= 8 ? ~u64{0} : (u64{1} << (width * 8)) - 1;
}

/// `value` cut to `width` bytes.
constexpr u64 truncate(u64 value, unsigned width) {
  return value & all_ones(width);
}

}  // namespace core
