// -device, -vga and -global: the devices that exist here, and a way round for those that do not.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "machine/config/device_types.h"
#include "machine/config/parser.h"

namespace config {
namespace {

constexpr std::string_view kNoUsb =
    "no USB controller is built yet: leave usb, usbdevice and usbversion out of the guest's "
    "configuration";
constexpr std::string_view kNoNic =
    "this network card is not built: use model=rtl8139 or e1000, or type=vif, in vif=[...]";
constexpr std::string_view kNoSound = "no sound card is built yet: leave soundhw out";
constexpr std::string_view kNoDisks = "not built yet: use vdev=hda to hdd in disk=[...]";
constexpr std::string_view kNoVga = "not built: use vga=\"stdvga\" or vga=\"cirrus\"";

constexpr Refusal kRefused[] = {
    {"qxl-vga", kNoVga},
    {"qxl", kNoVga},
    {"virtio-vga", kNoVga},
    {"virtio-gpu-pci", kNoVga},
    {"vmware-svga", kNoVga},
    {"bochs-display", kNoVga},
    {"secondary-vga", kNoVga},
    {"e1000e", kNoNic},
    {"ne2k_pci", kNoNic},
    {"ne2k_isa", kNoNic},
    {"pcnet", kNoNic},
    {"i82551", kNoNic},
    {"i82557b", kNoNic},
    {"i82559er", kNoNic},
    {"virtio-net", kNoNic},
    {"virtio-net-pci", kNoNic},
    {"vmxnet3", kNoNic},
    {"piix3-usb-uhci", kNoUsb},
    {"piix4-usb-uhci", kNoUsb},
    {"ich9-usb-ehci1", kNoUsb},
    {"ich9-usb-uhci1", kNoUsb},
    {"ich9-usb-uhci2", kNoUsb},
    {"ich9-usb-uhci3", kNoUsb},
    {"usb-ehci", kNoUsb},
    {"nec-usb-xhci", kNoUsb},
    {"qemu-xhci", kNoUsb},
    {"usb-tablet", kNoUsb},
    {"usb-mouse", kNoUsb},
    {"usb-kbd", kNoUsb},
    {"usb-host", kNoUsb},
    {"usb-storage", kNoUsb},
    {"usb-redir", kNoUsb},
    {"intel-hda", kNoSound},
    {"hda-duplex", kNoSound},
    {"hda-output", kNoSound},
    {"ac97", kNoSound},
    {"AC97", kNoSound},
    {"adlib", kNoSound},
    {"cs4231a", kNoSound},
    {"es1370", kNoSound},
    {"ES1370", kNoSound},
    {"gus", kNoSound},
    {"sb16", kNoSound},
    {"lsi53c895a", kNoDisks},
    {"lsi", kNoDisks},
    {"scsi-hd", kNoDisks},
    {"scsi-cd", kNoDisks},
    {"nvme", kNoDisks},
    {"nvme-ns", kNoDisks},
    {"virtio-blk-pci", kNoDisks},
    {"virtio-scsi-pci", kNoDisks},
    {"xen-pci-passthrough", "PCI passthrough is not built yet: leave pci=[...] out"},
    {"virtio-serial", "not built yet: leave spicevdagent out"},
    {"virtserialport", "not built yet: leave spicevdagent out"},
    {"tpm-crb", "no TPM is built yet: leave it out"},
    {"tpm-tis", "no TPM is built yet: leave it out"},
};

/// Devices that every machine here has anyway.
constexpr std::string_view kBuiltIn[] = {"isa-fdc", "i8042", "piix3-ide", "PIIX4_PM"};

constexpr unsigned kIdeDevicesPerChannel = 2;
constexpr unsigned kAhciPorts = 6;

/// "SLOT" or "SLOT.FUNCTION", hexadecimal.
core::Result<std::optional<u8>> take_slot(OptionList& list) {
  const auto text = list.take("addr");
  if (!text) return std::optional<u8>();
  std::string_view digits = *text;
  if (digits.ends_with(".0")) digits.remove_suffix(2);
  if (digits.ends_with(".0x0")) digits.remove_suffix(4);
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  const auto slot = to_number(fmt::format("0x{}", digits));
  if (!slot || *slot > 31) {
    return core::fail(
        fmt::format("{}: addr={}: must be a PCI slot from 1 to 1f", list.where(), *text));
  }
  return std::optional<u8>(static_cast<u8>(*slot));
}

Status closed(OptionList& list) {
  list.ignore({"subvendor_id", "subsystem_id", "command_serr_enable", "multifunction", "rombar"});
  if (auto error = list.finish()) return tl::unexpected(*error);
  return {};
}

Status pci_bus(OptionList& list) {
  const auto bus = list.take("bus");
  if (!bus || *bus == "pci.0" || *bus == "pci") return {};
  return core::fail(fmt::format("{}: bus={}: there is only pci.0", list.where(), *bus));
}

}  // namespace

Status Parser::add_device(std::string_view value) {
  if (value == "help" || value == "?") {
    m_.help = device_help();
    return {};
  }
  for (const std::string_view tail : {",help", ",?"}) {
    if (!value.ends_with(tail)) continue;
    const std::string_view name = value.substr(0, value.size() - tail.size());
    std::string text = device_help(name);
    if (text.empty())
      return core::fail(fmt::format("-device {}: Device '{}' not found", value, name));
    m_.help = std::move(text);
    return {};
  }
  auto list = value.starts_with('{') ? OptionList::parse_json(where_, value)
                                     : OptionList::parse(where_, value, "driver");
  if (!list) return tl::unexpected(list.error());
  const auto driver = list->take("driver");
  if (!driver || driver->empty()) {
    return core::fail(fmt::format("-device {}: the driver's name is missing", value));
  }
  auto named = OptionList::parse(fmt::format("-device {}", *driver), "", "");
  named->set("driver", *driver);
  named->merge(*list);
  devices_.push_back(std::move(*named));
  return {};
}

Status Parser::add_vga(std::string_view value) {
  if (value == "help") {
    m_.help = "cirrus\nstd\nnone\n";
    return {};
  }
  if (value != "std" && value != "cirrus" && value != "none") {
    return core::fail(fmt::format("-vga {}: {}", value, kNoVga));
  }
  vga_type_ = value;
  return {};
}

/// The settings of -global for this driver, then those given with it.
OptionList Parser::with_globals(std::string_view driver, const OptionList& given) {
  auto list = OptionList::parse(given.where(), "", "");
  for (const auto& global : globals_) {
    if (global.driver == driver) list->set(global.property.key, global.property.value);
  }
  list->merge(given);
  return std::move(*list);
}

Status Parser::build_cirrus(OptionList& list) {
  Vga vga{.model = Vga::Model::kCirrus, .memory_mb = 4};
  list.take_number("vgamem_mb", vga.memory_mb, 1, 256);
  if (vga.memory_mb != 4 && vga.memory_mb != 8 && vga.memory_mb != 16) {
    return core::fail(fmt::format(
        "{}: vgamem_mb={}: must be 4, 8 or 16: see videoram=", list.where(), vga.memory_mb));
  }
  list.take("blitter", vga.blitter);
  list.ignore({"global-vmstate"});
  return add_graphics_card(list, std::move(vga));
}

Status Parser::build_vga(OptionList& list) {
  Vga vga;
  list.take_number("vgamem_mb", vga.memory_mb, 1, 256);
  if ((vga.memory_mb & (vga.memory_mb - 1)) != 0) {
    return core::fail(fmt::format(
        "{}: vgamem_mb={}: must be a power of two: see videoram=", list.where(), vga.memory_mb));
  }
  // The older board that xenfv stands for has no EDID.
  vga.edid = m_.kind == Machine::Kind::kPc && m_.machine_name == "pc";
  list.take("edid", vga.edid);
  list.take_number("xres", vga.xres, 0, 16384);
  list.take_number("yres", vga.yres, 0, 16384);
  list.take_number("xmax", vga.xmax, 0, 16384);
  list.take_number("ymax", vga.ymax, 0, 16384);
  list.ignore({"mmio", "qemu-extended-regs", "global-vmstate", "refresh_rate"});
  return add_graphics_card(list, std::move(vga));
}

/// What all of them take.
Status Parser::add_graphics_card(OptionList& list, Vga vga) {
  if (m_.vga) return core::fail(fmt::format("{}: there is a graphics card already", list.where()));
  list.take("id", vga.id);
  list.take("romfile", vga.rom_file);
  vga.rom = list.take("rombar").value_or("1") != "0";
  auto slot = take_slot(list);
  if (!slot) return tl::unexpected(slot.error());
  vga.slot = *slot;
  if (auto done = pci_bus(list); !done) return done;
  m_.vga = std::move(vga);
  return closed(list);
}

Status Parser::attach_ide(IdeDisk disk, std::string_view where) {
  for (const auto& other : m_.ide_disks) {
    if (other.ahci == disk.ahci && other.channel == disk.channel && other.unit == disk.unit) {
      return core::fail(fmt::format("{}: {} unit {} is taken", where, disk.bus, disk.unit));
    }
    if (!disk.drive.empty() && other.drive == disk.drive) {
      return core::fail(fmt::format("{}: drive={}: in use by another device", where, disk.drive));
    }
  }
  m_.ide_disks.push_back(std::move(disk));
  return {};
}

/// Settles where the drive is plugged in from bus= and unit=, or the next free place.
Status Parser::place_ide(OptionList& list, IdeDisk& disk) {
  list.take("bus", disk.bus);
  const bool unit_given = list.has("unit");
  list.take_number("unit", disk.unit, 0, kIdeDevicesPerChannel - 1);
  if (!disk.bus.empty() && disk.bus != "ide.0" && disk.bus != "ide.1") {
    return place_ahci(list, disk);
  }
  const auto taken = [&](unsigned channel, unsigned unit) {
    return std::any_of(m_.ide_disks.begin(), m_.ide_disks.end(), [&](const IdeDisk& other) {
      return !other.ahci && other.channel == channel && other.unit == unit;
    });
  };
  // QEMU looks at the secondary channel first.
  const bool secondary_full = taken(1, 0) && taken(1, 1);
  disk.channel = disk.bus == "ide.0" || (disk.bus.empty() && secondary_full) ? 0 : 1;
  disk.bus = fmt::format("ide.{}", disk.channel);
  if (!unit_given && taken(disk.channel, 0)) disk.unit = 1;
  return {};
}

/// Ports are buses of one place each, named after their controller; those of one without a name
/// follow the two of the PIIX3.
Status Parser::place_ahci(const OptionList& list, IdeDisk& disk) {
  unsigned controller = 0;
  unsigned next = 2;
  for (const Device& card : m_.devices) {
    if (card.driver != "ich9-ahci") continue;
    for (unsigned port = 0; port < kAhciPorts; ++port) {
      const std::string name =
          card.id.empty() ? fmt::format("ide.{}", next++) : fmt::format("{}.{}", card.id, port);
      if (name != disk.bus) continue;
      if (disk.unit != 0) {
        return core::fail(
            fmt::format("{}: bus={}, unit={}: a port of an AHCI controller has unit 0",
                        list.where(), disk.bus, disk.unit));
      }
      disk.ahci = controller;
      disk.channel = port;
      return {};
    }
    ++controller;
  }
  return core::fail(fmt::format(
      "{}: bus={}: there are ide.0 and ide.1, and ID.0 to ID.5 of a -device ahci,id=ID before it",
      list.where(), disk.bus));
}

Status Parser::build_ide(OptionList& list, bool cdrom) {
  IdeDisk disk;
  disk.cdrom = cdrom;
  if (auto done = place_ide(list, disk); !done) return done;
  list.take("id", disk.id);
  list.take("drive", disk.drive);
  list.take("serial", disk.serial);
  list.take("model", disk.model);
  list.take("ver", disk.version);
  list.take_number("wwn", disk.wwn, 0, ~u64{0});
  list.take("write-cache", disk.write_cache);
  if (list.has("bootindex")) {
    int index = 0;
    list.take_number("bootindex", index, 0, 0x7fffffff);
    disk.boot_index = index;
  }
  Drive* const drive = disk.drive.empty() ? nullptr : drive_named(disk.drive);
  if (!disk.drive.empty() && drive == nullptr) {
    return core::fail(
        fmt::format("{}: drive={}: there is no -drive of that id", list.where(), disk.drive));
  }
  if (drive == nullptr && !cdrom) {
    return core::fail(
        fmt::format("{}: drive= is missing: only a CD drive may be empty", list.where()));
  }
  if (drive != nullptr) {
    disk.drive = drive->from_blockdev ? drive->node_name : drive->id;
    if (!cdrom && !drive->file) {
      return core::fail(fmt::format("{}: drive={}: needs a file=: only a CD drive may be empty",
                                    list.where(), disk.drive));
    }
    if (cdrom) drive->media = Drive::Media::kCdrom;
  }
  if (auto done = take_geometry(list, disk.geometry); !done) return done;
  list.ignore({"logical_block_size", "physical_block_size", "min_io_size", "opt_io_size",
               "discard_granularity", "share-rw", "rerror", "werror", "rotation_rate", "lcyls",
               "lheads", "lsecs", "account-invalid", "account-failed", "backend_defaults"});
  if (auto done = closed(list); !done) return done;
  return attach_ide(std::move(disk), list.where());
}

/// All three numbers or none, within what ATA can say.
Status Parser::take_geometry(OptionList& list, DiskGeometry& geometry) {
  list.take_number("cyls", geometry.cylinders, 0, 65535);
  list.take_number("heads", geometry.heads, 0, 16);
  list.take_number("secs", geometry.sectors, 0, 255);
  static constexpr OptionList::Choice<std::optional<u8>> kTranslations[] = {
      {"auto", std::nullopt}, {"none", u8{0}}, {"lba", u8{1}}, {"large", u8{2}}, {"rechs", u8{3}}};
  list.take_choice("bios-chs-trans", geometry.translation, kTranslations);
  const bool none = geometry.cylinders == 0 && geometry.heads == 0 && geometry.sectors == 0;
  const bool all = geometry.cylinders != 0 && geometry.heads != 0 && geometry.sectors != 0;
  if (none || all) return {};
  return core::fail(
      fmt::format("{}: cyls, heads and secs: give all of them, at least 1, or none", list.where()));
}

Status Parser::build_floppy(OptionList& list) {
  Floppy floppy;
  list.take("id", floppy.id);
  list.take("drive", floppy.drive);
  floppy.unit = static_cast<unsigned>(m_.floppies.size());
  list.take_number("unit", floppy.unit, 0, 1);
  if (!floppy.drive.empty() && drive_named(floppy.drive) == nullptr) {
    return core::fail(
        fmt::format("{}: drive={}: there is no -drive of that id", list.where(), floppy.drive));
  }
  for (const auto& other : m_.floppies) {
    if (other.unit == floppy.unit) {
      return core::fail(fmt::format("{}: unit {} is taken", list.where(), floppy.unit));
    }
  }
  static constexpr OptionList::Choice<Floppy::Type> kTypes[] = {{"auto", Floppy::Type::kByDisk},
                                                                {"none", Floppy::Type::kNone},
                                                                {"120", Floppy::Type::k1200K},
                                                                {"144", Floppy::Type::k1440K},
                                                                {"288", Floppy::Type::k2880K}};
  list.take_choice("drive-type", floppy.type, kTypes);
  list.ignore({"bus", "logical_block_size", "physical_block_size", "share-rw"});
  m_.floppies.push_back(std::move(floppy));
  return closed(list);
}

Status Parser::build_serial(OptionList& list) {
  constexpr std::array<u16, 4> kBase = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
  SerialPort port;
  std::size_t index = m_.serials.size();
  list.take("id", port.id);
  list.take("chardev", port.chardev);
  list.take_number("index", index, 0, kBase.size() - 1);
  if (index >= kBase.size()) {
    return core::fail(fmt::format("{}: there are only four serial ports", list.where()));
  }
  port.iobase = kBase[index];
  port.irq = index % 2 == 0 ? 4 : 3;
  list.take_number("iobase", port.iobase, 0x100, 0xfff8);
  list.take_number("irq", port.irq, 3, 15);
  list.ignore({"wakeup"});
  for (const auto& other : m_.serials) {
    if (other.iobase == port.iobase) {
      return core::fail(fmt::format("{}: iobase=0x{:x}: in use by another serial port",
                                    list.where(), port.iobase));
    }
  }
  if (auto done = check_chardev(list.where(), port.chardev); !done) return done;
  m_.serials.push_back(std::move(port));
  return closed(list);
}

Status Parser::build_parallel(OptionList& list) {
  ParallelPort port;
  list.take("id", port.id);
  list.take("chardev", port.chardev);
  list.take_number("iobase", port.iobase, 0x100, 0xfff8);
  list.take_number("irq", port.irq, 3, 15);
  list.ignore({"index"});
  if (auto done = check_chardev(list.where(), port.chardev); !done) return done;
  m_.parallels.push_back(std::move(port));
  return closed(list);
}

Status Parser::build_debugcon(OptionList& list) {
  DebugPort port;
  list.take("id", port.id);
  list.take("chardev", port.chardev);
  list.take_number("iobase", port.iobase, 0, 0xffff);
  list.take_number("readback", port.readback, 0, 0xff);
  if (auto done = check_chardev(list.where(), port.chardev); !done) return done;
  m_.debug_ports.push_back(std::move(port));
  return closed(list);
}

Status Parser::build_platform(OptionList& list) {
  XenPlatform& platform = m_.platform;
  platform.present = true;
  list.take("id", platform.id);
  auto slot = take_slot(list);
  if (!slot) return tl::unexpected(slot.error());
  if (*slot) platform.slot = *slot;
  const auto number = [&](std::string_view key, auto& into, u64 maximum) {
    if (!list.has(key)) return;
    typename std::remove_reference_t<decltype(into)>::value_type value = 0;
    list.take_number(key, value, 0, maximum);
    into = value;
  };
  number("device-id", platform.device_id, 0xffff);
  number("revision", platform.revision, 0xff);
  number("class-id", platform.class_id, 0xffffff);
  if (auto done = pci_bus(list); !done) return done;
  return closed(list);
}

/// The board knows what it takes, the same that it does while the machine runs.
Status Parser::build_card(OptionList& list, std::string driver) {
  Device card{.driver = std::move(driver), .id = {}, .properties = {}};
  list.take("id", card.id);
  if (auto done = pci_bus(list); !done) return done;
  card.properties = list.entries();
  if (auto done = check_netdev(card); !done) return done;
  m_.devices.push_back(std::move(card));
  return {};
}

Status Parser::build_device(OptionList& list) {
  std::string driver = list.take("driver").value_or("");
  if (driver == "e1000-82540em") driver = "e1000";
  if (driver == "ahci") driver = "ich9-ahci";
  for (const auto& [name, cure] : kRefused) {
    if (name == driver) return core::fail(fmt::format("-device {}: {}", driver, cure));
  }
  OptionList all = with_globals(driver, list);
  if (driver == "VGA") return build_vga(all);
  if (driver == "cirrus-vga") return build_cirrus(all);
  if (driver == "ide-hd") return build_ide(all, false);
  if (driver == "ide-cd") return build_ide(all, true);
  if (driver == "floppy") return build_floppy(all);
  if (driver == "isa-serial") return build_serial(all);
  if (driver == "isa-parallel") return build_parallel(all);
  if (driver == "isa-debugcon") return build_debugcon(all);
  if (driver == "xen-platform") return build_platform(all);
  const DeviceType* type = find_device_type(driver);
  if (type != nullptr && type->bus == "PCI") return build_card(all, driver);
  for (const std::string_view name : kBuiltIn) {
    if (name == driver) {
      return core::fail(
          fmt::format("-device {}: the machine has one already: leave it out", driver));
    }
  }
  return core::fail(fmt::format("-device {}: no such device: -device help lists them", driver));
}

Status Parser::apply_pm_globals() {
  auto list = with_globals("PIIX4_PM", OptionList());
  const auto number = [&](std::string_view key, bool& enabled) {
    const auto text = list.take(key);
    if (text) enabled = to_number(*text).value_or(0) == 0 && to_bool(*text) != true;
  };
  number("disable_s3", m_.acpi.s3);
  number("disable_s4", m_.acpi.s4);
  list.take_number("s4_val", m_.acpi.s4_value, 0, 7);
  constexpr std::string_view kKnown[] = {
      "VGA",          "cirrus-vga",   "ide-hd",        "ide-cd",        "floppy",
      "isa-serial",   "isa-parallel", "PIIX4_PM",      "isa-debugcon",  "xen-platform",
      "xen-pvdevice", "e1000",        "e1000-82544gc", "e1000-82545em", "rtl8139",
      "ich9-ahci",    "ahci"};
  for (const auto& global : globals_) {
    if (std::find(std::begin(kKnown), std::end(kKnown), global.driver) == std::end(kKnown)) {
      m_.notes.push_back(fmt::format("-global {}.{}: ignored, there is no such device here",
                                     global.driver, global.property.key));
    }
  }
  return {};
}

Status Parser::finish_devices() {
  if (!display_.empty()) {
    return core::fail(
        fmt::format("-display {}: there is no window: use vnc=1 and sdl=0", display_));
  }
  if (auto done = apply_pm_globals(); !done) return done;
  for (const auto& drive : m_.drives) {
    if (drive.attach == Drive::Attach::kNone) continue;
    const bool cdrom = drive.media == Drive::Media::kCdrom;
    auto list = OptionList::parse(fmt::format("-drive {}", drive.id), "", "");
    list->set("drive", drive.id);
    list->set("unit", fmt::format("{}", drive.unit));
    if (drive.attach == Drive::Attach::kFloppy) {
      list->set("driver", "floppy");
    } else {
      list->set("driver", cdrom ? "ide-cd" : "ide-hd");
      list->set("bus", fmt::format("ide.{}", drive.bus));
    }
    if (auto done = build_device(*list); !done) return done;
  }
  if (auto done = finish_nets(); !done) return done;
  for (auto& list : devices_) {
    if (auto done = build_device(list); !done) return done;
  }
  if (m_.qtest) {
    if (m_.platform.present) {
      return core::fail("-device xen-platform: not with -accel qtest: there is no Xen to talk to");
    }
    const bool used = std::any_of(m_.ide_disks.begin(), m_.ide_disks.end(), [](const IdeDisk& one) {
      return !one.ahci && one.channel == 1 && one.unit == 0;
    });
    const bool any_cd = std::any_of(m_.ide_disks.begin(), m_.ide_disks.end(),
                                    [](const IdeDisk& one) { return one.cdrom; });
    if (!nodefaults_ && !used && !any_cd) {
      if (auto done = attach_ide({.cdrom = true, .bus = "ide.1", .channel = 1}, "default CD drive");
          !done)
        return done;
    }
  }
  if (vga_type_.empty() && !nodefaults_ && !m_.vga) vga_type_ = "std";
  const bool card = vga_type_ == "std" || vga_type_ == "cirrus";
  if (!card || m_.kind == Machine::Kind::kNone || m_.kind == Machine::Kind::kXenpv) return {};
  auto list = OptionList::parse(fmt::format("-vga {}", vga_type_), "", "");
  list->set("driver", vga_type_ == "std" ? "VGA" : "cirrus-vga");
  return build_device(*list);
}

}  // namespace config
