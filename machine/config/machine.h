// One guest's machine as its command line describes it: plain values, resolved and checked.
//
// Every name that refers to another object (a chardev, a drive) has been looked up by the parser,
// so whoever builds the machine finds no loose ends. Nothing here has been opened yet.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/emul/core/types.h"

namespace config {

using core::u16;
using core::u32;
using core::u64;
using core::u8;

// ---- character devices ----------------------------------------------------------------------

struct Chardev {
  enum class Kind : u8 {
    kNull,    // takes everything, says nothing; also what `vc` becomes
    kSocket,  // unix, tcp or an inherited descriptor
    kUdp,
    kFile,  // output to `path`, input from `input_path` if given
    kPipe,  // path.in and path.out, or path both ways
    kPty,
    kStdio,
    kTty,      // a host serial line, `path`
    kParport,  // a host parallel port, `path`
    kRingbuf,
  };
  std::string id;
  Kind kind = Kind::kNull;
  std::string path;        // kFile, kPipe, kTty, kParport, unix kSocket
  std::string input_path;  // kFile
  bool append = false;     // kFile
  bool abstract_socket = false;
  bool tight = true;  // abstract: the name ends where it ends
  std::string host;   // tcp and udp; empty: any address to listen on, or localhost
  std::string port;
  std::optional<u16> to;   // listen on the first free port up to this one
  std::string local_host;  // kUdp
  std::string local_port;
  std::optional<bool> ipv4;
  std::optional<bool> ipv6;
  int fd = -1;  // an inherited socket, listening if `server`
  bool server = false;
  bool wait = false;  // `server` only: stop until somebody has connected
  bool telnet = false;
  bool nodelay = false;
  u32 reconnect_s = 0;
  bool mux = false;
  bool signal = true;  // kStdio: Ctrl-C ends the program
  u64 ring_size = 65536;
  std::string log_file;  // a copy of all output
  bool log_append = false;
};

struct Monitor {
  std::string chardev;
  bool control = false;  // QMP; otherwise the human monitor
  bool pretty = false;
};

struct SerialPort {
  std::string id;  // of -device isa-serial
  std::string chardev;
  u16 iobase = 0x3f8;
  u8 irq = 4;
};

struct ParallelPort {
  std::string id;
  std::string chardev;
  u16 iobase = 0x378;
  u8 irq = 7;
};

struct DebugPort {
  std::string id;
  std::string chardev;
  u16 iobase = 0xe9;
  u8 readback = 0xe9;
};

// ---- storage --------------------------------------------------------------------------------

struct Throttle {
  struct Limit {
    u64 average = 0;  // a second; 0: none
    u64 peak = 0;
    u64 burst_seconds = 1;
  };
  Limit bytes, bytes_read, bytes_write;
  Limit ops, ops_read, ops_write;
  u64 op_size = 0;
  std::string group;
};

struct Drive {
  enum class Attach : u8 { kNone, kIde, kFloppy };
  enum class Media : u8 { kDisk, kCdrom };
  enum class Aio : u8 { kThreads, kNative, kIoUring };
  enum class Discard : u8 { kIgnore, kUnmap };
  enum class DetectZeroes : u8 { kOff, kOn, kUnmap };
  enum class OnError : u8 { kReport, kIgnore, kStop, kEnospc };

  std::string id;         // what query-block calls it: given, or made up as QEMU does
  std::string node_name;  // of -blockdev
  bool from_blockdev = false;
  Attach attach = Attach::kNone;
  unsigned bus = 0;
  unsigned unit = 0;
  Media media = Media::kDisk;
  std::optional<std::string> file;  // none: an empty drive
  std::string format;               // empty: to be found out
  bool cache_direct = false;
  bool cache_writeback = true;
  bool cache_no_flush = false;
  Aio aio = Aio::kThreads;
  Discard discard = Discard::kIgnore;
  DetectZeroes detect_zeroes = DetectZeroes::kOff;
  bool read_only = false;
  bool auto_read_only = false;
  bool snapshot = false;
  bool copy_on_read = false;
  OnError write_error = OnError::kEnospc;
  OnError read_error = OnError::kReport;
  Throttle throttle;
};

/// What the command line says about a disk's geometry; 0 and nothing: to be guessed.
struct DiskGeometry {
  u32 cylinders = 0;
  u32 heads = 0;
  u32 sectors = 0;
  std::optional<u8> translation{};  // as CMOS byte 39h has it: none, LBA, large, revised ECHS
};

/// A disk or CD drive on one of the four IDE places, or on a port of an AHCI controller.
struct IdeDisk {
  std::string id;     // of -device; empty for if=ide
  std::string drive;  // Drive::id; empty for a CD drive that has none
  bool cdrom = false;
  std::string bus;               // "ide.0", "ahci0.5"
  std::optional<unsigned> ahci;  // which of the AHCI controllers, in their order; none: the PIIX3
  unsigned channel = 0;          // or port
  unsigned unit = 0;
  std::string serial;  // empty: QM00001 and so on
  std::string model;
  std::string version;
  u64 wwn = 0;
  DiskGeometry geometry;
  std::optional<int> boot_index;
  bool write_cache = true;
};

struct Floppy {
  enum class Type : u8 { kByDisk, kNone, k1200K, k1440K, k2880K };
  std::string id;
  std::string drive;  // empty: an empty drive
  unsigned unit = 0;
  Type type = Type::kByDisk;
};

// ---- screen ---------------------------------------------------------------------------------

struct Vga {
  enum class Model : u8 { kStd, kCirrus };
  Model model = Model::kStd;
  std::string id;
  u32 memory_mb = 16;
  bool edid = false;
  u32 xres = 1280;
  u32 yres = 800;
  u32 xmax = 0;
  u32 ymax = 0;
  std::optional<u8> slot;  // none: the next free one
  std::string rom_file;    // empty: the usual one
  bool rom = true;
  bool blitter = true;  // of a Cirrus
};

struct Vnc {
  enum class Share : u8 { kAllowExclusive, kForceShared, kIgnore };
  std::string host;       // empty: every address
  u32 port = 5900;        // tried first
  u32 to_port = 0;        // tried last; 0: only `port`
  std::string unix_path;  // instead of host and port
  bool password = false;
  std::optional<std::string> websocket;
  Share share = Share::kAllowExclusive;
  bool lossy = false;
  bool non_adaptive = false;
  bool lock_key_sync = true;
  bool power_control = false;
  u32 key_delay_ms = 10;
  std::string id = "default";
};

// ---- the rest -------------------------------------------------------------------------------

struct Property {
  std::string key;
  std::string value;
  bool operator==(const Property&) const = default;
};

/// A -device that is not one of the typed ones above.
struct Device {
  std::string driver;
  std::string id;
  std::vector<Property> properties;  // in the order given, without driver and id
};

struct XenPlatform {
  bool present = false;
  std::string id;
  std::optional<u8> slot;
  std::optional<u16> device_id;
  std::optional<u8> revision;
  std::optional<u32> class_id;
};

struct Smp {
  u32 cpus = 1;  // online at start
  u32 max_cpus = 1;
  u32 sockets = 0, cores = 0, threads = 0;  // 0: not given
};

struct Boot {
  std::string order = "cad";
  std::string once;
  bool menu = false;
  bool strict = false;
  bool floppy_signature_check = true;
  // For firmware: how long a menu or a picture stays, and a failed boot; -1: for ever. In ms.
  std::optional<u16> splash_time{};
  core::i32 reboot_timeout = -1;
};

struct AcpiPm {
  bool present = true;
  bool s3 = true;
  bool s4 = true;
  u8 s4_value = 2;
};

/// -accel qtest: no hypervisor; a client drives the board.
struct Qtest {
  std::string chardev;                  // empty: nobody
  std::optional<std::string> log_file;  // empty: no log; nothing: standard error
};

/// -record: what the guest does to its devices, into a file.
struct Record {
  std::string file;  // empty: not recorded
  u64 limit = u64{1} << 30;
};

/// The other end of a network card's cable.
struct UserNetwork;  // machine/config/netdevs.h

struct Netdev {
  enum class Kind : u8 { kTap, kSocket, kUser };
  Kind kind = Kind::kTap;
  std::string id;
  std::string type;         // as given: "tap", "socket", "stream", "dgram"
  std::string ifname;       // kTap; empty: the kernel names it
  std::string script;       // kTap: run once it is there; empty: none
  std::string down_script;  // the same when it goes
  bool vnet_header = true;  // kTap: large packets may go in one piece
  int fd = -1;              // inherited: a tap, or a socket
  // kSocket: see netdev::Spec.
  std::string connect, connect_path;
  std::string listen, listen_path;
  std::string local, local_path;
  std::string udp, remote_path;
  std::string multicast;
  std::shared_ptr<const UserNetwork> user;  // kUser
};

struct Machine {
  enum class Kind : u8 { kXenfv, kXenpv, kPc, kNone };

  std::string program;                 // argv[0]
  std::vector<std::string> arguments;  // argv, with what -readconfig read in its place
  std::optional<std::string> help;     // print this and exit 0; nothing else is meant
  std::vector<std::string> notes;      // for the log: accepted, but without effect

  Kind kind = Kind::kPc;
  std::string machine_name = "pc";  // as given
  u32 domid = 0;                    // not for Kind::kNone
  std::string name;
  std::string uuid;
  u64 ram_bytes = u64{128} << 20;
  u64 max_ram_below_4g = 0xf0000000;
  Smp smp;
  Boot boot;
  AcpiPm acpi;
  XenPlatform platform;

  std::string kernel, initrd, append;
  std::string bios;
  std::vector<std::string> data_dirs;  // -L

  std::vector<Chardev> chardevs;
  std::vector<Monitor> monitors;
  std::vector<SerialPort> serials;
  std::vector<ParallelPort> parallels;
  std::vector<DebugPort> debug_ports;

  std::vector<Drive> drives;
  std::vector<IdeDisk> ide_disks;
  std::vector<Floppy> floppies;

  std::optional<Vga> vga;
  std::optional<Vnc> vnc;
  std::string keymap;  // empty: en-us
  std::vector<Netdev> netdevs;
  std::vector<Device> devices;

  bool start_paused = false;  // -S
  /// The saved machine to become, from an inherited descriptor, a file, or a command's output.
  struct Incoming {
    int fd = -1;
    std::string path;
    std::string command;
    std::string text;  // the option, for messages
  };
  std::optional<Incoming> incoming;
  bool no_shutdown = false;
  bool no_reboot = false;
  bool suppress_vmdesc = false;
  std::optional<Qtest> qtest;
  bool rtc_local_time = false;
  bool rtc_guest_clock = false;  // -rtc clock=vm
  std::string rtc_base;          // a date, if one was given
  std::string pid_file;
  Record record;
  std::vector<std::string> traces;  // -trace: names, or patterns with *
  std::string metrics_path;         // -metrics: a socket on which to tell figures; empty: none
  bool daemonize = false;
  std::string log_file;
  bool message_timestamp = false;
  bool message_guest_name = false;

  const Chardev* find_chardev(std::string_view id) const;
  const Drive* find_drive(std::string_view id) const;
  const Netdev* find_netdev(std::string_view id) const;
};

}  // namespace config
