// The simulated hypervisor of one domain: its memory, ioreq servers, event channels, interrupts and
// parameters, and a thread that answers what device models ask on a socket. A guest's accesses do
// not pass through the thread (vcpu.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <string>
#include <thread>

#include "tests/xensim/interrupts.h"
#include "tests/xensim/ioreq_servers.h"
#include "tests/xensim/memory.h"

namespace xensim {

// SHUTDOWN_* of public/sched.h.
enum class Shutdown : u32 { kPowerOff = 0, kReboot = 1, kSuspend = 2, kCrash = 3, kSoftReset = 5 };

struct HypervisorOptions {
  u32 domain = 7;
  unsigned vcpus = 1;
  u64 max_pages = 0;
};

/// A range of frames that a device model said something about.
struct Extent {
  u64 first;
  u64 count;
  u64 what;  // memory type or caching
};

class Hypervisor {
 public:
  /// Listens on `socket`, which must not exist.
  Hypervisor(const HypervisorOptions& options, const std::string& socket);
  ~Hypervisor();
  Hypervisor(const Hypervisor&) = delete;
  Hypervisor& operator=(const Hypervisor&) = delete;

  u32 domain() const { return options_.domain; }
  unsigned vcpus() const { return options_.vcpus; }
  const std::string& socket_path() const { return path_; }

  Memory memory;
  SharedMemory shared;
  Events events;
  IoreqServers servers;
  Interrupts interrupts;

  /// The first reason counts.
  void shut_down(Shutdown reason, std::string why);
  std::optional<Shutdown> shutdown() const;
  std::string shutdown_why() const;
  /// Whether it came before the deadline.
  bool wait_shutdown(u64 milliseconds);
  /// As the toolstack asks for it: what the domain had of us goes, its memory stays.
  void soft_reset();
  /// Xen says ESRCH about a domain that is gone.
  void set_gone(bool gone) { gone_ = gone; }
  void set_dying(bool dying) { dying_ = dying; }

  std::optional<u64> parameter(u32 number) const;
  void set_parameter(u32 number, u64 value);
  std::vector<Extent> modified() const;
  std::vector<Extent> memory_types() const;
  std::vector<Extent> pinned() const;

  /// The simulator's own files; a child must not have them.
  void stop();

 private:
  struct Connection;

  void serve();
  bool serve_one(int socket);
  int run(const CallHeader& call, const std::vector<u8>& payload, AnswerHeader& answer,
          std::vector<u8>& reply, std::vector<int>& files);
  int run_event_call(const CallHeader& call, AnswerHeader& answer, std::vector<int>& files);
  int run_server_call(const CallHeader& call, AnswerHeader& answer);
  int run_memory_call(const CallHeader& call, const std::vector<u8>& payload,
                      std::vector<u8>& reply);
  int run_domain_call(const CallHeader& call, AnswerHeader& answer, std::vector<u8>& reply);
  void wake();

  HypervisorOptions options_;
  std::string path_;
  int listener_ = -1;
  int waker_ = -1;
  std::vector<int> connections_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> gone_{false};
  std::atomic<bool> dying_{false};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Shutdown> shutdown_;
  std::string why_;
  std::map<u32, u64> parameters_;
  std::vector<Extent> modified_;
  std::vector<Extent> types_;
  std::vector<Extent> pinned_;
  std::thread thread_;
};

}  // namespace xensim
