#include "machine/board/inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <map>

#include "hw/emul/core/state_view.h"
#include "machine/board/register_names.h"
#include "machine/config/device_types.h"
#include "machine/log/log.h"

namespace board {
namespace {

core::i64 wall_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

bool is_config(ioreq::AccessKind kind) {
  return kind == ioreq::AccessKind::kConfigRead || kind == ioreq::AccessKind::kConfigWrite;
}

bool is_write(ioreq::AccessKind kind) {
  return kind == ioreq::AccessKind::kPioWrite || kind == ioreq::AccessKind::kMmioWrite ||
         kind == ioreq::AccessKind::kConfigWrite;
}

/// A mapping's owner, as a person would call it.
std::string owner_of(const std::string& name) {
  if (name.empty()) return "anonymous mappings";
  if (name == "[heap]" || name.starts_with("[stack")) return name.substr(1, name.size() - 2);
  if (name.starts_with("/dev/xen/") || name.starts_with("/proc/xen/")) return "Xen's pages";
  return name.substr(name.rfind('/') + 1);
}

monitor::PropertyValue value_of(const core::StateItem& item) {
  if (item.values.size() != 1) return item.values;
  if (item.kind == core::FieldKind::kBool) return item.values[0] != 0;
  if (item.kind == core::FieldKind::kSigned || item.kind == core::FieldKind::kTimer) {
    return static_cast<core::i64>(item.values[0]);
  }
  return item.values[0];
}

}  // namespace

monitor::Object Inspection::objects() const {
  return make_tree({.machine = parts_.machine,
                    .machine_type = parts_.identity.machine,
                    .cpu_type = parts_.identity.cpu_type,
                    .cpus = parts_.cpus.cpus(),
                    .chardevs = parts_.characters.chardevs(),
                    .pci = parts_.pci,
                    .console = parts_.console});
}

std::vector<monitor::DeviceTypeInfo> Inspection::device_types() const {
  std::vector<monitor::DeviceTypeInfo> result;
  for (const config::DeviceType& type : config::device_types()) {
    monitor::DeviceTypeInfo info{type.name, type.parent, type.bus, {}};
    for (const auto& list : type.properties) {
      for (const config::DeviceProperty& one : list) {
        info.properties.push_back({one.name, one.type, one.description, one.value});
      }
    }
    result.push_back(std::move(info));
  }
  return result;
}

std::vector<monitor::AccessStats> Inspection::accesses(bool new_period) {
  std::vector<monitor::AccessStats> result;
  if (parts_.accesses == nullptr) return result;
  for (const auto& one : parts_.accesses->stats(new_period)) {
    result.push_back({.device = one.name.empty() ? "nobody" : std::string(one.name),
                      .kind = std::string(access_kind_name(one.kind)),
                      .count = one.count,
                      .per_second = one.per_second,
                      .p50_ns = one.p50_ns,
                      .p99_ns = one.p99_ns,
                      .max_ns = one.max_ns,
                      .timed = one.timed});
  }
  return result;
}

std::vector<monitor::LastAccess> Inspection::last_accesses(std::size_t most) const {
  std::vector<monitor::LastAccess> result;
  if (parts_.accesses == nullptr) return result;
  const core::i64 now_us = wall_clock_us();
  for (const auto& one : parts_.accesses->last(most)) {
    const std::string_view name =
        is_config(one.kind) ? pci_register_name(one.offset)
                            : register_name(one.name, one.address, one.offset, is_write(one.kind));
    monitor::LastAccess access{
        .time_us = now_us - one.ago_ns / 1000,
        .vcpu = one.vcpu,
        .buffered = one.vcpu == ioreq::RequestTap::kRing,
        .device = one.name.empty() ? "nobody" : std::string(one.name),
        .register_name = std::string(name),
        .kind = std::string(access_kind_name(one.kind)),
        .address = one.address,
        .width = one.size,
        .count = one.count,
        .value = std::nullopt,
    };
    if (!one.pointer) access.value = one.value;
    result.push_back(std::move(access));
  }
  return result;
}

monitor::MemoryUse Inspection::memory_use() const {
  monitor::MemoryUse use;
  std::map<std::string, core::u64> owners;
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  std::string owner;
  while (std::getline(maps, line)) {
    unsigned long long kib = 0;
    char label[32] = {};
    // "Private_Dirty:        12 kB", or the head of a mapping with its name at the end.
    if (std::sscanf(line.c_str(), "%31[A-Za-z_]: %llu kB", label, &kib) == 2) {
      const std::string_view what(label);
      if (what == "Rss") use.resident_bytes += kib * 1024;
      if (what == "Private_Dirty" || what == "Private_Clean" || what == "Private_Hugetlb") {
        use.private_bytes += kib * 1024;
        owners[owner] += kib * 1024;
      }
    } else if (line.find('-') < line.find(' ')) {
      const std::size_t name = line.find_first_of("/[");
      owner = owner_of(name == std::string::npos ? "" : line.substr(name));
    }
  }
  // Parts of the heap and of anonymous mappings whose size we know.
  if (parts_.accesses != nullptr)
    owners["(of which: record of accesses)"] = ioreq::AccessLog::bytes();
  for (const auto& [name, bytes] : owners) {
    if (bytes != 0) use.owners.push_back({name, bytes});
  }
  std::stable_sort(use.owners.begin(), use.owners.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return use;
}

std::vector<monitor::DeviceRegisters> Inspection::registers(std::string_view name) const {
  std::vector<monitor::DeviceRegisters> result;
  if (!parts_.devices) return result;
  for (core::Device* device : parts_.devices()) {
    if (!device->name().starts_with(name)) continue;
    const core::StateSection section = device->section();
    if (section.table == nullptr) continue;
    monitor::DeviceRegisters one{std::string(device->name()), section.instance, {}};
    for (const core::StateItem& item : core::view_state(section)) {
      one.registers.push_back({item.name, "", value_of(item)});
    }
    result.push_back(std::move(one));
  }
  return result;
}

std::string to_line(const monitor::LastAccess& access) {
  const std::time_t seconds = access.time_us / 1'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::string line = fmt::format("{:02}:{:02}:{:02}.{:06} {:<5} {:<12} {}", parts.tm_hour,
                                 parts.tm_min, parts.tm_sec, access.time_us % 1'000'000,
                                 access.buffered ? "ring" : fmt::format("cpu{}", access.vcpu),
                                 access.kind, access.device);
  if (!access.register_name.empty()) line += fmt::format(" {}", access.register_name);
  line += fmt::format(" {:#x}/{}", access.address, access.width);
  if (access.count > 1) line += fmt::format(" x{}", access.count);
  return line + (access.value ? fmt::format(" = {:#x}", *access.value) : " (memory)");
}

void Inspection::log_accesses(std::size_t most) const {
  const auto accesses = last_accesses(most);
  mlog::info("the guest's last {} accesses, the newest at the end:", accesses.size());
  for (const monitor::LastAccess& one : accesses) mlog::info("  {}", to_line(one));
}

}  // namespace board
