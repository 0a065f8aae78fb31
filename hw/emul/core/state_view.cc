#include "hw/emul/core/state_view.h"

#include <cstring>

namespace core {
namespace {

u64 element(const Field& field, const u8* at) {
  switch (field.width) {
    case 1: {
      const u8 value = *at;
      return field.kind == FieldKind::kSigned ? static_cast<u64>(static_cast<i8>(value)) : value;
    }
    case 2: {
      u16 value = 0;
      std::memcpy(&value, at, sizeof value);
      return field.kind == FieldKind::kSigned ? static_cast<u64>(static_cast<i16>(value)) : value;
    }
    case 4: {
      u32 value = 0;
      std::memcpy(&value, at, sizeof value);
      return field.kind == FieldKind::kSigned ? static_cast<u64>(static_cast<i32>(value)) : value;
    }
    default: {
      u64 value = 0;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
  }
}

class Viewer {
 public:
  void table(const StateTable& table, void* state, const std::string& prefix) {
    if (table.before_save != nullptr) table.before_save(state);
    for (const Field& field : table.fields) one(field, state, prefix);
    for (const StateTable* sub : table.subsections) {
      if (sub->needed == nullptr || sub->needed(state)) this->table(*sub, state, prefix);
    }
  }
  std::vector<StateItem> take() { return std::move(items_); }

 private:
  void one(const Field& field, void* state, const std::string& prefix) {
    if (field.kind == FieldKind::kPadding || field.kind == FieldKind::kLocal) return;
    if (field.present != nullptr && !field.present(state)) return;
    const u32 count = field.length != nullptr ? field.length(state) : field.count;
    auto* first = static_cast<u8*>(field.access(state));
    const std::string name = prefix + std::string(field.name);
    if (field.kind == FieldKind::kStruct) {
      for (u32 i = 0; i < count; ++i) {
        const std::string index = field.count > 1 ? "[" + std::to_string(i) + "]" : "";
        table(*field.table, first + u64{i} * field.stride, name + index + ".");
      }
      return;
    }
    StateItem item{name, field.kind, {}};
    for (u32 i = 0; i < count; ++i) {
      item.values.push_back(element(field, first + u64{i} * field.stride));
    }
    items_.push_back(std::move(item));
  }

  std::vector<StateItem> items_;
};

}  // namespace

std::vector<StateItem> view_state(const StateSection& section) {
  if (section.table == nullptr) return {};
  Viewer viewer;
  viewer.table(*section.table, section.state, "");
  return viewer.take();
}

}  // namespace core
