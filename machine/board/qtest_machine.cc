#include "machine/board/qtest_machine.h"

#include <fmt/format.h>

#include <bit>
#include <ctime>

#include "hw/emul/rtc/mc146818.h"
#include "hw/emul/timer/i8254.h"
#include "hw/emul/timer/speaker.h"
#include "machine/board/board_setup.h"
#include "machine/board/chardevs.h"
#include "machine/board/disks.h"
#include "machine/board/identity.h"
#include "machine/board/inspection.h"
#include "machine/board/machine_ports.h"
#include "machine/board/metrics_server.h"
#include "machine/board/qtest_line.h"
#include "machine/board/run_control.h"
#include "machine/board/vnc_setup.h"
#include "machine/log/log.h"

namespace board {
namespace {

// ISA interrupts of what is on this board only.
constexpr unsigned kTimerIrq = 0;
constexpr unsigned kClockIrq = 8;

constexpr u8 kFirstRamCell = 0x0e;  // of the CMOS: below is the clock
constexpr u8 kCenturyCell = 0x32;
constexpr u8 kBootFlagsCell = 0x38;
constexpr u8 kBootDevicesCell = 0x3d;

qtest::PhysicalMemory::Sizes memory_sizes(const config::Machine& machine) {
  const u64 below = ram_below_4g(machine);
  return {.ram_below_4g = below,
          .ram_above_4g = machine.ram_bytes - below,
          .video = machine.vga ? display::vgamem_bytes(machine.vga->memory_mb) : u64{0}};
}

/// APIC ids give each level of the topology bits of its own: there may be holes.
u16 apic_id_limit(const config::Smp& smp) {
  const unsigned threads = std::max(smp.threads, 1U);
  const unsigned cores = std::max(smp.cores, 1U);
  const unsigned last = smp.max_cpus - 1;
  const auto thread_bits = static_cast<unsigned>(std::bit_width(threads - 1));
  const auto core_bits = static_cast<unsigned>(std::bit_width(cores - 1));
  const unsigned id = (last / (threads * cores)) << (core_bits + thread_bits) |
                      (last / threads % cores) << thread_bits | last % threads;
  return static_cast<u16>(id + 1);
}

std::array<u8, 16> uuid_bytes(std::string_view text) {
  std::array<u8, 16> bytes{};
  unsigned digits = 0;
  for (const char c : text) {
    if (c == '-' || digits >= 32) continue;
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    u8& byte = bytes[digits++ / 2];
    byte = static_cast<u8>(byte << 4 | (digit & 0xf));
  }
  return bytes;
}

firmware::FwCfgMachine fw_cfg_of(const config::Machine& machine) {
  const auto sizes = memory_sizes(machine);
  return {.uuid = uuid_bytes(machine.uuid),
          .graphics = true,  // what -display shows is the host's affair
          .boot_menu = machine.boot.menu,
          .menu_wait = machine.boot.splash_time,
          .boot_fail_wait = machine.boot.reboot_timeout,
          .cpus = static_cast<u16>(machine.smp.cpus),
          .s3_enabled = machine.acpi.s3,
          .s4_enabled = machine.acpi.s4,
          .s4_type = machine.acpi.s4_value,
          .boot_paths = {},
          .memory = firmware::FwCfgMemory{.below_4g = sizes.ram_below_4g,
                                          .above_4g = sizes.ram_above_4g,
                                          .max_cpus = apic_id_limit(machine.smp)}};
}

std::vector<monitor::RamRange> ram_ranges(const config::Machine& machine) {
  const auto sizes = memory_sizes(machine);
  std::vector<monitor::RamRange> ranges = {{0, sizes.ram_below_4g}};
  if (sizes.ram_above_4g != 0) ranges.push_back({u64{4} << 30, sizes.ram_above_4g});
  return ranges;
}

/// What the clock shows at the start: -rtc base=, or the host's time.
core::Result<core::i64> start_of_clock(const config::Machine& machine) {
  if (machine.rtc_base.empty()) {
    const std::time_t now = std::time(nullptr);
    if (!machine.rtc_local_time) return core::i64{now};
    tm parts{};
    localtime_r(&now, &parts);
    return core::i64{timegm(&parts)};
  }
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"}) {
    tm parts{};
    const char* end = strptime(machine.rtc_base.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') return core::i64{timegm(&parts)};
  }
  return core::fail(fmt::format(
      "-rtc base={}: must be utc, localtime or a date like 2024-12-31T23:59:59", machine.rtc_base));
}

}  // namespace

struct QtestMachine::Impl {
  Impl(loop::Loop& device_loop, const config::Machine& machine)
      : loop(device_loop),
        config(machine),
        run(device_loop, events,
            {.no_shutdown = machine.no_shutdown, .no_reboot = machine.no_reboot}),
        memory(mmio, memory_sizes(machine)),
        console(device_loop) {
    events.set_delay([this](unsigned ms, std::function<void()> task) -> std::shared_ptr<void> {
      return loop.after(ms, std::move(task));
    });
    run.set_actions(run_actions());
  }
  ~Impl() {
    vnc.reset();
    console.set_source(nullptr);
  }

  // Stages of create(), in order.
  core::Result<void> open_back_ends();
  core::Result<void> load_firmware();
  core::Result<void> make_board();
  core::Result<void> make_clock();
  core::Result<void> make_line();
  core::Result<void> make_screen();
  core::Result<void> make_monitor();

  RunActions run_actions();
  void reset_board(void (PcBoard::*how)() = &PcBoard::reset);
  void set_boot_order(const std::string& order);

  loop::Loop& loop;
  const config::Machine& config;

  // Destroyed from the bottom up: whoever uses something comes after it.
  monitor::Events events;
  monitor::FdSets fd_sets;
  RunControl run;
  qtest::VirtualClock clock;
  core::PioSpace pio;
  core::MmioSpace mmio;
  qtest::PhysicalMemory memory;
  qtest::Interrupts interrupts{pio, mmio};
  pci::Bus pci{{pio, mmio, memory, interrupts, interrupts}};
  ChardevMap chardevs;
  std::unique_ptr<Disks> disks;
  screen::Console console;
  screen::InputRouter input;
  BootFiles boot_files;
  Networks networks{loop};
  BackEnds back_ends;
  std::unique_ptr<PcBoard> board;
  std::unique_ptr<screen::VncServer> vnc;
  timer::I8254 pit{pio, {interrupts.isa(), kTimerIrq}, clock};
  timer::Speaker speaker{pio, pit};
  std::unique_ptr<rtc::Mc146818> rtc;
  std::unique_ptr<QtestLine> line;

  std::unique_ptr<monitor::MachineIdentity> identity;
  std::unique_ptr<CpuPort> cpu_port;
  std::unique_ptr<DevicePort> device_port;
  PciPort pci_port{pci};
  CharPort char_port{loop, chardevs};
  std::unique_ptr<VncPort> vnc_port;
  std::unique_ptr<ScreenPort> screen_port;
  InputPort input_port{input};
  std::unique_ptr<MemoryPort> memory_port;
  monitor::StateControl state_port;
  std::unique_ptr<Inspection> inspection;
  std::unique_ptr<monitor::MachinePorts> ports;
  std::unique_ptr<monitor::Monitor> monitor;
  std::unique_ptr<MetricsServer> metrics;
  std::vector<std::unique_ptr<monitor::ChannelControl>> channels;
};

QtestMachine::QtestMachine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
QtestMachine::~QtestMachine() = default;

core::Result<std::unique_ptr<QtestMachine>> QtestMachine::create(loop::Loop& loop,
                                                                 const config::Machine& machine) {
  auto impl = std::make_unique<Impl>(loop, machine);
  for (const auto stage :
       {&Impl::open_back_ends, &Impl::load_firmware, &Impl::make_board, &Impl::make_clock,
        &Impl::make_line, &Impl::make_screen, &Impl::make_monitor}) {
    if (auto result = ((*impl).*stage)(); !result) return tl::unexpected(result.error());
  }
  return std::unique_ptr<QtestMachine>(new QtestMachine(std::move(impl)));
}

core::Result<void> QtestMachine::Impl::open_back_ends() {
  if (config.incoming) {
    return core::fail(
        fmt::format("{}: a machine without Xen begins anew: leave it out", config.incoming->text));
  }
  auto opened = open_chardevs(loop, config);
  if (!opened) return tl::unexpected(opened.error());
  chardevs = std::move(*opened);
  auto drives = Disks::open(loop, config, fd_sets, events);
  if (!drives) return tl::unexpected(drives.error());
  disks = std::move(*drives);
  disks->on_stop([this] { run.stop_for_io_error(); });
  if (auto done = networks.open(config); !done) return done;
  return memory.allocate();
}

/// Without a BIOS a client may still drive the board: only one that was asked for must be there.
core::Result<void> QtestMachine::Impl::load_firmware() {
  const std::string name = config.bios.empty() ? "bios-256k.bin" : config.bios;
  const auto path = find_firmware(name, config.data_dirs);
  if (!path) {
    if (!config.bios.empty()) return tl::unexpected(path.error());
    mlog::warning("{}", path.error().message);
    return {};
  }
  auto image = read_file(*path);
  if (!image) return tl::unexpected(image.error());
  memory.set_firmware(std::move(*image));
  return {};
}

core::Result<void> QtestMachine::Impl::make_board() {
  back_ends = {
      .line = [this](std::string_view id) -> core::CharBackend* {
        return find_chardev(chardevs, id);
      },
      .drives = disks->ide_drives(),
      .floppies = disks->floppy_drives(),
      .networks = &networks,
      .clock = &clock,
      .rom_directories = config.data_dirs,
      .sata_drives =
          [this](const config::Device& controller) { return disks->sata_drives(controller); }};
  auto setup = board_setup(config, back_ends, boot_files);
  if (!setup) return tl::unexpected(setup.error());
  setup->fw_cfg = fw_cfg_of(config);
  setup->fw_cfg_always = true;
  auto made = PcBoard::create(
      {.pio = pio,
       .mmio = mmio,
       .pci = pci,
       .memory = memory,
       .clock = clock,
       .isa_irqs = interrupts.isa(),
       .pirqs = interrupts,
       .power = run,
       .leds = &input,
       .video = config.vga ? &memory : nullptr,
       .shadow = &memory,
       .card_leaves =
           [this](const pci::Function& card) {
             const std::string path = function_path(inspection->objects(), card.devfn());
             loop.post([this, id = card.qdev_id(), path] { events.device_deleted(id, path); });
           }},
      std::move(*setup));
  if (!made) return tl::unexpected(made.error());
  board = std::move(*made);
  input.add_keyboard(board->keyboard_controller().keyboard());
  input.add_pointer(board->keyboard_controller().mouse(), "QEMU PS/2 Mouse");
  if (board->vga() != nullptr) console.set_source(&board->vga()->screen());
  return {};
}

/// The clock takes over the cells that the board has filled in.
core::Result<void> QtestMachine::Impl::make_clock() {
  const auto start = start_of_clock(config);
  if (!start) return tl::unexpected(start.error());
  core::Clock& time = config.rtc_guest_clock ? static_cast<core::Clock&>(clock) : loop.clock();
  rtc = std::make_unique<rtc::Mc146818>(pio, core::IrqLine(interrupts.isa(), kClockIrq), time,
                                        *start);
  for (u8 cell = kFirstRamCell; cell < 128; ++cell) {
    if (cell != kCenturyCell) rtc->set(cell, board->cmos().get(cell));
  }
  reset_board();
  return {};
}

core::Result<void> QtestMachine::Impl::make_line() {
  auto opened = QtestLine::open(loop, config, chardevs, {pio, clock, &memory, &interrupts});
  if (!opened) return tl::unexpected(opened.error());
  line = std::move(*opened);
  return {};
}

core::Result<void> QtestMachine::Impl::make_screen() {
  auto started = start_vnc(loop, config, console, input, events);
  if (!started) return tl::unexpected(started.error());
  vnc = std::move(*started);
  return {};
}

core::Result<void> QtestMachine::Impl::make_monitor() {
  identity = make_identity(config);
  cpu_port =
      std::make_unique<CpuPort>(board->power_management(), config.smp.cpus, config.smp.max_cpus);
  device_port = std::make_unique<DevicePort>(config, board.get(), &back_ends, std::string(), &loop);
  vnc_port = std::make_unique<VncPort>(vnc.get());
  screen_port = std::make_unique<ScreenPort>(console, config.vga ? config.vga->id : "",
                                             config.vga.has_value());
  memory_port = std::make_unique<MemoryPort>(memory, pio, mmio, ram_ranges(config));
  inspection = std::make_unique<Inspection>(
      Inspection::Parts{.machine = config,
                        .identity = *identity,
                        .cpus = *cpu_port,
                        .characters = char_port,
                        .pci = &pci,
                        .devices =
                            [this] {
                              std::vector<core::Device*> all = board->devices();
                              for (core::Device* device : interrupts.devices())
                                all.push_back(device);
                              all.insert(all.end(), {&pit, &speaker, rtc.get()});
                              return all;
                            },
                        .console = config.vga.has_value()});
  ports = std::make_unique<monitor::MachinePorts>(monitor::MachinePorts{
      *identity, run, *cpu_port, *device_port, pci_port, *disks, char_port, *vnc_port, *screen_port,
      input_port, *memory_port, state_port, *inspection});
  monitor = std::make_unique<monitor::Monitor>(
      *ports, fd_sets, events,
      [this](unsigned ms, std::function<void()> task) -> std::shared_ptr<void> {
        return loop.after(ms, std::move(task));
      });
  if (!config.metrics_path.empty()) {
    auto opened = MetricsServer::open(loop, config.metrics_path, *ports);
    if (!opened) return tl::unexpected(opened.error());
    metrics = std::move(*opened);
  }
  return attach_monitors(*monitor, config, chardevs, channels);
}

void QtestMachine::Impl::reset_board(void (PcBoard::*how)()) {
  interrupts.reset();
  ((*board).*how)();
  pit.reset();
  speaker.reset();
  rtc->reset();
}

void QtestMachine::Impl::set_boot_order(const std::string& order) {
  // The parser let only orders through that have room there.
  if (!board->cmos().set_boot_order(order, config.boot.floppy_signature_check)) return;
  for (const u8 cell : {kBootFlagsCell, kBootDevicesCell}) rtc->set(cell, board->cmos().get(cell));
}

RunActions QtestMachine::Impl::run_actions() {
  return {.serve = [](bool) {},  // the client is answered always, as QEMU does
          .pause_devices =
              [this] {
                board->pause();
                disks->flush();
              },
          .resume_devices =
              [this] {
                disks->clear_io_errors();
                board->resume();
              },
          .reset_devices =
              [this] {
                reset_board();
                if (!config.boot.once.empty()) set_boot_order(config.boot.order);
              },
          .wake_devices = [this] { reset_board(&PcBoard::wake_up); },
          .shut_domain_down = [](bool) {},
          .set_sleep_state =
              [this](unsigned state) {
                if (state != 0 && rtc != nullptr) rtc->mark_sleep();
                return true;
              },
          .press_power_button =
              [this] {
                if (board->power_management() == nullptr) return false;
                board->power_management()->press_power_button();
                return true;
              },
          .report_running = [] {}};
}

void QtestMachine::start() {
  impl_->run.start(impl_->config.start_paused);
}

void QtestMachine::terminate(int /*signal*/) {
  impl_->run.terminate("host-signal");
}

void QtestMachine::finish() {
  impl_->board->pause();
  impl_->disks->flush();
}

}  // namespace board
