// The monitor's view of this machine: each of its ports, answered out of the parts that the
// machine owns.
//
// Thread: device thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "machine/board/announcer.h"
#include "machine/board/board_setup.h"
#include "machine/board/chardevs.h"
#include "machine/board/pc_board.h"
#include "machine/chardev/chardev.h"
#include "machine/config/machine.h"
#include "machine/display/console.h"
#include "machine/display/input_router.h"
#include "machine/display/vnc_server.h"
#include "machine/monitor/machine_port.h"
#include "machine/monitor/user_network_port.h"

namespace board {

class CpuPort final : public monitor::CpuControl {
 public:
  CpuPort(chipset::Piix4Pm* pm, unsigned online, unsigned maximum);
  std::vector<monitor::Cpu> cpus() const override { return cpus_; }
  unsigned max_cpus() const override { return maximum_; }
  core::Result<void> plug_cpu(unsigned index, const std::string& id) override;

 private:
  chipset::Piix4Pm* pm_;
  unsigned maximum_;
  std::vector<monitor::Cpu> cpus_;
};

/// Devices with an id; cards come and go, the others stay.
class DevicePort final : public monitor::DeviceControl, public monitor::UserNetworkControl {
 public:
  /// Both outlive it; they are null in a machine without slots. `fixed`, if not empty, says why
  /// nothing may come or go.
  DevicePort(const config::Machine& machine, PcBoard* board, const BackEnds* ends,
             std::string fixed = {}, loop::Loop* loop = nullptr);
  std::vector<monitor::DeviceInfo> named_devices() const override;
  bool knows_device(std::string_view driver) const override;
  core::Result<void> add_device(const monitor::DeviceSpec& device) override;
  core::Result<void> remove_device(const std::string& id) override;
  core::Result<void> remove_function(unsigned devfn, const std::string& name) override;
  bool set_link(const std::string& name, bool up) override;
  std::vector<monitor::NetworkEnd> network() const override;
  core::Result<void> add_netdev(const monitor::DeviceSpec& netdev) override;
  bool remove_netdev(const std::string& id) override;
  void announce(const monitor::Announcement& what) override;
  std::string user_networks() const override;
  core::Result<void> forward(const std::string& netdev, const std::string& rule, bool add) override;
  /// One round of it.
  void announce_now(const monitor::Announcement& what);

 private:
  /// Network cards by name.
  std::vector<std::pair<std::string, pci::Function*>> network_cards() const;
  Networks* networks() const { return ends_ == nullptr ? nullptr : ends_->networks; }

  PcBoard* board_;
  const BackEnds* ends_;
  const std::string fixed_;
  std::optional<Announcer> announcer_;        // none without a loop: then a card says it once
  std::vector<monitor::DeviceInfo> devices_;  // those that stay
};

class PciPort final : public monitor::PciView {
 public:
  explicit PciPort(const pci::Bus& bus) : bus_(bus) {}
  std::vector<monitor::PciDevice> pci_functions() const override;

 private:
  const pci::Bus& bus_;
};

class CharPort final : public monitor::CharControl {
 public:
  CharPort(loop::Loop& loop, ChardevMap& chardevs) : loop_(loop), chardevs_(chardevs) {}
  std::vector<monitor::CharDevice> chardevs() const override;
  core::Result<void> add_chardev(const monitor::CharSpec& spec) override;
  core::Result<void> change_chardev(const monitor::CharSpec& spec) override;
  core::Result<void> remove_chardev(const std::string& label) override;
  core::Result<void> send_break(const std::string& label) override;
  core::Result<std::string> read_ring(const std::string& label, std::size_t most) override;
  core::Result<void> write_ring(const std::string& label, std::string_view bytes) override;

 private:
  core::Result<std::unique_ptr<chardev::Chardev>> open(const monitor::CharSpec& spec);

  loop::Loop& loop_;
  ChardevMap& chardevs_;
};

class VncPort final : public monitor::VncControl {
 public:
  /// `server` is null with `-vnc none`.
  explicit VncPort(screen::VncServer* server) : server_(server) {}
  monitor::VncInfo vnc() const override;
  core::Result<void> set_vnc_password(const std::string& password) override;
  core::Result<void> expire_vnc_password(const std::string& time) override;

 private:
  screen::VncServer* server_;
};

class ScreenPort final : public monitor::ScreenControl {
 public:
  ScreenPort(screen::Console& console, std::string vga_id, bool present)
      : console_(console), vga_id_(std::move(vga_id)), present_(present) {}
  std::vector<std::string> screens() const override;
  core::Result<void> screendump(int fd, monitor::ImageFormat format,
                                const std::string& device) override;

 private:
  screen::Console& console_;
  std::string vga_id_;
  bool present_;
};

class InputPort final : public monitor::InputControl {
 public:
  explicit InputPort(screen::InputRouter& router) : router_(router) {}
  void key(core::KeyCode code, bool down) override { router_.key(code, down); }
  void move_by(core::i32 dx, core::i32 dy) override { router_.move_by(dx, dy); }
  void move_to(u32 x, u32 y) override { router_.move_to(x, y); }
  void button(core::PointerButton button, bool down) override { router_.button(button, down); }
  void sync() override { router_.sync(); }
  std::vector<monitor::Mouse> mice() const override;
  bool select_mouse(unsigned index) override { return router_.select_pointer(index); }

 private:
  screen::InputRouter& router_;
};

class MemoryPort final : public monitor::MemoryControl {
 public:
  MemoryPort(core::GuestMemory& memory, core::PioSpace& pio, core::MmioSpace& mmio,
             std::vector<monitor::RamRange> ram)
      : memory_(memory), pio_(pio), mmio_(mmio), ram_(std::move(ram)) {}
  std::vector<monitor::RamRange> ram() const override { return ram_; }
  bool read_memory(u64 address, core::MutableBytes to) override {
    return address + to.size() >= address && memory_.read(address, to);
  }
  u32 port_read(u16 port, unsigned width) override {
    return core::low<u32>(pio_.read(port, width));
  }
  void port_write(u16 port, u32 value, unsigned width) override { pio_.write(port, value, width); }
  std::vector<monitor::MappedRegion> mapped_ports() const override;
  std::vector<monitor::MappedRegion> mapped_memory() const override;

 private:
  core::GuestMemory& memory_;
  core::PioSpace& pio_;
  core::MmioSpace& mmio_;
  std::vector<monitor::RamRange> ram_;
};

}  // namespace board
