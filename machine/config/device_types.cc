#include "machine/config/device_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace config {
namespace {

constexpr std::string_view kOnOff = "on/off";
constexpr std::string_view kOnOffAuto = "on/off/auto";
constexpr std::string_view kChardev = "ID of a character device";
constexpr std::string_view kDrive = "ID of a drive";
constexpr std::string_view kBlockSize = "a power of two from 512 to 2 MiB";
constexpr std::string_view kOnError = "report/ignore/enospc/stop/auto";

constexpr DeviceProperty kPci[] = {
    {"failover_pair_id", "str"},
    {"romfile", "str"},
    {"addr", "int32", "slot, or slot.function, hexadecimal", "-1"},
    {"romsize", "uint32", "", "4294967295"},
    {"x-pcie-lnksta-dllla", "bool", kOnOff, "true"},
    {"rombar", "uint32", "", "1"},
    {"x-pcie-extcap-init", "bool", kOnOff, "true"},
    {"acpi-index", "uint32", "", "0"},
    {"multifunction", "bool", kOnOff, "false"},
};

constexpr DeviceProperty kVga[] = {
    {"refresh_rate", "uint32", "", "0"}, {"global-vmstate", "bool", "", "false"},
    {"big-endian-framebuffer", "bool"},  {"vgamem_mb", "uint32", "", "16"},
    {"mmio", "bool", kOnOff, "true"},    {"qemu-extended-regs", "bool", kOnOff, "true"},
    {"ymax", "uint32", "", "0"},         {"yres", "uint32", "", "0"},
    {"xmax", "uint32", "", "0"},         {"edid", "bool", kOnOff, "true"},
    {"xres", "uint32", "", "0"},
};

constexpr DeviceProperty kCirrus[] = {
    {"blitter", "bool", kOnOff, "true"},
    {"global-vmstate", "bool", kOnOff, "false"},
    {"vgamem_mb", "uint32", "4, 8 or 16", "4"},
};

constexpr DeviceProperty kPvDevice[] = {
    {"device-id", "uint16", "", "65535"},
    {"revision", "uint8", "", "1"},
    {"size", "uint32", "", "4194304"},
    {"vendor-id", "uint16", "", "22611"},
};

constexpr std::string_view kMac = "Ethernet 6-byte MAC Address, example: 52:54:00:12:34:56";
constexpr DeviceProperty kE1000[] = {
    {"autonegotiation", "bool", kOnOff, "true"},
    {"bootindex", "int32"},
    {"extra_mac_registers", "bool", kOnOff, "true"},
    {"init-vet", "bool", kOnOff, "true"},
    {"mac", "str", kMac},
    {"migrate_tso_props", "bool", kOnOff, "true"},
    {"mitigation", "bool", kOnOff, "true"},
    {"netdev", "str", "ID of a netdev to use as a backend"},
};

constexpr DeviceProperty kRtl8139[] = {
    {"bootindex", "int32"},
    {"mac", "str", kMac},
    {"netdev", "str", "ID of a netdev to use as a backend"},
};

/// What every disk has.
constexpr DeviceProperty kBlock[] = {
    {"account-failed", "OnOffAuto", kOnOffAuto, "\"auto\""},
    {"account-invalid", "OnOffAuto", kOnOffAuto, "\"auto\""},
    {"backend_defaults", "OnOffAuto", kOnOffAuto, "\"auto\""},
    {"discard_granularity", "size", "", "4294967295"},
    {"drive", "str", kDrive},
    {"logical_block_size", "size", kBlockSize, "0"},
    {"min_io_size", "size", "", "0"},
    {"opt_io_size", "size", "", "0"},
    {"physical_block_size", "size", kBlockSize, "0"},
    {"share-rw", "bool", "", "false"},
    {"unit", "uint32", "", "4294967295"},
    {"write-cache", "OnOffAuto", kOnOffAuto, "\"auto\""},
};

constexpr DeviceProperty kIde[] = {
    {"bootindex", "int32"},
    {"model", "str"},
    {"rerror", "BlockdevOnError", kOnError, "\"auto\""},
    {"serial", "str"},
    {"ver", "str"},
    {"werror", "BlockdevOnError", kOnError, "\"auto\""},
    {"wwn", "uint64", "", "0"},
};

constexpr DeviceProperty kFloppy[] = {
    {"drive-type", "FdcDriveType", "144/288/120/none/auto", "\"auto\""},
};

constexpr DeviceProperty kSerial[] = {
    {"baudbase", "uint32", "", "115200"},  {"chardev", "str", kChardev},
    {"index", "uint32", "", "4294967295"}, {"iobase", "uint32", "", "4294967295"},
    {"irq", "uint32", "", "4294967295"},   {"wakeup", "bool", "", "false"},
};

constexpr DeviceProperty kParallel[] = {
    {"chardev", "str", kChardev},
    {"index", "uint32", "", "4294967295"},
    {"iobase", "uint32", "", "4294967295"},
    {"irq", "uint32", "", "7"},
};

constexpr DeviceProperty kDebugcon[] = {
    {"chardev", "str", kChardev},
    {"iobase", "uint32", "", "233"},
    {"readback", "uint32", "", "233"},
};

// By category, as `-device help` lists them.
constexpr DeviceType kTypes[] = {
    {"floppy", "device", "floppy-bus", "Storage", "virtual floppy drive", {kFloppy, kBlock}},
    {"ide-cd", "ide-device", "IDE", "Storage", "virtual IDE CD-ROM", {kIde, kBlock}},
    {"ide-hd", "ide-device", "IDE", "Storage", "virtual IDE disk", {kIde, kBlock}},
    {"ich9-ahci", "pci-device", "PCI", "Storage", "", {kPci}, "ahci"},
    {"isa-parallel", "isa-device", "ISA", "Input", "", {kParallel}},
    {"isa-serial", "isa-device", "ISA", "Input", "", {kSerial}},
    {"e1000", "e1000-base", "PCI", "Network", "Intel Gigabit Ethernet", {kE1000, kPci}},
    {"e1000-82544gc", "e1000-base", "PCI", "Network", "Intel Gigabit Ethernet", {kE1000, kPci}},
    {"e1000-82545em", "e1000-base", "PCI", "Network", "Intel Gigabit Ethernet", {kE1000, kPci}},
    {"rtl8139", "pci-device", "PCI", "Network", "", {kRtl8139, kPci}},
    {"VGA", "pci-vga", "PCI", "Display", "", {kVga, kPci}},
    {"cirrus-vga", "pci-device", "PCI", "Display", "Cirrus CLGD 54xx VGA", {kCirrus, kPci}},
    {"isa-debugcon", "isa-device", "ISA", "Misc", "", {kDebugcon}},
    {"xen-platform", "pci-device", "PCI", "Misc", "XEN platform pci device", {kPci}},
    {"xen-pvdevice", "pci-device", "PCI", "Misc", "Xen PV Device", {kPvDevice, kPci}},
};

std::string describe(const DeviceProperty& property) {
  std::string line = fmt::format("  {}=<{}>", property.name, property.type);
  if (property.description.empty() && property.value.empty()) return line;
  line = fmt::format("{:<24} - {}", line, property.description);
  if (!property.value.empty()) line += fmt::format(" (default: {})", property.value);
  return line;
}

}  // namespace

std::span<const DeviceType> device_types() {
  return kTypes;
}

const DeviceType* find_device_type(std::string_view name) {
  for (const DeviceType& type : kTypes) {
    if (type.name == name || (!name.empty() && type.alias == name)) return &type;
  }
  return nullptr;
}

std::string device_help() {
  std::string out;
  std::string_view category;
  for (const DeviceType& type : kTypes) {
    if (type.category != category) {
      out += fmt::format("{}{} devices:\n", out.empty() ? "" : "\n", type.category);
      category = type.category;
    }
    out += fmt::format("name \"{}\", bus {}", type.name, type.bus);
    if (!type.alias.empty()) out += fmt::format(", alias \"{}\"", type.alias);
    if (!type.description.empty()) out += fmt::format(", desc \"{}\"", type.description);
    out += "\n";
  }
  return out;
}

std::string device_help(std::string_view name) {
  const DeviceType* type = find_device_type(name);
  if (type == nullptr) return {};
  std::vector<std::string> lines;
  for (const auto& list : type->properties) {
    for (const DeviceProperty& property : list) lines.push_back(describe(property));
  }
  std::sort(lines.begin(), lines.end());
  std::string out = fmt::format("{} options:\n", name);
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace config
