// A machine that remembers what the monitor asked of it, and a client that reads what it is sent.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "machine/monitor/monitor.h"

namespace monitor_test {

using core::Result;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

inline monitor::MachineIdentity identity() {
  monitor::MachineIdentity id;
  id.name = "vm1";
  id.uuid = "0b0c0d0e-0000-4000-8000-000000000001";
  id.machine = "xenfv-3.1";
  id.ram_bytes = u64{1008} << 20;
  id.kinds = {{"xenfv-3.1", "xenfv", 128}, {"pc-i440fx-7.2", "pc", 255}};
  id.options = {{"mon", {{"pretty", "boolean"}, {"chardev", "string"}}}};
  return id;
}

struct FakeMedium final : monitor::OpenMedium {
  monitor::Medium medium;
};

class FakeMachine final : public monitor::RunControl,
                          public monitor::CpuControl,
                          public monitor::DeviceControl,
                          public monitor::PciView,
                          public monitor::BlockControl,
                          public monitor::CharControl,
                          public monitor::VncControl,
                          public monitor::ScreenControl,
                          public monitor::InputControl,
                          public monitor::MemoryControl,
                          public monitor::StateControl,
                          public monitor::Inspector {
 public:
  explicit FakeMachine(monitor::Events& events) : events_(events) {
    cpus_ = {{0, 100, ""}, {1, 101, ""}};
    monitor::BlockDevice disk;
    disk.device = "ide0-hd0";
    disk.qdev = "/machine/unattached/device[20]";
    disk.inserted = monitor::Medium{};
    disk.inserted->file = "/dev/vg/vm1";
    disk.inserted->node_name = "#block100";
    disk.inserted->virtual_size = disk.inserted->actual_size = 4 << 20;
    disk.stats.rd_bytes = 512;
    disk.stats.rd_operations = 1;
    monitor::BlockDevice cd;
    cd.device = cd.qdev = "ide-5632";
    cd.removable = cd.has_tray = true;
    cd.inserted = disk.inserted;
    cd.inserted->file = "/iso/x.iso";
    cd.inserted->node_name = "#block200";
    cd.inserted->read_only = true;
    media = {disk, cd};
    vnc_info.enabled = true;
    vnc_info.host = "127.0.0.1";
    vnc_info.service = "5901";
    ram_bytes.resize(65536);
  }

  monitor::MachinePorts ports() {
    return {id, *this, *this, *this, *this, *this, *this, *this, *this, *this, *this, *this, *this};
  }

  // RunControl
  monitor::RunState run_state() const override { return now; }
  Result<void> stop(monitor::RunState next) override {
    now = next;
    events_.stop();
    return {};
  }
  Result<void> cont() override {
    now = monitor::RunState::kRunning;
    events_.resume();
    return {};
  }
  Result<void> system_reset() override {
    events_.reset(false, "host-qmp-system-reset");
    return {};
  }
  void system_powerdown() override { events_.powerdown(); }
  Result<void> system_wakeup() override {
    now = monitor::RunState::kRunning;
    events_.wakeup();
    return {};
  }
  void quit() override {
    calls.push_back("quit");
    events_.shutdown(false, "host-qmp-quit");
  }
  Result<void> inject_nmi() override { return core::fail("no NMI here"); }

  // CpuControl
  std::vector<monitor::Cpu> cpus() const override { return cpus_; }
  unsigned max_cpus() const override { return 4; }
  Result<void> plug_cpu(unsigned index, const std::string& name) override {
    cpus_.push_back({index, 100 + long{index}, name});
    return {};
  }

  // DeviceControl
  std::vector<monitor::DeviceInfo> named_devices() const override {
    return {{"ide-5632", "ide-cd", "ide.1"}};
  }
  bool knows_device(std::string_view driver) const override { return driver == "e1000"; }
  Result<void> add_device(const monitor::DeviceSpec& device) override {
    std::string text = "add " + device.driver + " " + device.id;
    for (const auto& [name, value] : device.properties) text += " " + name + "=" + value;
    calls.push_back(text);
    return core::fail("Device 'e1000' cannot be plugged into this machine yet");
  }
  Result<void> remove_device(const std::string& name) override {
    calls.push_back("remove " + name);
    return core::fail("Bus 'ide.1' does not support hotplugging");
  }
  Result<void> remove_function(unsigned devfn, const std::string& name) override {
    calls.push_back("remove function " + std::to_string(devfn) + " " + name);
    return {};
  }

  // PciView
  std::vector<monitor::PciDevice> pci_functions() const override {
    monitor::PciDevice bridge;
    bridge.class_code = 0x0600;
    bridge.vendor = 0x8086;
    bridge.device = 0x1237;
    bridge.subsystem_vendor = 0x1af4;
    bridge.subsystem = 0x1100;
    monitor::PciDevice card = bridge;
    card.slot = 3;
    card.class_code = 0x0200;
    card.device = 0x100e;
    card.interrupt_pin = 1;
    card.interrupt_line = 11;
    card.qdev_id = "nic0";
    card.regions = {{0, false, true, 0x20000, 0xf3000000}, {1, true, false, 64, {}}};
    return {bridge, card};
  }

  // BlockControl
  std::vector<monitor::BlockDevice> drives() const override { return media; }
  Result<std::unique_ptr<monitor::OpenMedium>> open_medium(const std::string&,
                                                           const std::string& file,
                                                           const std::string& format,
                                                           std::optional<bool>) override {
    if (file == "/nonexist") {
      return core::fail("Could not open '/nonexist': No such file or directory");
    }
    auto medium = std::make_unique<FakeMedium>();
    medium->medium.file = file;
    medium->medium.driver = format.empty() ? "raw" : format;
    medium->medium.read_only = true;
    return medium;
  }
  Result<void> insert_medium(const std::string& drive,
                             std::unique_ptr<monitor::OpenMedium> medium) override {
    find(drive).inserted = static_cast<FakeMedium&>(*medium).medium;
    return {};
  }
  void remove_medium(const std::string& drive) override { find(drive).inserted.reset(); }
  void request_eject(const std::string& drive, bool force) override {
    calls.push_back("eject " + drive + (force ? " force" : ""));
  }
  void move_tray(const std::string& drive, bool open) override {
    find(drive).tray_open = open;
    events_.tray_moved(drive, find(drive).qdev, open);
  }

  // CharControl
  std::vector<monitor::CharDevice> chardevs() const override {
    return {{"libxl-cmd", "unix:/run/qmp-libxl-7,server=on", true},
            {"serial0", "pty:/dev/pts/3", true}};
  }

  // VncControl
  monitor::VncInfo vnc() const override { return vnc_info; }
  Result<void> set_vnc_password(const std::string& text) override {
    if (text == "refused") return core::fail("no password wanted");
    calls.push_back("password " + text);
    return {};
  }
  Result<void> expire_vnc_password(const std::string& time) override {
    calls.push_back("expire " + time);
    return {};
  }

  // ScreenControl
  std::vector<std::string> screens() const override { return {"video0"}; }
  Result<void> screendump(int fd, monitor::ImageFormat format, const std::string&) override {
    const char* magic = format == monitor::ImageFormat::kPng ? "\x89PNG" : "P6\n1";
    if (::write(fd, magic, 4) != 4) return core::fail("cannot write the picture");
    return {};
  }

  // InputControl
  void key(core::KeyCode code, bool down) override {
    calls.push_back("key " + std::to_string(code) + (down ? " down" : " up"));
  }
  void move_by(core::i32 dx, core::i32 dy) override {
    calls.push_back("move " + std::to_string(dx) + " " + std::to_string(dy));
  }
  void move_to(u32 x, u32 y) override {
    calls.push_back("to " + std::to_string(x) + " " + std::to_string(y));
  }
  void button(core::PointerButton which, bool down) override {
    calls.push_back("button " + std::to_string(static_cast<int>(which)) + (down ? " down" : " up"));
  }
  void sync() override { calls.push_back("sync"); }
  std::vector<monitor::Mouse> mice() const override {
    return {{2, "QEMU PS/2 Mouse", true, false}};
  }
  bool select_mouse(unsigned index) override { return index == 2; }

  // MemoryControl
  bool read_memory(u64 address, core::MutableBytes to) override {
    bool good = true;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const bool ok = address < ram_bytes.size() && i < ram_bytes.size() - address;
      to[i] = ok ? ram_bytes[address + i] : u8{0xff};
      good &= ok;
    }
    return good;
  }
  u32 port_read(u16 port, unsigned width) override {
    calls.push_back("in " + std::to_string(port) + " " + std::to_string(width));
    return 0x18;
  }
  void port_write(u16 port, u32 value, unsigned width) override {
    calls.push_back("out " + std::to_string(port) + " " + std::to_string(value) + " " +
                    std::to_string(width));
  }
  std::vector<monitor::MappedRegion> mapped_ports() const override {
    return {{0x60, 0x60, 0, "i8042-data"}, {0x70, 0x71, 0, "rtc"}};
  }
  std::vector<monitor::MappedRegion> mapped_memory() const override { return {}; }

  std::vector<monitor::RamRange> ram_ranges_at = {{0, 65536}};
  std::vector<monitor::RamRange> ram() const override { return ram_ranges_at; }

  // Inspector
  monitor::Object objects() const override {
    monitor::Object bridge{.name = "device[3]", .type = "PIIX3-xen"};
    bridge.properties = {{"parent_bus", "link<bus>", std::string("/machine/i440fx/pci.0")},
                         {"realized", "bool", true},
                         {"addr", "int32", core::i64{8}}};
    monitor::Object cd{.name = "ide-5632", .type = "ide-cd"};
    cd.properties = {{"realized", "bool", true}, {"unit", "uint32", core::i64{0}}};
    monitor::Object cpu{.name = "device[0]", .type = "qemu32-i386-cpu"};
    std::vector<monitor::Object> named = {cd};
    for (const monitor::Cpu& one : cpus_) {
      if (!one.id.empty()) named.push_back({.name = one.id, .type = "qemu32-i386-cpu"});
    }
    monitor::Object vga{.name = "device[0]", .type = "VGA"};
    monitor::Object machine{.name = "machine", .type = "xenfv-3.1-machine"};
    machine.properties = {{"acpi", "OnOffAuto", std::string("on")}};
    machine.children = {{.name = "unattached", .type = "container", .children = {cpu, bridge}},
                        {.name = "peripheral", .type = "container", .children = named},
                        {.name = "peripheral-anon", .type = "container", .children = {vga}}};
    monitor::Object root{.name = "", .type = "container"};
    root.children = {machine, {.name = "objects", .type = "container"}};
    return root;
  }
  std::vector<monitor::DeviceTypeInfo> device_types() const override {
    return {{"ide-cd", "ide-device", "IDE", {{"unit", "uint32", "", "4294967295"}}},
            {"e1000", "pci-device", "PCI", {{"mac", "str", "", ""}, {"addr", "int32", "", "-1"}}}};
  }
  std::vector<monitor::AccessStats> accesses(bool) override {
    return {{"serial0", "pio-read", 5, 2.5, 100, 200, 300, 5}};
  }
  std::vector<monitor::LastAccess> last_accesses(std::size_t most) const override {
    std::vector<monitor::LastAccess> all(2);
    all[0].device = "serial0";
    all[0].kind = "pio-write";
    all[0].value = 0x41;
    all[1].device = "ide0";
    all[1].kind = "pio-read";
    if (most < all.size()) all.erase(all.begin());
    return all;
  }
  monitor::MemoryUse memory_use() const override { return {4096, 8192, {{"heap", 4096}}}; }
  std::vector<monitor::DeviceRegisters> registers(std::string_view wanted) const override {
    if (!std::string_view("serial0").starts_with(wanted)) return {};
    return {{"serial0", 0, {{"lcr", "", core::u64{3}}}}};
  }

  monitor::MachineIdentity id = identity();
  monitor::RunState now = monitor::RunState::kRunning;
  std::vector<monitor::BlockDevice> media;
  monitor::VncInfo vnc_info;
  std::vector<u8> ram_bytes;
  std::vector<std::string> calls;

 private:
  monitor::BlockDevice& find(const std::string& drive) {
    for (auto& candidate : media) {
      if (candidate.key() == drive) return candidate;
    }
    return media.front();
  }
  monitor::Events& events_;
  std::vector<monitor::Cpu> cpus_;
};

/// The outside of a session: takes `room` bytes at most until told otherwise.
class FakeChannel final : public core::CharBackend, public monitor::ChannelControl {
 public:
  std::size_t write(core::Bytes data) override {
    const std::size_t taken = std::min(data.size(), room);
    output.append(reinterpret_cast<const char*>(data.data()), taken);
    room -= taken;
    return taken;
  }
  void set_client(core::CharClient* client) override { client_ = client; }
  void accept_input() override { ++accepts; }
  void set_line(u32, char, unsigned, unsigned) override {}
  void send_break() override {}

  core::Fd take_fd() override { return std::move(fd); }
  void disconnect() override {
    ++disconnects;
    close();
  }

  void open() { client_->char_event(core::CharEvent::kOpened); }
  void close() { client_->char_event(core::CharEvent::kClosed); }
  std::size_t can_receive() { return client_->can_receive(); }
  void give(std::string_view text) {
    client_->receive({reinterpret_cast<const u8*>(text.data()), text.size()});
  }
  void drain() {
    room = ~std::size_t{0};
    client_->writable();
  }
  std::string take() { return std::exchange(output, {}); }
  /// What a request is answered with.
  std::string ask(std::string_view request) {
    take();
    give(request);
    return take();
  }

  std::size_t room = ~std::size_t{0};
  std::string output;
  core::Fd fd;
  unsigned disconnects = 0;
  unsigned accepts = 0;

 private:
  core::CharClient* client_ = nullptr;
};

/// Timers that fire when a test says so.
class FakeDelay {
 public:
  monitor::Delay function() {
    return [this](unsigned ms, std::function<void()> fire) -> std::shared_ptr<void> {
      auto handle = std::make_shared<int>(0);
      pending.push_back({ms, handle, std::move(fire)});
      return handle;
    };
  }
  /// Fires all that were waiting; new ones wait for the next call.
  void fire() {
    const auto due = std::exchange(pending, {});
    for (const auto& entry : due) {
      if (!entry.alive.expired()) entry.fire();
    }
  }
  struct Entry {
    unsigned ms;
    std::weak_ptr<int> alive;
    std::function<void()> fire;
  };
  std::vector<Entry> pending;
};

/// Cuts the seconds and microseconds out, which no test can know.
inline std::string without_time(std::string text) {
  for (std::size_t at = 0; (at = text.find("\"timestamp\": {", at)) != std::string::npos;) {
    at += 14;
    const std::size_t end = text.find('}', at);
    text.erase(at, end - at);
  }
  return text;
}

/// Everything wired together, with one QMP client connected.
struct MonitorBench {
  explicit MonitorBench(const std::string& label = "libxl-cmd") {
    monitor.add_qmp(channel, &channel, {label, false});
    channel.open();
  }
  /// Connects and negotiates.
  void ready() { channel.ask(R"({"execute":"qmp_capabilities"})"); }
  std::string ask(std::string_view request) { return without_time(channel.ask(request)); }
  std::string human(std::string_view line) { return monitor.run_human(line); }

  monitor::Events events;
  monitor::FdSets fd_sets;
  FakeDelay delay;
  FakeMachine machine{events};
  FakeChannel channel;
  monitor::Monitor monitor{machine.ports(), fd_sets, events, delay.function()};
};

}  // namespace monitor_test
