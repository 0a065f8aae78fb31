// Event channels between the guest and the device model. An event sets a port pending; it is given
// to the handle once and then masked until the handle writes the port back, and if it was raised
// meanwhile it comes again.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/xensim/shared_memory.h"

namespace xensim {

class Events {
 public:
  /// `on_held_back` is called when the first event has to wait for its port: somebody must poll
  /// files() and call settle() then.
  Events(Shared& shared, std::function<void()> on_held_back);
  ~Events();

  /// A new end of the guest, that somebody may bind to; 0 if there is none left.
  u32 allocate();
  void free(u32 port);

  // The device model's calls; an errno or 0.
  /// The file is the caller's to give away.
  int open(u64& handle, int& file);
  int bind(u64 handle, u32 remote, u32& local);
  int unbind(u64 handle, u32 local);

  /// Guest to device model. Lost if nobody is bound, as in Xen.
  void raise(u32 port);
  /// Unmasks what the handles wrote back, and gives what was raised meanwhile. Who sleeps while
  /// something is held back calls it when one of files() becomes readable.
  void settle();
  std::vector<int> files() const;
  /// Whether an event waits for its port to be unmasked.
  bool held_back() const;

  /// Faults: the next so many binds fail.
  void fail_binds(unsigned count);
  /// Raises every bound port so many times, whether there is something or not.
  void storm(unsigned times);

  /// How often the device model notified the guest's port, and whether it does once more.
  u32 notified(u32 port) const;
  bool wait_notified(u32 port, u32 seen, u64 milliseconds = 30'000) const;
  const u32& word(u32 port) const { return shared_.ports[port].notified; }

 private:
  struct Channel {
    bool allocated = false;
    u64 handle = 0;  // 0: not bound
    bool masked = false;
    bool pending = false;
  };
  struct Handle {
    int file = -1;
  };

  void give(u32 port, Channel& channel);
  void close(u64 number, Handle& handle);
  void take_unmasked(u64 number, Handle& handle);

  Shared& shared_;
  std::function<void()> on_held_back_;
  mutable std::mutex mutex_;
  std::array<Channel, kMaxPorts> channels_;
  std::map<u64, Handle> handles_;
  u64 next_handle_ = 1;
  unsigned held_back_ = 0;
  unsigned failing_binds_ = 0;
};

}  // namespace xensim
