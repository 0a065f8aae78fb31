#include "tests/xensim/command_line.h"

#include <fmt/format.h>

namespace xensim {
namespace {

using Arguments = std::vector<std::string>;

void add(Arguments& to, std::initializer_list<std::string> some) {
  to.insert(to.end(), some);
}

/// xenbus number of hda to hdd.
unsigned device_number(unsigned index) {
  return (index < 2 ? 3U : 22U) * 256 + (index % 2) * 64;
}

void add_disk(Arguments& to, const Disk& disk) {
  if (!disk.cdrom) {
    add(to, {"-drive", fmt::format("file={},if=ide,index={},media=disk,format={},cache=writeback",
                                   disk.path, disk.index, disk.format)});
    return;
  }
  const std::string id = fmt::format("ide-{}", device_number(disk.index));
  const std::string file =
      disk.path.empty() ? "" : fmt::format(",file={},format={}", disk.path, disk.format);
  add(to, {"-drive", fmt::format("if=none,readonly=on,id={}{}", id, file), "-device",
           fmt::format("ide-cd,id={0},drive={0},bus=ide.{1},unit={2}", id, disk.index / 2,
                       disk.index % 2)});
}

void add_monitor(Arguments& to, const std::string& name, const std::string& path) {
  add(to, {"-chardev", fmt::format("socket,id={}-cmd,path={},server=on,wait=off", name, path),
           "-mon", fmt::format("chardev={}-cmd,mode=control", name)});
}

}  // namespace

Arguments libxl_arguments(const GuestConfig& config, const std::string& run) {
  Arguments to{"-xen-domid", std::to_string(config.domain), "-no-shutdown"};
  if (config.restrict) {
    add(to, {"-chardev",
             fmt::format("socket,id=libxl-cmd,fd={},server=on,wait=off", config.monitor_file), "-S",
             "-mon", "chardev=libxl-cmd,mode=control"});
  } else {
    add_monitor(to, "libxl", fmt::format("{}/qmp-libxl-{}", run, config.domain));
  }
  add_monitor(to, "libxenstat", fmt::format("{}/qmp-libxenstat-{}", run, config.domain));
  add(to, {"-nodefaults", "-no-user-config", "-name", config.name});
  if (config.display_options) add(to, {"-vnc", config.vnc, "-display", "none"});
  for (const std::string& line : config.serial) add(to, {"-serial", line});
  if (config.video == Video::kStandard) {
    add(to, {"-device", fmt::format("VGA,vgamem_mb={}", config.video_mb)});
  } else if (config.video == Video::kCirrus) {
    add(to, {"-device", fmt::format("cirrus-vga,vgamem_mb={}", config.video_mb)});
  }
  add(to, {"-boot", "order=" + config.boot});
  if (config.usb) add(to, {"-usb"});
  for (const std::string& device : config.usb_devices) add(to, {"-usbdevice", device});
  if (!config.acpi) add(to, {"-no-acpi"});
  if (config.vcpus > 1) add(to, {"-smp", fmt::format("{0},maxcpus={0}", config.vcpus)});
  add(to, {"-net", "none"});
  if (config.restrict) add(to, {"-xen-domid-restrict"});
  if (config.incoming) add(to, {"-incoming", *config.incoming});
  to.insert(to.end(), config.extra.begin(), config.extra.end());
  const std::string machine =
      config.xen_platform ? "xenfv,suppress-vmdesc=on" : "pc,accel=xen,suppress-vmdesc=on";
  add(to, {"-machine", config.machine.empty() ? machine : config.machine});
  to.insert(to.end(), config.extra_machine.begin(), config.extra_machine.end());
  const unsigned video = config.video == Video::kNone ? 0 : config.video_mb;
  add(to, {"-m", std::to_string(config.memory_mb - video)});
  for (const Disk& disk : config.disks) add_disk(to, disk);
  return to;
}

}  // namespace xensim
