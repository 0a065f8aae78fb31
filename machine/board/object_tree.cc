#include "machine/board/object_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hw/emul/pci/function.h"
#include "hw/emul/pci/pci_regs.h"
#include "machine/config/device_types.h"

namespace board {
namespace {

using core::u64;
using core::u8;
using monitor::Object;
using monitor::ObjectProperty;

constexpr const char* kPciBus = "/machine/i440fx/pci.0";
constexpr u8 kIsaBridge = pci::devfn(1, 0);
constexpr u8 kIde = pci::devfn(1, 1);
constexpr u8 kPowerManagement = pci::devfn(1, 3);
constexpr unsigned kSmbusRoms = 8;

/// Numbers of /machine/unattached/device[N], in the order in which stock makes the devices.
struct Numbers {
  explicit Numbers(const config::Machine& machine)
      : host_bridge(machine.smp.cpus),
        isa_bridge(host_bridge + 1),
        dma(isa_bridge + 1),
        rtc(dma + 3),  // the HPET is between
        serial(rtc + 1) {
    unsigned next = serial;
    for (const auto& port : machine.serials) next += port.id.empty() ? 1u : 0u;
    parallel = next;
    for (const auto& port : machine.parallels) next += port.id.empty() ? 1u : 0u;
    floppy = next++;
    i8042 = next++;
    port92 = next++;
    ide = next++;
    disk = next;
    for (const auto& one : machine.ide_disks) next += one.id.empty() ? 1u : 0u;
    power_management = next;
    next += machine.acpi.present ? 1 + kSmbusRoms : 0u;
    further = next;
  }

  unsigned host_bridge, isa_bridge, dma, rtc, serial;
  unsigned parallel = 0, floppy = 0, i8042 = 0, port92 = 0, ide = 0, disk = 0;
  unsigned power_management = 0, further = 0;
};

std::string unattached(unsigned number) {
  return fmt::format("/machine/unattached/device[{}]", number);
}

std::string numbered(unsigned number) {
  return fmt::format("device[{}]", number);
}

class TreeMaker {
 public:
  explicit TreeMaker(const TreeParts& parts) : parts_(parts), numbers_(parts.machine) {}

  Object make() {
    Object machine{.name = "machine", .type = parts_.machine_type + "-machine"};
    machine.properties = {
        {"kernel", "string", parts_.machine.kernel},
        {"initrd", "string", parts_.machine.initrd},
        {"append", "string", parts_.machine.append},
        {"suppress-vmdesc", "bool", parts_.machine.suppress_vmdesc},
        {"acpi", "OnOffAuto", std::string(parts_.machine.acpi.present ? "on" : "off")},
        {"max-ram-below-4g", "size", parts_.machine.max_ram_below_4g}};
    add_cpus();
    if (parts_.pci != nullptr) add_board();
    if (parts_.pci != nullptr) machine.children.push_back(host());
    machine.children.push_back(
        {.name = "unattached", .type = "container", .children = std::move(unattached_)});
    machine.children.push_back(
        {.name = "peripheral", .type = "container", .children = std::move(peripheral_)});
    machine.children.push_back(
        {.name = "peripheral-anon", .type = "container", .children = std::move(anonymous_)});
    Object root{.name = "", .type = "container"};
    root.children.push_back(std::move(machine));
    root.children.push_back({.name = "objects", .type = "container"});
    root.children.push_back(chardevs());
    root.children.push_back(backend());
    return root;
  }

 private:
  /// A device on a bus, with the properties that its kind has and their defaults.
  Object device(std::string name, std::string type, const std::string& bus,
                const std::vector<ObjectProperty>& known = {}) {
    Object made{.name = std::move(name), .type = std::move(type)};
    made.properties = {{"parent_bus", "link<bus>", bus},
                       {"realized", "bool", true},
                       {"hotplugged", "bool", false},
                       {"hotpluggable", "bool", false}};
    for (const ObjectProperty& one : known) {
      std::erase_if(made.properties, [&](const auto& other) { return other.name == one.name; });
      made.properties.push_back(one);
    }
    const config::DeviceType* kind = config::find_device_type(made.type);
    if (kind == nullptr) return made;
    for (const auto& list : kind->properties) {
      for (const config::DeviceProperty& one : list) {
        if (made.property(one.name) != nullptr) continue;
        made.properties.push_back({std::string(one.name), std::string(one.type), default_of(one)});
      }
    }
    return made;
  }

  static monitor::PropertyValue default_of(const config::DeviceProperty& property) {
    const std::string_view text = property.value;
    if (text == "true" || text == "false") return text == "true";
    if (text.size() >= 2 && text.front() == '"') {
      return std::string(text.substr(1, text.size() - 2));
    }
    if (text.empty()) return std::string();
    return static_cast<core::i64>(std::strtoll(std::string(text).c_str(), nullptr, 10));
  }

  void place(Object made, const std::string& id, unsigned number) {
    if (!id.empty()) {
      made.name = id;
      peripheral_.push_back(std::move(made));
      return;
    }
    made.name = numbered(number);
    unattached_.push_back(std::move(made));
  }

  void add_cpus() {
    for (const monitor::Cpu& cpu : parts_.cpus) {
      Object made = device("", parts_.cpu_type, "",
                           {{"socket-id", "int32", core::i64{cpu.index}},
                            {"core-id", "int32", core::i64{0}},
                            {"thread-id", "int32", core::i64{0}}});
      place(std::move(made), cpu.id, cpu.index);
    }
  }

  void add_board() {
    add_pci();
    const std::string isa = unattached(numbers_.isa_bridge) + "/isa.0";
    for (unsigned i = 0; i < 2; ++i) {
      unattached_.push_back(device(numbered(numbers_.dma + i), "i8257", isa,
                                   {{"base", "int32", core::i64{i == 0 ? 0 : 0xc0}},
                                    {"page-base", "int32", core::i64{i == 0 ? 0x80 : 0x88}},
                                    {"dshift", "int32", core::i64{i}}}));
    }
    unattached_.push_back(device(numbered(numbers_.rtc), "mc146818rtc", isa,
                                 {{"base_year", "int32", core::i64{0}},
                                  {"iobase", "uint16", core::i64{0x70}},
                                  {"irq", "uint8", core::i64{8}}}));
    add_lines(isa);
    Object floppy = device(numbered(numbers_.floppy), "isa-fdc", isa,
                           {{"iobase", "uint32", core::i64{0x3f0}},
                            {"irq", "uint32", core::i64{6}},
                            {"dma", "uint32", core::i64{2}}});
    floppy.children.push_back({.name = "floppy-bus.0", .type = "floppy-bus"});
    unattached_.push_back(std::move(floppy));
    Object keyboard =
        device(numbered(numbers_.i8042), "i8042", isa,
               {{"kbd-irq", "uint8", core::i64{1}}, {"mouse-irq", "uint8", core::i64{12}}});
    keyboard.children = {{.name = "ps2kbd", .type = "ps2-kbd"},
                         {.name = "ps2mouse", .type = "ps2-mouse"}};
    unattached_.push_back(std::move(keyboard));
    unattached_.push_back(device(numbered(numbers_.port92), "port92", isa));
    add_disks();
  }

  void add_lines(const std::string& isa) {
    unsigned number = numbers_.serial;
    unsigned index = 0;
    for (const config::SerialPort& port : parts_.machine.serials) {
      Object made = device("", "isa-serial", isa,
                           {{"index", "uint32", core::i64{index++}},
                            {"iobase", "uint32", core::i64{port.iobase}},
                            {"irq", "uint32", core::i64{port.irq}},
                            {"chardev", "str", port.chardev}});
      place(std::move(made), port.id, port.id.empty() ? number++ : 0);
    }
    number = numbers_.parallel;
    for (const config::ParallelPort& port : parts_.machine.parallels) {
      Object made = device("", "isa-parallel", isa,
                           {{"iobase", "uint32", core::i64{port.iobase}},
                            {"irq", "uint32", core::i64{port.irq}},
                            {"chardev", "str", port.chardev}});
      place(std::move(made), port.id, port.id.empty() ? number++ : 0);
    }
    for (const config::DebugPort& port : parts_.machine.debug_ports) {
      Object made = device("", "isa-debugcon", isa,
                           {{"iobase", "uint32", core::i64{port.iobase}},
                            {"readback", "uint32", core::i64{port.readback}},
                            {"chardev", "str", port.chardev}});
      if (!port.id.empty()) {
        place(std::move(made), port.id, 0);
      } else {
        add_anonymous(std::move(made));
      }
    }
  }

  std::string bus_of(const config::IdeDisk& disk) const {
    if (!disk.ahci) return fmt::format("{}/{}", unattached(numbers_.ide), disk.bus);
    const std::string controller = disk.bus.substr(0, disk.bus.rfind('.'));
    if (controller == "ide") return "/machine/peripheral-anon/" + disk.bus;
    return fmt::format("/machine/peripheral/{}/{}", controller, disk.bus);
  }

  void add_disks() {
    unsigned number = numbers_.disk;
    for (const config::IdeDisk& disk : parts_.machine.ide_disks) {
      Object made = device("", disk.cdrom ? "ide-cd" : "ide-hd", bus_of(disk),
                           {{"drive", "str", disk.drive},
                            {"unit", "uint32", core::i64{disk.unit}},
                            {"serial", "str", disk.serial},
                            {"model", "str", disk.model},
                            {"ver", "str", disk.version},
                            {"wwn", "uint64", disk.wwn}});
      place(std::move(made), disk.id, disk.id.empty() ? number++ : 0);
    }
  }

  void add_pci() {
    unsigned further = numbers_.further;
    for (const pci::Function* function : parts_.pci->functions()) {
      const u8 at = function->devfn();
      Object made =
          device("", std::string(function->name()), kPciBus,
                 {{"hotplugged", "bool", function->hotplugged()},
                  {"hotpluggable", "bool", parts_.machine.acpi.present && function->removable()},
                  {"addr", "int32", core::i64{at}},
                  {"legacy-addr", "str",
                   fmt::format("{:02x}.{:x}", function->slot(), function->function())},
                  {"multifunction", "bool", at == kIsaBridge}});
      bus_children_.push_back(path_of(*function, further));
      if (at == 0) {
        place(std::move(made), "", numbers_.host_bridge);
      } else if (at == kIsaBridge) {
        made.type = "PIIX3-xen";
        made.children.push_back({.name = "isa.0", .type = "ISA"});
        place(std::move(made), "", numbers_.isa_bridge);
      } else if (at == kIde) {
        made.children = {{.name = "ide.0", .type = "IDE"}, {.name = "ide.1", .type = "IDE"}};
        place(std::move(made), "", numbers_.ide);
      } else if (at == kPowerManagement) {
        made.children.push_back({.name = "i2c", .type = "i2c-bus"});
        place(std::move(made), "", numbers_.power_management);
      } else if (!function->qdev_id().empty()) {
        place(std::move(made), function->qdev_id(), 0);
      } else if (built_in(*function)) {
        place(std::move(made), "", further++);
      } else {
        add_anonymous(std::move(made));
      }
    }
  }

  /// Made by the machine type, not by a -device.
  bool built_in(const pci::Function& function) const {
    return function.name() == "xen-platform" || function.slot() == 1;
  }

  std::string path_of(const pci::Function& function, unsigned further) const {
    const u8 at = function.devfn();
    if (at == 0) return unattached(numbers_.host_bridge);
    if (at == kIsaBridge) return unattached(numbers_.isa_bridge);
    if (at == kIde) return unattached(numbers_.ide);
    if (at == kPowerManagement) return unattached(numbers_.power_management);
    if (!function.qdev_id().empty()) return "/machine/peripheral/" + function.qdev_id();
    if (built_in(function)) return unattached(further);
    return "/machine/peripheral-anon/" + numbered(static_cast<unsigned>(anonymous_.size()));
  }

  void add_anonymous(Object made) {
    made.name = numbered(static_cast<unsigned>(anonymous_.size()));
    anonymous_.push_back(std::move(made));
  }

  Object host() {
    Object bus{.name = "pci.0", .type = "PCI"};
    bus.properties.push_back({"realized", "bool", true});
    for (std::size_t i = 0; i < bus_children_.size(); ++i) {
      bus.properties.push_back({fmt::format("child[{}]", i), "link<pci-device>", bus_children_[i]});
    }
    Object bridge = device(
        "i440fx", "i440FX-pcihost", "",
        {{"pci-hole64-size", "size", u64{2} << 30}, {"short_root_bus", "uint32", core::i64{0}}});
    bridge.children.push_back(std::move(bus));
    return bridge;
  }

  Object chardevs() {
    Object all{.name = "chardevs", .type = "container"};
    for (const monitor::CharDevice& one : parts_.chardevs) {
      std::string kind = one.filename.substr(0, one.filename.find(':'));
      if (kind == "unix" || kind == "tcp" || kind == "disconnected") kind = "socket";
      all.children.push_back({.name = one.label, .type = "chardev-" + kind});
    }
    return all;
  }

  Object backend() {
    Object all{.name = "backend", .type = "container"};
    if (parts_.console) all.children.push_back({.name = "console[0]", .type = "qemu-console"});
    return all;
  }

  const TreeParts& parts_;
  const Numbers numbers_;
  std::vector<Object> unattached_, peripheral_, anonymous_;
  std::vector<std::string> bus_children_;
};

}  // namespace

monitor::Object make_tree(const TreeParts& parts) {
  return TreeMaker(parts).make();
}

std::string function_path(const monitor::Object& root, u8 devfn) {
  for (const Object& child : root.children) {
    std::string here = "/" + child.name;
    const ObjectProperty* at = child.property("addr");
    const auto* number = at == nullptr ? nullptr : std::get_if<core::i64>(&at->value);
    if (number != nullptr && *number == devfn) return here;
    if (const std::string below = function_path(child, devfn); !below.empty()) return here + below;
  }
  return {};
}

std::string disk_path(const config::Machine& machine, std::size_t disk) {
  unsigned number = Numbers(machine).disk;
  for (std::size_t i = 0; i < disk; ++i) number += machine.ide_disks[i].id.empty() ? 1u : 0u;
  return unattached(number);
}

}  // namespace board
