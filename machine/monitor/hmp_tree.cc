// `info qom-tree` and `info qtree`: the objects of the machine by path, and its devices by bus.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/monitor/hmp_command.h"
#include "machine/monitor/object_tree.h"

namespace monitor {

namespace {

void print_objects(HmpCall& call, const Object& parent, unsigned indent) {
  call.print(fmt::format("{:{}}/{} ({})\n", "", indent, parent.name, parent.type));
  std::vector<const Object*> children;
  for (const Object& child : parent.children) children.push_back(&child);
  std::sort(children.begin(), children.end(),
            [](const Object* a, const Object* b) { return a->name < b->name; });
  for (const Object* child : children) print_objects(call, *child, indent + 2);
}

std::string text_of_value(const ObjectProperty& property) {
  if (const bool* flag = std::get_if<bool>(&property.value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&property.value)) {
    return fmt::format("\"{}\"", *text);
  }
  if (const auto* number = std::get_if<core::i64>(&property.value)) {
    return fmt::format("{} (0x{:x})", *number, static_cast<u64>(*number));
  }
  if (const auto* number = std::get_if<u64>(&property.value)) {
    return fmt::format("{} (0x{:x})", *number, *number);
  }
  return "<null>";
}

class BusPrinter {
 public:
  BusPrinter(HmpCall& call, const Object& root) : call_(call) {
    walk_objects(root, "", all_);
    functions_ = call.context.ports.pci.pci_functions();
  }

  /// The devices that hang on the bus at `path`, the newest first, as stock has them.
  void devices(const std::string& path, unsigned indent) {
    for (auto it = all_.rbegin(); it != all_.rend(); ++it) {
      const ObjectProperty* bus = it->object->property("parent_bus");
      const std::string* where = bus == nullptr ? nullptr : std::get_if<std::string>(&bus->value);
      if (where != nullptr && *where == path) device(*it, indent);
    }
  }

 private:
  void line(unsigned indent, const std::string& text) {
    call_.print(fmt::format("{:{}}{}\n", "", indent, text));
  }

  void device(const FoundObject& found, unsigned indent) {
    const bool named = found.path.rfind("/machine/peripheral/", 0) == 0;
    line(indent, fmt::format("dev: {}, id \"{}\"", found.object->type,
                             named ? found.object->name : std::string()));
    for (const ObjectProperty& property : found.object->properties) {
      if (property.name == "addr") continue;  // legacy-addr is how people write it
      if (property.name == "parent_bus" || property.name == "realized" ||
          property.name == "hotplugged" || property.name == "hotpluggable") {
        continue;
      }
      if (property.name == "legacy-addr") {
        line(indent + 2, "addr = " + std::get<std::string>(property.value));
      } else {
        line(indent + 2, property.name + " = " + text_of_value(property));
      }
    }
    pci(*found.object, indent + 2);
    for (const Object& child : found.object->children) {
      line(indent + 2, "bus: " + child.name);
      line(indent + 4, "type " + child.type);
      devices(found.path + "/" + child.name, indent + 4);
    }
  }

  void pci(const Object& object, unsigned indent) {
    const ObjectProperty* address = object.property("addr");
    const auto* devfn = address == nullptr ? nullptr : std::get_if<core::i64>(&address->value);
    if (devfn == nullptr || object.property("legacy-addr") == nullptr) return;
    for (const PciDevice& one : functions_) {
      if (one.slot * 8 + one.function != static_cast<u64>(*devfn)) continue;
      const std::string_view kind = pci_class_name(one.class_code);
      line(indent, fmt::format("class {}, addr {:02x}:{:02x}.{:x}, pci id {:04x}:{:04x} "
                               "(sub {:04x}:{:04x})",
                               kind.empty() ? fmt::format("Class {:04x}", one.class_code)
                                            : std::string(kind),
                               one.bus, one.slot, one.function, one.vendor, one.device,
                               one.subsystem_vendor, one.subsystem));
      for (const PciRegion& region : one.regions) {
        const u64 first = region.address.value_or(~u64{0});
        line(indent, fmt::format("bar {}: {} at {:#x} [{:#x}]", region.bar,
                                 region.io ? "i/o" : "mem", first, first + region.size - 1));
      }
    }
  }

  HmpCall& call_;
  std::vector<FoundObject> all_;
  std::vector<PciDevice> functions_;
};

void qom_tree(HmpCall& call) {
  const Object root = call.context.ports.inspect.objects();
  const std::string path = call.has("path") ? call.text("path") : "/machine";
  const FoundObject found = find_object(root, path);
  if (found.ambiguous) return call.print("Warning: Path '" + path + "' is ambiguous.\n");
  if (found.object == nullptr) return call.print("Path '" + path + "' could not be resolved.\n");
  print_objects(call, *found.object, 0);
}

void qtree(HmpCall& call) {
  const Object root = call.context.ports.inspect.objects();
  call.print("bus: main-system-bus\n  type System\n");
  BusPrinter printer(call, root);
  const FoundObject host = find_object(root, "/machine/i440fx");
  if (host.object == nullptr) return;
  call.print("  dev: i440FX-pcihost, id \"\"\n    bus: pci.0\n      type PCI\n");
  printer.devices("/machine/i440fx/pci.0", 6);
}

constexpr HmpArgument kPath[] = {{"path", HmpArgument::Kind::kText, true}};

constexpr HmpCommand kCommands[] = {
    {"qom-tree", kPath, "[path]", "objects of the machine by path", qom_tree},
    {"qtree", {}, "", "devices by bus", qtree},
};

}  // namespace

std::span<const HmpCommand> hmp_tree_commands() {
  return kCommands;
}

}  // namespace monitor
