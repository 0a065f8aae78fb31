// What the monitor shows of the machine for those who look for a fault: its objects, its registers,
// what the guest did last and how long that took. Implemented by machine/board.
//
// Thread: device thread. Nothing here changes what the guest sees.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hw/emul/core/types.h"

namespace monitor {

// ---- objects --------------------------------------------------------------------------------

using PropertyValue =
    std::variant<std::monostate, bool, core::i64, core::u64, std::string, std::vector<core::u64>>;

struct ObjectProperty {
  std::string name;
  std::string type;  // "uint32", "link<bus>"
  PropertyValue value;
};

/// A device, a bus or a container, with what is in it. Paths are made of the names.
struct Object {
  std::string name;
  std::string type;
  std::vector<ObjectProperty> properties{};
  std::vector<Object> children{};

  const ObjectProperty* property(std::string_view wanted) const;
};

/// A kind of device that a client may ask about.
struct DeviceTypeInfo {
  struct Property {
    std::string_view name, type, description;
    std::string_view value;  // the default, as JSON; empty: none
  };
  std::string_view name, parent, bus;
  std::vector<Property> properties;
};

// ---- accesses -------------------------------------------------------------------------------

/// How long accesses of one kind to one device took.
struct AccessStats {
  std::string device;  // the region's or the PCI function's name
  std::string kind;    // "pio-read", "mmio-write", "config-read"
  core::u64 count = 0;
  double per_second = 0;  // since it was asked last
  core::u64 p50_ns = 0, p99_ns = 0, max_ns = 0;
  core::u64 timed = 0;  // accesses that the times are of
};

struct LastAccess {
  core::i64 time_us = 0;  // since 1970
  unsigned vcpu = 0;
  bool buffered = false;
  std::string device;
  std::string register_name;  // empty: not known by name
  std::string kind;
  core::u64 address = 0;
  unsigned width = 0;
  core::u32 count = 1;
  std::optional<core::u64> value;  // none: it went to or from guest memory
};

// ---- memory and registers -------------------------------------------------------------------

struct MemoryOwner {
  std::string name;
  core::u64 bytes = 0;
};

struct MemoryUse {
  core::u64 private_bytes = 0;  // what would be free without this process
  core::u64 resident_bytes = 0;
  std::vector<MemoryOwner> owners;
};

struct DeviceRegisters {
  std::string device;
  core::u32 instance = 0;
  std::vector<ObjectProperty> registers;
};

class Inspector {
 public:
  virtual ~Inspector() = default;
  /// The whole tree, from "/".
  virtual Object objects() const = 0;
  virtual std::vector<DeviceTypeInfo> device_types() const = 0;

  /// For a machine without a guest: nothing.
  /// `new_period`: the next rates count from now.
  virtual std::vector<AccessStats> accesses(bool /*new_period*/) { return {}; }
  /// The newest last.
  virtual std::vector<LastAccess> last_accesses(std::size_t /*most*/) const { return {}; }
  virtual MemoryUse memory_use() const { return {}; }
  /// Of devices whose name is, or begins with, `name`; empty: all.
  virtual std::vector<DeviceRegisters> registers(std::string_view /*name*/) const { return {}; }
};

}  // namespace monitor
