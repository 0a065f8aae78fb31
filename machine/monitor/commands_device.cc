// Processors and devices that come and go, and the tree that clients walk to find them.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

Json socket(unsigned index) {
  return Json{{"core-id", 0}, {"thread-id", 0}, {"socket-id", index}};
}

std::string cpu_path(const Cpu& cpu) {
  return cpu.id.empty() ? "/machine/unattached/device[" + std::to_string(cpu.index) + "]"
                        : "/machine/peripheral/" + cpu.id;
}

Reply query_cpus_fast(Context& context, const Json&) {
  Json list = Json::array();
  for (const Cpu& cpu : context.ports.cpu.cpus()) {
    list.push_back(Json{{"thread-id", cpu.thread_id},
                        {"props", socket(cpu.index)},
                        {"qom-path", cpu_path(cpu)},
                        {"cpu-index", cpu.index},
                        {"target", "i386"}});
  }
  return list;
}

Reply query_hotpluggable_cpus(Context& context, const Json&) {
  const std::vector<Cpu> online = context.ports.cpu.cpus();
  Json list = Json::array();
  for (unsigned index = context.ports.cpu.max_cpus(); index-- > 0;) {
    Json slot = {{"props", socket(index)}, {"vcpus-count", 1}};
    for (const Cpu& cpu : online) {
      if (cpu.index == index) slot["qom-path"] = cpu_path(cpu);
    }
    slot["type"] = context.ports.identity.cpu_type;
    list.push_back(std::move(slot));
  }
  return list;
}

/// A property that may come as a number or, as all properties may, as text.
tl::expected<std::int64_t, QmpError> property_int(const Json& arguments, std::string_view name) {
  if (const auto value = int_of(arguments, name)) return *value;
  const auto text = text_of(arguments, name);
  if (!text) return refuse("CPU " + std::string(name) + " is not set");
  char* end = nullptr;
  const long value = std::strtol(text->c_str(), &end, 0);
  if (text->empty() || *end != '\0') {
    return refuse("Parameter '" + std::string(name) + "' expects a number");
  }
  return std::int64_t{value};
}

bool id_in_use(Context& context, const std::string& id) {
  for (const Cpu& cpu : context.ports.cpu.cpus()) {
    if (cpu.id == id) return true;
  }
  const auto devices = context.ports.device.named_devices();
  return std::any_of(devices.begin(), devices.end(),
                     [&](const DeviceInfo& device) { return device.id == id; });
}

std::optional<QmpError> check_range(std::string_view what, std::int64_t value, std::int64_t last) {
  if (value >= 0 && value <= last) return std::nullopt;
  return QmpError{{},
                  "Invalid CPU " + std::string(what) + ": " + std::to_string(value) +
                      " must be in range 0:" + std::to_string(last)};
}

Reply add_cpu(Context& context, const Json& arguments, const std::string& id) {
  constexpr std::string_view kNames[] = {"socket-id", "core-id", "thread-id"};
  std::int64_t values[3] = {};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto value = property_int(arguments, kNames[i]);
    if (!value) return tl::unexpected<QmpError>(value.error());
    const std::int64_t last = i == 0 ? std::int64_t{context.ports.cpu.max_cpus()} - 1 : 0;
    if (auto error = check_range(kNames[i], *value, last)) {
      return tl::unexpected<QmpError>(std::move(*error));
    }
    values[i] = *value;
  }
  const auto index = static_cast<unsigned>(values[0]);
  for (const Cpu& cpu : context.ports.cpu.cpus()) {
    if (cpu.index != index) continue;
    return refuse(fmt::format("CPU[{0}] with APIC ID {0} exists", index));
  }
  // A place that is taken is the more telling error, so the name comes after it.
  if (!id.empty() && id_in_use(context, id)) return refuse("Duplicate device ID '" + id + "'");
  return from_result(context.ports.cpu.plug_cpu(index, id));
}

std::string property_text(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  if (const std::string* text = value.get_ptr<const std::string*>()) return *text;
  return to_text(value);
}

constexpr Member kAddArguments[] = {
    {"driver", &kStringType, false, "what kind of device"},
    {"bus", &kStringType, true, "where to"},
    {"id", &kStringType, true, "how it is to be called"},
};

Reply device_add(Context& context, const Json& arguments) {
  const std::string driver = required_text(arguments, "driver");
  const std::string id = text_of(arguments, "id").value_or(std::string());
  if (driver == context.ports.identity.cpu_type) {
    return add_cpu(context, arguments, id);
  }
  if (!context.ports.device.knows_device(driver)) {
    return refuse("'" + driver + "' is not a valid device model name");
  }
  if (!id.empty() && id_in_use(context, id)) return refuse("Duplicate device ID '" + id + "'");
  DeviceSpec spec{driver, id, {}};
  for (auto it = arguments.begin(); it != arguments.end(); ++it) {
    if (it.key() == "driver" || it.key() == "id") continue;
    spec.properties.emplace_back(it.key(), property_text(it.value()));
  }
  return from_result(context.ports.device.add_device(spec));
}

constexpr Member kDelArguments[] = {{"id", &kStringType, false, "id, or path in the tree"}};

Reply device_del(Context& context, const Json& arguments) {
  const std::string id = required_text(arguments, "id");
  constexpr std::string_view kPeripheral = "/machine/peripheral/";
  std::string bare = id;
  if (bare.rfind(kPeripheral, 0) == 0) bare = bare.substr(kPeripheral.size());
  for (const DeviceInfo& device : context.ports.device.named_devices()) {
    if (device.id == bare) return from_result(context.ports.device.remove_device(bare));
  }
  for (const Cpu& cpu : context.ports.cpu.cpus()) {
    if ((!cpu.id.empty() && cpu.id == bare) || cpu_path(cpu) == id) {
      return refuse("acpi: device unplug request for not supported device type: " +
                    context.ports.identity.cpu_type);
    }
  }
  return device_not_found(id);
}

struct Property {
  std::string name;
  std::string type;
};

/// What lies below `path`, as far as clients walk: the devices that have an id.
std::optional<std::vector<Property>> tree(Context& context, std::string path) {
  if (!path.empty() && path.front() != '/') path.insert(path.begin(), '/');
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  std::vector<Property> list = {{"type", "string"}};
  const MachineIdentity& identity = context.ports.identity;
  if (path == "/") {
    for (const char* name : {"objects", "chardevs"}) list.push_back({name, "child<container>"});
    list.push_back({"machine", "child<" + identity.machine + "-machine>"});
    return list;
  }
  if (path == "/machine") {
    for (const char* name : {"unattached", "peripheral", "peripheral-anon"}) {
      list.push_back({name, "child<container>"});
    }
    return list;
  }
  if (path == "/machine/peripheral") {
    for (const DeviceInfo& device : context.ports.device.named_devices()) {
      list.push_back({device.id, "child<" + device.driver + ">"});
    }
    for (const Cpu& cpu : context.ports.cpu.cpus()) {
      if (!cpu.id.empty()) list.push_back({cpu.id, "child<" + identity.cpu_type + ">"});
    }
    return list;
  }
  if (path == "/chardevs") {
    for (const CharDevice& device : context.ports.character.chardevs()) {
      list.push_back({device.label, "child<chardev>"});
    }
    return list;
  }
  for (const char* known : {"/objects", "/machine/unattached", "/machine/peripheral-anon"}) {
    if (path == known) return list;
  }
  for (const DeviceInfo& device : context.ports.device.named_devices()) {
    if (path == "/machine/peripheral/" + device.id) return list;
  }
  for (const Cpu& cpu : context.ports.cpu.cpus()) {
    if (path == cpu_path(cpu)) return list;
  }
  return std::nullopt;
}

constexpr Member kListArguments[] = {{"path", &kStringType}};

Reply qom_list(Context& context, const Json& arguments) {
  const std::string path = required_text(arguments, "path");
  const auto properties = tree(context, path);
  if (!properties) return device_not_found(path);
  Json list = Json::array();
  for (const Property& property : *properties) {
    list.push_back(Json{{"name", property.name}, {"type", property.type}});
  }
  return list;
}

std::string type_at(Context& context, const std::string& path) {
  const MachineIdentity& identity = context.ports.identity;
  if (path == "/machine") return identity.machine + "-machine";
  for (const DeviceInfo& device : context.ports.device.named_devices()) {
    if (path == "/machine/peripheral/" + device.id) return device.driver;
  }
  for (const Cpu& cpu : context.ports.cpu.cpus()) {
    if (path == cpu_path(cpu)) return identity.cpu_type;
  }
  return "container";
}

constexpr Member kGetArguments[] = {{"path", &kStringType}, {"property", &kStringType}};

Reply qom_get(Context& context, const Json& arguments) {
  const std::string path = required_text(arguments, "path");
  const std::string property = required_text(arguments, "property");
  const auto properties = tree(context, path);
  if (!properties) return device_not_found(path);
  if (property == "type") return Json(type_at(context, path));
  for (const Property& known : *properties) {
    if (known.name == property) return Json(fmt::format("{}/{}", path, property));
  }
  return refuse(fmt::format("Property '{}.{}' not found", type_at(context, path), property));
}

constexpr Command kCommands[] = {
    {"query-cpus-fast", {}, query_cpus_fast, "The processors that are online.", &kCpuInfoFastList},
    {"query-hotpluggable-cpus",
     {},
     query_hotpluggable_cpus,
     "The places for processors, and what is in them.",
     &kHotpluggableCPUList},
    {"device_add", kAddArguments, device_add, "Plugs a device or a processor in.", nullptr, true},
    {"device_del", kDelArguments, device_del, "Asks the guest to let go of a device."},
    {"qom-list", kListArguments, qom_list, "What lies below a path of the tree.",
     &kObjectPropertyInfoList},
    {"qom-get", kGetArguments, qom_get, "One property of an object of the tree.", &kAnyType},
};

}  // namespace

std::span<const Command> device_commands() {
  return kCommands;
}

}  // namespace monitor
