// Disks as they are: what xentop and toolstacks poll.
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

Json describe(const Medium& medium) {
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
  return result;
}

Reply query_block(Context& context, const Json&) {
  Json list = Json::array();
  for (const BlockDevice& device : context.ports.block.drives()) {
    Json item = {{"io-status", device.io_status},
                 {"device", device.device},
                 {"locked", device.locked},
                 {"removable", device.removable}};
    if (device.inserted) item["inserted"] = describe(*device.inserted);
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
    if (device.inserted) list.push_back(describe(*device.inserted));
  }
  return list;
}

Json describe(const BlockStats& stats) {
  return Json{{"unmap_operations", stats.unmap_operations},
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
