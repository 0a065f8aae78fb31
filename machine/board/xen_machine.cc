#include "machine/board/xen_machine.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>

#include "hw/emul/core/guest_error.h"
#include "machine/board/identity.h"

namespace board {
namespace {

/// RAM from 0 on, below the hole for devices; the rest is above 4 GiB.
u64 ram_below_4g(const config::Machine& machine) {
  return std::min(machine.ram_bytes, machine.max_ram_below_4g);
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
      console_(loop) {
  events_.set_delay([&loop](unsigned ms, std::function<void()> task) -> std::shared_ptr<void> {
    return loop.after(ms, std::move(task));
  });
  run_.set_actions(run_actions());
}

XenMachine::~XenMachine() {
  // The server goes with the hypervisor handle; there is no need to take each range back first.
  if (ranges_ != nullptr) ranges_->stop();
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
  pci_ = std::make_unique<pci::Bus>(pci::BusWires{pio_, mmio_, *ram_, *xen_, *xen_});
  return {};
}

core::Result<void> XenMachine::open_back_ends() {
  auto chardevs = open_chardevs(loop_, config_);
  if (!chardevs) return tl::unexpected(chardevs.error());
  chardevs_ = std::move(*chardevs);
  auto disks = Disks::open(loop_, config_, fd_sets_, events_);
  if (!disks) return tl::unexpected(disks.error());
  disks_ = std::move(*disks);
  return {};
}

core::Result<void> XenMachine::make_video_memory() {
  if (!config_.vga) return {};
  auto video = ioreq::XenVideoMemory::create(
      *xen_, *xen_, *ram_, display::vgamem_bytes(config_.vga->memory_mb),
      ioreq::hidden_frame(config_.ram_bytes, config_.max_ram_below_4g),
      [](const std::string& text) { mlog::warning("{}", text); });
  if (!video) return tl::unexpected(video.error());
  video_ = std::move(*video);
  return {};
}

core::Result<PcSetup> XenMachine::board_setup() {
  const u64 below = ram_below_4g(config_);
  PcSetup setup{.ram_below_4g = below,
                .ram_above_4g = config_.ram_bytes - below,
                .cpus = config_.smp.cpus,
                .power_management = config_.acpi.present,
                .boot_order = config_.boot.once.empty() ? config_.boot.order : config_.boot.once,
                .floppy_signature_check = config_.boot.floppy_signature_check};
  for (const config::SerialPort& serial : config_.serials) {
    const auto known = std::find_if(serial::kIsaUarts.begin(), serial::kIsaUarts.end(),
                                    [&](const auto& port) { return port.base == serial.iobase; });
    if (known == serial::kIsaUarts.end()) {
      return core::fail(
          fmt::format("-device isa-serial,iobase={:#x}: there are 0x3f8, 0x2f8, "
                      "0x3e8 and 0x2e8",
                      serial.iobase));
    }
    serial::IsaPort port = *known;
    port.irq = serial.irq;
    setup.uarts.push_back({.port = port, .backend = find_chardev(chardevs_, serial.chardev)});
  }
  if (!config_.parallels.empty()) {
    setup.parallel = find_chardev(chardevs_, config_.parallels.front().chardev);
  }
  for (const config::DebugPort& debug : config_.debug_ports) {
    setup.debug_ports.push_back({.port = debug.iobase,
                                 .readback = debug.readback,
                                 .backend = find_chardev(chardevs_, debug.chardev)});
  }
  setup.drives = disks_->ide_drives();
  if (config_.platform.present) {
    setup.platform =
        PcSetup::Platform{.slot = config_.platform.slot.value_or(-1), .unplug_supported = false};
  }
  if (config_.vga) {
    PcSetup::Vga vga{.config = {.vgamem_mb = config_.vga->memory_mb,
                                .edid = config_.vga->edid,
                                .xres = config_.vga->xres,
                                .yres = config_.vga->yres},
                     .slot = config_.vga->slot ? static_cast<int>(*config_.vga->slot) : -1,
                     .id = config_.vga->id};
    if (config_.vga->rom) {
      const std::string name =
          config_.vga->rom_file.empty() ? "vgabios-stdvga.bin" : config_.vga->rom_file;
      const auto path = find_firmware(name, config_.data_dirs);
      if (!path) return tl::unexpected(path.error());
      auto rom = read_file(*path);
      if (!rom) return tl::unexpected(rom.error());
      vga.config.rom = std::move(*rom);
    }
    setup.vga = std::move(vga);
  }
  if (!config_.kernel.empty()) {
    if (auto result = add_linux_boot(setup); !result) return tl::unexpected(result.error());
  }
  return setup;
}

core::Result<void> XenMachine::add_linux_boot(PcSetup& setup) {
  auto kernel = MappedFile::open(config_.kernel);
  if (!kernel) return tl::unexpected(kernel.error());
  kernel_ = std::move(*kernel);
  firmware::LinuxBoot boot{.kernel = kernel_.bytes(),
                           .kernel_name = config_.kernel,
                           .initrd = std::nullopt,
                           .initrd_name = config_.initrd,
                           .command_line = config_.append,
                           .option_rom = {},
                           .ram_below_4g = setup.ram_below_4g};
  if (!config_.initrd.empty()) {
    auto initrd = MappedFile::open(config_.initrd);
    if (!initrd) return tl::unexpected(initrd.error());
    initrd_ = std::move(*initrd);
    boot.initrd = initrd_.bytes();
  }
  const auto path = find_firmware("linuxboot_dma.bin", config_.data_dirs);
  if (!path) return tl::unexpected(path.error());
  auto rom = read_file(*path);
  if (!rom) return tl::unexpected(rom.error());
  option_rom_ = std::move(*rom);
  boot.option_rom = option_rom_;
  setup.linux_boot = boot;
  setup.fw_cfg = {.graphics = config_.vga.has_value(),
                  .boot_menu = config_.boot.menu,
                  .cpus = static_cast<u16>(config_.smp.cpus),
                  .s3_enabled = config_.acpi.s3,
                  .s4_enabled = config_.acpi.s4,
                  .s4_type = config_.acpi.s4_value};
  return {};
}

core::Result<void> XenMachine::make_board() {
  auto setup = board_setup();
  if (!setup) return tl::unexpected(setup.error());
  auto board = PcBoard::create({.pio = pio_,
                                .mmio = mmio_,
                                .pci = *pci_,
                                .memory = *ram_,
                                .clock = loop_.clock(),
                                .isa_irqs = *xen_,
                                .pirqs = *this,
                                .power = run_,
                                .leds = &input_,
                                .video = video_.get(),
                                .rom_lock = this,
                                .unplugger = this,
                                .guest_log = this},
                               std::move(*setup));
  if (!board) return tl::unexpected(board.error());
  board_ = std::move(*board);
  input_.add_keyboard(board_->keyboard_controller().keyboard());
  input_.add_pointer(board_->keyboard_controller().mouse(), "QEMU PS/2 Mouse");
  if (board_->vga() != nullptr) console_.set_source(&board_->vga()->screen());
  return {};
}

core::Result<void> XenMachine::make_screen() {
  if (!config_.vnc) return {};
  vnc_ = std::make_unique<screen::VncServer>(loop_, console_, input_);
  const config::Vnc& vnc = *config_.vnc;
  if (vnc.websocket) {
    mlog::warning("-vnc websocket: not built yet, ignored; plain VNC listens as asked");
  }
  constexpr std::array kShares = {vnc::Share::kAllowExclusive, vnc::Share::kForceShared,
                                  vnc::Share::kIgnore};
  input_.on_leds([this](screen::InputRouter::Leds leds) { vnc_->leds(leds); });
  return vnc_->start({.host = vnc.host,
                      .port = vnc.port,
                      .to_port = vnc.to_port,
                      .unix_path = vnc.unix_path,
                      .password = vnc.password,
                      .share = kShares[static_cast<unsigned>(vnc.share)],
                      .lock_key_sync = vnc.lock_key_sync,
                      .keymap = config_.keymap,
                      .title = config_.name.empty() ? "Xenolith" : config_.name,
                      .program = {}});
}

core::Result<void> XenMachine::make_monitor() {
  identity_ = make_identity(config_);
  cpu_port_ =
      std::make_unique<CpuPort>(board_->power_management(), config_.smp.cpus, config_.smp.max_cpus);
  device_port_ = std::make_unique<DevicePort>(config_);
  pci_port_ = std::make_unique<PciPort>(*pci_);
  char_port_ = std::make_unique<CharPort>(chardevs_);
  vnc_port_ = std::make_unique<VncPort>(vnc_.get());
  screen_port_ = std::make_unique<ScreenPort>(console_, config_.vga ? config_.vga->id : "",
                                              config_.vga.has_value());
  input_port_ = std::make_unique<InputPort>(input_);
  memory_port_ = std::make_unique<MemoryPort>(*ram_, pio_, mmio_);
  state_port_ = std::make_unique<StatePort>(board_->platform());
  ports_ = std::make_unique<monitor::MachinePorts>(monitor::MachinePorts{
      *identity_, run_, *cpu_port_, *device_port_, *pci_port_, *disks_, *char_port_, *vnc_port_,
      *screen_port_, *input_port_, *memory_port_, *state_port_});
  monitor_ = std::make_unique<monitor::Monitor>(
      *ports_, fd_sets_, events_,
      [this](unsigned ms, std::function<void()> task) -> std::shared_ptr<void> {
        return loop_.after(ms, std::move(task));
      });
  return attach_monitors(*monitor_, config_, chardevs_, channel_controls_);
}

/// Takes the domain's accesses: from here on the guest would notice us.
core::Result<void> XenMachine::go_live() {
  board_->reset();
  if (auto result = xen_->create_server(); !result) return result;
  std::string failure;
  ranges_ = std::make_unique<ioreq::RangeTracker>(*xen_, pio_, mmio_, *pci_,
                                                  [&failure](const std::string& text) {
                                                    if (failure.empty()) failure = text;
                                                    mlog::error("{}", text);
                                                  });
  ranges_->commit();
  if (!failure.empty()) return core::fail(failure);
  server_ = std::make_unique<ioreq::Server>(ioreq::DispatchWires{pio_, mmio_, *pci_, *ram_, *this},
                                            *xen_, xen_->pages(), xen_->ids().vcpus);
  server_->set_polling(GuestAccess::polling_window());
  access_ = std::make_unique<GuestAccess>(*server_, xen_->fd(), [this] { served(); });
  return server_->bind(xen_->ids().buffered_port);
}

void XenMachine::start() {
  run_.start(config_.start_paused);
}

void XenMachine::terminate(int signal) {
  mlog::info("terminating on {}", sigabbrev_np(signal) != nullptr ? sigabbrev_np(signal) : "?");
  run_.terminate("host-signal");
}

void XenMachine::finish() {
  loop_.set_guest(nullptr);
  board_->pause();
  disks_->flush();
}

RunActions XenMachine::run_actions() {
  return {
      .serve = [this](bool on) { serve(on); },
      .pause_devices =
          [this] {
            board_->pause();
            disks_->flush();
          },
      .resume_devices = [this] { board_->resume(); },
      .reset_devices = [this] { board_->reset(); },
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
            board_->power_management()->press_power_button();
            return true;
          },
      .woken =
          [this] {
            if (board_->power_management() != nullptr) {
              board_->power_management()->woken(chipset::WakeReason::kOther);
            }
          },
      .report_running = [this] { report_running(); },
  };
}

void XenMachine::serve(bool on) {
  loop_.set_guest(on ? access_.get() : nullptr);
  if (on) server_->on_event();
}

/// Called after every access, so it only looks whether there is anything to tell.
void XenMachine::served() {
  if (core::guest_error_count() == reported_errors_ || error_report_ != nullptr) return;
  error_report_ = loop_.after(100, [this] { report_guest_errors(); });
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
    if (!error_limiter_.allow(dropped)) continue;
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

void XenMachine::set_link_route(unsigned link, u8 irq) {
  xen_->set_link_route(link, irq);
}

bool XenMachine::set_read_only(bool on) {
  // 0xc0000 up to 1 MiB: option ROMs and the BIOS.
  return xen_->set_read_only(xen_platform::kRomFirstFrame, xen_platform::kRomFrames, on);
}

void XenMachine::unplug(u16 mask) {
  mlog::info("the guest asked to unplug devices (mask {:#x}); there is no PV back end", mask);
}

void XenMachine::guest_line(std::string_view line) {
  mlog::info("guest log: {}", line);
}

}  // namespace board
