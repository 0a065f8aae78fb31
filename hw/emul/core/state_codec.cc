#include "hw/emul/core/state_codec.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/core/bits.h"

namespace core {
namespace {

constexpr u8 kSubsectionMark = 5;

u32 elements(const Field& field, const void* state) {
  return field.length != nullptr ? std::min(field.length(state), field.count) : field.count;
}

bool on_wire(const Field& field, const void* state, i32 version) {
  if (field.kind == FieldKind::kLocal || field.since > version) return false;
  return field.present == nullptr || field.present(state);
}

unsigned wire_width(const Field& field) {
  return field.kind == FieldKind::kTimer ? 8 : field.kind == FieldKind::kBool ? 1 : field.width;
}

void put(std::vector<u8>& out, u64 value, unsigned width) {
  while (width-- > 0) out.push_back(low<u8>(value >> (width * 8)));
}

u64 take(Bytes& in, unsigned width) {
  u64 value = 0;
  for (unsigned i = 0; i < width; ++i) value = value << 8 | in[i];
  in = in.subspan(width);
  return value;
}

Result<void> decode_field(const StateTable& table, const Field& field, void* state, Bytes& in) {
  const auto cut = [&] {
    return fail(fmt::format("state of {}: the stream ends within {}", table.name, field.name));
  };
  const u32 count = elements(field, state);
  if (field.kind == FieldKind::kPadding) {
    if (in.size() < count) return cut();
    in = in.subspan(count);
    return {};
  }
  u8* element = static_cast<u8*>(field.access(state));
  if (field.kind == FieldKind::kBuffer) {
    if (in.size() < count) return cut();
    std::copy_n(in.begin(), count, element);
    in = in.subspan(count);
    return {};
  }
  for (u32 i = 0; i < count; ++i, element += field.stride) {
    if (field.kind == FieldKind::kStruct) {
      auto result = decode_state(*field.table, element, field.table->version, in);
      if (!result) return result;
      continue;
    }
    const unsigned width = wire_width(field);
    if (in.size() < width) return cut();
    u64 value = take(in, width);
    if (field.kind == FieldKind::kBool) value = value != 0 ? 1 : 0;
    std::memcpy(element, &value, width);
  }
  return {};
}

Result<void> decode_subsections(const StateTable& table, void* state, Bytes& in) {
  while (!in.empty() && in[0] == kSubsectionMark) {
    if (in.size() < 2) return {};
    const std::string_view name(reinterpret_cast<const char*>(in.data() + 2),
                                std::min<std::size_t>(in[1], in.size() - 2));
    const bool whole = in.size() >= 2u + in[1] + 4u;
    const auto sub = std::find_if(table.subsections.begin(), table.subsections.end(),
                                  [&](const StateTable* one) { return one->name == name; });
    const bool known = sub != table.subsections.end();
    // Not ours, unless it says so: the section around this one may own it, or it is no subsection
    // at all but a field behind this struct that begins with the same byte.
    const bool ours = known || (name.size() > table.name.size() && name.starts_with(table.name) &&
                                name[table.name.size()] == '/');
    if (!ours) return {};
    if (!whole) {
      return fail(fmt::format("state of {}: the stream ends within a subsection", table.name));
    }
    if (!known) return fail(fmt::format("state of {}: unknown subsection {}", table.name, name));
    in = in.subspan(2u + name.size());
    const i32 version = static_cast<i32>(take(in, 4));
    if (auto result = decode_state(**sub, state, version, in); !result) return result;
  }
  return {};
}

}  // namespace

void encode_state(const StateTable& table, void* state, std::vector<u8>& out) {
  if (table.before_save != nullptr) table.before_save(state);
  for (const Field& field : table.fields) {
    if (!on_wire(field, state, table.version)) continue;
    const u32 count = elements(field, state);
    if (field.kind == FieldKind::kPadding) {
      out.insert(out.end(), count, field.fill);
      continue;
    }
    u8* element = static_cast<u8*>(field.access(state));
    if (field.kind == FieldKind::kBuffer) {
      out.insert(out.end(), element, element + count);
      continue;
    }
    for (u32 i = 0; i < count; ++i, element += field.stride) {
      if (field.kind == FieldKind::kStruct) {
        encode_state(*field.table, element, out);
        continue;
      }
      u64 value = 0;
      std::memcpy(&value, element, wire_width(field));
      put(out, value, wire_width(field));
    }
  }
  for (const StateTable* sub : table.subsections) {
    if (sub->needed != nullptr && !sub->needed(state)) continue;
    out.push_back(kSubsectionMark);
    out.push_back(low<u8>(sub->name.size()));
    out.insert(out.end(), sub->name.begin(), sub->name.end());
    put(out, static_cast<u32>(sub->version), 4);
    encode_state(*sub, state, out);
  }
}

Result<void> decode_state(const StateTable& table, void* state, i32 version, Bytes& in) {
  if (version > table.version || version < table.min_version) {
    return fail(fmt::format("state of {}: version {} is not between {} and {}", table.name, version,
                            table.min_version, table.version));
  }
  if (table.before_load != nullptr) table.before_load(state);
  for (const Field& field : table.fields) {
    if (!on_wire(field, state, version)) continue;
    if (auto result = decode_field(table, field, state, in); !result) return result;
  }
  if (auto result = decode_subsections(table, state, in); !result) return result;
  if (table.validate != nullptr && !table.validate(state)) {
    return fail(fmt::format("state of {}: values that this device cannot have", table.name));
  }
  return {};
}

}  // namespace core
