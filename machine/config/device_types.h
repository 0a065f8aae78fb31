// The kinds of devices that -device and device_add take, and their properties: what
// `-device help`, `-device X,help`, device-list-properties and qom-list-types tell.
//
// Names, types and defaults are those of QEMU 7.2, because scripts look for them.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace config {

struct DeviceProperty {
  std::string_view name;
  std::string_view type;           // "uint32", "str"
  std::string_view description{};  // for people
  std::string_view value{};        // the default, as JSON; empty: none
};

struct DeviceType {
  std::string_view name;
  std::string_view parent;  // the type that it is a kind of
  std::string_view bus;     // "PCI"
  std::string_view category;
  std::string_view description{};
  /// Of its own, and those that all devices of its bus, or all disks, have.
  std::array<std::span<const DeviceProperty>, 2> properties{};
  std::string_view alias{};
};

std::span<const DeviceType> device_types();
const DeviceType* find_device_type(std::string_view name);

/// What `-device help` and `-device NAME,help` print; empty for an unknown name.
std::string device_help();
std::string device_help(std::string_view name);

}  // namespace config
