#include "machine/monitor/schema.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace monitor {

using Kind = Type::Kind;

constexpr Type kStringType{Kind::kString, "str"};
constexpr Type kIntType{Kind::kInt, "int"};
constexpr Type kSizeType{Kind::kSize, "size"};
constexpr Type kNumberType{Kind::kNumber, "number"};
constexpr Type kBoolType{Kind::kBool, "bool"};
constexpr Type kAnyType{Kind::kAny, "any"};

namespace {

using Problem = std::optional<std::string>;

Problem wrong_type(const std::string& path, std::string_view expected) {
  return "Invalid parameter type for '" + path + "', expected: " + std::string(expected);
}

bool fits_int(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= INT64_MAX;
  return value.is_number_integer();
}

std::string join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

const Branch* branch_of(const Type& type, const Json& object) {
  const std::string tag = required_text(object, type.members.front().name);
  for (const Branch& branch : type.branches) {
    if (branch.value == tag) return &branch;
  }
  return nullptr;
}

/// `name` is the last component of `path`; empty in an array.
Problem check(const Json& value, const Type& type, const std::string& path, std::string_view name);

Problem check_members(const Json& object, std::span<const Member> members,
                      const std::string& path) {
  for (const Member& member : members) {
    const std::string full = join(path, member.name);
    const Json* value = find(object, member.name);
    if (value == nullptr) {
      if (member.optional) continue;
      return "Parameter '" + full + "' is missing";
    }
    if (Problem problem = check(*value, *member.type, full, member.name)) return problem;
  }
  return std::nullopt;
}

bool declares(std::span<const Member> members, std::string_view name) {
  return std::any_of(members.begin(), members.end(),
                     [&](const Member& member) { return member.name == name; });
}

Problem check_object(const Json& value, const Type& type, const std::string& path) {
  if (!value.is_object()) return wrong_type(path, "object");
  if (Problem problem = check_members(value, type.members, path)) return problem;
  std::span<const Member> further;
  if (type.kind == Kind::kUnion) {
    const Branch* branch = branch_of(type, value);
    if (branch != nullptr) further = branch->type->members;
    if (Problem problem = check_members(value, further, path)) return problem;
  }
  if (type.kind == Kind::kOpenObject) return std::nullopt;
  for (auto it = value.begin(); it != value.end(); ++it) {
    if (declares(type.members, it.key()) || declares(further, it.key())) continue;
    return "Parameter '" + join(path, it.key()) + "' is unexpected";
  }
  return std::nullopt;
}

Problem check_array(const Json& value, const Type& type, const std::string& path) {
  if (!value.is_array()) return wrong_type(path, "array");
  std::size_t index = 0;
  for (const Json& item : value) {
    const std::string full = path + "[" + std::to_string(index++) + "]";
    if (Problem problem = check(item, *type.element, full, {})) return problem;
  }
  return std::nullopt;
}

Problem check_enum(const Json& value, const Type& type, const std::string& path,
                   std::string_view name) {
  const std::string* text = value.get_ptr<const std::string*>();
  if (text == nullptr) return wrong_type(path, "string");
  if (std::find(type.values.begin(), type.values.end(), *text) != type.values.end()) {
    return std::nullopt;
  }
  return "Parameter '" + std::string(name.empty() ? "null" : name) + "' does not accept value '" +
         *text + "'";
}

Problem check(const Json& value, const Type& type, const std::string& path, std::string_view name) {
  switch (type.kind) {
    case Kind::kString: return value.is_string() ? Problem() : wrong_type(path, "string");
    case Kind::kInt: return fits_int(value) ? Problem() : wrong_type(path, "integer");
    case Kind::kSize: return value.is_number_integer() ? Problem() : wrong_type(path, "integer");
    case Kind::kNumber: return value.is_number() ? Problem() : wrong_type(path, "number");
    case Kind::kBool: return value.is_boolean() ? Problem() : wrong_type(path, "boolean");
    case Kind::kEnum: return check_enum(value, type, path, name);
    case Kind::kArray: return check_array(value, type, path);
    case Kind::kObject:
    case Kind::kOpenObject:
    case Kind::kUnion: return check_object(value, type, path);
    case Kind::kAny: break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_arguments(const Json& arguments, std::span<const Member> members,
                                           bool open) {
  Type whole;
  whole.kind = open ? Kind::kOpenObject : Kind::kObject;
  whole.members = members;
  return check_object(arguments, whole, "");
}

std::optional<std::string> check_arguments(const Json& arguments, const Type& variants) {
  return check_object(arguments, variants, "");
}

std::optional<std::string> check_value(const Json& value, const Type& type) {
  return check(value, type, "result", "result");
}

const Json* find(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(std::string(name));
  return it == object.end() ? nullptr : &*it;
}

std::optional<std::string> text_of(const Json& object, std::string_view name) {
  const Json* value = find(object, name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return *value->get_ptr<const std::string*>();
}

std::optional<std::int64_t> int_of(const Json& object, std::string_view name) {
  const Json* value = find(object, name);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  return value->get<std::int64_t>();
}

std::optional<bool> bool_of(const Json& object, std::string_view name) {
  const Json* value = find(object, name);
  if (value == nullptr || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

std::string required_text(const Json& object, std::string_view name) {
  return text_of(object, name).value_or(std::string());
}

std::int64_t required_int(const Json& object, std::string_view name) {
  return int_of(object, name).value_or(0);
}

}  // namespace monitor
