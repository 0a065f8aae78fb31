// What the monitor finds where there is no emulated hardware: nothing.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "machine/monitor/machine_port.h"

namespace board {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

/// What a machine has, and this one has not.
class NoHardware final : public monitor::CpuControl,
                         public monitor::PciView,
                         public monitor::ScreenControl,
                         public monitor::MemoryControl,
                         public monitor::StateControl {
 public:
  std::vector<monitor::Cpu> cpus() const override { return {}; }
  unsigned max_cpus() const override { return 0; }
  core::Result<void> plug_cpu(unsigned /*index*/, const std::string& /*id*/) override {
    return core::fail("this machine has no CPUs");
  }

  std::vector<monitor::PciDevice> pci_functions() const override { return {}; }

  std::vector<std::string> screens() const override { return {}; }
  core::Result<void> screendump(int /*fd*/, monitor::ImageFormat /*format*/,
                                const std::string& /*device*/) override {
    return core::fail("There is no console to take a screendump from");
  }

  bool read_memory(u64 /*address*/, core::MutableBytes to) override {
    std::fill(to.begin(), to.end(), u8{0xff});
    return false;
  }
  u32 port_read(u16 /*port*/, unsigned /*width*/) override { return ~u32{0}; }
  void port_write(u16 /*port*/, u32 /*value*/, unsigned /*width*/) override {}
  std::vector<monitor::MappedRegion> mapped_ports() const override { return {}; }
  std::vector<monitor::MappedRegion> mapped_memory() const override { return {}; }
};

class NoDisks final : public monitor::BlockControl {
 public:
  std::vector<monitor::BlockDevice> drives() const override { return {}; }
  core::Result<std::unique_ptr<monitor::OpenMedium>> open_medium(
      const std::string& drive, const std::string& /*file*/, const std::string& /*format*/,
      std::optional<bool> /*read_only*/) override {
    return core::fail("Device '" + drive + "' not found");
  }
  core::Result<void> insert_medium(const std::string& drive,
                                   std::unique_ptr<monitor::OpenMedium> /*medium*/) override {
    return core::fail("Device '" + drive + "' not found");
  }
  void remove_medium(const std::string& /*drive*/) override {}
  void request_eject(const std::string& /*drive*/, bool /*force*/) override {}
  void move_tray(const std::string& /*drive*/, bool /*open*/) override {}
};

}  // namespace board
