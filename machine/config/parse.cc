#include "machine/config/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "machine/config/parser.h"

namespace config {
namespace {

constexpr std::string_view kNoUsb =
    "no USB controller is built yet: leave usb, usbdevice and usbversion out of the guest's "
    "configuration";
constexpr std::string_view kNoRestrict =
    "running without privileges is not built yet: set dm_restrict=0 and no device_model_user";
constexpr std::string_view kXenRam = "guest memory belongs to Xen: leave this option out";
constexpr std::string_view kXenOnly = "there is no CPU emulation here, guests run under Xen";

}  // namespace

const Chardev* Machine::find_chardev(std::string_view id) const {
  const auto found = std::find_if(chardevs.begin(), chardevs.end(),
                                  [&](const Chardev& chardev) { return chardev.id == id; });
  return found == chardevs.end() ? nullptr : &*found;
}

const Netdev* Machine::find_netdev(std::string_view id) const {
  const auto found =
      std::find_if(netdevs.begin(), netdevs.end(), [&](const Netdev& one) { return one.id == id; });
  return found == netdevs.end() ? nullptr : &*found;
}

const Drive* Machine::find_drive(std::string_view id) const {
  const auto found = std::find_if(drives.begin(), drives.end(), [&](const Drive& drive) {
    return drive.id == id || (!drive.node_name.empty() && drive.node_name == id);
  });
  return found == drives.end() ? nullptr : &*found;
}

std::span<const Parser::Entry> Parser::entries() {
  using P = Parser;
  static constexpr Entry kEntries[] = {
      {"xen-domid", true, &P::add_domid},
      {"machine", true, &P::add_machine},
      {"M", true, &P::add_machine},
      {"accel", true, &P::add_accel},
      {"qtest", true, &P::add_qtest},
      {"qtest-log", true, &P::add_qtest_log},
      {"object", true, &P::add_object},
      {"m", true, &P::add_memory},
      {"smp", true, &P::add_smp},
      {"boot", true, &P::add_boot},
      {"name", true, &P::add_name},
      {"uuid", true, &P::add_uuid},
      {"rtc", true, &P::add_rtc},
      {"msg", true, &P::add_msg},
      {"global", true, &P::add_global},
      {"action", true, &P::add_action},
      {"net", true, &P::add_net},
      {"nic", true, &P::add_nic},
      {"run-with", true, &P::add_run_with},
      {"chardev", true, &P::add_chardev},
      {"mon", true, &P::add_mon},
      {"serial", true, &P::add_serial},
      {"parallel", true, &P::add_parallel},
      {"debugcon", true, &P::add_debugcon},
      {"monitor", true, &P::add_monitor},
      {"qmp", true, &P::add_qmp},
      {"qmp-pretty", true, &P::add_qmp_pretty},
      {"drive", true, &P::add_drive},
      {"blockdev", true, &P::add_blockdev},
      {"hda", true, &P::add_hda},
      {"hdb", true, &P::add_hdb},
      {"hdc", true, &P::add_hdc},
      {"hdd", true, &P::add_hdd},
      {"cdrom", true, &P::add_cdrom},
      {"fda", true, &P::add_fda},
      {"fdb", true, &P::add_fdb},
      {"device", true, &P::add_device},
      {"netdev", true, &P::add_netdev},
      {"vga", true, &P::add_vga},
      {"vnc", true, &P::add_vnc},
      {"display", true, &P::add_display},
      {"incoming", true, &P::add_incoming},
      {"kernel", true, &P::add_kernel},
      {"initrd", true, &P::add_initrd},
      {"append", true, &P::add_append},
      {"bios", true, &P::add_bios},
      {"L", true, &P::add_data_dir},
      {"k", true, &P::add_keymap},
      {"pidfile", true, &P::add_pidfile},
      {"D", true, &P::add_log_file},
      {"metrics", true, &P::add_metrics},
      {"record", true, &P::add_record},
      {"readconfig", true, &P::add_readconfig},
      {"trace", true, &P::add_trace},
      {"d", true, &P::add_log_items},
      {"daemonize", false, &P::set_daemonize},
      {"nodefaults", false, &P::set_nodefaults},
      {"nographic", false, &P::set_nographic},
      {"no-acpi", false, &P::set_no_acpi},
      {"no-fd-bootchk", false, &P::set_no_fd_bootchk},
      {"S", false, &P::set_paused},
      {"no-shutdown", false, &P::set_no_shutdown},
      {"no-reboot", false, &P::set_no_reboot},
      {"snapshot", false, &P::set_snapshot},
      {"h", false, &P::show_help},
      {"help", false, &P::show_help},
      {"version", false, &P::show_version},
      // Understood, nothing to do.
      {"no-user-config", false, &P::accept},
      {"xen-attach", false, &P::accept},  // -machine xenpv says it, too
      {"no-hpet", false, &P::accept},
      {"win2k-hack", false, &P::accept},
      {"only-migratable", false, &P::accept},
      {"enable-fips", false, &P::accept},
      {"cpu", true, &P::accept},
      {"echr", true, &P::accept},
      {"sandbox", true, &P::accept, "no system call filter is applied yet"},
      {"smbios", true, &P::accept, "hvmloader writes the guest's SMBIOS tables"},
      {"overcommit", true, &P::accept, "guest memory belongs to Xen"},
      // Refused.
      {"xen-domid-restrict", false, nullptr, kNoRestrict},
      {"chroot", true, nullptr, kNoRestrict},
      {"runas", true, nullptr, kNoRestrict},
      {"loadvm", true, nullptr, "snapshots are not built: create the guest without it"},
      {"usb", false, nullptr, kNoUsb},
      {"usbdevice", true, nullptr, kNoUsb},
      {"spice", true, nullptr, "there is no SPICE server: use vnc=1"},
      {"soundhw", true, nullptr, "no sound card is built yet: leave soundhw out"},
      {"audio", true, nullptr, "no sound card is built yet: leave it out"},
      {"audiodev", true, nullptr, "no sound card is built yet: leave it out"},
      {"writeconfig", true, nullptr, "the command line is not written anywhere: keep it yourself"},
      {"set", true, nullptr, "give the setting with the option it belongs to"},
      {"tpmdev", true, nullptr, "no TPM is built yet: leave it out"},
      {"add-fd", true, nullptr, "hand descriptors over by QMP's add-fd"},
      {"fsdev", true, nullptr, "no file sharing is built yet: leave it out"},
      {"virtfs", true, nullptr, "no file sharing is built yet: leave it out"},
      {"pflash", true, nullptr, "the guest's firmware is loaded by Xen: use bios= or firmware="},
      {"sd", true, nullptr, "there is no SD card: use -drive if=ide"},
      {"mtdblock", true, nullptr, "there is no flash device: use -drive if=ide"},
      {"option-rom", true, nullptr, "only the built-in option ROMs are offered to the guest"},
      {"fw_cfg", true, nullptr, "firmware files cannot be added: leave it out"},
      {"acpitable", true, nullptr, "ACPI tables are built by hvmloader: use acpi_firmware="},
      {"enable-kvm", false, nullptr, kXenOnly},
      {"icount", true, nullptr, kXenOnly},
      {"gdb", true, nullptr, "use gdbsx, Xen's own gdb stub"},
      {"s", false, nullptr, "use gdbsx, Xen's own gdb stub"},
      {"mem-path", true, nullptr, kXenRam},
      {"mem-prealloc", false, nullptr, kXenRam},
      {"numa", true, nullptr, "use vnuma= in the guest's configuration"},
      {"watchdog", true, nullptr, "no watchdog is built: use Xen's, xl and its vm_watchdog"},
      {"preconfig", false, nullptr, "leave it out"},
      {"sdl", false, nullptr, "there is no window: use vnc=1"},
      {"dtb", true, nullptr, "a PC has no device tree: leave it out"},
      {"singlestep", false, nullptr, kXenOnly},
  };
  return kEntries;
}

Status Parser::option(const Entry& entry, std::string_view value) {
  note_ = entry.text;
  if (entry.handle != nullptr) return (this->*entry.handle)(value);
  if (value.empty()) return core::fail(fmt::format("{}: {}", where_, entry.text));
  return core::fail(fmt::format("{} {}: {}", where_, value, entry.text));
}

core::Result<Machine> Parser::run(std::span<const char* const> argv) {
  m_.program = argv.empty() || argv[0] == nullptr ? "xenolith" : argv[0];
  m_.arguments.push_back(m_.program);
  for (std::size_t i = 1; i < argv.size() && argv[i] != nullptr; ++i) {
    const std::string_view argument = argv[i];
    Status done;
    if (!argument.starts_with('-') || argument == "-") {
      where_ = "disk image";
      m_.arguments.emplace_back(argument);
      done = add_image(where_, Drive::Attach::kIde, 0, Drive::Media::kDisk, argument);
    } else {
      const std::string_view name = argument.substr(argument.starts_with("--") ? 2 : 1);
      const auto all = entries();
      const auto found = std::find_if(all.begin(), all.end(),
                                      [&](const Entry& entry) { return entry.name == name; });
      if (found == all.end()) return core::fail(fmt::format("{}: invalid option", argument));
      std::string_view value;
      if (found->argument) {
        if (i + 1 >= argv.size() || argv[i + 1] == nullptr) {
          return core::fail(fmt::format("{}: requires an argument", argument));
        }
        value = argv[++i];
      }
      where_ = fmt::format("-{}", name);
      if (found->name != "readconfig") {  // what is in the file stands for it
        m_.arguments.push_back(where_);
        if (found->argument) m_.arguments.emplace_back(value);
      }
      done = option(*found, value);
    }
    if (!done) return tl::unexpected(done.error());
    if (m_.help) return std::move(m_);
  }
  if (auto done = finish(); !done) return tl::unexpected(done.error());
  return std::move(m_);
}

Status Parser::finish() {
  for (const auto step :
       {&Parser::finish_machine, &Parser::finish_memory, &Parser::finish_smp, &Parser::finish_boot,
        &Parser::finish_chardevs, &Parser::finish_drives, &Parser::finish_devices}) {
    if (auto done = (this->*step)(); !done) return done;
  }
  return {};
}

Status Parser::accept(std::string_view value) {
  if (!note_.empty()) m_.notes.push_back(fmt::format("{} {}: ignored, {}", where_, value, note_));
  return {};
}

/// libxl hands over a descriptor; the rest of QEMU's ways bring guest memory along.
Status Parser::add_incoming(std::string_view value) {
  Machine::Incoming incoming{.text = fmt::format("-incoming {}", value)};
  if (value.starts_with("fd:")) {
    const std::string_view digits = value.substr(3);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), incoming.fd);
    if (error != std::errc() || end != digits.data() + digits.size() || incoming.fd < 0) {
      return core::fail(fmt::format("-incoming {}: '{}' is no descriptor", value, digits));
    }
  } else if (value.starts_with("file:") && value.size() > 5) {
    incoming.path = value.substr(5);
  } else if (value.starts_with("exec:") && value.size() > 5) {
    incoming.command = value.substr(5);
  } else {
    return core::fail(
        fmt::format("-incoming {}: must be fd:NUMBER, file:PATH or exec:COMMAND", value));
  }
  m_.incoming = std::move(incoming);
  return {};
}
Status Parser::add_kernel(std::string_view value) {
  m_.kernel = value;
  return {};
}
Status Parser::add_initrd(std::string_view value) {
  m_.initrd = value;
  return {};
}
Status Parser::add_append(std::string_view value) {
  m_.append = value;
  return {};
}
Status Parser::add_bios(std::string_view value) {
  m_.bios = value;
  return {};
}
Status Parser::add_keymap(std::string_view value) {
  m_.keymap = value;
  return {};
}
Status Parser::add_pidfile(std::string_view value) {
  m_.pid_file = value;
  return {};
}
Status Parser::add_metrics(std::string_view value) {
  if (!value.starts_with("unix:") || value.size() == 5) {
    return core::fail(fmt::format("-metrics {}: must be unix:PATH", value));
  }
  m_.metrics_path = value.substr(5);
  return {};
}
Status Parser::add_record(std::string_view value) {
  auto options = OptionList::parse("-record", value, "file");
  if (!options) return tl::unexpected(options.error());
  options->take("file", m_.record.file);
  options->take_size("limit", m_.record.limit, 1);
  if (const auto error = options->finish()) return tl::unexpected(*error);
  if (m_.record.file.empty()) return core::fail("-record: which file? give -record FILE");
  return {};
}
Status Parser::set_daemonize(std::string_view) {
  m_.daemonize = true;
  return {};
}
Status Parser::set_nodefaults(std::string_view) {
  nodefaults_ = true;
  return {};
}
Status Parser::set_nographic(std::string_view) {
  nographic_ = true;
  return {};
}
Status Parser::set_no_acpi(std::string_view) {
  m_.acpi.present = false;
  return {};
}
Status Parser::set_paused(std::string_view) {
  m_.start_paused = true;
  return {};
}
Status Parser::set_no_shutdown(std::string_view) {
  m_.no_shutdown = true;
  return {};
}
Status Parser::set_no_reboot(std::string_view) {
  m_.no_reboot = true;
  return {};
}
Status Parser::set_snapshot(std::string_view) {
  snapshot_ = true;
  return {};
}

Status Parser::add_data_dir(std::string_view value) {
  m_.data_dirs.emplace_back(value);
  return {};
}

Status Parser::set_no_fd_bootchk(std::string_view) {
  m_.boot.floppy_signature_check = false;
  return {};
}

Status Parser::show_help(std::string_view) {
  m_.help = help_text();
  return {};
}
Status Parser::show_version(std::string_view) {
  m_.help = version_text();
  return {};
}

core::Result<Machine> parse(std::span<const char* const> argv) {
  return Parser().run(argv);
}

}  // namespace config
