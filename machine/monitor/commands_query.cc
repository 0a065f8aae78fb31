// What the machine is made of.
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

Json text(std::string_view value) {
  return Json(std::string(value));
}

Reply query_name(Context& context, const Json&) {
  Json answer = Json::object();
  if (!context.ports.identity.name.empty()) answer["name"] = context.ports.identity.name;
  return answer;
}

Reply query_uuid(Context& context, const Json&) {
  return Json{{"UUID", context.ports.identity.uuid}};
}

Reply query_kvm(Context&, const Json&) {
  return Json{{"enabled", false}, {"present", false}};
}

Reply query_target(Context&, const Json&) {
  return Json{{"arch", "i386"}};
}

Reply query_machines(Context& context, const Json&) {
  Json list = Json::array();
  for (const MachineKind& kind : context.ports.identity.kinds) {
    Json item = {
        {"hotpluggable-cpus", true},   {"name", kind.name},
        {"numa-mem-supported", false}, {"default-cpu-type", context.ports.identity.cpu_type},
        {"cpu-max", kind.cpu_max},     {"deprecated", false},
        {"default-ram-id", "pc.ram"}};
    if (!kind.alias.empty()) item["alias"] = kind.alias;
    list.push_back(std::move(item));
  }
  return list;
}

Reply query_current_machine(Context& context, const Json&) {
  return Json{{"wakeup-suspend-support", context.ports.identity.can_sleep}};
}

Reply query_memory_size_summary(Context& context, const Json&) {
  return Json{{"base-memory", context.ports.identity.ram_bytes}, {"plugged-memory", 0}};
}

Reply empty_list(Context&, const Json&) {
  return Json::array();
}
Reply empty_object(Context&, const Json&) {
  return Json::object();
}

Reply no_balloon(Context&, const Json&) {
  return refuse("No balloon device has been activated", ErrorClass::kDeviceNotActive);
}
constexpr Member kBalloonArguments[] = {{"value", &kIntType, false, "bytes"}};

Json describe(const CommandLineOption& option) {
  Json parameters = Json::array();
  for (const auto& parameter : option.parameters) {
    parameters.push_back(Json{{"name", parameter.name}, {"type", parameter.type}});
  }
  return Json{{"parameters", std::move(parameters)}, {"option", option.name}};
}

constexpr Member kOptionArguments[] = {{"option", &kStringType, true}};

Reply query_command_line_options(Context& context, const Json& arguments) {
  const auto wanted = text_of(arguments, "option");
  Json list = Json::array();
  for (const CommandLineOption& option : context.ports.identity.options) {
    if (!wanted || *wanted == option.name) list.push_back(describe(option));
  }
  if (wanted && list.empty()) return refuse("invalid option name: " + *wanted);
  return list;
}

Reply query_chardev(Context& context, const Json&) {
  Json list = Json::array();
  for (const CharDevice& device : context.ports.character.chardevs()) {
    list.push_back(Json{{"frontend-open", device.frontend_open},
                        {"filename", device.filename},
                        {"label", device.label}});
  }
  return list;
}

Json describe(const PciRegion& region) {
  Json item = Json::object();
  if (!region.io) {
    item["prefetch"] = region.prefetch;
    item["mem_type_64"] = false;
  }
  item["bar"] = region.bar;
  item["size"] = region.size;
  item["address"] = region.address ? static_cast<std::int64_t>(*region.address) : -1;
  item["type"] = region.io ? "io" : "memory";
  return item;
}

Json describe(const PciDevice& device) {
  Json item = Json::object();
  item["irq_pin"] = device.interrupt_pin;
  item["bus"] = device.bus;
  item["qdev_id"] = device.qdev_id;
  if (device.interrupt_pin != 0) item["irq"] = device.interrupt_line;
  item["slot"] = device.slot;
  Json kind = {{"class", device.class_code}};
  const std::string_view name = pci_class_name(device.class_code);
  if (!name.empty()) kind["desc"] = text(name);
  item["class_info"] = std::move(kind);
  item["id"] = Json{{"device", device.device},
                    {"subsystem-vendor", device.subsystem_vendor},
                    {"vendor", device.vendor},
                    {"subsystem", device.subsystem}};
  item["function"] = device.function;
  Json regions = Json::array();
  for (const PciRegion& region : device.regions) regions.push_back(describe(region));
  item["regions"] = std::move(regions);
  return item;
}

Reply query_pci(Context& context, const Json&) {
  Json devices = Json::array();
  for (const PciDevice& device : context.ports.pci.pci_functions())
    devices.push_back(describe(device));
  if (devices.empty()) return Json::array();
  return Json::array({Json{{"bus", 0}, {"devices", std::move(devices)}}});
}

Reply query_display_options(Context&, const Json&) {
  return Json{{"type", "none"}};
}

/// The one model that a client may plug in; what it can do is Xen's business.
Reply query_cpu_definitions(Context& context, const Json&) {
  return Json::array({Json{{"name", "qemu32"},
                           {"typename", context.ports.identity.cpu_type},
                           {"unavailable-features", Json::array()},
                           {"static", false},
                           {"migration-safe", true},
                           {"deprecated", false}}});
}

Reply no_generation_id(Context&, const Json&) {
  return refuse(
      "The generation id is in hvmloader's tables: see platform/generation-id in "
      "xenstore");
}

constexpr Command kCommands[] = {
    {"query-name", {}, query_name, "The name given with -name.", &kNameInfo},
    {"query-uuid", {}, query_uuid, "The guest's UUID.", &kUuidInfo},
    {"query-kvm", {}, query_kvm, "Whether KVM is there; on Xen it is not.", &kKvmInfo},
    {"query-target", {}, query_target, "The architecture that is emulated.", &kTargetInfo},
    {"query-machines", {}, query_machines, "The machine types of -machine.", &kMachineInfoList},
    {"query-current-machine",
     {},
     query_current_machine,
     "What this machine can do.",
     &kCurrentMachineParams},
    {"query-memory-size-summary",
     {},
     query_memory_size_summary,
     "The guest's memory in bytes.",
     &kMemoryInfo},
    {"query-command-line-options", kOptionArguments, query_command_line_options,
     "The options of the command line and their parameters.", &kCommandLineOptionInfoList},
    {"query-chardev",
     {},
     query_chardev,
     "The character devices and what they are connected to.",
     &kChardevInfoList},
    {"query-pci", {}, query_pci, "The functions on the PCI bus.", &kPciInfoList},
    {"query-memory-devices", {}, empty_list, "Memory that was plugged in: none.", &kAnyList},
    {"query-acpi-ospm-status",
     {},
     empty_list,
     "What the guest said of plugged memory.",
     &kACPIOSTInfoList},
    {"query-jobs", {}, empty_list, "Long-running work: none.", &kAnyList},
    {"query-block-jobs", {}, empty_list, "Long-running work on disks: none.", &kAnyList},
    {"query-migrate", {}, empty_object, "The state of a migration: none.", &kMigrationInfo},
    {"query-balloon", {}, no_balloon, "Memory balloons are Xen's own here.", &kBalloonInfo},
    {"query-display-options",
     {},
     query_display_options,
     "What kind of window there is: none.",
     &kDisplayOptions},
    {"query-cpu-definitions",
     {},
     query_cpu_definitions,
     "The models of processors.",
     &kCpuDefinitionInfoList},
    {"query-memdev", {}, empty_list, "Memory that was given as an object: none.", &kAnyList},
    {"query-vm-generation-id", {}, no_generation_id, "Refused: hvmloader has it.", &kAnyType},
    {"balloon", kBalloonArguments, no_balloon, "Memory balloons are Xen's own here."},
};

}  // namespace

std::span<const Command> query_commands() {
  return kCommands;
}

}  // namespace monitor
