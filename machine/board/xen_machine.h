// The whole machine of one Xen domain: hypervisor, board, disks, screen and monitor, joined.
//
// Thread: device thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hw/emul/core/io_space.h"
#include "hw/xen/platform/platform.h"
#include "hw/xen/store/store.h"
#include "ioreq/memory/map_cache.h"
#include "ioreq/memory/video_memory.h"
#include "ioreq/server/ranges.h"
#include "ioreq/server/server.h"
#include "ioreq/xen/hypervisor.h"
#include "machine/board/board_setup.h"
#include "machine/board/chardevs.h"
#include "machine/board/disks.h"
#include "machine/board/guest_access.h"
#include "machine/board/inspection.h"
#include "machine/board/machine_ports.h"
#include "machine/board/metrics_server.h"
#include "machine/board/pc_board.h"
#include "machine/board/pv_back_ends.h"
#include "machine/board/run_control.h"
#include "machine/board/state_port.h"
#include "machine/config/machine.h"
#include "machine/display/console.h"
#include "machine/display/input_router.h"
#include "machine/display/vnc_server.h"
#include "machine/log/log.h"
#include "machine/loop/loop.h"
#include "machine/monitor/events.h"
#include "machine/monitor/fd_sets.h"
#include "machine/monitor/monitor.h"
#include "machine/replay/recorder.h"
#include "machine/state/shadows.h"

namespace board {

class XenMachine final : private ioreq::ServerHost,
                         private chipset::PirqRouter,
                         private xen_platform::RomLock,
                         private xen_platform::Unplugger,
                         private xen_platform::GuestLog {
 public:
  /// Opens and joins everything, up to a guest that could run. On failure nothing is left behind.
  static core::Result<std::unique_ptr<XenMachine>> create(loop::Loop& loop,
                                                          const config::Machine& machine);
  ~XenMachine() override;
  XenMachine(const XenMachine&) = delete;
  XenMachine& operator=(const XenMachine&) = delete;

  /// Runs the guest, or with -S waits for `cont`; tells the toolstack.
  void start();
  /// A signal asks us to end.
  void terminate(int signal);
  /// Tells the log what the guest did last.
  void report();
  /// The end: disks are drained and flushed.
  void finish();

 private:
  XenMachine(loop::Loop& loop, const config::Machine& machine);

  // Stages of create(), in order.
  core::Result<void> open_hypervisor();
  core::Result<void> open_back_ends();
  core::Result<void> make_video_memory();
  core::Result<void> make_board();
  core::Result<void> make_screen();
  core::Result<void> make_monitor();
  core::Result<void> go_live();
  core::Result<void> restore();
  core::Result<void> take_over();
  void watch_writes(bool on);

  RunActions run_actions();
  void serve(bool on);
  void served();
  core::CharBackend* find_line(std::string_view id);
  /// The wire, or with -record one that records and leads to it.
  template <typename Wire>
  Wire& tapped(Wire& wire) {
    return recorder_ != nullptr ? recorder_->tap(wire) : wire;
  }
  void begin_recording();
  void report_running();
  void report_guest_errors();
  void trace_accesses();

  // ioreq::ServerHost
  void time_offset(core::i64 seconds) override;
  void invalidate() override;
  void fatal(const char* why) override;
  // chipset::PirqRouter
  void set_link_route(unsigned link, u8 irq) override;
  // xen_platform
  bool set_read_only(bool on) override;
  void unplug(u16 mask) override;
  void guest_line(std::string_view line) override;

  void card_leaves(const pci::Function& card);
  void unplug_disks(bool all);
  void replug_disks();

  loop::Loop& loop_;
  const config::Machine& config_;

  // Destroyed from the bottom up: whoever uses something comes after it.
  monitor::Events events_;
  monitor::FdSets fd_sets_;
  RunControl run_;
  std::unique_ptr<replay::Recorder> recorder_;  // null: not recording
  std::unique_ptr<ioreq::Hypervisor> xen_;
  std::unique_ptr<xen::Xenstore> xenstore_;
  std::unique_ptr<ioreq::MapCache> ram_;
  std::unique_ptr<ioreq::XenVideoMemory> video_;
  core::PioSpace pio_;
  core::MmioSpace mmio_;
  std::unique_ptr<pci::Bus> pci_;
  std::unique_ptr<ioreq::RangeTracker> ranges_;
  std::unique_ptr<ioreq::AccessLog> access_log_;
  std::unique_ptr<ioreq::Server> server_;
  std::unique_ptr<GuestAccess> access_;
  ChardevMap chardevs_;
  std::unique_ptr<Disks> disks_;
  screen::Console console_;
  screen::InputRouter input_;
  std::unique_ptr<PvBackEnds> pv_;  // null: none, and emulated devices stay
  BootFiles boot_files_;
  Networks networks_;
  bool arrived_ = false;  // from another process, and not at work yet
  BackEnds back_ends_;
  std::unique_ptr<PcBoard> board_;
  std::unique_ptr<state::Shadows> shadows_;
  std::unique_ptr<screen::VncServer> vnc_;

  std::unique_ptr<monitor::MachineIdentity> identity_;
  std::unique_ptr<CpuPort> cpu_port_;
  std::unique_ptr<DevicePort> device_port_;
  std::unique_ptr<PciPort> pci_port_;
  std::unique_ptr<CharPort> char_port_;
  std::unique_ptr<VncPort> vnc_port_;
  std::unique_ptr<ScreenPort> screen_port_;
  std::unique_ptr<InputPort> input_port_;
  std::unique_ptr<MemoryPort> memory_port_;
  std::unique_ptr<StatePort> state_port_;
  std::unique_ptr<Inspection> inspection_;
  std::unique_ptr<monitor::MachinePorts> ports_;
  std::unique_ptr<monitor::Monitor> monitor_;
  std::unique_ptr<MetricsServer> metrics_;
  std::vector<std::unique_ptr<monitor::ChannelControl>> channel_controls_;

  loop::WatchPtr dirty_flush_;
  loop::WatchPtr record_flush_;
  loop::WatchPtr error_report_;
  loop::WatchPtr access_trace_;
  u64 traced_accesses_ = 0;
  mlog::Limiter error_limiter_{20, 1000};
  u64 reported_errors_ = 0;
  bool resetting_ = false;
  core::i64 rtc_offset_ = 0;  // seconds that the guest moved its clock by, in all
};

}  // namespace board
