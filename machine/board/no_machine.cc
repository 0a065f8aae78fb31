#include "machine/board/no_machine.h"

#include "machine/board/chardevs.h"
#include "machine/board/identity.h"
#include "machine/board/inspection.h"
#include "machine/board/machine_ports.h"
#include "machine/board/metrics_server.h"
#include "machine/board/qtest_line.h"
#include "machine/board/run_control.h"
#include "machine/display/input_router.h"

namespace board {
namespace {

/// What a machine has, and this one has not.
class Nothing final : public monitor::CpuControl,
                      public monitor::PciView,
                      public monitor::BlockControl,
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

RunActions no_actions() {
  return {.serve = [](bool) {},
          .pause_devices = [] {},
          .resume_devices = [] {},
          .reset_devices = [] {},
          .wake_devices = [] {},
          .shut_domain_down = [](bool) {},
          .set_sleep_state = [](unsigned) { return true; },
          .press_power_button = [] { return true; },
          .report_running = [] {}};
}

}  // namespace

struct NoMachine::Impl {
  Impl(loop::Loop& device_loop, const config::Machine& machine)
      : loop(device_loop),
        config(machine),
        run(device_loop, events,
            {.no_shutdown = machine.no_shutdown, .no_reboot = machine.no_reboot}),
        identity(make_identity(machine)),
        devices(machine, nullptr, nullptr),
        input(router) {
    run.set_actions(no_actions());
  }

  loop::Loop& loop;
  const config::Machine& config;
  monitor::Events events;
  monitor::FdSets fd_sets;
  RunControl run;
  ChardevMap chardevs;
  core::PioSpace pio;  // nothing there, either: for a qtest client
  qtest::VirtualClock clock;
  std::unique_ptr<QtestLine> line;
  std::unique_ptr<monitor::MachineIdentity> identity;
  Nothing nothing;
  DevicePort devices;
  CharPort characters{loop, chardevs};
  VncPort vnc{nullptr};
  screen::InputRouter router;
  InputPort input;
  Inspection inspection{
      {.machine = config, .identity = *identity, .cpus = nothing, .characters = characters}};
  std::unique_ptr<monitor::MachinePorts> ports;
  std::unique_ptr<monitor::Monitor> monitor;
  std::unique_ptr<MetricsServer> metrics;
  std::vector<std::unique_ptr<monitor::ChannelControl>> channels;
};

NoMachine::NoMachine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NoMachine::~NoMachine() = default;

core::Result<std::unique_ptr<NoMachine>> NoMachine::create(loop::Loop& loop,
                                                           const config::Machine& machine) {
  auto impl = std::make_unique<Impl>(loop, machine);
  auto chardevs = open_chardevs(loop, machine);
  if (!chardevs) return tl::unexpected(chardevs.error());
  impl->chardevs = std::move(*chardevs);
  auto line = QtestLine::open(loop, machine, impl->chardevs, {impl->pio, impl->clock});
  if (!line) return tl::unexpected(line.error());
  impl->line = std::move(*line);
  impl->ports = std::make_unique<monitor::MachinePorts>(
      monitor::MachinePorts{*impl->identity, impl->run, impl->nothing, impl->devices, impl->nothing,
                            impl->nothing, impl->characters, impl->vnc, impl->nothing, impl->input,
                            impl->nothing, impl->nothing, impl->inspection});
  impl->monitor = std::make_unique<monitor::Monitor>(
      *impl->ports, impl->fd_sets, impl->events,
      [&loop](unsigned ms, std::function<void()> task) -> std::shared_ptr<void> {
        return loop.after(ms, std::move(task));
      });
  if (!machine.metrics_path.empty()) {
    auto metrics = MetricsServer::open(loop, machine.metrics_path, *impl->ports);
    if (!metrics) return tl::unexpected(metrics.error());
    impl->metrics = std::move(*metrics);
  }
  auto attached = attach_monitors(*impl->monitor, machine, impl->chardevs, impl->channels);
  if (!attached) return tl::unexpected(attached.error());
  return std::unique_ptr<NoMachine>(new NoMachine(std::move(impl)));
}

void NoMachine::start() {
  impl_->run.start(impl_->config.start_paused);
}

void NoMachine::terminate(int /*signal*/) {
  impl_->run.terminate("host-signal");
}

}  // namespace board
