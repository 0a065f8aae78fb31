// The tree of objects, the kinds of devices, and objects that a client makes.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/object_store.h"
#include "machine/monitor/object_tree.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

/// The tree with the objects that clients made in it.
Object tree_of(Context& context) {
  Object root = context.ports.inspect.objects();
  for (Object& child : root.children) {
    if (child.name == "objects") child.children = context.objects.list();
  }
  return root;
}

tl::expected<FoundObject, QmpError> object_at(const Object& root, const std::string& path) {
  FoundObject found = find_object(root, path);
  if (found.ambiguous) return refuse("Path '" + path + "' is ambiguous");
  if (found.object == nullptr) return device_not_found(path);
  return found;
}

constexpr Member kListArguments[] = {{"path", &kStringType, false, "in the tree, or its end"}};

Reply qom_list(Context& context, const Json& arguments) {
  const Object root = tree_of(context);
  const auto found = object_at(root, required_text(arguments, "path"));
  if (!found) return tl::unexpected(found.error());
  Json list = Json::array({Json{{"name", "type"}, {"type", "string"}}});
  for (const ObjectProperty& property : found->object->properties) {
    list.push_back(Json{{"name", property.name}, {"type", property.type}});
  }
  for (const Object& child : found->object->children) {
    list.push_back(Json{{"name", child.name}, {"type", "child<" + child.type + ">"}});
  }
  return list;
}

std::string not_found(const Object& object, const std::string& property) {
  return fmt::format("Property '{}.{}' not found", object.type, property);
}

constexpr Member kGetArguments[] = {{"path", &kStringType}, {"property", &kStringType}};

Reply qom_get(Context& context, const Json& arguments) {
  const Object root = tree_of(context);
  const auto found = object_at(root, required_text(arguments, "path"));
  if (!found) return tl::unexpected(found.error());
  const std::string name = required_text(arguments, "property");
  if (name == "type") return Json(found->object->type);
  if (const ObjectProperty* property = found->object->property(name)) {
    return to_json(property->value);
  }
  for (const Object& child : found->object->children) {
    if (child.name == name) return Json(found->path + "/" + name);
  }
  return refuse(not_found(*found->object, name));
}

constexpr Member kSetArguments[] = {
    {"path", &kStringType}, {"property", &kStringType}, {"value", &kAnyType}};

/// Devices are wired when they are made; there is nothing that a client could set afterwards.
Reply qom_set(Context& context, const Json& arguments) {
  const Object root = tree_of(context);
  const auto found = object_at(root, required_text(arguments, "path"));
  if (!found) return tl::unexpected(found.error());
  const std::string name = required_text(arguments, "property");
  const ObjectProperty* property = found->object->property(name);
  if (name != "type" && property == nullptr) return refuse(not_found(*found->object, name));
  if (name == "type" || found->object->property("realized") == nullptr) {
    return refuse(fmt::format("Property '{}.{}' is not writable", found->object->type, name));
  }
  return refuse(
      fmt::format("Attempt to set property '{}' on device '{}' (type '{}') after it was realized",
                  name, found->object->name, found->object->type));
}

constexpr Member kTypeArguments[] = {{"typename", &kStringType, false, "of a device"}};

Json describe(const DeviceTypeInfo::Property& property) {
  Json item = Json::object();
  if (!property.value.empty()) {
    item["default-value"] = Json::parse(property.value, nullptr, /*allow_exceptions=*/false);
  }
  item["name"] = std::string(property.name);
  if (!property.description.empty()) item["description"] = std::string(property.description);
  item["type"] = std::string(property.type);
  return item;
}

Reply device_list_properties(Context& context, const Json& arguments) {
  const std::string name = required_text(arguments, "typename");
  bool is_parent = false;
  for (const DeviceTypeInfo& type : context.ports.inspect.device_types()) {
    is_parent |= type.parent == name;
    if (type.name != name) continue;
    Json list = Json::array();
    for (const auto& property : type.properties) list.push_back(describe(property));
    return list;
  }
  if (!is_parent && name != "device") return device_not_found(name);
  return refuse("Parameter 'typename' expects a non-abstract device type");
}

constexpr Member kTypesArguments[] = {
    {"implements", &kStringType, true, "only kinds of this one"},
    {"abstract", &kBoolType, true, "also those of which there are none as such"},
};

Reply qom_list_types(Context& context, const Json& arguments) {
  const auto wanted = text_of(arguments, "implements");
  Json list = Json::array();
  std::vector<std::string_view> parents;
  for (const DeviceTypeInfo& type : context.ports.inspect.device_types()) {
    const bool fits = !wanted || *wanted == "device" || *wanted == "object" ||
                      *wanted == type.name || *wanted == type.parent ||
                      (*wanted == "pci-device" && type.bus == "PCI");
    if (!fits) continue;
    list.push_back(Json{{"name", std::string(type.name)}, {"parent", std::string(type.parent)}});
    const bool known = std::find(parents.begin(), parents.end(), type.parent) != parents.end();
    if (!known && type.parent != "device") parents.push_back(type.parent);
  }
  if (!bool_of(arguments, "abstract").value_or(false)) return list;
  for (const std::string_view parent : parents) {
    list.push_back(Json{{"abstract", true}, {"name", std::string(parent)}, {"parent", "device"}});
  }
  return list;
}

constexpr std::string_view kObjectKinds[] = {"iothread", "secret"};
constexpr Type kObjectKind{Type::Kind::kEnum, "ObjectType", nullptr, {}, kObjectKinds};
constexpr Member kAddArguments[] = {
    {"qom-type", &kObjectKind, false, "an iothread has no effect: disks never wait here"},
    {"id", &kStringType},
};
constexpr Member kIothreadMembers[] = {
    {"poll-max-ns", &kIntType, true},     {"poll-grow", &kIntType, true},
    {"poll-shrink", &kIntType, true},     {"aio-max-batch", &kIntType, true},
    {"thread-pool-min", &kIntType, true}, {"thread-pool-max", &kIntType, true}};
constexpr std::string_view kSecretFormats[] = {"raw", "base64"};
constexpr Type kSecretFormat{Type::Kind::kEnum, "QCryptoSecretFormat", nullptr, {}, kSecretFormats};
constexpr Member kSecretMembers[] = {
    {"loaded", &kBoolType, true}, {"format", &kSecretFormat, true}, {"keyid", &kStringType, true},
    {"iv", &kStringType, true},   {"data", &kStringType, true},     {"file", &kStringType, true}};
constexpr Type kIothread{Type::Kind::kObject, "IothreadProperties", nullptr, kIothreadMembers};
constexpr Type kSecret{Type::Kind::kObject, "SecretProperties", nullptr, kSecretMembers};
constexpr Branch kObjectBranches[] = {{"iothread", &kIothread}, {"secret", &kSecret}};
constexpr Type kObjectOptions{Type::Kind::kUnion, "ObjectOptions", nullptr, kAddArguments, {},
                              kObjectBranches};

Reply object_add(Context& context, const Json& arguments) {
  const auto added = context.objects.add(required_text(arguments, "qom-type"),
                                         required_text(arguments, "id"), arguments);
  return added ? Json::object() : Reply(refuse(added.error().message));
}

constexpr Member kDelArguments[] = {{"id", &kStringType}};

Reply object_del(Context& context, const Json& arguments) {
  const std::string id = required_text(arguments, "id");
  if (!context.objects.remove(id)) return refuse("object '" + id + "' not found");
  return Json::object();
}

Reply query_iothreads(Context& context, const Json&) {
  Json list = Json::array();
  for (const Object& object : context.objects.list()) {
    if (object.type != "iothread") continue;
    const ObjectStore::Polling& polling = *context.objects.polling(object.name);
    list.push_back(Json{{"poll-shrink", polling.shrink},
                        {"thread-id", context.objects.thread_id()},
                        {"aio-max-batch", polling.batch},
                        {"poll-grow", polling.grow},
                        {"poll-max-ns", polling.max_ns},
                        {"id", object.name}});
  }
  return list;
}

constexpr Command kCommands[] = {
    {"qom-list", kListArguments, qom_list, "What an object of the tree has.",
     &kObjectPropertyInfoList},
    {"qom-get", kGetArguments, qom_get, "One property of an object of the tree.", &kAnyType},
    {"qom-set", kSetArguments, qom_set, "Refused with the reason: devices are what they are."},
    {"qom-list-types", kTypesArguments, qom_list_types, "The kinds of devices.",
     &kObjectTypeInfoList},
    {"device-list-properties", kTypeArguments, device_list_properties,
     "The properties that -device takes for a kind of device.", &kObjectPropertyInfoList},
    {"qom-list-properties", kTypeArguments, device_list_properties,
     "The same; there are no other kinds of objects.", &kObjectPropertyInfoList},
    {"object-add", kAddArguments, object_add, "Makes an object.", nullptr, false, &kObjectOptions},
    {"object-del", kDelArguments, object_del, "Takes away an object that a client made."},
    {"query-iothreads",
     {},
     query_iothreads,
     "The iothreads that a client made.",
     &kIOThreadInfoList},
};

}  // namespace

const Type& object_options() {
  return kObjectOptions;
}

std::span<const Command> object_commands() {
  return kCommands;
}

}  // namespace monitor
