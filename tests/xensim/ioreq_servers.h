// The domain's ioreq servers: which of them gets an access, by Xen's rules.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "ioreq/server/ioreq_page.h"
#include "tests/xensim/events.h"

namespace xensim {

enum class RangeKind : u32 { kPort = 0, kMemory = 1, kPci = 2 };

/// Ranges that touch become one, as in Xen's rangeset; both ends belong to it.
class RangeSet {
 public:
  int add(u64 first, u64 last);
  int remove(u64 first, u64 last);
  bool contains(u64 first, u64 last) const;
  std::size_t size() const { return ranges_.size(); }

 private:
  struct Range {
    u64 first;
    u64 last;
  };
  std::vector<Range> ranges_;  // ordered
};

/// What a vCPU has to know to send a request.
struct ServerView {
  u32 id = 0;
  std::array<RangeSet, 3> ranges;
  ioreq::BufferedPage* ring = nullptr;  // null without buffering
  ioreq::SharedRequest* requests = nullptr;
  u32 ring_port = 0;
  std::array<u32, kMaxVcpus> ports{};
};

struct IoreqServer {
  bool enabled = false;
  bool pages_mapped = false;
  u32 buffering = 0;
  ServerView view;
};

class IoreqServers {
 public:
  IoreqServers(SharedMemory& memory, Events& events, unsigned vcpus)
      : memory_(memory), events_(events), vcpus_(vcpus) {}

  // The device model's calls; 0 or an errno.
  int create(u32 buffering, u32& id);
  int info(u32 id, bool frames, u32& ring_port);
  int enable(u32 id, bool on);
  int destroy(u32 id);
  void destroy_all();
  int map(u32 id, RangeKind kind, u64 first, u64 last);
  int unmap(u32 id, RangeKind kind, u64 first, u64 last);
  int map_pages(u32 id, u64 first, u64 count);

  /// Changes with every call that changes what a vCPU sees.
  u64 version() const { return version_.load(std::memory_order_acquire); }
  /// The enabled servers, the newest first, as Xen asks them.
  std::vector<ServerView> views() const;
  /// What ranges server `id` has; none if there is no such server.
  std::optional<ServerView> view(u32 id) const;
  bool exists(u32 id) const;

  /// Faults: no frames left for ioreq pages.
  void refuse_pages(bool refuse) { refuse_pages_ = refuse; }

 private:
  IoreqServer* find(u32 id);
  void changed() { version_.fetch_add(1, std::memory_order_acq_rel); }

  SharedMemory& memory_;
  Events& events_;
  unsigned vcpus_;
  mutable std::mutex mutex_;
  std::array<std::optional<IoreqServer>, kMaxServers> servers_;
  std::atomic<u64> version_{1};
  std::atomic<bool> refuse_pages_{false};
};

}  // namespace xensim
