#include "machine/board/xenpv_machine.h"

#include <fmt/format.h>
#include <signal.h>

#include <cstring>

#include "machine/board/chardevs.h"
#include "machine/board/disks.h"
#include "machine/board/identity.h"
#include "machine/board/inspection.h"
#include "machine/board/machine_ports.h"
#include "machine/board/metrics_server.h"
#include "machine/board/no_hardware.h"
#include "machine/board/pv_back_ends.h"
#include "machine/board/run_control.h"
#include "machine/display/console.h"
#include "machine/display/input_router.h"
#include "machine/display/vnc_server.h"
#include "machine/log/log.h"

namespace board {

struct XenpvMachine::Impl {
  Impl(loop::Loop& device_loop, const config::Machine& machine);
  core::Result<void> open();
  core::Result<void> open_screen();
  core::Result<void> open_monitor();
  RunActions actions();

  loop::Loop& loop;
  const config::Machine& config;
  // Destroyed from the bottom up.
  monitor::Events events;
  monitor::FdSets fd_sets;
  RunControl run;
  std::unique_ptr<xen::Xenstore> store;
  ChardevMap chardevs;
  std::unique_ptr<Disks> disks;
  screen::Console console;
  screen::InputRouter router;
  std::unique_ptr<PvBackEnds> pv;
  std::unique_ptr<screen::VncServer> vnc;

  std::unique_ptr<monitor::MachineIdentity> identity;
  NoHardware nothing;
  DevicePort devices;
  CharPort characters{loop, chardevs};
  std::unique_ptr<VncPort> vnc_port;
  InputPort input;
  Inspection inspection{
      {.machine = config, .identity = *identity, .cpus = nothing, .characters = characters}};
  std::unique_ptr<monitor::MachinePorts> ports;
  std::unique_ptr<monitor::Monitor> monitor;
  std::unique_ptr<MetricsServer> metrics;
  std::vector<std::unique_ptr<monitor::ChannelControl>> channels;
};

XenpvMachine::Impl::Impl(loop::Loop& device_loop, const config::Machine& machine)
    : loop(device_loop),
      config(machine),
      run(device_loop, events,
          {.no_shutdown = machine.no_shutdown, .no_reboot = machine.no_reboot}),
      console(device_loop),
      identity(make_identity(machine)),
      devices(machine, nullptr, nullptr),
      input(router) {
  run.set_actions(actions());
}

core::Result<void> XenpvMachine::Impl::open() {
  auto opened = xen::Xenstore::open();
  if (!opened) return tl::unexpected(opened.error());
  store = std::move(*opened);
  auto lines = open_chardevs(loop, config);
  if (!lines) return tl::unexpected(lines.error());
  chardevs = std::move(*lines);
  auto drives = Disks::open(loop, config, fd_sets, events);
  if (!drives) return tl::unexpected(drives.error());
  disks = std::move(*drives);
  auto back_ends = PvBackEnds::create({.loop = loop,
                                       .store = *store,
                                       .domain = config.domid,
                                       .disks = *disks,
                                       .input = router,
                                       .emulated_input = false});
  if (!back_ends) return tl::unexpected(back_ends.error());
  pv = std::move(*back_ends);
  if (auto result = open_screen(); !result) return result;
  if (auto result = open_monitor(); !result) return result;
  return pv->start();
}

core::Result<void> XenpvMachine::Impl::open_screen() {
  if (!config.vnc) return {};
  vnc = std::make_unique<screen::VncServer>(loop, console, router);
  return vnc->start({.host = config.vnc->host,
                     .port = config.vnc->port,
                     .to_port = config.vnc->to_port,
                     .unix_path = config.vnc->unix_path,
                     .password = config.vnc->password,
                     .share = vnc::Share::kAllowExclusive,
                     .lock_key_sync = config.vnc->lock_key_sync,
                     .keymap = config.keymap,
                     .title = config.name.empty() ? "Xenolith" : config.name,
                     .program = {}});
}

core::Result<void> XenpvMachine::Impl::open_monitor() {
  vnc_port = std::make_unique<VncPort>(vnc.get());
  ports = std::make_unique<monitor::MachinePorts>(
      monitor::MachinePorts{*identity, run, nothing, devices, nothing, *disks, characters,
                            *vnc_port, nothing, input, nothing, nothing, inspection});
  monitor = std::make_unique<monitor::Monitor>(
      *ports, fd_sets, events,
      [this](unsigned ms, std::function<void()> task) -> std::shared_ptr<void> {
        return loop.after(ms, std::move(task));
      });
  if (!config.metrics_path.empty()) {
    auto server = MetricsServer::open(loop, config.metrics_path, *ports);
    if (!server) return tl::unexpected(server.error());
    metrics = std::move(*server);
  }
  return attach_monitors(*monitor, config, chardevs, channels);
}

RunActions XenpvMachine::Impl::actions() {
  return {.serve = [](bool) {},
          .pause_devices =
              [this] {
                pv->pause();
                disks->flush();
              },
          .resume_devices = [this] { pv->resume(); },
          .reset_devices = [] {},
          .wake_devices = [] {},
          .shut_domain_down = [](bool) {},
          .set_sleep_state = [](unsigned) { return false; },
          .press_power_button = [] { return false; },
          .report_running =
              [this] {
                const auto result =
                    store->write(fmt::format("device-model/{}/state", config.domid), "running");
                if (!result) mlog::error("{}", result.error().message);
              }};
}

XenpvMachine::XenpvMachine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
XenpvMachine::~XenpvMachine() = default;

core::Result<std::unique_ptr<XenpvMachine>> XenpvMachine::create(loop::Loop& loop,
                                                                 const config::Machine& machine) {
  auto impl = std::make_unique<Impl>(loop, machine);
  if (auto result = impl->open(); !result) return tl::unexpected(result.error());
  return std::unique_ptr<XenpvMachine>(new XenpvMachine(std::move(impl)));
}

void XenpvMachine::start() {
  impl_->run.start(impl_->config.start_paused);
}

void XenpvMachine::terminate(int signal) {
  mlog::info("terminating on {}", sigabbrev_np(signal) != nullptr ? sigabbrev_np(signal) : "?");
  impl_->run.terminate("host-signal");
}

void XenpvMachine::finish() {
  impl_->pv->finish();
  impl_->disks->flush();
}

}  // namespace board
