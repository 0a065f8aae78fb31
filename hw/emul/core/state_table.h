// A device's guest-visible state, declared once: one aggregate struct of plain values, and one
// table that lists its members in the order, width and version of QEMU 7.2's stream for the same
// device (`-dump-vmstate` of the stock binary is the authority; a test compares).
//
//     struct State { u8 ier = 0; u8 lcr = 0; u64 rx_level = 0; };
//     constexpr auto kFields = std::to_array<core::Field>({
//         core::field<&State::ier>("ier"),
//         core::field<&State::lcr>("lcr"),
//         core::local<&State::rx_level>("derived from the FIFO on restore"),
//     });
//     constexpr core::StateTable kTable{.name = "serial", .version = 3, .min_version = 2,
//                                       .fields = kFields};
//     static_assert(core::covers<State>(kTable));   // a forgotten member does not build
//
// within() says which values a field can have; a stream with another is refused with field and
// value.
//
// Multi-byte values are big-endian on the wire, as in QEMU; the codec does that.
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "hw/emul/core/types.h"

namespace core {

enum class FieldKind : u8 {
  kBool,      // one byte
  kUnsigned,  // `width` bytes
  kSigned,
  kBuffer,   // bytes as they are
  kTimer,    // i64 deadline in guest nanoseconds, -1 when not armed
  kStruct,   // elements described by `table`
  kPadding,  // `count` bytes that QEMU has and we do not: written as `fill`
  kLocal,    // not on the wire
};

/// A value that a device cannot have, and why: "is not a multiple of 8".
struct BadValue {
  std::string_view field;
  i64 value = 0;
  std::string_view why;
};

struct StateTable;
using Access = void* (*)(void* state);

struct Field {
  std::string_view name;  // QEMU's name, or for kLocal the reason
  FieldKind kind = FieldKind::kLocal;
  u8 width = 0;             // of one element on the wire, bytes
  u8 fill = 0;              // kPadding
  u32 count = 1;            // elements
  u32 stride = 0;           // bytes from element to element in memory
  i32 since = 0;            // first table version that has it
  u64 owner = 0;            // names the direct member of the state this field is or is inside of
  Access access = nullptr;  // the first element
  const StateTable* table = nullptr;             // kStruct
  bool (*present)(const void* state) = nullptr;  // null: always
  u32 (*length)(const void* state) = nullptr;    // elements used, for arrays of run-time length
  i64 least = std::numeric_limits<i64>::min();   // what each element can be
  i64 most = std::numeric_limits<i64>::max();

  constexpr bool limited() const {
    return least != std::numeric_limits<i64>::min() || most != std::numeric_limits<i64>::max();
  }
};

/// A section, a nested struct or a subsection.
struct StateTable {
  std::string_view name;
  i32 version = 1;
  i32 min_version = 1;
  std::span<const Field> fields{};
  std::span<const StateTable* const> subsections{};
  /// Subsections only: whether a save writes it; null means always.
  bool (*needed)(const void* state) = nullptr;
  /// Brings fields that mirror something else (a FIFO, a timer) up to date; null: nothing to do.
  void (*before_save)(void* state) = nullptr;
  /// Runs before the fields are read: gives the members of absent subsections the values that
  /// their absence means. In a subsection: notes that it is there.
  void (*before_load)(void* state) = nullptr;
  /// The first of the values that the device could not have, as far as limits of a field do not
  /// say it. The restore then fails.
  std::optional<BadValue> (*validate)(const void* state) = nullptr;
};

namespace detail {

template <typename T>
struct MemberPointer;
template <typename Class, typename Type>
struct MemberPointer<Type Class::*> {
  using Owner = Class;
  using Member = Type;
};

template <auto First, auto... Rest>
constexpr auto& follow(typename MemberPointer<decltype(First)>::Owner& state) {
  if constexpr (sizeof...(Rest) == 0) {
    return state.*First;
  } else {
    return follow<Rest...>(state.*First);
  }
}

template <auto First, auto... Rest>
void* access(void* state) {
  return &follow<First, Rest...>(
      *static_cast<typename MemberPointer<decltype(First)>::Owner*>(state));
}

/// A number for a member: a hash of its name. (Comparing the addresses of access<> functions would
/// do, but is no constant expression under UBSan.)
template <auto Member>
consteval u64 member_id() {
  u64 hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : std::string_view(__PRETTY_FUNCTION__)) {
    hash = (hash ^ static_cast<u8>(c)) * 0x100000001b3;
  }
  return hash;
}

template <typename T>
struct ArrayTraits {
  using Element = T;
  static constexpr u32 kCount = 1;
};
template <typename T, std::size_t N>
struct ArrayTraits<std::array<T, N>> {
  using Element = typename ArrayTraits<T>::Element;
  static constexpr u32 kCount = static_cast<u32>(N) * ArrayTraits<T>::kCount;
};

template <auto First, auto... Rest>
using FieldType = std::remove_reference_t<decltype(follow<First, Rest...>(
    std::declval<typename MemberPointer<decltype(First)>::Owner&>()))>;

template <typename Element>
constexpr FieldKind kind_of() {
  if constexpr (std::is_same_v<Element, bool>) {
    return FieldKind::kBool;
  } else if constexpr (std::is_enum_v<Element>) {
    return kind_of<std::underlying_type_t<Element>>();
  } else {
    static_assert(std::is_integral_v<Element>, "use nested() for structs");
    return std::is_signed_v<Element> ? FieldKind::kSigned : FieldKind::kUnsigned;
  }
}

struct AnyMember {
  template <typename T>
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator T() const;
};

template <typename T, typename... Members>
consteval std::size_t arity() {
  if constexpr (requires { T{Members{}..., AnyMember{}}; }) {
    return arity<T, Members..., AnyMember>();
  } else {
    return sizeof...(Members);
  }
}

}  // namespace detail

/// An integer, bool, enum, or std::array of them. The path may lead into nested structs:
/// field<&State::queue, &Queue::rptr>("queue.rptr").
template <auto First, auto... Rest>
constexpr Field field(std::string_view name, i32 since = 0) {
  using Traits = detail::ArrayTraits<detail::FieldType<First, Rest...>>;
  using Element = typename Traits::Element;
  return {.name = name,
          .kind = detail::kind_of<Element>(),
          .width = sizeof(Element),
          .count = Traits::kCount,
          .stride = sizeof(Element),
          .since = since,
          .owner = detail::member_id<First>(),
          .access = &detail::access<First, Rest...>};
}

/// Bytes copied as they are (QEMU's VMSTATE_BUFFER): a std::array<u8, N>.
template <auto First, auto... Rest>
constexpr Field buffer(std::string_view name, i32 since = 0) {
  Field result = field<First, Rest...>(name, since);
  result.kind = FieldKind::kBuffer;
  return result;
}

/// An i64 deadline that the device arms its timer from (QEMU's VMSTATE_TIMER).
template <auto First, auto... Rest>
constexpr Field timer(std::string_view name, i32 since = 0) {
  static_assert(std::is_same_v<detail::FieldType<First, Rest...>, i64>);
  Field result = field<First, Rest...>(name, since);
  result.kind = FieldKind::kTimer;
  return result;
}

/// A struct, or a std::array of structs, with a table of its own.
template <auto First, auto... Rest>
constexpr Field nested(std::string_view name, const StateTable& table, i32 since = 0) {
  using Traits = detail::ArrayTraits<detail::FieldType<First, Rest...>>;
  return {.name = name,
          .kind = FieldKind::kStruct,
          .count = Traits::kCount,
          .stride = sizeof(typename Traits::Element),
          .since = since,
          .owner = detail::member_id<First>(),
          .access = &detail::access<First, Rest...>,
          .table = &table};
}

/// Bytes of QEMU's that we neither have nor need.
constexpr Field padding(u32 bytes, u8 fill = 0, i32 since = 0) {
  return {.name = "unused",
          .kind = FieldKind::kPadding,
          .width = 1,
          .fill = fill,
          .count = bytes,
          .since = since};
}

/// A member that the stream does not carry, with the reason.
template <auto Member>
constexpr Field local(std::string_view why) {
  return {.name = why, .owner = detail::member_id<Member>()};
}

/// A stream in which the field (each element of it) is less or more is refused.
constexpr Field within(Field result, i64 least, i64 most = std::numeric_limits<i64>::max()) {
  result.least = least;
  result.most = most;
  return result;
}

/// `result.present = ...` in an expression.
constexpr Field when(Field result, bool (*present)(const void* state)) {
  result.present = present;
  return result;
}

/// An array whose first length(state) elements are on the wire.
constexpr Field sized(Field result, u32 (*length)(const void* state)) {
  result.length = length;
  return result;
}

namespace detail {

template <std::size_t Limit>
consteval void collect_owners(const StateTable& table, std::array<u64, Limit>& seen,
                              std::size_t& used) {
  for (const Field& field : table.fields) {
    if (field.kind == FieldKind::kPadding) continue;
    bool known = false;
    for (std::size_t i = 0; i < used; ++i) known = known || seen[i] == field.owner;
    if (!known) seen[used++] = field.owner;
  }
  for (const StateTable* sub : table.subsections) collect_owners(*sub, seen, used);
}

}  // namespace detail

/// True if every direct member of the aggregate State is mentioned in `table` or one of its
/// subsections. State must have no C arrays (use std::array) and no base classes.
template <typename State>
consteval bool covers(const StateTable& table) {
  static_assert(std::is_aggregate_v<State>);
  std::array<u64, 256> seen{};
  std::size_t used = 0;
  detail::collect_owners(table, seen, used);
  return used == detail::arity<State>();
}

}  // namespace core
