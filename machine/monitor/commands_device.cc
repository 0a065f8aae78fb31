// Processors and devices that come and go.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/object_store.h"
#include "machine/monitor/object_tree.h"
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
  if (context.ports.cpu.max_cpus() == 0) {
    return refuse("The feature 'query-hotpluggable-cpus' is not enabled");
  }
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

constexpr Member kAddArguments[] = {
    {"driver", &kStringType, false, "what kind of device"},
    {"bus", &kStringType, true, "where to"},
    {"id", &kStringType, true, "how it is to be called"},
};

/// What stands against plugging in a `driver` with these properties, before the machine is asked.
/// What speaks against the device comes before what speaks against its name, and that before what
/// speaks against its settings.
std::optional<QmpError> check_new_device(Context& context, const std::string& driver,
                                         const std::string& id, const Json& arguments) {
  if (driver == "VGA") return QmpError{{}, "Parameter 'driver' expects a pluggable device type"};
  for (const DeviceTypeInfo& type : context.ports.inspect.device_types()) {
    if (type.name != driver) continue;
    // Of the buses here, only PCI and USB tell the guest when something comes.
    std::string bus;
    if (type.bus == "IDE") bus = text_of(arguments, "bus").value_or("ide.1");
    if (type.bus == "ISA") bus = "isa.0";
    if (type.bus == "floppy-bus") bus = "floppy-bus.0";
    if (!bus.empty()) return QmpError{{}, "Bus '" + bus + "' does not support hotplugging"};
    if (!id.empty() && id_in_use(context, id)) break;
    for (auto it = arguments.begin(); it != arguments.end(); ++it) {
      const bool known = it.key() == "driver" || it.key() == "id" || it.key() == "bus" ||
                         std::any_of(type.properties.begin(), type.properties.end(),
                                     [&](const auto& one) { return one.name == it.key(); });
      if (!known) return QmpError{{}, "Property '" + driver + "." + it.key() + "' not found"};
    }
  }
  if (id.empty() || !id_in_use(context, id)) return std::nullopt;
  return QmpError{{}, "Duplicate device ID '" + id + "'"};
}

Reply device_add(Context& context, const Json& arguments) {
  const std::string driver = required_text(arguments, "driver");
  const std::string id = text_of(arguments, "id").value_or(std::string());
  if (driver == context.ports.identity.cpu_type) {
    return add_cpu(context, arguments, id);
  }
  if (!context.ports.device.knows_device(driver)) {
    return refuse("'" + driver + "' is not a valid device model name");
  }
  if (!id.empty() && !is_identifier(id)) return refuse("Parameter 'id' expects an identifier");
  if (auto error = check_new_device(context, driver, id, arguments)) {
    return tl::unexpected<QmpError>(std::move(*error));
  }
  DeviceSpec spec{driver, id, {}};
  for (auto it = arguments.begin(); it != arguments.end(); ++it) {
    if (it.key() == "driver" || it.key() == "id") continue;
    spec.properties.emplace_back(it.key(), option_text(it.value()));
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
  const Object root = context.ports.inspect.objects();
  const FoundObject found = find_object(root, id);
  if (found.object == nullptr) return device_not_found(id);
  if (found.object->property("parent_bus") == nullptr) {
    return refuse(found.path + " is not a hotpluggable device");
  }
  const ObjectProperty* removable = found.object->property("hotpluggable");
  const ObjectProperty* address = found.object->property("addr");
  const auto* devfn = address == nullptr ? nullptr : std::get_if<std::int64_t>(&address->value);
  if (devfn != nullptr && removable != nullptr && std::get<bool>(removable->value)) {
    return from_result(context.ports.device.remove_function(static_cast<unsigned>(*devfn), id));
  }
  return refuse("Device '" + found.object->type + "' does not support hotplugging");
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
};

}  // namespace

std::span<const Command> device_commands() {
  return kCommands;
}

}  // namespace monitor
