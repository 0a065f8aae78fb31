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

/// Where in a section, and what is wrong there. The path grows from the inside.
struct Failure {
  std::string path;
  std::string text;
};
using Decoded = tl::expected<void, Failure>;

tl::unexpected<Failure> wrong(std::string path, std::string text) {
  return tl::unexpected<Failure>(Failure{std::move(path), std::move(text)});
}

tl::unexpected<Failure> within(std::string_view outer, Failure inner) {
  inner.path = inner.path.empty() ? std::string(outer) : fmt::format("{}.{}", outer, inner.path);
  return tl::unexpected<Failure>(std::move(inner));
}

std::string name_of(const Field& field, u32 element) {
  return field.count == 1 ? std::string(field.name) : fmt::format("{}[{}]", field.name, element);
}

Decoded decode_table(const StateTable& table, void* state, i32 version, Bytes& in);

Decoded check_limits(const Field& field, u32 element, u64 raw, unsigned width) {
  if (!field.limited() || width == 0) return {};
  const bool is_signed = field.kind == FieldKind::kSigned || field.kind == FieldKind::kTimer;
  const unsigned shift = 64 - width * 8;
  const i64 value = is_signed ? static_cast<i64>(raw << shift) >> shift : static_cast<i64>(raw);
  const bool huge = !is_signed && value < 0;
  if (!huge && value >= field.least && value <= field.most) return {};
  const std::string number = huge ? fmt::format("{}", raw) : fmt::format("{}", value);
  if (field.least == field.most) {
    return wrong(name_of(field, element), fmt::format("{} is not {}", number, field.least));
  }
  return wrong(name_of(field, element),
               fmt::format("{} is not within {} to {}", number, field.least, field.most));
}

Decoded decode_field(const Field& field, void* state, Bytes& in) {
  const auto cut = [&](u32 at) { return wrong(name_of(field, at), "the stream ends within it"); };
  const u32 count = elements(field, state);
  if (field.kind == FieldKind::kPadding) {
    if (in.size() < count) return cut(0);
    in = in.subspan(count);
    return {};
  }
  u8* element = static_cast<u8*>(field.access(state));
  if (field.kind == FieldKind::kBuffer) {
    if (in.size() < count) return wrong(std::string(field.name), "the stream ends within it");
    std::copy_n(in.begin(), count, element);
    in = in.subspan(count);
    return {};
  }
  for (u32 i = 0; i < count; ++i, element += field.stride) {
    if (field.kind == FieldKind::kStruct) {
      auto result = decode_table(*field.table, element, field.table->version, in);
      if (!result) return within(name_of(field, i), std::move(result.error()));
      continue;
    }
    const unsigned width = wire_width(field);
    if (in.size() < width) return cut(i);
    u64 value = take(in, width);
    if (auto result = check_limits(field, i, value, width); !result) return result;
    if (field.kind == FieldKind::kBool) value = value != 0 ? 1 : 0;
    std::memcpy(element, &value, width);
  }
  return {};
}

/// For a message: a hostile name must not reach a terminal.
std::string printable(std::string_view name) {
  std::string text(name);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return text;
}

Decoded decode_subsections(const StateTable& table, void* state, Bytes& in) {
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
      return wrong(
          "", fmt::format("the stream ends within the head of subsection {}", printable(name)));
    }
    if (!known) return wrong("", fmt::format("subsection {} is unknown", printable(name)));
    in = in.subspan(2u + name.size());
    const i32 version = static_cast<i32>(take(in, 4));
    auto result = decode_table(**sub, state, version, in);
    if (!result && result.error().path.empty()) {
      return wrong("", fmt::format("subsection {}: {}", (*sub)->name, result.error().text));
    }
    if (!result) return result;
  }
  return {};
}

Decoded decode_table(const StateTable& table, void* state, i32 version, Bytes& in) {
  if (version > table.version || version < table.min_version) {
    return wrong("", fmt::format("version {} is not between {} and {}", version, table.min_version,
                                 table.version));
  }
  if (table.before_load != nullptr) table.before_load(state);
  for (const Field& field : table.fields) {
    if (!on_wire(field, state, version)) continue;
    if (auto result = decode_field(field, state, in); !result) return result;
  }
  if (auto result = decode_subsections(table, state, in); !result) return result;
  if (table.validate == nullptr) return {};
  if (const auto bad = table.validate(state)) {
    return wrong(std::string(bad->field), fmt::format("{} {}", bad->value, bad->why));
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
  const auto result = decode_table(table, state, version, in);
  if (result) return {};
  const auto& [path, text] = result.error();
  return fail(path.empty() ? text : fmt::format("field {}: {}", path, text));
}

}  // namespace core
