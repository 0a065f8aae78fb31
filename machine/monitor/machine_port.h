// What the monitor asks of the machine. Implemented by machine/board out of the parts that it
// owns; plain values and text only.
//
// Thread: device thread. Nothing here may wait for the guest or a client. Whoever changes the run
// state, a tray or a device tells monitor::Events about it, before the call returns: clients
// expect the event ahead of the answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hw/emul/core/display.h"
#include "hw/emul/core/result.h"
#include "hw/emul/core/types.h"
#include "machine/monitor/inspect_port.h"

namespace monitor {

using core::Result;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

// ---- who it is ------------------------------------------------------------------------------

struct MachineKind {
  std::string name;   // "xenfv-3.1"
  std::string alias;  // "xenfv", or empty
  unsigned cpu_max = 128;
};

/// An option of our command line, for clients that look before they use it.
struct CommandLineOption {
  struct Parameter {
    std::string name;
    std::string type;  // "string", "boolean", "number", "size"
  };
  std::string name;
  std::vector<Parameter> parameters;
};

/// Constant while the machine lives.
struct MachineIdentity {
  std::string name;  // -name, empty if not given
  std::string uuid = "00000000-0000-0000-0000-000000000000";
  std::string machine;  // type in use, "xenfv-3.1"
  u32 domid = 0;
  bool can_sleep = true;  // ACPI S3
  u64 ram_bytes = 0;
  std::string cpu_type = "qemu32-i386-cpu";
  std::vector<MachineKind> kinds;
  std::vector<CommandLineOption> options;
};

// ---- run state ------------------------------------------------------------------------------

enum class RunState : u8 {
  kPrelaunch,
  kInmigrate,
  kRunning,
  kPaused,
  kSuspended,
  kShutdown,
  kSaveVm,
  kRestoreVm,
  kPostmigrate,
  kInternalError,
  kIoError,
};
std::string_view run_state_name(RunState state);

class RunControl {
 public:
  virtual ~RunControl() = default;
  virtual RunState run_state() const = 0;
  /// Called only while running (kRunning): stop the guest, drain, emit STOP. `next` is the state
  /// to be in then, kPaused or kSaveVm.
  virtual Result<void> stop(RunState next) = 0;
  /// Called only from a state that may go on: emit RESUME, run.
  virtual Result<void> cont() = 0;
  /// Emits RESET once it has happened.
  virtual Result<void> system_reset() = 0;
  /// Emits POWERDOWN; presses the guest's power button where there is one.
  virtual void system_powerdown() = 0;
  /// Called only in kSuspended. Emits WAKEUP.
  virtual Result<void> system_wakeup() = 0;
  /// Emits SHUTDOWN; the process ends after the answer has gone out.
  virtual void quit() = 0;
  virtual Result<void> inject_nmi() = 0;
};

// ---- processors and devices -----------------------------------------------------------------

struct Cpu {
  unsigned index = 0;
  long thread_id = 0;
  std::string id;  // given by device_add, empty for those there from the start
};

class CpuControl {
 public:
  virtual ~CpuControl() = default;
  /// Those online, by ascending index. One core and one thread to a socket: index is socket-id.
  virtual std::vector<Cpu> cpus() const = 0;
  virtual unsigned max_cpus() const = 0;
  /// Socket `index` exists and is empty: tell the guest that a processor came.
  virtual Result<void> plug_cpu(unsigned index, const std::string& id) = 0;
};

struct DeviceSpec {
  std::string driver;
  std::string id;
  std::vector<std::pair<std::string, std::string>> properties;  // values as text, "on" and "off"
};

struct DeviceInfo {
  std::string id;      // of -device or device_add
  std::string driver;  // "ide-cd"
  std::string bus;     // what it hangs on, "ide.1"
};

/// A network card, or what is at the other end of its cable.
struct NetworkEnd {
  std::string name;         // the id, or "e1000.0"
  std::string type;         // "nic", "tap"
  std::string description;  // "model=e1000,macaddr=52:54:00:12:34:56"
  std::string peer;         // of a card: its back end's name; of a back end: its card's
};

/// Network cards tell the wire where they are, in rounds: the first at once, then after pauses that
/// begin with `initial_ms` and grow by `step_ms` up to `max_ms`.
struct Announcement {
  core::i64 initial_ms = 50, max_ms = 550, rounds = 5, step_ms = 100;
  std::optional<std::vector<std::string>> names{};  // of cards; none: all
  std::string id{};                                 // one at a time of each
};

class DeviceControl {
 public:
  virtual ~DeviceControl() = default;
  /// Devices that have an id, in the order they came.
  virtual std::vector<DeviceInfo> named_devices() const = 0;
  /// Whether `driver` is a device that this machine knows at all.
  virtual bool knows_device(std::string_view driver) const = 0;
  virtual Result<void> add_device(const DeviceSpec& device) = 0;
  /// The device exists. Asks the guest to let it go; DEVICE_DELETED follows.
  virtual Result<void> remove_device(const std::string& id) = 0;
  /// The same for a PCI function that a client named in another way: `name`, for messages.
  virtual Result<void> remove_function(unsigned devfn, const std::string& name) = 0;
  /// Plugs or pulls the cable of a network card or back end; false if there is none of that name.
  virtual bool set_link(const std::string& /*name*/, bool /*up*/) { return false; }
  /// Back ends, then cards, each in the order they came.
  virtual std::vector<NetworkEnd> network() const { return {}; }
  /// Its driver is the type.
  virtual Result<void> add_netdev(const DeviceSpec& /*netdev*/) {
    return core::fail("this machine has no network");
  }
  /// False if there is none. A card that used it finds its cable pulled.
  virtual bool remove_netdev(const std::string& /*id*/) { return false; }
  virtual void announce(const Announcement& /*what*/) {}
};

struct PciRegion {
  unsigned bar = 0;
  bool io = false;
  bool prefetch = false;
  u64 size = 0;
  std::optional<u64> address;  // none while it does not decode
};

struct PciDevice {
  unsigned bus = 0;
  unsigned slot = 0;
  unsigned function = 0;
  u16 class_code = 0;  // base class << 8 | subclass
  u16 vendor = 0;
  u16 device = 0;
  u16 subsystem_vendor = 0;
  u16 subsystem = 0;
  u8 interrupt_pin = 0;   // 0 none, 1 INTA# .. 4 INTD#
  u8 interrupt_line = 0;  // as firmware wrote it
  std::string qdev_id;    // empty for built-in functions
  std::vector<PciRegion> regions;
};

class PciView {
 public:
  virtual ~PciView() = default;
  /// Bus 0 by ascending slot and function.
  virtual std::vector<PciDevice> pci_functions() const = 0;
};

// ---- storage --------------------------------------------------------------------------------

struct ThrottleLimit {
  u64 average = 0;  // a second; 0: none
  u64 peak = 0;
  u64 burst_seconds = 1;
};

struct ThrottleSettings {
  ThrottleLimit bps, bps_rd, bps_wr;
  ThrottleLimit iops, iops_rd, iops_wr;
  u64 iops_size = 0;
  std::string group;
};

/// How many requests took how long; no bins: nobody wants to know.
struct LatencyBins {
  std::vector<u64> boundaries;  // nanoseconds
  std::vector<u64> bins;        // one more
};

/// Boundaries of the histograms to begin anew; null: leave that one alone.
struct LatencyChoice {
  std::optional<std::vector<u64>> reads, writes, flushes;
};

struct Medium {
  std::string file;
  std::string driver = "raw";
  std::string node_name;
  std::string backing_file;  // empty: none
  std::string detect_zeroes = "off";
  bool read_only = false;
  bool cache_writeback = true;
  bool cache_direct = false;
  bool cache_no_flush = false;
  u64 virtual_size = 0;
  u64 actual_size = 0;  // of a server's: 0 where it cannot be told
};

struct BlockStats {
  u64 rd_bytes = 0, wr_bytes = 0, unmap_bytes = 0;
  u64 rd_operations = 0, wr_operations = 0, flush_operations = 0, unmap_operations = 0;
  u64 rd_total_time_ns = 0, wr_total_time_ns = 0, flush_total_time_ns = 0, unmap_total_time_ns = 0;
  u64 rd_merged = 0, wr_merged = 0, unmap_merged = 0;
  u64 failed_rd_operations = 0, failed_wr_operations = 0, failed_flush_operations = 0,
      failed_unmap_operations = 0;
  u64 invalid_rd_operations = 0, invalid_wr_operations = 0, invalid_flush_operations = 0,
      invalid_unmap_operations = 0;
  u64 wr_highest_offset = 0;
  u64 idle_time_ns = 0;
  LatencyBins reads_took, writes_took, flushes_took;
};

struct BlockDevice {
  std::string device;  // the drive's id: "ide0-hd0", "ide-5632"
  std::string qdev;    // the id of the device it is attached to, or its path
  bool removable = false;
  bool has_tray = false;
  bool tray_open = false;
  bool locked = false;
  std::string io_status = "ok";  // "failed", "nospace"; empty where errors never stop the machine
  std::optional<Medium> inserted;
  std::optional<ThrottleSettings> throttle;
  BlockStats stats;

  /// What BlockControl's calls take.
  const std::string& key() const { return device.empty() ? qdev : device; }
};

/// An image that has been opened for a drive and not been put in yet.
class OpenMedium {
 public:
  virtual ~OpenMedium() = default;
};

class BlockControl {
 public:
  virtual ~BlockControl() = default;
  /// Answers from counters at hand; a client polls this every few milliseconds.
  virtual std::vector<BlockDevice> drives() const = 0;
  /// Opens `file` (see FdSets for `/dev/fdset/N`) for `drive`; an empty format is found out.
  /// `read_only` unset: as the drive was before.
  virtual Result<std::unique_ptr<OpenMedium>> open_medium(const std::string& drive,
                                                          const std::string& file,
                                                          const std::string& format,
                                                          std::optional<bool> read_only) = 0;
  virtual Result<void> insert_medium(const std::string& drive,
                                     std::unique_ptr<OpenMedium> medium) = 0;
  virtual void remove_medium(const std::string& drive) = 0;
  /// Ask the guest to open a locked tray.
  virtual void request_eject(const std::string& drive, bool force) = 0;
  /// Move the tray now; emits DEVICE_TRAY_MOVED.
  virtual void move_tray(const std::string& drive, bool open) = 0;

  // Of drives that exist. A machine without these says so.
  virtual Result<void> resize(const std::string& /*drive*/, u64 /*bytes*/) { return no_such(); }
  /// All zero: no limit any more.
  virtual Result<void> set_throttle(const std::string& /*drive*/,
                                    const ThrottleSettings& /*settings*/) {
    return no_such();
  }
  /// False if a list does not ascend from above zero, which leaves the drive as it was.
  virtual bool set_latency_bins(const std::string& /*drive*/, const LatencyChoice& /*choice*/) {
    return false;
  }
  virtual void clear_latency_bins(const std::string& /*drive*/) {}
  /// A command of qemu-io, for tests that inject faults; what it has to say to the client.
  virtual std::string debug(const std::string& /*drive*/, const std::string& /*command*/) {
    return "this machine has no faults to inject\n";
  }

 protected:
  static Result<void> no_such() { return core::fail("Drives of this machine cannot do that"); }
};

// ---- characters, screen, input --------------------------------------------------------------

struct CharDevice {
  std::string label;
  std::string filename;  // "pty:/dev/pts/3", "unix:/path,server=on", "disconnected:unix:..."
  bool frontend_open = true;
};

/// A character device that a client asks for.
struct CharSpec {
  std::string id;
  std::string kind;  // "null", "socket", ...: as ChardevBackendKind has them
  std::string path;
  std::string input_path;
  bool append = false;
  bool abstract_socket = false;
  std::string host, port;  // tcp, where `path` is empty; udp
  std::optional<u16> to;   // a server takes the first free port up to this one
  std::optional<bool> ipv4, ipv6;
  std::string local_host, local_port;  // udp
  int fd = -1;
  bool server = true;
  bool wait = false;
  bool telnet = false;
  bool nodelay = false;
  bool signal = true;  // stdio: Ctrl-C ends the program
  u32 reconnect_s = 0;
  u64 ring_size = 65536;
  std::string log_file;
  bool log_append = false;
};

class CharControl {
 public:
  virtual ~CharControl() = default;
  virtual std::vector<CharDevice> chardevs() const = 0;

  // A machine without these says why.
  virtual Result<void> add_chardev(const CharSpec& /*spec*/) { return fixed(); }
  /// Puts another back end under the same label.
  virtual Result<void> change_chardev(const CharSpec& /*spec*/) { return fixed(); }
  virtual Result<void> remove_chardev(const std::string& /*label*/) { return fixed(); }
  virtual Result<void> send_break(const std::string& /*label*/) { return fixed(); }
  /// A ring's oldest bytes, at most `most`; they are gone then.
  virtual Result<std::string> read_ring(const std::string& /*label*/, std::size_t /*most*/) {
    return core::fail("Character devices of this machine are fixed");
  }
  virtual Result<void> write_ring(const std::string& /*label*/, std::string_view /*bytes*/) {
    return fixed();
  }

 private:
  static Result<void> fixed() { return core::fail("Character devices of this machine are fixed"); }
};

struct VncClient {
  std::string host;
  std::string service;
  std::string family = "ipv4";
  bool websocket = false;
};

struct VncInfo {
  bool enabled = false;
  std::string host;
  std::string service;  // the port in use, as text
  std::string family = "ipv4";
  std::string auth = "none";
  std::vector<VncClient> clients;
};

class VncControl {
 public:
  virtual ~VncControl() = default;
  virtual VncInfo vnc() const = 0;
  virtual Result<void> set_vnc_password(const std::string& password) = 0;
  /// "now", "never", "+seconds", or seconds since 1970.
  virtual Result<void> expire_vnc_password(const std::string& time) = 0;
};

enum class ImageFormat : u8 { kPpm, kPng };

class ScreenControl {
 public:
  virtual ~ScreenControl() = default;
  /// Ids of graphics devices that a client may name.
  virtual std::vector<std::string> screens() const = 0;
  /// Writes what the guest shows to `fd`. An empty device is the first one.
  virtual Result<void> screendump(int fd, ImageFormat format, const std::string& device) = 0;
};

struct Mouse {
  unsigned index = 0;
  std::string name;
  bool current = false;
  bool absolute = false;
};

class InputControl {
 public:
  virtual ~InputControl() = default;
  virtual void key(core::KeyCode code, bool down) = 0;
  virtual void move_by(core::i32 dx, core::i32 dy) = 0;
  /// 0..32767 on both axes.
  virtual void move_to(u32 x, u32 y) = 0;
  virtual void button(core::PointerButton button, bool down) = 0;
  /// The end of a group of pointer calls.
  virtual void sync() = 0;
  virtual std::vector<Mouse> mice() const = 0;
  virtual bool select_mouse(unsigned index) = 0;
};

// ---- memory, ports, state -------------------------------------------------------------------

struct MappedRegion {
  u64 first = 0;
  u64 last = 0;
  int priority = 0;
  std::string name;
};

struct RamRange {
  u64 base = 0;
  u64 length = 0;
};

class MemoryControl {
 public:
  virtual ~MemoryControl() = default;
  /// Where the guest has RAM, ascending.
  virtual std::vector<RamRange> ram() const { return {}; }
  /// Guest-physical; false if a byte is not RAM.
  virtual bool read_memory(u64 address, core::MutableBytes to) = 0;
  virtual u32 port_read(u16 port, unsigned width) = 0;
  virtual void port_write(u16 port, u32 value, unsigned width) = 0;
  virtual std::vector<MappedRegion> mapped_ports() const = 0;
  virtual std::vector<MappedRegion> mapped_memory() const = 0;
};

struct PvDriverInfo {
  unsigned product = 0;
  unsigned build = 0;
};

/// Xen's ways to save a machine. The defaults are for a machine that cannot yet.
class StateControl {
 public:
  virtual ~StateControl() = default;
  /// The guest is stopped. `live`: give up the images, another host goes on with them.
  virtual Result<void> save_devices(int /*fd*/, bool /*live*/) { return not_supported(); }
  /// The guest does not run.
  virtual Result<void> load_devices(int /*fd*/) { return not_supported(); }
  virtual Result<void> set_global_dirty_log(bool /*enable*/) { return not_supported(); }
  virtual Result<void> migratable() const { return not_supported(); }
  virtual PvDriverInfo pv_driver_info() const { return {}; }

 protected:
  static Result<void> not_supported() {
    return core::fail("Saving the state of this machine is not supported yet");
  }
};

/// Everything together; all outlive the monitor.
struct MachinePorts {
  const MachineIdentity& identity;
  RunControl& run;
  CpuControl& cpu;
  DeviceControl& device;
  PciView& pci;
  BlockControl& block;
  CharControl& character;
  VncControl& vnc;
  ScreenControl& screen;
  InputControl& input;
  MemoryControl& memory;
  StateControl& state;
  Inspector& inspect;
};

}  // namespace monitor
