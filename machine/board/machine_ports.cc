#include "machine/board/machine_ports.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <map>

#include "machine/board/cards.h"
#include "machine/config/device_types.h"
#include "machine/config/netdevs.h"

namespace board {
namespace {

constexpr std::string_view kPciBus = "pci.0";

core::Result<void> no_hotplug(std::string_view bus) {
  return core::fail(fmt::format("Bus '{}' does not support hotplugging", bus));
}

/// That a PCI card can go there.
core::Result<void> check_bus(std::string_view driver, std::string_view bus) {
  struct BusName {
    std::string_view name, type;
  };
  constexpr BusName kOthers[] = {{"ide.0", "IDE"},
                                 {"ide.1", "IDE"},
                                 {"isa.0", "ISA"},
                                 {"i2c", "i2c-bus"},
                                 {"floppy-bus.0", "floppy-bus"},
                                 {"main-system-bus", "System"}};
  if (bus == kPciBus || bus == "/machine/i440fx/pci.0") return {};
  for (const BusName& other : kOthers) {
    if (other.name != bus) continue;
    return core::fail(fmt::format("Device '{}' can't go on {} bus", driver, other.type));
  }
  return core::fail(fmt::format("Bus '{}' not found", bus));
}

}  // namespace

CpuPort::CpuPort(chipset::Piix4Pm* pm, unsigned online, unsigned maximum)
    : pm_(pm), maximum_(maximum) {
  for (unsigned i = 0; i < online; ++i) cpus_.push_back({.index = i, .thread_id = getpid()});
}

core::Result<void> CpuPort::plug_cpu(unsigned index, const std::string& id) {
  if (pm_ == nullptr || !pm_->cpu_plugged(index)) {
    return core::fail("this machine cannot take another CPU while it runs");
  }
  cpus_.push_back({.index = index, .thread_id = getpid(), .id = id});
  std::sort(cpus_.begin(), cpus_.end(),
            [](const monitor::Cpu& a, const monitor::Cpu& b) { return a.index < b.index; });
  return {};
}

DevicePort::DevicePort(const config::Machine& machine, PcBoard* board, const BackEnds* ends,
                       std::string fixed, loop::Loop* loop)
    : board_(board), ends_(ends), fixed_(std::move(fixed)) {
  if (loop != nullptr) {
    announcer_.emplace(*loop, [this](const monitor::Announcement& what) { announce_now(what); });
  }
  for (const config::IdeDisk& disk : machine.ide_disks) {
    if (disk.id.empty()) continue;
    devices_.push_back(
        {.id = disk.id, .driver = disk.cdrom ? "ide-cd" : "ide-hd", .bus = disk.bus});
  }
  if (machine.vga && !machine.vga->id.empty()) {
    devices_.push_back({.id = machine.vga->id, .driver = "VGA", .bus = "pci.0"});
  }
  for (const config::SerialPort& serial : machine.serials) {
    if (serial.id.empty()) continue;
    devices_.push_back({.id = serial.id, .driver = "isa-serial", .bus = "isa.0"});
  }
}

bool DevicePort::knows_device(std::string_view driver) const {
  return config::find_device_type(driver) != nullptr;
}

std::vector<monitor::DeviceInfo> DevicePort::named_devices() const {
  std::vector<monitor::DeviceInfo> result = devices_;
  if (board_ == nullptr) return result;
  for (const pci::Function* card : board_->cards()) {
    if (card->qdev_id().empty()) continue;
    result.push_back(
        {.id = card->qdev_id(), .driver = std::string(card->name()), .bus = std::string(kPciBus)});
  }
  return result;
}

core::Result<void> DevicePort::add_device(const monitor::DeviceSpec& device) {
  config::Device settings{.driver = device.driver, .id = device.id, .properties = {}};
  for (const auto& [key, value] : device.properties) {
    if (key != "bus") {
      settings.properties.push_back({key, value});
    } else if (auto good = check_bus(device.driver, value); !good) {
      return good;
    }
  }
  if (board_ == nullptr || !board_->hotplug()) return no_hotplug(kPciBus);
  if (!fixed_.empty()) return core::fail(fixed_);
  const auto card = make_card(settings, *ends_);
  if (!card) return tl::unexpected(card.error());
  return board_->plug(*card);
}

core::Result<void> DevicePort::remove_device(const std::string& id) {
  if (board_ != nullptr) {
    for (const pci::Function* card : board_->cards()) {
      if (card->qdev_id() == id) return remove_function(card->devfn(), id);
    }
  }
  for (const monitor::DeviceInfo& one : devices_) {
    if (one.id == id && one.bus != kPciBus) return no_hotplug(one.bus);
    if (one.id == id) {
      return core::fail(fmt::format("Device '{}' does not support hotplugging", one.driver));
    }
  }
  return core::fail(fmt::format("Device '{}' not found", id));
}

core::Result<void> DevicePort::remove_function(unsigned devfn, const std::string& name) {
  pci::Function* function = board_ == nullptr ? nullptr : board_->function(devfn);
  if (function == nullptr) return core::fail(fmt::format("Device '{}' not found", name));
  if (!board_->hotplug()) return no_hotplug(kPciBus);
  if (!function->removable()) {
    return core::fail(fmt::format("Device '{}' does not support hotplugging", function->name()));
  }
  if (!fixed_.empty()) return core::fail(fixed_);
  board_->request_eject(*function);
  return {};
}

/// One without an id is called by its model and a number, as QEMU does.
std::vector<std::pair<std::string, pci::Function*>> DevicePort::network_cards() const {
  std::vector<std::pair<std::string, pci::Function*>> result;
  if (board_ == nullptr) return result;
  std::map<std::string_view, unsigned> seen;
  for (const pci::Function* card : board_->cards()) {
    pci::Function* function = board_->function(card->devfn());
    if (dynamic_cast<net::Nic*>(function) == nullptr) continue;
    const unsigned number = seen[card->name()]++;
    result.emplace_back(
        card->qdev_id().empty() ? fmt::format("{}.{}", card->name(), number) : card->qdev_id(),
        function);
  }
  return result;
}

bool DevicePort::set_link(const std::string& name, bool up) {
  if (networks() != nullptr && networks()->set_link(name, up)) return true;
  for (const auto& [its, card] : network_cards()) {
    if (its != name) continue;
    dynamic_cast<net::Nic&>(*card).set_link(up);
    return true;
  }
  return false;
}

std::vector<monitor::NetworkEnd> DevicePort::network() const {
  std::vector<monitor::NetworkEnd> result, cards;
  std::vector<Networks::Info> wires;
  if (networks() != nullptr) wires = networks()->list();
  for (const Networks::Info& wire : wires) {
    result.push_back(
        {.name = wire.id, .type = wire.type, .description = wire.description, .peer = {}});
  }
  for (const auto& [name, card] : network_cards()) {
    const net::MacAddress& mac = dynamic_cast<net::Nic&>(*card).mac();
    monitor::NetworkEnd end{
        .name = name,
        .type = "nic",
        .description = fmt::format("model={},macaddr={:02x}", card->name(), fmt::join(mac, ":")),
        .peer = {}};
    for (std::size_t i = 0; i < wires.size(); ++i) {
      if (wires[i].devfn != card->devfn()) continue;
      end.peer = wires[i].id;
      result[i].peer = name;
    }
    cards.push_back(std::move(end));
  }
  result.insert(result.end(), cards.begin(), cards.end());
  return result;
}

core::Result<void> DevicePort::add_netdev(const monitor::DeviceSpec& netdev) {
  if (networks() == nullptr) return core::fail("this machine has no network");
  if (!fixed_.empty()) return core::fail(fixed_);
  auto list = config::OptionList::parse("netdev_add", "", "");
  list->set("type", netdev.driver);
  list->set("id", netdev.id);
  for (const auto& [key, value] : netdev.properties) list->set(key, value);
  const auto read = config::read_netdev(*list);
  if (!read) return tl::unexpected(read.error());
  return networks()->add(*read);
}

bool DevicePort::remove_netdev(const std::string& id) {
  return networks() != nullptr && networks()->remove(id);
}

void DevicePort::announce(const monitor::Announcement& what) {
  if (announcer_) announcer_->start(what);
}

std::string DevicePort::user_networks() const {
  return networks() == nullptr ? "" : networks()->user_networks();
}

core::Result<void> DevicePort::forward(const std::string& netdev, const std::string& rule,
                                       bool add) {
  if (networks() == nullptr) return core::fail("this machine has no network");
  return networks()->forward(netdev, rule, add);
}

void DevicePort::announce_now(const monitor::Announcement& what) {
  for (const auto& [name, card] : network_cards()) {
    const auto is = [&name = name](const std::string& one) { return one == name; };
    if (what.names && std::none_of(what.names->begin(), what.names->end(), is)) continue;
    dynamic_cast<net::Nic&>(*card).announce();
  }
}

std::vector<monitor::PciDevice> PciPort::pci_functions() const {
  std::vector<monitor::PciDevice> result;
  for (const pci::Function* function : bus_.functions()) {
    const auto get16 = [function](u8 reg) { return core::low<u16>(function->config_get(reg, 2)); };
    const auto get8 = [function](u8 reg) { return core::low<u8>(function->config_get(reg, 1)); };
    monitor::PciDevice device{.slot = function->slot(),
                              .function = function->function(),
                              .class_code = get16(pci::kClassDevice),
                              .vendor = get16(pci::kVendorId),
                              .device = get16(pci::kDeviceId),
                              .subsystem_vendor = get16(pci::kSubsystemVendorId),
                              .subsystem = get16(pci::kSubsystemId),
                              .interrupt_pin = get8(pci::kInterruptPin),
                              .interrupt_line = get8(pci::kInterruptLine),
                              .qdev_id = function->qdev_id()};
    for (unsigned index = 0; index < pci::kBars; ++index) {
      const pci::Function::BarInfo bar = function->bar(index);
      if (bar.size == 0) continue;
      monitor::PciRegion region{.bar = index,
                                .io = bar.kind == pci::BarKind::kIo,
                                .prefetch = bar.kind == pci::BarKind::kPrefetchable,
                                .size = bar.size};
      if (bar.mapped) region.address = bar.address;
      device.regions.push_back(region);
    }
    result.push_back(std::move(device));
  }
  return result;
}

std::vector<monitor::CharDevice> CharPort::chardevs() const {
  std::vector<monitor::CharDevice> result;
  for (const auto& one : chardevs_) {
    result.push_back(
        {.label = one->id(), .filename = one->description(), .frontend_open = one->in_use()});
  }
  return result;
}

core::Result<std::unique_ptr<chardev::Chardev>> CharPort::open(const monitor::CharSpec& spec) {
  struct KindName {
    std::string_view name;
    chardev::Kind kind;
  };
  static constexpr KindName kKinds[] = {
      {"null", chardev::Kind::kNull},   {"socket", chardev::Kind::kSocket},
      {"file", chardev::Kind::kFile},   {"pipe", chardev::Kind::kPipe},
      {"pty", chardev::Kind::kPty},     {"stdio", chardev::Kind::kStdio},
      {"serial", chardev::Kind::kTty},  {"ringbuf", chardev::Kind::kRing},
      {"memory", chardev::Kind::kRing}, {"vc", chardev::Kind::kNull},
      {"udp", chardev::Kind::kUdp}};
  core::Fd passed(spec.fd);
  for (const KindName& one : kKinds) {
    if (one.name != spec.kind) continue;
    auto opened = chardev::open(loop_, {.id = spec.id,
                                        .kind = one.kind,
                                        .path = spec.path,
                                        .input_path = spec.input_path,
                                        .append = spec.append,
                                        .abstract_socket = spec.abstract_socket,
                                        .host = spec.host,
                                        .port = spec.port,
                                        .to = spec.to,
                                        .ipv4 = spec.ipv4,
                                        .ipv6 = spec.ipv6,
                                        .local_host = spec.local_host,
                                        .local_port = spec.local_port,
                                        .fd = spec.fd,
                                        .server = spec.server,
                                        .telnet = spec.telnet,
                                        .nodelay = spec.nodelay,
                                        .reconnect_s = spec.reconnect_s,
                                        .signal = spec.signal,
                                        .ring_size = spec.ring_size,
                                        .log_file = spec.log_file,
                                        .log_append = spec.log_append});
    if (opened) (void)passed.release();
    return opened;
  }
  return core::fail(fmt::format("'{}' is not a kind of character device", spec.kind));
}

core::Result<void> CharPort::add_chardev(const monitor::CharSpec& spec) {
  auto opened = open(spec);
  if (!opened) return tl::unexpected(opened.error());
  chardevs_.push_back(std::make_unique<chardev::Switch>(std::move(*opened)));
  return {};
}

core::Result<void> CharPort::change_chardev(const monitor::CharSpec& spec) {
  chardev::Switch* old = find_chardev(chardevs_, spec.id);
  if (old == nullptr) return core::fail(fmt::format("Chardev '{}' does not exist", spec.id));
  if (old->pinned()) return core::fail("Chardev user does not support chardev hotswap");
  auto opened = open(spec);
  if (!opened) {
    return core::fail(
        fmt::format("Failed to add chardev '{}': {}", spec.id, opened.error().message));
  }
  old->exchange(std::move(*opened));
  return {};
}

core::Result<void> CharPort::remove_chardev(const std::string& label) {
  const auto at = std::find_if(chardevs_.begin(), chardevs_.end(),
                               [&](const auto& one) { return one->id() == label; });
  if (at == chardevs_.end()) return core::fail(fmt::format("Chardev '{}' not found", label));
  if ((*at)->in_use()) return core::fail(fmt::format("Chardev '{}' is busy", label));
  chardevs_.erase(at);
  return {};
}

core::Result<void> CharPort::send_break(const std::string& label) {
  chardev::Switch* line = find_chardev(chardevs_, label);
  if (line == nullptr) return core::fail(fmt::format("Chardev '{}' not found", label));
  line->break_to_user();
  return {};
}

core::Result<std::string> CharPort::read_ring(const std::string& label, std::size_t most) {
  chardev::Switch* ring = find_chardev(chardevs_, label);
  auto kept = ring == nullptr ? std::nullopt : ring->take_kept(most);
  if (!kept) return core::fail(fmt::format("{} is not a ringbuf device", label));
  return std::move(*kept);
}

core::Result<void> CharPort::write_ring(const std::string& label, std::string_view bytes) {
  chardev::Switch* ring = find_chardev(chardevs_, label);
  if (ring == nullptr || !ring->take_kept(0)) {
    return core::fail(fmt::format("{} is not a ringbuf device", label));
  }
  ring->write({reinterpret_cast<const u8*>(bytes.data()), bytes.size()});
  return {};
}

monitor::VncInfo VncPort::vnc() const {
  if (server_ == nullptr || !server_->enabled()) return {};
  const screen::VncServer::Info info = server_->info();
  monitor::VncInfo result{.enabled = true,
                          .host = info.host,
                          .service = info.service,
                          .family = info.family,
                          .auth = info.auth};
  for (const auto& client : info.clients) {
    result.clients.push_back(
        {.host = client.host, .service = client.service, .family = client.family});
  }
  return result;
}

core::Result<void> VncPort::set_vnc_password(const std::string& password) {
  if (server_ == nullptr) return core::fail("Could not set password: there is no VNC server");
  return server_->set_password(password);
}

/// "now", "never", "+seconds from now", or seconds since 1970.
core::Result<void> VncPort::expire_vnc_password(const std::string& time) {
  if (server_ == nullptr) return core::fail("Could not set password expire time");
  const core::i64 now = std::time(nullptr);
  if (time == "now") return server_->expire_password(now);
  if (time == "never") return server_->expire_password(screen::VncServer::kNever);
  const bool relative = time.starts_with('+');
  const char* begin = time.data() + (relative ? 1 : 0);
  const char* end = time.data() + time.size();
  core::i64 seconds = 0;
  const auto [stop, error] = std::from_chars(begin, end, seconds);
  if (error != std::errc() || stop != end || seconds < 0 || seconds > (core::i64{1} << 50)) {
    return core::fail(fmt::format("'{}' is no time: use now, never, +SECONDS or SECONDS", time));
  }
  return server_->expire_password(relative ? now + seconds : seconds);
}

std::vector<std::string> ScreenPort::screens() const {
  if (!present_) return {};
  return {vga_id_};
}

core::Result<void> ScreenPort::screendump(int fd, monitor::ImageFormat format,
                                          const std::string& device) {
  if (!present_) return core::fail("There is no console to take a screendump from");
  if (!device.empty() && device != vga_id_) {
    return core::fail(fmt::format("Device '{}' not found", device));
  }
  return console_.screendump(fd, format == monitor::ImageFormat::kPng ? screen::ImageFormat::kPng
                                                                      : screen::ImageFormat::kPpm);
}

std::vector<monitor::Mouse> InputPort::mice() const {
  std::vector<monitor::Mouse> result;
  for (const auto& one : router_.pointers()) {
    result.push_back(
        {.index = one.index, .name = one.name, .current = one.current, .absolute = one.absolute});
  }
  return result;
}

namespace {

std::vector<monitor::MappedRegion> mapped(const core::RegionMap& space) {
  std::vector<monitor::MappedRegion> result;
  for (const core::IoRegion& region : space.regions()) {
    result.push_back({.first = region.base,
                      .last = region.base + region.length - 1,
                      .priority = region.priority,
                      .name = std::string(region.name)});
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return result;
}

}  // namespace

std::vector<monitor::MappedRegion> MemoryPort::mapped_ports() const {
  return mapped(pio_);
}

std::vector<monitor::MappedRegion> MemoryPort::mapped_memory() const {
  return mapped(mmio_);
}

}  // namespace board
