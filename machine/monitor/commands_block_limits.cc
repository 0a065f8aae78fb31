// Disks while they are in use: their size, how fast they may be, and how long requests take.
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"

namespace monitor {

namespace {

/// The drive that `name` means, by its own id or by that of its device.
std::optional<BlockDevice> drive_named(Context& context, const std::string& name) {
  if (name.empty()) return std::nullopt;
  for (BlockDevice& drive : context.ports.block.drives()) {
    if (drive.device == name || drive.qdev == name) return std::move(drive);
  }
  return std::nullopt;
}

// --- block_resize ---

constexpr Member kResizeArguments[] = {
    {"device", &kStringType, true, "the drive"},
    {"node-name", &kStringType, true, "the image in it"},
    {"size", &kIntType, false, "in bytes"},
};

Reply block_resize(Context& context, const Json& arguments) {
  const std::string device = text_of(arguments, "device").value_or("");
  const std::string node = text_of(arguments, "node-name").value_or("");
  std::optional<BlockDevice> found;
  for (BlockDevice& drive : context.ports.block.drives()) {
    const bool here = (!device.empty() && drive.device == device) ||
                      (!node.empty() && drive.inserted && drive.inserted->node_name == node);
    if (here) found = std::move(drive);
  }
  if (!found) {
    return refuse("Cannot find device='" + device + "' nor node-name='" + node + "'");
  }
  const std::int64_t size = required_int(arguments, "size");
  if (size < 0) return refuse("Parameter 'size' expects a >0 size");
  return from_result(context.ports.block.resize(found->key(), static_cast<u64>(size)));
}

// --- block_set_io_throttle ---

constexpr Member kThrottleArguments[] = {
    {"device", &kStringType, true, "the drive, by its own id"},
    {"id", &kStringType, true, "the drive, by the id of its device"},
    {"bps", &kIntType, false, "bytes a second; 0: no limit"},
    {"bps_rd", &kIntType},
    {"bps_wr", &kIntType},
    {"iops", &kIntType, false, "operations a second"},
    {"iops_rd", &kIntType},
    {"iops_wr", &kIntType},
    {"bps_max", &kIntType, true, "as much in a burst"},
    {"bps_rd_max", &kIntType, true},
    {"bps_wr_max", &kIntType, true},
    {"iops_max", &kIntType, true},
    {"iops_rd_max", &kIntType, true},
    {"iops_wr_max", &kIntType, true},
    {"bps_max_length", &kIntType, true, "seconds that a burst may last"},
    {"bps_rd_max_length", &kIntType, true},
    {"bps_wr_max_length", &kIntType, true},
    {"iops_max_length", &kIntType, true},
    {"iops_rd_max_length", &kIntType, true},
    {"iops_wr_max_length", &kIntType, true},
    {"iops_size", &kIntType, true, "a request above it counts as several"},
    {"group", &kStringType, true, "drives of one group share the limits"},
};

Reply block_set_io_throttle(Context& context, const Json& arguments) {
  const auto device = text_of(arguments, "device");
  const auto id = text_of(arguments, "id");
  if (device.has_value() == id.has_value()) {
    return refuse("Need exactly one of 'device' and 'id'");
  }
  const std::string& name = device ? *device : *id;
  const auto drive = drive_named(context, name);
  if (!drive) return device_not_found(name);
  if (!drive->inserted) return refuse("Device has no medium");
  bool negative = false;
  const auto number = [&](const std::string& member, u64 otherwise) -> u64 {
    const auto given = int_of(arguments, member);
    if (given && *given < 0) negative = true;
    return given ? static_cast<u64>(*given) : otherwise;
  };
  const auto limit = [&](const std::string& member) {
    return ThrottleLimit{.average = number(member, 0),
                         .peak = number(member + "_max", 0),
                         .burst_seconds = number(member + "_max_length", 1)};
  };
  ThrottleSettings settings{.bps = limit("bps"),
                            .bps_rd = limit("bps_rd"),
                            .bps_wr = limit("bps_wr"),
                            .iops = limit("iops"),
                            .iops_rd = limit("iops_rd"),
                            .iops_wr = limit("iops_wr"),
                            .iops_size = number("iops_size", 0),
                            .group = text_of(arguments, "group").value_or(name)};
  if (negative) return refuse("bps/iops/max values must be within [0, 1000000000000000]");
  return from_result(context.ports.block.set_throttle(drive->key(), settings));
}

// --- block-latency-histogram-set ---

constexpr Type kBoundaries{Type::Kind::kArray, "uint64List", &kSizeType};
constexpr Member kHistogramArguments[] = {
    {"id", &kStringType, false, "the drive"},
    {"boundaries", &kBoundaries, true, "ends of the intervals in nanoseconds, for all kinds"},
    {"boundaries-read", &kBoundaries, true},
    {"boundaries-write", &kBoundaries, true},
    {"boundaries-flush", &kBoundaries, true},
};

std::optional<std::vector<u64>> boundaries_of(const Json& arguments, const char* name) {
  const Json* list = find(arguments, name);
  if (list == nullptr) list = find(arguments, "boundaries");
  if (list == nullptr) return std::nullopt;
  return list->get<std::vector<u64>>();
}

Reply block_latency_histogram_set(Context& context, const Json& arguments) {
  const std::string id = required_text(arguments, "id");
  const auto drive = drive_named(context, id);
  if (!drive) return device_not_found(id);
  BlockControl& block = context.ports.block;
  struct Kind {
    const char* member;
    const char* name;
    std::optional<std::vector<u64>> LatencyChoice::*into;
  };
  constexpr Kind kKinds[] = {{"boundaries-read", "read", &LatencyChoice::reads},
                             {"boundaries-write", "write", &LatencyChoice::writes},
                             {"boundaries-flush", "flush", &LatencyChoice::flushes}};
  if (arguments.size() == 1) {
    block.clear_latency_bins(drive->key());
    return Json::object();
  }
  // One kind after the other: what comes before a wrong one is set.
  for (const Kind& kind : kKinds) {
    LatencyChoice choice;
    choice.*kind.into = boundaries_of(arguments, kind.member);
    if (choice.*kind.into && !block.set_latency_bins(drive->key(), choice)) {
      return refuse("Device '" + id + "' set " + kind.name + " boundaries fail");
    }
  }
  return Json::object();
}

constexpr Command kCommands[] = {
    {"block_resize", kResizeArguments, block_resize, "Makes an image larger or smaller."},
    {"block_set_io_throttle", kThrottleArguments, block_set_io_throttle,
     "Limits how much a drive moves in a time."},
    {"block-latency-histogram-set", kHistogramArguments, block_latency_histogram_set,
     "Begins to count by intervals how long requests take; without boundaries, ends it."},
};

}  // namespace

std::span<const Command> block_limit_commands() {
  return kCommands;
}

}  // namespace monitor
