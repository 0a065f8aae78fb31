#include "machine/monitor/object_tree.h"

#include <nlohmann/json.hpp>

namespace monitor {

const ObjectProperty* Object::property(std::string_view wanted) const {
  for (const ObjectProperty& one : properties) {
    if (one.name == wanted) return &one;
  }
  return nullptr;
}

void walk_objects(const Object& parent, const std::string& path, std::vector<FoundObject>& found) {
  found.push_back({&parent, path.empty() ? "/" : path});
  for (const Object& child : parent.children) {
    walk_objects(child, path + "/" + child.name, found);
  }
}

FoundObject find_object(const Object& root, std::string_view path) {
  std::string wanted(path);
  while (wanted.size() > 1 && wanted.back() == '/') wanted.pop_back();
  std::vector<FoundObject> all;
  walk_objects(root, "", all);
  if (wanted.empty() || wanted == "/") return all.front();
  const bool absolute = wanted.front() == '/';
  FoundObject result;
  for (FoundObject& one : all) {
    const bool fits = absolute ? one.path == wanted : one.path.ends_with("/" + wanted);
    if (!fits) continue;
    if (result.object != nullptr) return {nullptr, {}, /*ambiguous=*/true};
    result = std::move(one);
  }
  return result;
}

Json to_json(const PropertyValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<core::i64>(&value)) return *number;
  if (const auto* large = std::get_if<core::u64>(&value)) return *large;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* list = std::get_if<std::vector<core::u64>>(&value)) return *list;
  return nullptr;
}

}  // namespace monitor
