// `info ...` of the human monitor.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/monitor/hmp_command.h"
#include "machine/monitor/user_network_port.h"

namespace monitor {

namespace {

using Kind = HmpArgument::Kind;

void status(HmpCall& call) {
  const RunState state = call.context.ports.run.run_state();
  const bool running = state == RunState::kRunning;
  call.print(fmt::format("VM status: {}", running ? "running" : "paused"));
  if (!running && state != RunState::kPaused) {
    call.print(fmt::format(" ({})", run_state_name(state)));
  }
  call.print("\n");
}

void name(HmpCall& call) {
  const std::string& text = call.context.ports.identity.name;
  if (!text.empty()) call.print(text + "\n");
}

void uuid(HmpCall& call) {
  call.print(call.context.ports.identity.uuid + "\n");
}

void version(HmpCall& call) {
  call.print(fmt::format("{}.{}.{}{}\n", kQemuMajor, kQemuMinor, kQemuMicro, version_package()));
}

void kvm(HmpCall& call) {
  call.print("kvm support: not compiled\n");
}

std::string human_size(u64 bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.3g} {}", value, kUnits[unit]);
}

std::string_view cache_of(const Medium& medium) {
  if (medium.cache_no_flush) return "writeback, ignore flushes";
  if (medium.cache_direct) {
    return medium.cache_writeback ? "writeback, direct" : "writethrough, direct";
  }
  return medium.cache_writeback ? "writeback" : "writethrough";
}

void describe(HmpCall& call, const BlockDevice& device, bool verbose) {
  call.print(device.device);
  if (device.inserted) {
    const Medium& medium = *device.inserted;
    if (!medium.node_name.empty()) call.print(" (" + medium.node_name + ")");
    call.print(": " + medium.file + " (" + medium.driver + (medium.read_only ? ", read-only" : "") +
               ")\n");
  } else {
    call.print(": [not inserted]\n");
  }
  if (!device.qdev.empty()) call.print("    Attached to:      " + device.qdev + "\n");
  if (!device.io_status.empty() && device.io_status != "ok")
    call.print("    I/O status:       " + device.io_status + "\n");
  if (device.removable) {
    call.print(fmt::format("    Removable device: {}locked", device.locked ? "" : "not "));
    if (device.has_tray) call.print(fmt::format(", tray {}", device.tray_open ? "open" : "closed"));
    call.print("\n");
  }
  if (!device.inserted) return;
  const Medium& medium = *device.inserted;
  call.print(fmt::format("    Cache mode:       {}\n", cache_of(medium)));
  if (!verbose) return;
  call.print(fmt::format("\nImages:\nimage: {}\nfile format: {}\n", medium.file, medium.driver));
  call.print(fmt::format("virtual size: {} ({} bytes)\ndisk size: {}\n",
                         human_size(medium.virtual_size), medium.virtual_size,
                         human_size(medium.actual_size)));
}

void block(HmpCall& call) {
  const std::string wanted = call.text("device");
  bool first = true;
  for (const BlockDevice& device : call.context.ports.block.drives()) {
    if (!wanted.empty() && wanted != device.device) continue;
    if (!first) call.print("\n");
    first = false;
    describe(call, device, call.has("v"));
  }
}

void blockstats(HmpCall& call) {
  for (const BlockDevice& device : call.context.ports.block.drives()) {
    const BlockStats& s = device.stats;
    call.print(fmt::format(
        "{}: rd_bytes={} wr_bytes={} rd_operations={} wr_operations={} flush_operations={} "
        "wr_total_time_ns={} rd_total_time_ns={} flush_total_time_ns={} rd_merged={} "
        "wr_merged={} idle_time_ns={}\n",
        device.device, s.rd_bytes, s.wr_bytes, s.rd_operations, s.wr_operations, s.flush_operations,
        s.wr_total_time_ns, s.rd_total_time_ns, s.flush_total_time_ns, s.rd_merged, s.wr_merged,
        s.idle_time_ns));
  }
}

void chardev(HmpCall& call) {
  for (const CharDevice& device : call.context.ports.character.chardevs()) {
    call.print(device.label + ": filename=" + device.filename + "\n");
  }
}

void cpus(HmpCall& call) {
  for (const Cpu& cpu : call.context.ports.cpu.cpus()) {
    const char mark = cpu.index == call.hmp.current_cpu ? '*' : ' ';
    call.print(fmt::format("{} CPU #{}: thread_id={}\n", mark, cpu.index, cpu.thread_id));
  }
}

void hotpluggable_cpus(HmpCall& call) {
  const auto list = call.qmp("query-hotpluggable-cpus", Json::object());
  if (!list) return;
  call.print("Hotpluggable CPUs:\n");
  for (const Json& slot : *list) {
    call.print(fmt::format("  type: \"{}\"\n  vcpus_count: \"{}\"\n", required_text(slot, "type"),
                           required_int(slot, "vcpus-count")));
    if (const auto path = text_of(slot, "qom-path")) {
      call.print(fmt::format("  qom_path: \"{}\"\n", *path));
    }
    call.print("  CPUInstance Properties:\n");
    const Json& props = *find(slot, "props");
    for (const char* key : {"socket-id", "core-id", "thread-id"}) {
      call.print(fmt::format("    {}: \"{}\"\n", key, required_int(props, key)));
    }
  }
}

void mice(HmpCall& call) {
  const std::vector<Mouse> mice = call.context.ports.input.mice();
  if (mice.empty()) return call.print("No mouse devices connected\n");
  for (const Mouse& mouse : mice) {
    call.print(fmt::format("{} Mouse #{}: {}{}\n", mouse.current ? '*' : ' ', mouse.index,
                           mouse.name, mouse.absolute ? " (absolute)" : ""));
  }
}

void print_region(HmpCall& call, const PciRegion& region) {
  // Where nothing decodes, all ones are printed, and the end wraps: scripts know it so.
  const u64 address = region.address.value_or(~u64{0});
  const u64 last = address + region.size - 1;
  if (region.io) {
    call.print(
        fmt::format("      BAR{}: I/O at 0x{:04x} [0x{:04x}].\n", region.bar, address, last));
  } else {
    call.print(fmt::format("      BAR{}: 32 bit{} memory at 0x{:08x} [0x{:08x}].\n", region.bar,
                           region.prefetch ? " prefetchable" : "", address, last));
  }
}

void pci(HmpCall& call) {
  for (const PciDevice& device : call.context.ports.pci.pci_functions()) {
    call.print(fmt::format("  Bus {:2}, device {:3}, function {}:\n    ", device.bus, device.slot,
                           device.function));
    const std::string_view kind = pci_class_name(device.class_code);
    call.print(kind.empty() ? fmt::format("Class {:04}", device.class_code) : std::string(kind));
    call.print(fmt::format(": PCI device {:04x}:{:04x}\n", device.vendor, device.device));
    call.print(fmt::format("      PCI subsystem {:04x}:{:04x}\n", device.subsystem_vendor,
                           device.subsystem));
    if (device.interrupt_pin != 0) {
      call.print(fmt::format("      IRQ {}, pin {}\n", device.interrupt_line,
                             static_cast<char>('A' + device.interrupt_pin - 1)));
    }
    for (const PciRegion& region : device.regions) print_region(call, region);
    call.print(fmt::format("      id \"{}\"\n", device.qdev_id));
  }
}

void vnc(HmpCall& call) {
  const VncInfo info = call.context.ports.vnc.vnc();
  if (!info.enabled) return call.print("None\n");
  call.print("default:\n");
  call.print(fmt::format("  Server: {}:{} ({})\n    Auth: {} (Sub: none)\n", info.host,
                         info.service, info.family, info.auth));
  for (const VncClient& client : info.clients) {
    call.print(fmt::format("  Client: {}:{} ({})\n    x509_dname: none\n    sasl_username: none\n",
                           client.host, client.service, client.family));
  }
}

void print_regions(HmpCall& call, std::string_view space, u64 last,
                   std::vector<MappedRegion> regions) {
  std::stable_sort(regions.begin(), regions.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  call.print(fmt::format("address-space: {}\n  {:016x}-{:016x} (prio 0, i/o): {}\n", space, 0, last,
                         space == "I/O" ? "io" : "system"));
  for (const MappedRegion& region : regions) {
    call.print(fmt::format("    {:016x}-{:016x} (prio {}, i/o): {}\n", region.first, region.last,
                           region.priority, region.name));
  }
  call.print("\n");
}

void mtree(HmpCall& call) {
  print_regions(call, "I/O", 0xffff, call.context.ports.memory.mapped_ports());
  print_regions(call, "memory", ~u64{0}, call.context.ports.memory.mapped_memory());
}

void history(HmpCall& call) {
  unsigned index = 0;
  for (const std::string& line : call.hmp.history) {
    call.print(fmt::format("{}: '{}'\n", index++, line));
  }
}

void memory_size(HmpCall& call) {
  call.print(
      fmt::format("base memory: {}\nplugged memory: 0\n", call.context.ports.identity.ram_bytes));
}

void roms(HmpCall& call) {
  for (const PciDevice& device : call.context.ports.pci.pci_functions()) {
    for (const PciRegion& region : device.regions) {
      if (region.bar != 6) continue;
      call.print(fmt::format("pci={:02x}.{} size=0x{:06x} name=\"{}\"\n", device.slot,
                             device.function, region.size, pci_class_name(device.class_code)));
    }
  }
}

void nothing(HmpCall&) {}
void balloon(HmpCall& call) {
  (void)call.qmp("query-balloon", Json::object());
}
void usb(HmpCall& call) {
  call.print("Error: USB support not enabled\n");
}
void irq(HmpCall& call) {
  call.print("The interrupt controllers are Xen's: see 'xl debug-keys i' on the host\n");
}
void registers(HmpCall& call) {
  call.print("The guest's processors are Xen's: see xenctx on the host\n");
}
void mem(HmpCall& call) {
  call.print("The guest's page tables are Xen's: see xenctx on the host\n");
}

constexpr HmpArgument kBlock[] = {
    {"n", Kind::kFlag}, {"v", Kind::kFlag}, {"device", Kind::kDrive, true}};
constexpr HmpArgument kTree[] = {
    {"f", Kind::kFlag}, {"d", Kind::kFlag}, {"o", Kind::kFlag}, {"D", Kind::kFlag}};
constexpr HmpArgument kRegisters[] = {{"a", Kind::kFlag}, {"vcpu", Kind::kExpression32, true}};

void network(HmpCall& call) {
  const std::vector<NetworkEnd> all = call.context.ports.device.network();
  const auto print = [&call](const NetworkEnd& one) {
    call.print(fmt::format("{}: index=0,type={},{}\n", one.name, one.type, one.description));
  };
  for (const NetworkEnd& one : all) {
    if (one.type != "nic" && !one.peer.empty()) continue;
    print(one);
    for (const NetworkEnd& other : all) {
      if (one.type != "nic" || other.type == "nic" || other.name != one.peer) continue;
      call.print(" \\ ");
      print(other);
    }
  }
}

void usernet(HmpCall& call) {
  const auto* networks = dynamic_cast<const UserNetworkControl*>(&call.context.ports.device);
  if (networks != nullptr) call.print(networks->user_networks());
}

// By name, as `help info` lists them.
constexpr HmpCommand kCommands[] = {
    {"balloon", {}, "", "the memory balloon: none, Xen has its own", balloon},
    {"block", kBlock, "[-n] [-v] [device]", "drives and the media in them; -v: in detail", block},
    {"block-jobs", {}, "", "long-running work on disks: none", nothing},
    {"blockstats", {}, "", "how much each drive has moved", blockstats},
    {"chardev", {}, "", "character devices and what they are connected to", chardev},
    {"cpus", {}, "", "processors that are online", cpus},
    {"history", {}, "", "lines typed at this monitor", history},
    {"hotpluggable-cpus", {}, "", "places for processors and what is in them", hotpluggable_cpus},
    {"iothreads", {}, "", "threads for disks: none by name", nothing},
    {"irq", {}, "", "refused: Xen has the interrupt controllers", irq},
    {"kvm", {}, "", "whether KVM is in use: never on Xen", kvm},
    {"mem", {}, "", "refused: Xen has the page tables", mem},
    {"memory_size_summary", {}, "", "the guest's memory in bytes", memory_size},
    {"mice", {}, "", "pointing devices; * is the one that gets movements", mice},
    {"migrate", {}, "", "state of a migration: none", nothing},
    {"mtree", kTree, "[-f][-d][-o][-D]", "who answers at which port and address", mtree},
    {"name", {}, "", "the name given with -name", name},
    {"network", {}, "", "network cards and their host side", network},
    {"pci", {}, "", "functions on the PCI bus", pci},
    {"pic", {}, "", "refused: Xen has the interrupt controllers", irq},
    {"registers", kRegisters, "[-a|vcpu]", "refused: Xen has the processors", registers},
    {"roms", {}, "", "option ROMs", roms},
    {"status", {}, "", "whether the guest runs", status},
    {"usb", {}, "", "USB devices of the guest", usb},
    {"usbhost", {}, "", "USB devices of the host", nothing},
    {"usernet", {}, "", "connections of user networks", usernet},
    {"uuid", {}, "", "the guest's UUID", uuid},
    {"version", {}, "", "version of the protocol and of the program", version},
    {"vnc", {}, "", "where VNC listens and who looks", vnc},
};

}  // namespace

std::span<const HmpCommand> hmp_info_commands() {
  return kCommands;
}

}  // namespace monitor
