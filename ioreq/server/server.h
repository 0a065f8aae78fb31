// The ioreq server: answers the guest's accesses to ports, device memory and PCI configuration
// that Xen hands over in two shared pages and announces by event channels.
//
// Thread: device thread; the loop calls on_event() when the channels' descriptor is readable, and
// poll() before it sleeps. Serving neither allocates nor logs.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "hw/emul/core/result.h"
#include "ioreq/server/dispatch.h"
#include "ioreq/server/poll_policy.h"
#include "ioreq/server/tap.h"

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
  /// While the polling window is open the ports stay masked: what comes next needs no event. The
  /// ring's stays masked for kRingDelayNs in any case, and then while the guest goes on writing.
  void on_event();

  /// For the moment before the loop sleeps, which would be until `until_ns` (steady clock): looks
  /// at the pages for the polling window (PollPolicy), serving what comes, then unmasks. True if it
  /// is not done: the caller looks at its other sources and comes back before it sleeps. It does so
  /// every kVisitNs at the latest. If `until_ns` has passed the caller does not sleep: one look.
  bool poll(u64 until_ns = ~u64{0});
  /// When poll() is to be called at the latest: nothing else announces what is in the ring.
  u64 due_ns() const { return ring_held_ && !halted_ ? ring_due_ns_ : ~u64{0}; }
  /// Performs what is in the ring, for when the guest has stopped and its state is wanted.
  void drain_ring();
  /// While it is true, poll() does not look for requests but lets the caller do its work: what the
  /// last request began may be over already. Cheap.
  void set_other_work(std::function<bool()> waits) { other_work_ = std::move(waits); }
  /// The widest window; 0 (the default) turns polling off. Polling trades CPU time of this domain
  /// for the latency of an event and is worth it on a host with idle CPUs only.
  void set_polling(u64 max_ns);
  static constexpr u64 kPollNs = 50'000;
  static constexpr u64 kVisitNs = 25'000;
  /// How long a buffered write waits at most: nobody sees it before a screen is drawn.
  static constexpr u64 kRingDelayNs = 4'000'000;

  /// Nanoseconds that never go back; the steady clock unless told. For tests: on their clock nobody
  /// is given the CPU either, which on a busy machine takes long.
  void set_time_source(u64 (*now_ns)()) {
    now_ns_ = now_ns;
    yield_ = [] { return 0; };
  }

  /// Null: nobody. It outlives the server, or is taken away.
  void set_tap(RequestTap* tap) { tap_ = tap; }

  const Counters& counters() const { return dispatcher_.counters; }
  unsigned vcpus() const { return vcpus_; }
  /// fatal() was called.
  bool halted() const { return halted_; }

 private:
  bool serve(unsigned vcpu);
  void run(unsigned who, Request& request);
  bool serve_ready();
  bool serve_events();
  bool on_ring_event();
  bool tend_ring(u64 now);
  void release_ring();
  bool something_waits() const;
  bool drain();
  bool run_slot(u32 index, u32 waiting, u32& used);
  void halt(const char* why);
  void unmask();
  void stop_looking();
  u64 offer_cpu(u64 now);

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
  RequestTap* tap_ = nullptr;

  // Ports that are masked: events that were taken and not yet asked for again.
  std::array<Port, kMaxVcpus + 64> held_{};
  std::size_t held_count_ = 0;
  bool stale_ = false;  // a request was met whose event is still to come

  // The ring's port is masked from its first entry until a look finds no more of them.
  Port ring_port_ = 0;
  bool ring_held_ = false;
  bool ring_stale_ = false;  // entries came behind the mask: so did their event
  u64 ring_due_ns_ = 0;      // the next look
  u64 ring_seen_ = 0;        // counters.buffered at the last one

  std::function<bool()> other_work_;

  u64 (*now_ns_)();
  int (*yield_)();
  PollPolicy policy_;
  bool looking_ = false;  // since the last request
  u64 served_at_ns_ = 0;  // the last request
  u64 slept_at_ns_ = 0;   // when poll() let the loop sleep
  u64 offer_at_ns_ = 0;   // when to offer the CPU to others
};

}  // namespace ioreq
