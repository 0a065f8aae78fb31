// For whoever looks for a fault, in the guest or in us. None of these changes what the guest sees.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/object_tree.h"

namespace monitor {

namespace {

using Kind = Type::Kind;

constexpr Member kStatsMembers[] = {{"device", &kStringType}, {"kind", &kStringType},
                                    {"count", &kSizeType},    {"rate", &kNumberType},
                                    {"p50-ns", &kSizeType},   {"p99-ns", &kSizeType},
                                    {"max-ns", &kSizeType},   {"timed-accesses", &kSizeType}};
constexpr Type kStats{Kind::kObject, "AccessStats", nullptr, kStatsMembers};
constexpr Type kStatsList{Kind::kArray, "AccessStatsList", &kStats};

Reply query_ioreqs(Context& context, const Json&) {
  Json list = Json::array();
  for (const AccessStats& one : context.ports.inspect.accesses(/*new_period=*/true)) {
    list.push_back(Json{{"device", one.device},
                        {"kind", one.kind},
                        {"count", one.count},
                        {"rate", one.per_second},
                        {"p50-ns", one.p50_ns},
                        {"p99-ns", one.p99_ns},
                        {"max-ns", one.max_ns},
                        {"timed-accesses", one.timed}});
  }
  return list;
}

constexpr Member kLastArguments[] = {{"count", &kIntType, true, "at most; 4096 if not given"}};
constexpr Member kTimeMembers[] = {{"seconds", &kIntType}, {"microseconds", &kIntType}};
constexpr Type kTime{Kind::kObject, "Time", nullptr, kTimeMembers};
constexpr Member kAccessMembers[] = {{"timestamp", &kTime},
                                     {"vcpu", &kIntType, true},
                                     {"kind", &kStringType},
                                     {"device", &kStringType},
                                     {"register", &kStringType, true},
                                     {"address", &kSizeType},
                                     {"size", &kIntType},
                                     {"count", &kIntType},
                                     {"value", &kSizeType, true}};
constexpr Type kAccess{Kind::kObject, "GuestAccess", nullptr, kAccessMembers};
constexpr Type kAccessList{Kind::kArray, "GuestAccessList", &kAccess};

Json describe(const LastAccess& one) {
  Json item = {{"timestamp", Json{{"seconds", one.time_us / 1'000'000},
                                  {"microseconds", one.time_us % 1'000'000}}}};
  if (!one.buffered) item["vcpu"] = one.vcpu;  // the ring does not tell who wrote
  item["kind"] = one.kind;
  item["device"] = one.device;
  if (!one.register_name.empty()) item["register"] = one.register_name;
  item["address"] = one.address;
  item["size"] = one.width;
  item["count"] = one.count;
  if (one.value) item["value"] = *one.value;
  return item;
}

Reply last_accesses(Context& context, const Json& arguments) {
  constexpr std::int64_t kAll = 4096;
  const std::int64_t count =
      std::clamp<std::int64_t>(int_of(arguments, "count").value_or(kAll), 0, kAll);
  Json list = Json::array();
  for (const LastAccess& one :
       context.ports.inspect.last_accesses(static_cast<std::size_t>(count))) {
    list.push_back(describe(one));
  }
  return list;
}

constexpr Member kOwnerMembers[] = {{"name", &kStringType}, {"bytes", &kSizeType}};
constexpr Type kOwner{Kind::kObject, "MemoryOwner", nullptr, kOwnerMembers};
constexpr Type kOwners{Kind::kArray, "MemoryOwnerList", &kOwner};
constexpr Member kUseMembers[] = {
    {"private", &kSizeType}, {"resident", &kSizeType}, {"owners", &kOwners}};
constexpr Type kUse{Kind::kObject, "MemoryUse", nullptr, kUseMembers};

Reply query_memory(Context& context, const Json&) {
  const MemoryUse use = context.ports.inspect.memory_use();
  Json owners = Json::array();
  for (const MemoryOwner& owner : use.owners) {
    owners.push_back(Json{{"name", owner.name}, {"bytes", owner.bytes}});
  }
  return Json{{"private", use.private_bytes},
              {"resident", use.resident_bytes},
              {"owners", std::move(owners)}};
}

constexpr Member kStateArguments[] = {
    {"device", &kStringType, true, "its name, or the beginning of it; all if not given"}};
constexpr Member kRegistersMembers[] = {
    {"device", &kStringType}, {"instance", &kIntType}, {"registers", &kAnyType}};
constexpr Type kRegisters{Kind::kObject, "DeviceState", nullptr, kRegistersMembers};
constexpr Type kRegistersList{Kind::kArray, "DeviceStateList", &kRegisters};

Reply device_state(Context& context, const Json& arguments) {
  const std::string wanted = required_text(arguments, "device");
  Json list = Json::array();
  for (const DeviceRegisters& device : context.ports.inspect.registers(wanted)) {
    Json registers = Json::object();
    for (const ObjectProperty& one : device.registers) registers[one.name] = to_json(one.value);
    list.push_back(Json{{"device", device.device},
                        {"instance", device.instance},
                        {"registers", std::move(registers)}});
  }
  if (list.empty() && !wanted.empty()) return device_not_found(wanted);
  return list;
}

constexpr Command kCommands[] = {
    {"x-query-ioreqs",
     {},
     query_ioreqs,
     "How often the guest uses each device, and how long its accesses take. The rate is since the "
     "last time somebody asked.",
     &kStatsList},
    {"x-last-accesses", kLastArguments, last_accesses,
     "What the guest did last, the newest at the end.", &kAccessList},
    {"x-query-memory", {}, query_memory, "Whose memory this process uses, in bytes.", &kUse},
    {"x-device-state", kStateArguments, device_state,
     "All registers of devices, by the names that a saved state has them under.", &kRegistersList},
};

}  // namespace

std::span<const Command> inspect_commands() {
  return kCommands;
}

}  // namespace monitor
