#include "machine/board/xen_machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <algorithm>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "hw/emul/core/guest_error.h"
#include "machine/board/identity.h"
#include "machine/board/incoming.h"
#include "machine/board/vnc_setup.h"
#include "machine/log/trace.h"

namespace board {
namespace {

std::vector<monitor::RamRange> ram_ranges(const config::Machine& machine) {
  constexpr u64 kFourGiB = u64{4} << 30;
  const u64 below = std::min(machine.ram_bytes, machine.max_ram_below_4g);
  std::vector<monitor::RamRange> ranges = {{0, below}};
  if (machine.ram_bytes > below) ranges.push_back({kFourGiB, machine.ram_bytes - below});
  return ranges;
}

}  // namespace

core::Result<std::unique_ptr<XenMachine>> XenMachine::create(loop::Loop& loop,
                                                             const config::Machine& machine) {
  std::unique_ptr<XenMachine> made(new XenMachine(loop, machine));
  // In the order of what fails fastest and disturbs least: the domain, then files and sockets,
  // then changes to the domain.
  for (const auto stage :
       {&XenMachine::open_hypervisor, &XenMachine::open_back_ends, &XenMachine::make_video_memory,
        &XenMachine::make_board, &XenMachine::make_screen, &XenMachine::make_monitor,
        &XenMachine::go_live}) {
    if (auto result = ((*made).*stage)(); !result) return tl::unexpected(result.error());
  }
  return made;
}

XenMachine::XenMachine(loop::Loop& loop, const config::Machine& machine)
    : loop_(loop),
      config_(machine),
      run_(loop, events_, {.no_shutdown = machine.no_shutdown, .no_reboot = machine.no_reboot}),
      console_(loop),
      networks_(loop) {
  events_.set_delay([&loop](unsigned ms, std::function<void()> task) -> std::shared_ptr<void> {
    return loop.after(ms, std::move(task));
  });
  run_.set_actions(run_actions());
}

XenMachine::~XenMachine() {
  // The server goes with the hypervisor handle; there is no need to take each range back first.
  if (ranges_ != nullptr) ranges_->stop();
  // A soft reset's next process looks for it where the guest has it.
  if (video_ != nullptr) video_->stay();
  loop_.set_guest(nullptr);
  console_.set_source(nullptr);
}

core::Result<void> XenMachine::open_hypervisor() {
  auto xen = ioreq::Hypervisor::open(config_.domid);
  if (!xen) return tl::unexpected(xen.error());
  xen_ = std::move(*xen);
  auto store = xen::Xenstore::open();
  if (!store) return tl::unexpected(store.error());
  xenstore_ = std::move(*store);
  ram_ = std::make_unique<ioreq::MapCache>(*xen_, *xen_);
  if (!config_.record.file.empty()) {
    auto recorder = replay::Recorder::open(config_.record.file, config_.record.limit);
    if (!recorder) return tl::unexpected(recorder.error());
    recorder_ = std::move(*recorder);
  }
  pci_ = std::make_unique<pci::Bus>(pci::BusWires{pio_, mmio_, tapped<core::GuestMemory>(*ram_),
                                                  tapped<pci::IntxSink>(*xen_),
                                                  tapped<core::MsiSink>(*xen_)});
  return {};
}

core::CharBackend* XenMachine::find_line(std::string_view id) {
  chardev::Chardev* line = find_chardev(chardevs_, id);
  return line != nullptr ? &tapped<core::CharBackend>(*line) : nullptr;
}

core::Result<void> XenMachine::open_back_ends() {
  auto chardevs = open_chardevs(loop_, config_);
  if (!chardevs) return tl::unexpected(chardevs.error());
  chardevs_ = std::move(*chardevs);
  auto disks = Disks::open(loop_, config_, fd_sets_, events_);
  if (!disks) return tl::unexpected(disks.error());
  disks_ = std::move(*disks);
  disks_->on_stop([this] { run_.stop_for_io_error(); });
  // A recording is of emulated devices only.
  if (recorder_ == nullptr) {
    auto pv = PvBackEnds::create({.loop = loop_,
                                  .store = *xenstore_,
                                  .domain = config_.domid,
                                  .disks = *disks_,
                                  .input = input_});
    if (pv) {
      pv_ = std::move(*pv);
    } else {
      mlog::warning("no PV disks: {}", pv.error().message);
    }
  }
  return networks_.open(config_);
}

core::Result<void> XenMachine::make_video_memory() {
  if (!config_.vga) return {};
  // A restored domain has its video memory already: the toolstack brought it along.
  const auto make =
      config_.incoming ? &ioreq::XenVideoMemory::adopt : &ioreq::XenVideoMemory::create;
  auto video = make(*xen_, *xen_, *ram_, display::vgamem_bytes(config_.vga->memory_mb),
                    ioreq::hidden_frame(config_.ram_bytes, config_.max_ram_below_4g),
                    [](const std::string& text) { mlog::warning("{}", text); });
  if (!video) return tl::unexpected(video.error());
  video_ = std::move(*video);
  return {};
}

core::Result<void> XenMachine::make_board() {
  const bool sata = std::any_of(config_.ide_disks.begin(), config_.ide_disks.end(),
                                [](const config::IdeDisk& disk) { return disk.ahci.has_value(); });
  if (recorder_ != nullptr && sata) {
    return core::fail("-record: disks of an AHCI controller are not recorded: leave hdtype out");
  }
  if (recorder_ != nullptr && !config_.floppies.empty()) {
    return core::fail("-record: floppy disks are not recorded: leave them out");
  }
  ide::DriveConfigs drives = disks_->ide_drives();
  for (unsigned place = 0; place < drives.size() && recorder_ != nullptr; ++place) {
    if (drives[place]) drives[place]->backend = &recorder_->tap(*drives[place]->backend, place);
  }
  back_ends_ = {
      .line = [this](std::string_view id) { return find_line(id); },
      .drives = drives,
      .floppies = disks_->floppy_drives(),
      // What comes from a network is not recorded.
      .networks = recorder_ == nullptr ? &networks_ : nullptr,
      .clock = &tapped(loop_.clock()),
      .rom_directories = config_.data_dirs,
      .sata_drives =
          [this](const config::Device& controller) { return disks_->sata_drives(controller); },
      .unplug = pv_ != nullptr};
  auto setup = board_setup(config_, back_ends_, boot_files_);
  if (!setup) return tl::unexpected(setup.error());
  core::VideoMemory* video = video_ != nullptr ? &tapped<core::VideoMemory>(*video_) : nullptr;
  auto board =
      PcBoard::create({.pio = pio_,
                       .mmio = mmio_,
                       .pci = *pci_,
                       .memory = tapped<core::GuestMemory>(*ram_),
                       .clock = tapped(loop_.clock()),
                       .isa_irqs = tapped<core::IrqSink>(*xen_),
                       .pirqs = tapped<chipset::PirqRouter>(*this),
                       .power = tapped<core::PowerControl>(run_),
                       .leds = &input_,
                       .video = video,
                       .rom_lock = &tapped<xen_platform::RomLock>(*this),
                       .unplugger = &tapped<xen_platform::Unplugger>(*this),
                       .guest_log = this,
                       .card_leaves = [this](const pci::Function& card) { card_leaves(card); }},
                      std::move(*setup));
  if (!board) return tl::unexpected(board.error());
  board_ = std::move(*board);
  shadows_ = std::make_unique<state::Shadows>(loop_, *pci_, config_.smp.cpus);
  input::I8042& i8042 = board_->keyboard_controller();
  input_.add_keyboard(tapped<core::KeyboardSink>(i8042.keyboard()));
  input_.add_pointer(tapped<core::PointerSink>(i8042.mouse()), "QEMU PS/2 Mouse");
  if (board_->vga() != nullptr) console_.set_source(&board_->vga()->screen());
  return {};
}

core::Result<void> XenMachine::make_screen() {
  auto started = start_vnc(loop_, config_, console_, input_, events_);
  if (!started) return tl::unexpected(started.error());
  vnc_ = std::move(*started);
  return {};
}

core::Result<void> XenMachine::make_monitor() {
  identity_ = make_identity(config_);
  cpu_port_ =
      std::make_unique<CpuPort>(board_->power_management(), config_.smp.cpus, config_.smp.max_cpus);
  device_port_ = std::make_unique<DevicePort>(
      config_, board_.get(), &back_ends_,
      recorder_ != nullptr ? "not while -record runs: a replay could not do it" : "", &loop_);
  pci_port_ = std::make_unique<PciPort>(*pci_);
  char_port_ = std::make_unique<CharPort>(loop_, chardevs_);
  vnc_port_ = std::make_unique<VncPort>(vnc_.get());
  screen_port_ = std::make_unique<ScreenPort>(console_, config_.vga ? config_.vga->id : "",
                                              config_.vga.has_value());
  input_port_ = std::make_unique<InputPort>(input_);
  memory_port_ = std::make_unique<MemoryPort>(*ram_, pio_, mmio_, ram_ranges(config_));
  state_port_ = std::make_unique<StatePort>(
      *board_, *shadows_,
      StatePort::Host{.flush_disks = [this] { return disks_->flush_now(); },
                      .unsaveable_disks = [this] { return disks_->unsaveable(); },
                      .release_disks = [this] { disks_->release(); },
                      .watch_writes = [this](bool on) { watch_writes(on); }});
  access_log_ = std::make_unique<ioreq::AccessLog>(pio_, mmio_, *pci_);
  inspection_ = std::make_unique<Inspection>(
      Inspection::Parts{.machine = config_,
                        .identity = *identity_,
                        .cpus = *cpu_port_,
                        .characters = *char_port_,
                        .pci = pci_.get(),
                        .accesses = access_log_.get(),
                        .devices = [this] { return board_->devices(); },
                        .console = config_.vga.has_value()});
  ports_ = std::make_unique<monitor::MachinePorts>(monitor::MachinePorts{
      *identity_, run_, *cpu_port_, *device_port_, *pci_port_, *disks_, *char_port_, *vnc_port_,
      *screen_port_, *input_port_, *memory_port_, *state_port_, *inspection_});
  monitor_ = std::make_unique<monitor::Monitor>(
      *ports_, fd_sets_, events_,
      [this](unsigned ms, std::function<void()> task) -> std::shared_ptr<void> {
        return loop_.after(ms, std::move(task));
      });
  if (!config_.metrics_path.empty()) {
    auto metrics = MetricsServer::open(loop_, config_.metrics_path, *ports_);
    if (!metrics) return tl::unexpected(metrics.error());
    metrics_ = std::move(*metrics);
  }
  return attach_monitors(*monitor_, config_, chardevs_, channel_controls_);
}

/// Takes the domain's accesses: from here on the guest would notice us.
core::Result<void> XenMachine::go_live() {
  board_->reset();
  if (auto result = restore(); !result) return result;
  begin_recording();
  if (auto result = xen_->create_server(); !result) return result;
  std::string failure;
  ranges_ = std::make_unique<ioreq::RangeTracker>(*xen_, pio_, mmio_, *pci_,
                                                  [&failure](const std::string& text) {
                                                    if (failure.empty()) failure = text;
                                                    mlog::error("{}", text);
                                                  });
  ranges_->commit();
  if (!failure.empty()) return core::fail(failure);
  core::GuestMemory& memory = recorder_ != nullptr ? recorder_->tap_strings(*ram_) : *ram_;
  server_ = std::make_unique<ioreq::Server>(ioreq::DispatchWires{pio_, mmio_, *pci_, memory, *this},
                                            *xen_, xen_->pages(), xen_->ids().vcpus);
  access_log_->set_next(recorder_.get());
  server_->set_tap(access_log_.get());
  server_->set_polling(GuestAccess::polling_window());
  server_->set_other_work([this] { return loop_.work_waits(); });
  access_ = std::make_unique<GuestAccess>(*server_, xen_->fd(), [this] { served(); });
  if (auto result = server_->bind(xen_->ids().buffered_port); !result) return result;
  return pv_ != nullptr ? pv_->start() : core::Result<void>();
}

/// Before the monitors answer anybody: toolstacks take an answer for a machine that is complete.
core::Result<void> XenMachine::restore() {
  if (!config_.incoming) return {};
  const std::string& text = config_.incoming->text;
  if (recorder_ != nullptr) {
    return core::fail(
        fmt::format("{}: a recording begins with a machine's start: leave -record "
                    "out",
                    text));
  }
  const auto stream = read_incoming(*config_.incoming);
  if (!stream) return core::fail(fmt::format("{}: {}", text, stream.error().message));
  loop_.stop_clock();
  auto result = state_port_->load(*stream);
  if (result && video_ != nullptr) {
    result = video_->settle(board_->vga()->config_get(pci::kBar0, 4) & ~u64{pci::kBarMemoryFlags});
  }
  if (!result) return core::fail(fmt::format("{}: {}", text, result.error().message));
  arrived_ = true;
  if (config_.start_paused) return {};  // `cont` does it
  return take_over();
}

/// The images are ours alone, and the network learns where the guest is now. Once for each time
/// that another process had the guest.
core::Result<void> XenMachine::take_over() {
  if (auto result = disks_->activate(); !result) return result;
  if (!std::exchange(arrived_, false)) return {};
  device_port_->announce({});
  return {};
}

/// Live migration: what we write into the guest's memory has to be sent again.
void XenMachine::watch_writes(bool on) {
  ram_->set_log_dirty(on);
  dirty_flush_.reset();
  if (video_ == nullptr) return;
  video_->set_log_dirty(on);
  constexpr unsigned kFlushMs = 100;
  if (on) dirty_flush_ = loop_.every(kFlushMs, [this] { video_->flush_modified(); });
}

/// With what a replay needs to know to build the same machine.
void XenMachine::begin_recording() {
  if (recorder_ == nullptr) return;
  replay::Header header{.program = "xenolith",
                        .arguments = config_.arguments,
                        .drives = {},
                        .kernel_bytes = boot_files_.kernel.bytes().size(),
                        .initrd_bytes = boot_files_.initrd.bytes().size()};
  // Where the program lay on that machine is nobody's business who gets the recording.
  if (!header.arguments.empty()) header.arguments.front() = header.program;
  const ide::DriveConfigs drives = disks_->ide_drives();
  for (std::size_t place = 0; place < drives.size(); ++place) {
    if (!drives[place]) continue;
    const core::BlockBackend& disk = *drives[place]->backend;
    header.drives[place] = replay::Header::Drive{.present = disk.has_medium(),
                                                 .sectors = disk.info().sectors,
                                                 .read_only = disk.info().read_only,
                                                 .write_cache = disk.info().write_cache};
  }
  recorder_->begin(header);
  constexpr unsigned kFlushMs = 50;
  record_flush_ = loop_.every(kFlushMs, [this] {
    if (auto result = recorder_->flush(); !result) mlog::warning("{}", result.error().message);
  });
}

void XenMachine::start() {
  run_.start(config_.start_paused, config_.incoming.has_value());
}

void XenMachine::terminate(int signal) {
  mlog::info("terminating on {}", sigabbrev_np(signal) != nullptr ? sigabbrev_np(signal) : "?");
  run_.terminate("host-signal");
}

void XenMachine::finish() {
  loop_.set_guest(nullptr);
  board_->pause();
  if (pv_ != nullptr) pv_->finish();
  disks_->flush();
  if (recorder_ == nullptr) return;
  if (auto result = recorder_->finish(); !result) mlog::warning("{}", result.error().message);
}

RunActions XenMachine::run_actions() {
  return {
      .serve = [this](bool on) { serve(on); },
      .pause_devices =
          [this] {
            const replay::Step step(recorder_.get(), replay::Control::kPause);
            board_->pause();
            if (pv_ != nullptr) pv_->pause();
            disks_->flush();
            if (video_ != nullptr) video_->flush_modified();
          },
      .resume_devices =
          [this] {
            const replay::Step step(recorder_.get(), replay::Control::kResume);
            disks_->clear_io_errors();
            board_->resume();
            if (pv_ != nullptr) pv_->resume();
          },
      .take_over = [this] { return take_over(); },
      .reset_devices =
          [this] {
            const replay::Step step(recorder_.get(), replay::Control::kReset);
            resetting_ = true;
            networks_.restore_unplugged();
            board_->restore_network_cards();
            replug_disks();
            board_->reset();
            resetting_ = false;
          },
      .wake_devices =
          [this] {
            const replay::Step step(recorder_.get(), replay::Control::kWake);
            resetting_ = true;
            board_->wake_up();
            resetting_ = false;
          },
      .shut_domain_down =
          [this](bool reboot) {
            xen_->shutdown(reboot ? ioreq::ShutdownReason::kReboot
                                  : ioreq::ShutdownReason::kPowerOff);
          },
      .set_sleep_state =
          [this](unsigned state) {
            const auto result = xen_->set_acpi_sleep_state(state);
            if (!result) mlog::warning("{}", result.error().message);
            return result.has_value();
          },
      .press_power_button =
          [this] {
            if (board_->power_management() == nullptr) return false;
            const replay::Step step(recorder_.get(), replay::Control::kPowerButton);
            board_->power_management()->press_power_button();
            return true;
          },
      .report_running = [this] { report_running(); },
  };
}

void XenMachine::serve(bool on) {
  loop_.set_guest(on ? access_.get() : nullptr);
  if (on) {
    server_->on_event();
  } else {
    server_->drain_ring();  // what the guest wrote is part of its state
  }
}

/// Called after every access, so it only looks whether there is anything to tell.
void XenMachine::served() {
  console_.follow();
  if (mlog::traced(mlog::Trace::kGuestAccess) && access_trace_ == nullptr) {
    access_trace_ = loop_.after(100, [this] { trace_accesses(); });
  }
  if (core::guest_error_count() == reported_errors_ || error_report_ != nullptr) return;
  error_report_ = loop_.after(100, [this] { report_guest_errors(); });
}

/// Some lines of each tenth of a second, so that a busy guest does not fill the disk.
void XenMachine::trace_accesses() {
  access_trace_.reset();
  constexpr u64 kMost = 100;
  const u64 fresh = access_log_->total() - traced_accesses_;
  traced_accesses_ = access_log_->total();
  if (fresh > kMost) mlog::info("guest_access: {} accesses are left out", fresh - kMost);
  for (const auto& one : inspection_->last_accesses(std::min(fresh, kMost))) {
    mlog::info("guest_access: {}", to_line(one));
  }
}

void XenMachine::report() {
  inspection_->log_accesses(ioreq::AccessLog::kKept);
}

void XenMachine::report_running() {
  const std::string path = fmt::format("device-model/{}/state", config_.domid);
  if (auto result = xenstore_->write(path, "running"); !result) {
    mlog::error("{}", result.error().message);
  }
}

/// What the guest did wrong, away from the path on which it did it.
void XenMachine::report_guest_errors() {
  error_report_.reset();
  reported_errors_ = core::guest_error_count();
  std::array<core::GuestError, 64> errors{};
  u64 lost = 0;
  const std::size_t count = core::take_guest_errors(errors, lost);
  for (std::size_t i = 0; i < count; ++i) {
    unsigned long dropped = 0;
    if (!mlog::traced(mlog::Trace::kGuestError) || !error_limiter_.allow(dropped)) continue;
    if (dropped != 0) mlog::info("{} lines about the guest were left out", dropped);
    mlog::info("guest: {}: {} ({:#x}, {:#x})", errors[i].device, errors[i].what, errors[i].first,
               errors[i].second);
  }
}

void XenMachine::time_offset(core::i64 seconds) {
  rtc_offset_ += seconds;
  events_.rtc_change(rtc_offset_);
}

void XenMachine::invalidate() {
  board_->ide().pause();
  ram_->invalidate();
  board_->ide().resume();
}

void XenMachine::fatal(const char* why) {
  mlog::error("{}: the domain is shut down as crashed", why);
  loop_.set_guest(nullptr);
  xen_->shutdown(ioreq::ShutdownReason::kCrash);
}

/// Xen keeps its routes through a reset of the devices, as under stock: a guest that wakes up from
/// S3 does not have to set them anew.
void XenMachine::set_link_route(unsigned link, u8 irq) {
  if (resetting_) return;
  xen_->set_link_route(link, irq);
}

void XenMachine::card_leaves(const pci::Function& card) {
  const std::string path = function_path(inspection_->objects(), card.devfn());
  mlog::info("{} {} is gone: the guest let go of it", card.name(), path);
  // After what the guest or the toolstack did to it is answered, or told of.
  loop_.post([this, id = card.qdev_id(), path] { events_.device_deleted(id, path); });
}

bool XenMachine::set_read_only(bool on) {
  // 0xc0000 up to 1 MiB: option ROMs and the BIOS.
  return xen_->set_read_only(xen_platform::kRomFirstFrame, xen_platform::kRomFrames, on);
}

void XenMachine::unplug(u16 mask) {
  if (xen_platform::UnplugNics::test(mask)) {
    // With what they were connected to, as under stock.
    const auto before = networks_.list();
    board_->remove_network_cards();
    networks_.unplug(before);
  }
  if (xen_platform::UnplugDisks::test(mask)) {
    unplug_disks(true);
  } else if (xen_platform::UnplugAuxDisks::test(mask)) {
    unplug_disks(false);
  }
}

/// All disks, or all but the first: what the guest's PV driver is going to have in their place. CD
/// drives stay, for PV drivers know none.
void XenMachine::unplug_disks(bool all) {
  for (unsigned place = all ? 0 : 1; place < ide::DriveConfigs{}.size(); ++place) {
    if (!board_->ide().has_drive(place) || board_->ide().is_cdrom(place)) continue;
    board_->ide().detach_drive(place);
    disks_->unplug(place);
    mlog::info("the guest unplugged the emulated disk at IDE place {}", place);
  }
  if (!all) return;
  for (pci::Function* function : pci_->functions()) {
    auto* const controller = dynamic_cast<ahci::Ahci*>(function);
    for (unsigned port = 0; controller != nullptr && port < ahci::kPorts; ++port) {
      if (!controller->has_drive(port) || controller->is_cdrom(port)) continue;
      controller->detach_drive(port);
      mlog::info("the guest unplugged the emulated disk at AHCI port {}", port);
    }
  }
  disks_->unplug_sata();
}

void XenMachine::replug_disks() {
  for (unsigned place = 0; place < ide::DriveConfigs{}.size(); ++place) {
    if (const auto config = disks_->replug(place)) board_->ide().attach_drive(place, *config);
  }
}

void XenMachine::guest_line(std::string_view line) {
  if (mlog::traced(mlog::Trace::kPlatformLog)) mlog::info("guest log: {}", line);
}

}  // namespace board
