// The walk over argv: what the option handlers share. Private to this folder.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/result.h"
#include "machine/config/machine.h"
#include "machine/config/options.h"

namespace config {

using Status = core::Result<void>;

/// A setting of -global, for a device that may or may not exist.
struct Global {
  std::string driver;
  Property property;
};

struct Refusal {
  std::string_view name;
  std::string_view cure;
};

class Parser {
 public:
  using Handler = Status (Parser::*)(std::string_view value);
  struct Entry {
    std::string_view name;
    bool argument;
    Handler handle;              // null: see `refusal`
    std::string_view text = {};  // of a refusal, or of a note; empty: nothing to say
  };

  core::Result<Machine> run(std::span<const char* const> argv);

 private:
  static std::span<const Entry> entries();
  Status option(const Entry& entry, std::string_view value);
  Status finish();

  // machine_options.cc
  Status add_domid(std::string_view value);
  Status add_machine(std::string_view value);
  Status add_accel(std::string_view value);
  Status add_qtest(std::string_view value);
  Status add_qtest_log(std::string_view value);
  Status add_object(std::string_view value);
  Status choose_accel(std::string_view where, std::string_view value);
  Status finish_qtest();
  Status add_memory(std::string_view value);
  Status add_smp(std::string_view value);
  Status add_boot(std::string_view value);
  Status add_name(std::string_view value);
  Status add_uuid(std::string_view value);
  Status add_rtc(std::string_view value);
  Status add_msg(std::string_view value);
  Status add_global(std::string_view value);
  Status add_action(std::string_view value);
  Status add_run_with(std::string_view value);
  Status finish_machine();
  Status machine_type(const std::string& name);
  Status finish_memory();
  Status finish_smp();
  Status finish_boot();

  // chardevs.cc
  Status add_chardev(std::string_view value);
  Status add_mon(std::string_view value);
  Status add_serial(std::string_view value);
  Status add_parallel(std::string_view value);
  Status add_debugcon(std::string_view value);
  Status add_monitor(std::string_view value);
  Status add_qmp(std::string_view value);
  Status add_qmp_pretty(std::string_view value);
  Status register_chardev(Chardev chardev, std::string_view where);
  core::Result<std::string> chardev_for(std::string_view where, std::string_view text,
                                        std::string label);
  Status compat_monitor(std::string_view where, std::string_view value, bool control, bool pretty);
  Status finish_chardevs();
  Status check_chardev(std::string_view where, const std::string& id) const;

  // drives.cc
  Status add_drive(std::string_view value);
  Status add_blockdev(std::string_view value);
  Status add_hda(std::string_view value);
  Status add_hdb(std::string_view value);
  Status add_hdc(std::string_view value);
  Status add_hdd(std::string_view value);
  Status add_cdrom(std::string_view value);
  Status add_fda(std::string_view value);
  Status add_fdb(std::string_view value);
  Status add_image(std::string_view where, Drive::Attach attach, int index, Drive::Media media,
                   std::string_view file);
  Status drive_from(OptionList& list);
  Status place(OptionList& list, Drive& drive);
  Status node_from(OptionList& list);
  Drive* drive_named(std::string_view id);
  Status finish_drives();

  // devices.cc
  Status add_device(std::string_view value);
  Status add_vga(std::string_view value);
  Status finish_devices();
  Status build_device(OptionList& list);
  Status build_vga(OptionList& list);
  Status build_cirrus(OptionList& list);
  Status add_graphics_card(OptionList& list, Vga vga);
  Status take_geometry(OptionList& list, DiskGeometry& geometry);
  Status build_ide(OptionList& list, bool cdrom);
  Status place_ide(OptionList& list, IdeDisk& disk);
  Status place_ahci(const OptionList& list, IdeDisk& disk);
  Status build_floppy(OptionList& list);
  Status build_serial(OptionList& list);
  Status build_parallel(OptionList& list);
  Status build_debugcon(OptionList& list);
  Status build_platform(OptionList& list);
  Status build_card(OptionList& list, std::string driver);
  Status attach_ide(IdeDisk disk, std::string_view where);
  Status apply_pm_globals();
  OptionList with_globals(std::string_view driver, const OptionList& given);

  // netdevs.cc
  Status add_netdev(std::string_view value);
  Status add_net(std::string_view value);
  Status add_nic(std::string_view value);
  Status keep_netdev(OptionList& list);
  void keep_card(OptionList& from, const std::string& netdev);
  Status finish_nets();
  Status check_netdev(const Device& card);

  // screen.cc
  Status add_vnc(std::string_view value);
  Status add_display(std::string_view value);

  // The plain ones.
  Status add_incoming(std::string_view value);
  Status add_kernel(std::string_view value);
  Status add_initrd(std::string_view value);
  Status add_append(std::string_view value);
  Status add_bios(std::string_view value);
  Status add_data_dir(std::string_view value);
  Status add_keymap(std::string_view value);
  Status add_pidfile(std::string_view value);
  Status add_log_file(std::string_view value);
  Status add_trace(std::string_view value);
  Status add_trace_pattern(std::string_view pattern);
  Status add_trace_events(const std::string& path);
  Status add_log_items(std::string_view value);
  Status add_metrics(std::string_view value);
  Status add_record(std::string_view value);
  Status add_readconfig(std::string_view value);
  Status config_section(std::string_view where, std::string_view header,
                        const std::vector<Property>& settings);
  Status set_daemonize(std::string_view);
  Status set_nodefaults(std::string_view);
  Status set_nographic(std::string_view);
  Status set_no_acpi(std::string_view);
  Status set_no_fd_bootchk(std::string_view);
  Status set_paused(std::string_view);
  Status set_no_shutdown(std::string_view);
  Status set_no_reboot(std::string_view);
  Status set_snapshot(std::string_view);
  Status show_help(std::string_view);
  Status show_version(std::string_view);
  Status accept(std::string_view);

  struct SerialSlot {
    std::string chardev;  // empty: `none`
  };

  Machine m_;
  std::string where_;  // the option being read, e.g. "-drive"
  std::string_view note_;
  OptionList machine_, memory_, smp_, boot_;
  std::vector<OptionList> devices_;
  // What -net has to connect: netdevs, and places in devices_.
  std::vector<std::string> hub_ends_;
  std::vector<std::size_t> hub_cards_;
  std::vector<Global> globals_;
  std::vector<SerialSlot> serial_slots_;
  std::vector<SerialSlot> parallel_slots_;
  std::string vga_type_;
  Qtest qtest_;
  bool accel_qtest_ = false;
  std::string display_;
  unsigned monitor_count_ = 0;
  bool have_domid_ = false;
  bool nodefaults_ = false;
  bool nographic_ = false;
  bool snapshot_ = false;
  bool monitor_given_ = false;
};

// The texts of the options that only print.
std::string help_text();
std::string machine_help();
std::string version_text();

}  // namespace config
