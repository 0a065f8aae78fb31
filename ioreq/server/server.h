// The ioreq server: answers the guest's accesses to ports, device memory and PCI configuration
// that Xen hands over in two shared pages and announces by event channels.
//
// Thread: device thread; the loop calls on_event() when the channels' descriptor is readable.
// Serving neither allocates nor logs.
#pragma once

#include <span>
#include <vector>

#include "hw/emul/core/result.h"
#include "ioreq/server/dispatch.h"

namespace ioreq {

/// Our end of an event channel.
using Port = u32;

/// Event channels of one domain.
class EventChannels {
 public:
  virtual ~EventChannels() = default;
  virtual core::Result<Port> bind(u32 remote_port) = 0;
  /// Readable while ports are pending.
  virtual int fd() const = 0;
  /// Takes pending ports, as many as fit, and returns how many; never waits. Each is masked from
  /// then on: an event on it is remembered, and delivered once it is unmasked.
  virtual std::size_t pending(std::span<Port> ports) = 0;
  virtual void unmask(std::span<const Port> ports) = 0;
  virtual void notify(Port port) = 0;
};

/// The shared pages; they outlive the server.
struct Pages {
  BufferedPage* buffered = nullptr;
  SharedRequest* requests = nullptr;  // kMaxVcpus of them
};

class Server {
 public:
  Server(const DispatchWires& wires, EventChannels& channels, const Pages& pages, unsigned vcpus);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds a channel for each vCPU and the one of the ring. Xen fills the slots' ports when the
  /// server is enabled: only after that.
  core::Result<void> bind(u32 buffered_remote_port);

  /// Serves the ports that are pending now: each vCPU's request, and the ring before each of them.
  void on_event();

  /// For the moment before the loop sleeps: looks at the pages for up to the polling window, which
  /// grows while requests follow each other fast and shrinks otherwise. True if it served any.
  bool poll();
  /// The widest window; 0 (the default) turns polling off. Polling trades CPU time of this domain
  /// for the latency of an event and is worth it on a host with idle CPUs only.
  void set_polling(u64 max_ns) { poll_max_ns_ = max_ns; }

  const Counters& counters() const { return dispatcher_.counters; }
  unsigned vcpus() const { return vcpus_; }
  /// fatal() was called.
  bool halted() const { return halted_; }

 private:
  bool serve(unsigned vcpu);
  bool serve_ready();
  bool something_waits() const;
  bool drain();
  bool run_slot(u32 index, u32 waiting, u32& used);
  void halt(const char* why);
  void adapt_polling(u64 idle_ns);

  static constexpr u8 kNobody = 0xff;
  static constexpr u8 kRing = 0xfe;
  static_assert(kMaxVcpus <= kRing);

  u8 owner(Port port) const {
    return port - first_port_ < owners_.size() ? owners_[port - first_port_] : kNobody;
  }

  Dispatcher dispatcher_;
  EventChannels& channels_;
  const Pages pages_;
  const unsigned vcpus_;
  std::vector<Port> ports_;  // by vCPU
  Port first_port_ = 0;
  std::vector<u8> owners_;  // by port: its vCPU, kRing, or kNobody
  ServerHost& host_;
  bool serving_ = false;
  bool halted_ = false;
  u64 poll_max_ns_ = 0;
  u64 poll_window_ns_ = 0;
  u64 slept_at_ns_ = 0;
};

}  // namespace ioreq
