// The command line that libxl 4.17 writes for an HVM guest, in its order.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hw/emul/core/types.h"

namespace xensim {

struct Disk {
  std::string path;
  std::string format = "raw";
  unsigned index = 0;  // hda is 0
  bool cdrom = false;  // without a path it is empty
};

enum class Video { kNone, kStandard, kCirrus };

/// What xl.cfg says.
struct GuestConfig {
  core::u32 domain = 7;
  std::string name = "xensim";
  unsigned memory_mb = 64;  // with video memory, as in xl.cfg
  unsigned video_mb = 16;
  unsigned vcpus = 1;
  std::vector<Disk> disks;
  Video video = Video::kStandard;
  std::vector<std::string> serial;
  std::string boot = "cda";
  std::string vnc = "none";  // -vnc ADDRESS:DISPLAY[,to=99]
  bool usb = false;
  bool xen_platform = true;
  bool acpi = true;
  /// dm_restrict: started with -S and -xen-domid-restrict; the machine makes the monitor's socket.
  bool restrict = false;
  int monitor_file = -1;  // that socket, inherited
  std::vector<std::string> usb_devices;
  std::optional<std::string> incoming;
  std::vector<std::string> extra;          // device_model_args
  std::vector<std::string> extra_machine;  // device_model_args_hvm
  std::string machine;                     // in place of what libxl says

  /// Whether to write "-vnc ..." and "-display none" at all.
  bool display_options = true;
};

/// `run` is the folder of the sockets (/var/run/xen).
std::vector<std::string> libxl_arguments(const GuestConfig& config, const std::string& run);

}  // namespace xensim
