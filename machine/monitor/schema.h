// Types of arguments, declared as tables: what a command takes is written down once and checked,
// listed and documented from that.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "machine/monitor/json.h"

namespace monitor {

struct Type;

struct Member {
  std::string_view name;
  const Type* type = nullptr;
  bool optional = false;
  std::string_view doc{};
};

/// What a union has besides its common members when the first of those has `value`.
struct Branch {
  std::string_view value;
  const Type* type = nullptr;
};

struct Type {
  enum class Kind : std::uint8_t {
    kString,
    kInt,   // 64 bits with sign
    kSize,  // 64 bits without; negative ones wrap, as clients know it
    kNumber,
    kBool,
    kEnum,
    kArray,
    kObject,
    kOpenObject,  // takes members that it does not declare
    kUnion,       // told apart by the first member, an enum
    kAny
  };
  Kind kind = Kind::kAny;
  std::string_view name{};
  const Type* element = nullptr;               // kArray
  std::span<const Member> members{};           // kObject, kOpenObject, kUnion
  std::span<const std::string_view> values{};  // kEnum
  std::span<const Branch> branches{};          // kUnion
};

extern const Type kStringType, kIntType, kSizeType, kNumberType, kBoolType, kAnyType;

/// Why `arguments` is not an object of these members; nothing if it is.
std::optional<std::string> check_arguments(const Json& arguments, std::span<const Member> members,
                                           bool open = false);

/// The same for arguments that depend on the first one.
std::optional<std::string> check_arguments(const Json& arguments, const Type& variants);

/// Why `value` is not of `type`; nothing if it is. For results, whose makers are ours: in tests.
std::optional<std::string> check_value(const Json& value, const Type& type);

// Members of a value that has been checked. The optional ones are absent, never wrong.
const Json* find(const Json& object, std::string_view name);
std::optional<std::string> text_of(const Json& object, std::string_view name);
std::optional<std::int64_t> int_of(const Json& object, std::string_view name);
std::optional<bool> bool_of(const Json& object, std::string_view name);
std::string required_text(const Json& object, std::string_view name);
std::int64_t required_int(const Json& object, std::string_view name);

}  // namespace monitor
