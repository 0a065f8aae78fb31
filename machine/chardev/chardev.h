// Character back ends: what a UART, a printer port, a debug port or a monitor is connected to.
//
// None of them waits for its other side while the machine runs. There is no buffer of our own:
// what the kernel does not take is left with the device (write() returns less, writable() tells
// when to go on), and with nobody on the other side bytes are dropped and counted.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hw/emul/core/chardev.h"
#include "hw/emul/core/fd.h"
#include "hw/emul/core/result.h"
#include "machine/loop/loop.h"

namespace chardev {

using core::Fd;

enum class Kind : core::u8 {
  kNull,    // takes everything, says nothing
  kSocket,  // unix, tcp, or an inherited descriptor
  kUdp,     // datagrams to `host` and `port`
  kFile,    // output to `path`, input from `input_path` if given
  kPipe,    // the FIFOs path.in and path.out, or `path` both ways
  kPty,
  kStdio,
  kTty,   // a host terminal line
  kRing,  // keeps the last `ring_size` bytes
};

/// What to open. Members not named by the kind are ignored.
struct Spec {
  std::string id;  // for messages: "serial0"
  Kind kind = Kind::kNull;
  std::string path;  // kFile, kPipe, kTty, unix kSocket
  std::string input_path;
  bool append = false;  // kFile: keep what is there
  // kSocket, kUdp
  bool abstract_socket = false;
  bool tight = true;  // an abstract name ends with its last byte
  std::string host;   // tcp; empty: any address for a server, this host for a client
  std::string port;
  std::optional<core::u16> to;  // a server takes the first free port up to this one
  std::optional<bool> ipv4;
  std::optional<bool> ipv6;
  std::string local_host;  // kUdp: where answers are taken; any if empty
  std::string local_port;
  int fd = -1;  // inherited: a listening socket if `server`, else a connected one
  bool server = false;
  bool wait = false;    // server: open() returns when somebody has connected
  bool telnet = false;  // tcp: the other side speaks Telnet
  bool nodelay = false;
  core::u32 reconnect_s = 0;  // client: try again after that many seconds; 0: never
  bool signal = true;         // kStdio: Ctrl-C ends the program instead of going to the guest
  core::u64 ring_size = 65536;
  std::string log_file;  // a copy of all output
  bool log_append = false;
  loop::Priority priority = loop::Priority::kHost;
};

/// Thread: device thread.
class Chardev : public core::CharBackend {
 public:
  explicit Chardev(std::string id) : id_(std::move(id)) {}

  const std::string& id() const { return id_; }
  /// The `filename` of QMP's query-chardev: "pty:/dev/pts/3", "disconnected:unix:/x,server=on".
  virtual std::string description() const = 0;
  /// Somebody is on the other side.
  virtual bool connected() const = 0;
  /// Bytes that nobody got.
  core::u64 dropped() const { return dropped_; }

  /// Sockets: the descriptor that the other side passed and that was not taken yet, now the
  /// caller's; -1 if none. Those of an earlier message are closed when a new one brings some.
  virtual int take_fd() { return -1; }
  /// Sockets: hangs up. char_event(kClosed) comes from within.
  virtual void disconnect() {}

  /// Rings: the oldest bytes, at most `most`, which are then gone; others have nothing to tell.
  virtual std::optional<std::string> take_kept(std::size_t /*most*/) { return std::nullopt; }

  /// Whoever uses it cannot go on with another one in its place.
  void pin() { pinned_ = true; }
  bool pinned() const { return pinned_; }
  /// Somebody is on this side: a line of the guest or a monitor.
  bool in_use() const { return client_ != nullptr; }

  std::size_t write(core::Bytes data) final;
  void set_client(core::CharClient* client) override { client_ = client; }
  void accept_input() override {}
  void set_line(core::u32 /*speed*/, char /*parity*/, unsigned /*data*/,
                unsigned /*stop*/) override {}
  void send_break() override {}

  /// Copies all output to this descriptor from now on.
  void log_to(Fd log) { log_ = std::move(log); }

 protected:
  /// As core::CharBackend::write().
  virtual std::size_t send(core::Bytes data) = 0;
  std::size_t drop(std::size_t bytes) {
    dropped_ += bytes;
    return bytes;
  }
  core::CharClient* client() const { return client_; }

 private:
  std::string id_;
  core::CharClient* client_ = nullptr;
  core::u64 dropped_ = 0;
  bool pinned_ = false;
  Fd log_;
};

/// A back end that can be exchanged while whoever uses it goes on.
class Switch final : public Chardev {
 public:
  explicit Switch(std::unique_ptr<Chardev> first) : Chardev(first->id()), now_(std::move(first)) {}
  /// The user sees the old one close and the new one open.
  void exchange(std::unique_ptr<Chardev> next);
  /// As if the other side had sent a break.
  void break_to_user() {
    if (client() != nullptr) client()->char_event(core::CharEvent::kBreak);
  }

  std::string description() const override { return now_->description(); }
  bool connected() const override { return now_->connected(); }
  int take_fd() override { return now_->take_fd(); }
  void disconnect() override { now_->disconnect(); }
  std::optional<std::string> take_kept(std::size_t most) override { return now_->take_kept(most); }
  void set_client(core::CharClient* client) override;
  void accept_input() override { now_->accept_input(); }
  void set_line(core::u32 speed, char parity, unsigned data, unsigned stop) override {
    now_->set_line(speed, parity, data, stop);
  }
  void send_break() override { now_->send_break(); }

 private:
  std::size_t send(core::Bytes data) override { return now_->write(data); }

  std::unique_ptr<Chardev> now_;
};

/// Opens a back end, or says in one line what stands in the way. Ignores SIGPIPE for the process:
/// a reader that goes away is no reason to end.
core::Result<std::unique_ptr<Chardev>> open(loop::Loop& loop, const Spec& spec);

}  // namespace chardev
