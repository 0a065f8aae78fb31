// The machine as a whole: -machine, -m, -smp, -boot, -name and their like.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "machine/config/parser.h"

namespace config {
namespace {

constexpr u32 kFirstReservedDomid = 0x7ff0;
constexpr u32 kMaxVcpus = 128;  // HVM_MAX_VCPUS of Xen
constexpr u64 kMiB = u64{1} << 20;
constexpr u64 kLowRamEnd = 0xf0000000;  // where Xen's PCI hole begins at the latest
constexpr u64 kMaxRam = u64{1} << 44;

/// Reads `value` into `list` over what earlier uses of the option said.
Status merge_into(OptionList& list, std::string_view where, std::string_view value,
                  std::string_view implied) {
  auto parsed = OptionList::parse(where, value, implied);
  if (!parsed) return tl::unexpected(parsed.error());
  list.merge(*parsed);
  return {};
}

Status closed(OptionList& list) {
  if (auto error = list.finish()) return tl::unexpected(*error);
  return {};
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

Status Parser::add_domid(std::string_view value) {
  const auto domid = to_number(value);
  if (!domid || *domid >= kFirstReservedDomid) {
    return core::fail(fmt::format("-xen-domid {}: not a domain's number", value));
  }
  m_.domid = static_cast<u32>(*domid);
  have_domid_ = true;
  return {};
}

Status Parser::add_machine(std::string_view value) {
  if (value == "help" || value == "?") {
    m_.help = machine_help();
    return {};
  }
  return merge_into(machine_, "-machine", value, "type");
}

Status Parser::add_accel(std::string_view value) {
  if (value == "help") {
    m_.help = "Accelerators supported:\nqtest\nxen\n";
    return {};
  }
  return choose_accel("-accel ", value.substr(0, value.find(',')));
}

Status Parser::choose_accel(std::string_view where, std::string_view value) {
  if (value != "xen" && value != "qtest") {
    return core::fail(fmt::format("{}{}: there are xen and qtest", where, value));
  }
  accel_qtest_ = value == "qtest";
  return {};
}

Status Parser::add_qtest(std::string_view value) {
  auto id = chardev_for(where_, value, "qtest");
  if (!id) return tl::unexpected(id.error());
  qtest_.chardev = *id;
  return {};
}

Status Parser::add_qtest_log(std::string_view value) {
  qtest_.log_file = value == "none" ? std::string() : std::string(value);
  return {};
}

/// The long form of -qtest. Nothing else is an object.
Status Parser::add_object(std::string_view value) {
  auto list = value.starts_with('{') ? OptionList::parse_json(where_, value)
                                     : OptionList::parse(where_, value, "qom-type");
  if (!list) return tl::unexpected(list.error());
  const std::string type = list->take("qom-type").value_or("");
  if (type != "qtest") {
    return core::fail(
        fmt::format("{} {}: no object but qtest is built yet: leave it out", where_, value));
  }
  list->ignore({"id"});
  list->take("chardev", qtest_.chardev);
  if (const auto log = list->take("log")) {
    if (auto done = add_qtest_log(*log); !done) return done;
  }
  return closed(*list);
}

/// After the machine and the accelerator are known.
Status Parser::finish_qtest() {
  if (!accel_qtest_) {
    if (qtest_.chardev.empty()) return {};
    return core::fail("-qtest: give -accel qtest, too");
  }
  if (m_.kind == Machine::Kind::kNone && qtest_.chardev.empty()) return {};
  if (m_.kind != Machine::Kind::kPc && m_.kind != Machine::Kind::kNone) {
    return core::fail(fmt::format("-accel qtest: not with -machine {}: give -machine pc or none",
                                  m_.machine_name));
  }
  if (!m_.record.file.empty()) return core::fail("-record: not with -accel qtest");
  m_.qtest = qtest_;
  // The client waits for this connection first.
  const auto at = std::find_if(m_.chardevs.begin(), m_.chardevs.end(),
                               [&](const Chardev& one) { return one.id == qtest_.chardev; });
  if (qtest_.chardev.empty()) return {};
  if (at == m_.chardevs.end()) {
    return core::fail(fmt::format("-qtest: there is no chardev {}", qtest_.chardev));
  }
  std::rotate(m_.chardevs.begin(), at, at + 1);
  return {};
}

Status Parser::add_memory(std::string_view value) {
  return merge_into(memory_, "-m", value, "size");
}

Status Parser::add_smp(std::string_view value) {
  return merge_into(smp_, "-smp", value, "cpus");
}

Status Parser::add_boot(std::string_view value) {
  return merge_into(boot_, "-boot", value, "order");
}

Status Parser::add_name(std::string_view value) {
  auto list = OptionList::parse(where_, value, "guest");
  if (!list) return tl::unexpected(list.error());
  list->take("guest", m_.name);
  list->ignore({"process", "debug-threads"});
  return closed(*list);
}

Status Parser::add_uuid(std::string_view value) {
  if (!is_uuid(value)) {
    return core::fail(
        fmt::format("-uuid {}: must look like 01234567-89ab-cdef-0123-456789abcdef", value));
  }
  m_.uuid = value;
  return {};
}

Status Parser::add_rtc(std::string_view value) {
  auto list = OptionList::parse(where_, value, "base");
  if (!list) return tl::unexpected(list.error());
  std::string base = "utc";
  list->take("base", base);
  m_.rtc_local_time = base == "localtime";
  if (base != "utc" && base != "localtime") m_.rtc_base = base;
  std::string clock = "host";
  list->take("clock", clock);
  m_.rtc_guest_clock = clock == "vm";
  list->ignore({"driftfix"});
  return closed(*list);
}

Status Parser::add_global(std::string_view value) {
  const std::size_t equals = value.find('=');
  const std::size_t dot = value.substr(0, equals).find('.');
  if (equals != std::string_view::npos && dot != std::string_view::npos) {
    globals_.push_back({std::string(value.substr(0, dot)),
                        {std::string(value.substr(dot + 1, equals - dot - 1)),
                         std::string(value.substr(equals + 1))}});
    return {};
  }
  auto list = OptionList::parse(where_, value, "driver");
  if (!list) return tl::unexpected(list.error());
  Global global;
  list->take("driver", global.driver);
  list->take("property", global.property.key);
  list->take("value", global.property.value);
  if (global.driver.empty() || global.property.key.empty()) {
    return core::fail(fmt::format("-global {}: must look like DEVICE.SETTING=VALUE", value));
  }
  globals_.push_back(global);
  return closed(*list);
}

Status Parser::add_action(std::string_view value) {
  auto list = OptionList::parse(where_, value, "");
  if (!list) return tl::unexpected(list.error());
  static constexpr OptionList::Choice<bool> kReboot[] = {{"reset", false}, {"shutdown", true}};
  static constexpr OptionList::Choice<bool> kShutdown[] = {{"poweroff", false}, {"pause", true}};
  list->take_choice("reboot", m_.no_reboot, kReboot);
  list->take_choice("shutdown", m_.no_shutdown, kShutdown);
  list->ignore({"panic", "watchdog"});
  return closed(*list);
}

Status Parser::add_run_with(std::string_view value) {
  auto list = OptionList::parse(where_, value, "");
  if (!list) return tl::unexpected(list.error());
  list->ignore({"async-teardown"});
  for (const std::string_view key : {"chroot", "user"}) {
    if (list->has(key)) {
      return core::fail(fmt::format(
          "-run-with {}=: running without privileges is not built yet: set dm_restrict=0", key));
    }
  }
  return closed(*list);
}

Status Parser::machine_type(const std::string& name) {
  m_.machine_name = name;
  if (name == "none") {
    m_.kind = Machine::Kind::kNone;
  } else if (name == "xenfv" || name == "xenfv-3.1" || name == "xenfv-4.2") {
    m_.kind = Machine::Kind::kXenfv;
    m_.platform.present = true;
  } else if (name == "pc" || name.starts_with("pc-i440fx-") || name.starts_with("pc-0.") ||
             name.starts_with("pc-1.")) {
    m_.kind = Machine::Kind::kPc;
  } else if (name == "xenpv") {
    m_.kind = Machine::Kind::kXenpv;
  } else {
    return core::fail(fmt::format(
        "-machine {}: no such machine: there are xenfv, xenpv, pc, pc-i440fx-VERSION and none",
        name));
  }
  return {};
}

Status Parser::finish_machine() {
  std::string type = "pc";
  std::string accel;
  machine_.take("type", type);
  machine_.take("accel", accel);
  if (auto done = machine_type(type); !done) return done;
  if (!accel.empty()) {
    if (auto done = choose_accel("-machine accel=", accel); !done) return done;
  }
  if (auto done = finish_qtest(); !done) return done;
  for (const auto& [key, cure] :
       {Refusal{"igd-passthru", "graphics passthrough is not built yet: leave gfx_passthru out"},
        Refusal{"usb", "no USB controller is built yet: leave it out"}}) {
    bool on = false;
    machine_.take(key, on);
    if (on) return core::fail(fmt::format("-machine {}=on: {}", key, cure));
  }
  machine_.take("suppress-vmdesc", m_.suppress_vmdesc);
  machine_.take("kernel", m_.kernel);
  machine_.take("initrd", m_.initrd);
  machine_.take("append", m_.append);
  machine_.take("firmware", m_.bios);
  machine_.take("acpi", m_.acpi.present);
  u64 below_4g = kLowRamEnd;
  machine_.take_size("max-ram-below-4g", below_4g, 1);
  if (below_4g > u64{4} << 30 || below_4g < kMiB) {
    return core::fail(fmt::format(
        "-machine max-ram-below-4g={}: must be from 1M to 4G: see mmio_hole=", below_4g));
  }
  m_.max_ram_below_4g = std::min(below_4g, kLowRamEnd);
  machine_.ignore({"allow-unassigned", "trad_compat", "vmport", "dump-guest-core", "mem-merge",
                   "kernel-irqchip", "graphics", "hpet", "smbus", "sata", "pit", "smm", "nvdimm",
                   "i8042", "fd-bootchk", "default-bus-bypass-iommu"});
  if (auto done = closed(machine_); !done) return done;
  if (m_.kind != Machine::Kind::kNone && !m_.qtest && !have_domid_) {
    return core::fail("-xen-domid: missing: a guest of Xen is needed, xl create gives its number");
  }
  const bool bare = m_.kind == Machine::Kind::kNone || m_.kind == Machine::Kind::kXenpv;
  if (bare && !m_.record.file.empty()) {
    return core::fail(fmt::format("-record: -machine {} has no hardware to record", type));
  }
  if (m_.kernel.empty() && (!m_.initrd.empty() || !m_.append.empty())) {
    return core::fail(
        fmt::format("-{}: only together with -kernel", m_.initrd.empty() ? "append" : "initrd"));
  }
  return {};
}

Status Parser::finish_memory() {
  memory_.take_size("size", m_.ram_bytes, kMiB);
  memory_.ignore({"slots"});
  u64 maximum = 0;
  memory_.take_size("maxmem", maximum, kMiB);
  if (auto done = closed(memory_); !done) return done;
  if (m_.ram_bytes < kMiB || m_.ram_bytes > kMaxRam) {
    return core::fail(fmt::format("-m: {} bytes: must be from 1M to 16T", m_.ram_bytes));
  }
  m_.ram_bytes &= ~u64{0xfff};
  // QEMU's board leaves more room for devices than Xen's, the more so with much RAM.
  if (m_.qtest && m_.max_ram_below_4g == kLowRamEnd) {
    constexpr u64 kDevices = 0xe0000000;
    m_.max_ram_below_4g = m_.ram_bytes >= kDevices ? u64{0xc0000000} : kDevices;
  }
  return {};
}

Status Parser::finish_smp() {
  if (smp_.entries().empty()) return {};
  Smp& smp = m_.smp;
  const bool given = smp_.has("cpus");
  const bool maximum = smp_.has("maxcpus");
  u32 dies = 1, clusters = 1;
  smp_.take_number("cpus", smp.cpus, 1, kMaxVcpus);
  smp_.take_number("maxcpus", smp.max_cpus, 1, kMaxVcpus);
  smp_.take_number("sockets", smp.sockets, 1, kMaxVcpus);
  smp_.take_number("cores", smp.cores, 1, kMaxVcpus);
  smp_.take_number("threads", smp.threads, 1, kMaxVcpus);
  smp_.take_number("dies", dies, 1, 1);
  smp_.take_number("clusters", clusters, 1, 1);
  if (auto done = closed(smp_); !done) return done;
  if (!maximum) {
    const u32 product =
        std::max(smp.sockets, 1U) * std::max(smp.cores, 1U) * std::max(smp.threads, 1U);
    smp.max_cpus = given ? smp.cpus : product;
  }
  if (!given) smp.cpus = smp.max_cpus;
  if (smp.cpus > smp.max_cpus || smp.max_cpus > kMaxVcpus) {
    return core::fail(fmt::format("-smp: {} CPUs at start, {} at most: must be no more, up to {}",
                                  smp.cpus, smp.max_cpus, kMaxVcpus));
  }
  return {};
}

Status Parser::finish_boot() {
  Boot& boot = m_.boot;
  boot_.take("order", boot.order);
  boot_.take("once", boot.once);
  boot_.take("menu", boot.menu);
  boot_.take("strict", boot.strict);
  if (boot_.has("splash-time")) {
    boot_.take_number("splash-time", boot.splash_time.emplace(), 0, 0xffff);
  }
  if (const auto timeout = boot_.take("reboot-timeout"); timeout && *timeout != "-1") {
    boot_.set("reboot-timeout", *timeout);
    boot_.take_number("reboot-timeout", boot.reboot_timeout, 0, 0xffff);
  }
  boot_.ignore({"splash"});
  if (auto done = closed(boot_); !done) return done;
  for (const auto& order : {boot.order, boot.once}) {
    std::string seen;
    for (const char letter : order) {
      if (std::string_view("abcdn").find(letter) == std::string_view::npos) {
        return core::fail(fmt::format(
            "-boot order={}: '{}' is no boot device: a, b floppy, c disk, d CD, n network", order,
            letter));
      }
      if (seen.find(letter) != std::string::npos) {
        return core::fail(fmt::format("-boot order={}: '{}' twice", order, letter));
      }
      seen.push_back(letter);
    }
    if (order.size() > 3) {
      return core::fail(fmt::format("-boot order={}: at most three devices", order));
    }
  }
  return {};
}

}  // namespace config
