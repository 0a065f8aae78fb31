// Commands of the human monitor about disks in use.
#include <nlohmann/json.hpp>

#include "machine/monitor/hmp_command.h"

namespace monitor {

namespace {

using Kind = HmpArgument::Kind;

void block_resize(HmpCall& call) {
  (void)call.qmp("block_resize",
                 Json{{"device", call.text("device")}, {"size", call.number("size")}});
}

void block_set_io_throttle(HmpCall& call) {
  Json arguments = Json::object();
  // QEMU's human monitor takes a name of either sort here.
  const std::string device = call.text("device");
  bool by_id = true;
  for (const BlockDevice& drive : call.context.ports.block.drives()) {
    if (drive.device == device) by_id = false;
  }
  arguments[by_id ? "id" : "device"] = device;
  for (const char* name : {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"}) {
    arguments[name] = call.number(name);
  }
  (void)call.qmp("block_set_io_throttle", arguments);
}

void qemu_io(HmpCall& call) {
  const std::string device = call.text("device");
  for (const BlockDevice& drive : call.context.ports.block.drives()) {
    const bool by_qdev = call.has("d");
    const bool by_node = drive.inserted && drive.inserted->node_name == device;
    if (by_qdev ? drive.qdev != device : drive.device != device && !by_node) continue;
    return call.print(call.context.ports.block.debug(drive.key(), call.text("command")));
  }
  call.print(call.has("d") ? "Error: Device '" + device + "' not found\n"
                           : "Error: Cannot find device='' nor node-name='" + device + "'\n");
}

constexpr HmpArgument kResize[] = {{"device", Kind::kDrive}, {"size", Kind::kSize}};
constexpr HmpArgument kThrottle[] = {{"device", Kind::kDrive},      {"bps", Kind::kExpression},
                                     {"bps_rd", Kind::kExpression}, {"bps_wr", Kind::kExpression},
                                     {"iops", Kind::kExpression},   {"iops_rd", Kind::kExpression},
                                     {"iops_wr", Kind::kExpression}};
constexpr HmpArgument kQemuIo[] = {{"d", Kind::kFlag}, {"device", Kind::kDrive}, {"command"}};

constexpr HmpCommand kCommands[] = {
    {"block_resize", kResize, "device size", "resize an image", block_resize},
    {"block_set_io_throttle", kThrottle, "device bps bps_rd bps_wr iops iops_rd iops_wr",
     "limit how much a drive moves in a time", block_set_io_throttle},
    {"qemu-io", kQemuIo, "[-d] [device] \"[command]\"",
     "run a command of qemu-io on a drive, for tests", qemu_io},
};

}  // namespace

std::span<const HmpCommand> hmp_block_commands() {
  return kCommands;
}

}  // namespace monitor
