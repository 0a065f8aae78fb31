// The drives of a command line: opens their images, gives them to the IDE controller, and is the
// monitor's view of them.
//
// Thread: device thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/emul/ahci/ahci.h"
#include "hw/emul/floppy/floppy_drive.h"
#include "hw/emul/ide/piix3_ide.h"
#include "machine/block/backend.h"
#include "machine/config/machine.h"
#include "machine/loop/loop.h"
#include "machine/monitor/events.h"
#include "machine/monitor/fd_sets.h"
#include "machine/monitor/machine_port.h"

namespace board {

class Disks final : public monitor::BlockControl {
 public:
  static core::Result<std::unique_ptr<Disks>> open(loop::Loop& loop, const config::Machine& machine,
                                                   monitor::FdSets& fd_sets,
                                                   monitor::Events& events);
  ~Disks() override;

  /// Called once a drive's error is to stop the machine, from the loop.
  void on_stop(std::function<void()> stop) { stop_ = std::move(stop); }
  /// The machine goes on: devices make again what has failed.
  void clear_io_errors();

  /// Those of the PIIX3.
  ide::DriveConfigs ide_drives();
  floppy::DriveConfigs floppy_drives();
  /// Those of an AHCI controller of the command line.
  ahci::DriveConfigs sata_drives(const config::Device& controller);
  /// Waits for what is under way and makes it durable.
  void flush();
  /// The same; what could not be made durable is told.
  core::Result<void> flush_now();
  /// Those whose writes end with this process, and why; empty if there are none.
  std::string unsaveable() const;
  /// Another process goes on with the images: nothing of them is kept, until activate().
  void release();
  /// The images are ours alone from here on; does nothing if they were.
  core::Result<void> activate();

  // What PV disks share with emulated ones, and what the guest does when it leaves those.

  /// The image that PV disks want: the drive that has it, if one has, else one of their own, which
  /// goes when the last of them lets go of it.
  core::Result<std::shared_ptr<block::Backend>> share(const config::Drive& wanted);
  /// The place is empty from now on: the image is made durable, and closed if no PV disk uses it.
  void unplug(unsigned place);
  /// The same for all disks of AHCI controllers.
  void unplug_sata();
  /// After a reset: what is to be plugged in there again.
  std::optional<ide::DriveConfig> replug(unsigned place);

  // monitor::BlockControl
  std::vector<monitor::BlockDevice> drives() const override;
  core::Result<std::unique_ptr<monitor::OpenMedium>> open_medium(
      const std::string& drive, const std::string& file, const std::string& format,
      std::optional<bool> read_only) override;
  core::Result<void> insert_medium(const std::string& drive,
                                   std::unique_ptr<monitor::OpenMedium> medium) override;
  void remove_medium(const std::string& drive) override;
  void request_eject(const std::string& drive, bool force) override;
  void move_tray(const std::string& drive, bool open) override;
  core::Result<void> resize(const std::string& drive, core::u64 bytes) override;
  core::Result<void> set_throttle(const std::string& drive,
                                  const monitor::ThrottleSettings& settings) override;
  bool set_latency_bins(const std::string& drive, const monitor::LatencyChoice& choice) override;
  void clear_latency_bins(const std::string& drive) override;
  std::string debug(const std::string& drive, const std::string& command) override;

 private:
  struct Drive;
  class Medium;

  Disks(loop::Loop& loop, const config::Machine& machine, monitor::FdSets& fd_sets,
        monitor::Events& events);
  core::Result<void> open_all();
  core::Result<void> open_floppies();
  core::Result<void> limit(Drive& drive, const block::ThrottleLimits& limits,
                           const std::string& group);
  std::string next_node_name();
  core::Result<block::Image> open_image(const config::Drive& drive, const std::string& file,
                                        const std::string& format, bool read_only);
  Drive* find(const std::string& key);
  ide::DriveConfig drive_config(std::size_t index);
  void tell_error(const Drive& drive, const block::IoError& what);
  Drive* at_place(unsigned place);
  void unplug(Drive& drive);
  void for_each_image(const std::function<void(block::Backend&)>& visit);

  loop::Loop& loop_;
  const config::Machine& config_;
  monitor::FdSets& fd_sets_;
  monitor::Events& events_;
  block::Engine engine_;
  std::vector<std::unique_ptr<Drive>> drives_;  // those of config_.ide_disks, then .floppies
  bool elsewhere_ = false;                      // another process has the images
  std::function<void()> stop_;
  bool stopping_ = false;
  unsigned node_names_ = 0;
  std::map<std::string, std::weak_ptr<block::Throttle>> throttles_;  // by group
  std::vector<std::weak_ptr<block::Backend>> extra_;                 // of PV disks only
};

}  // namespace board
