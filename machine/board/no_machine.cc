#include "machine/board/no_machine.h"

#include "machine/board/chardevs.h"
#include "machine/board/identity.h"
#include "machine/board/inspection.h"
#include "machine/board/machine_ports.h"
#include "machine/board/metrics_server.h"
#include "machine/board/no_hardware.h"
#include "machine/board/qtest_line.h"
#include "machine/board/run_control.h"
#include "machine/display/input_router.h"

namespace board {
namespace {

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
  NoHardware nothing;
  NoDisks no_disks;
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
                            impl->no_disks, impl->characters, impl->vnc, impl->nothing, impl->input,
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
