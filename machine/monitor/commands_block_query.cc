// Disks as they are: what xentop and toolstacks poll.
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

void describe(const ThrottleSettings& throttle, Json& into) {
  const auto limit = [&into](const std::string& name, const ThrottleLimit& one) {
    into[name] = one.average;
    if (one.peak == 0) return;
    into[name + "_max"] = one.peak;
    into[name + "_max_length"] = one.burst_seconds;
  };
  limit("bps", throttle.bps);
  limit("bps_rd", throttle.bps_rd);
  limit("bps_wr", throttle.bps_wr);
  limit("iops", throttle.iops);
  limit("iops_rd", throttle.iops_rd);
  limit("iops_wr", throttle.iops_wr);
  if (throttle.iops_size != 0) into["iops_size"] = throttle.iops_size;
  into["group"] = throttle.group;
}

Json describe(const Medium& medium, const std::optional<ThrottleSettings>& throttle) {
  Json image = {{"virtual-size", medium.virtual_size},
                {"filename", medium.file},
                {"format", medium.driver},
                {"dirty-flag", false}};
  // What a server keeps takes nothing that could be seen from here.
  if (medium.actual_size != 0 || !medium.file.starts_with("nbd")) {
    image["actual-size"] = medium.actual_size;
  }
  Json cache = {{"no-flush", medium.cache_no_flush},
                {"direct", medium.cache_direct},
                {"writeback", medium.cache_writeback}};
  Json result{{"iops_rd", 0},
              {"detect_zeroes", medium.detect_zeroes},
              {"image", std::move(image)},
              {"iops_wr", 0},
              {"ro", medium.read_only},
              {"node-name", medium.node_name},
              {"backing_file_depth", medium.backing_file.empty() ? 0 : 1},
              {"drv", medium.driver},
              {"iops", 0},
              {"bps_wr", 0},
              {"write_threshold", 0},
              {"encrypted", false},
              {"bps", 0},
              {"bps_rd", 0},
              {"cache", std::move(cache)},
              {"file", medium.file}};
  if (!medium.backing_file.empty()) result["backing_file"] = medium.backing_file;
  if (throttle) describe(*throttle, result);
  return result;
}

Reply query_block(Context& context, const Json&) {
  Json list = Json::array();
  for (const BlockDevice& device : context.ports.block.drives()) {
    Json item = Json::object();  // in QEMU's order
    if (!device.io_status.empty()) item["io-status"] = device.io_status;
    item["device"] = device.device;
    item["locked"] = device.locked;
    item["removable"] = device.removable;
    if (device.inserted) item["inserted"] = describe(*device.inserted, device.throttle);
    if (!device.qdev.empty()) item["qdev"] = device.qdev;
    if (device.has_tray) item["tray_open"] = device.tray_open;
    item["type"] = "unknown";
    list.push_back(std::move(item));
  }
  return list;
}

Reply query_named_block_nodes(Context& context, const Json&) {
  Json list = Json::array();
  for (const BlockDevice& device : context.ports.block.drives()) {
    if (device.inserted) list.push_back(describe(*device.inserted, device.throttle));
  }
  return list;
}

void describe(const LatencyBins& took, const char* name, Json& into) {
  if (took.bins.empty()) return;
  into[name] = Json{{"boundaries", took.boundaries}, {"bins", took.bins}};
}

Json describe(const BlockStats& stats) {
  Json result{{"unmap_operations", stats.unmap_operations},
              {"unmap_merged", stats.unmap_merged},
              {"flush_total_time_ns", stats.flush_total_time_ns},
              {"wr_highest_offset", stats.wr_highest_offset},
              {"wr_total_time_ns", stats.wr_total_time_ns},
              {"failed_wr_operations", stats.failed_wr_operations},
              {"failed_rd_operations", stats.failed_rd_operations},
              {"wr_merged", stats.wr_merged},
              {"wr_bytes", stats.wr_bytes},
              {"timed_stats", Json::array()},
              {"failed_unmap_operations", stats.failed_unmap_operations},
              {"failed_flush_operations", stats.failed_flush_operations},
              {"account_invalid", true},
              {"rd_total_time_ns", stats.rd_total_time_ns},
              {"invalid_unmap_operations", stats.invalid_unmap_operations},
              {"flush_operations", stats.flush_operations},
              {"wr_operations", stats.wr_operations},
              {"unmap_bytes", stats.unmap_bytes},
              {"rd_merged", stats.rd_merged},
              {"rd_bytes", stats.rd_bytes},
              {"unmap_total_time_ns", stats.unmap_total_time_ns},
              {"invalid_flush_operations", stats.invalid_flush_operations},
              {"account_failed", true},
              {"rd_operations", stats.rd_operations},
              {"invalid_wr_operations", stats.invalid_wr_operations},
              {"invalid_rd_operations", stats.invalid_rd_operations}};
  describe(stats.reads_took, "rd_latency_histogram", result);
  describe(stats.writes_took, "wr_latency_histogram", result);
  describe(stats.flushes_took, "flush_latency_histogram", result);
  // There is no time since a last access where there was none.
  if (stats.idle_time_ns != 0) result["idle_time_ns"] = stats.idle_time_ns;
  return result;
}

constexpr Member kStatsArguments[] = {
    {"query-nodes", &kBoolType, true, "nodes instead of drives"},
};

Reply query_blockstats(Context& context, const Json& arguments) {
  const bool nodes = bool_of(arguments, "query-nodes").value_or(false);
  Json list = Json::array();
  for (const BlockDevice& device : context.ports.block.drives()) {
    if (nodes && !device.inserted) continue;
    Json item = Json::object();
    if (!nodes) item["device"] = device.device;
    item["stats"] = describe(device.stats);
    if (device.inserted) item["node-name"] = device.inserted->node_name;
    if (!nodes && !device.qdev.empty()) item["qdev"] = device.qdev;
    list.push_back(std::move(item));
  }
  return list;
}

constexpr Member kFlatArguments[] = {{"flat", &kBoolType, true}};

constexpr Command kCommands[] = {
    {"query-block", {}, query_block, "The drives and the media in them.", &kBlockInfoList},
    {"query-blockstats", kStatsArguments, query_blockstats, "How much each drive has moved.",
     &kBlockStatsList},
    {"query-named-block-nodes", kFlatArguments, query_named_block_nodes, "The open images.",
     &kBlockDeviceInfoList},
};

}  // namespace

std::span<const Command> block_query_commands() {
  return kCommands;
}

}  // namespace monitor
