#include "tests/xensim/ioreq_servers.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace xensim {

int RangeSet::add(u64 first, u64 last) {
  for (const Range& range : ranges_) {
    if (first <= range.last && range.first <= last) return EEXIST;
  }
  Range merged{first, last};
  std::vector<Range> kept;
  for (const Range& range : ranges_) {
    if (range.last + 1 == first && first != 0) {
      merged.first = range.first;
    } else if (last + 1 == range.first && range.first != 0) {
      merged.last = range.last;
    } else {
      kept.push_back(range);
    }
  }
  if (kept.size() >= kMaxRanges) return ENOMEM;
  kept.push_back(merged);
  std::sort(kept.begin(), kept.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  ranges_ = std::move(kept);
  return 0;
}

int RangeSet::remove(u64 first, u64 last) {
  for (auto range = ranges_.begin(); range != ranges_.end(); ++range) {
    if (first < range->first || last > range->last) continue;
    const Range whole = *range;
    std::vector<Range> rest;
    if (whole.first < first) rest.push_back({whole.first, first - 1});
    if (last < whole.last) rest.push_back({last + 1, whole.last});
    if (ranges_.size() - 1 + rest.size() > kMaxRanges) return ENOMEM;
    range = ranges_.erase(range);
    ranges_.insert(range, rest.begin(), rest.end());
    return 0;
  }
  return ENOENT;
}

bool RangeSet::contains(u64 first, u64 last) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), first,
                                      [](u64 at, const Range& range) { return at < range.first; });
  return after != ranges_.begin() && last <= std::prev(after)->last;
}

IoreqServer* IoreqServers::find(u32 id) {
  return id < kMaxServers && servers_[id] ? &*servers_[id] : nullptr;
}

int IoreqServers::create(u32 buffering, u32& id) {
  if (buffering > 2) return EINVAL;
  const std::lock_guard lock(mutex_);
  const auto free = std::find(servers_.begin(), servers_.end(), std::nullopt);
  if (free == servers_.end()) return ENOSPC;
  id = static_cast<u32>(free - servers_.begin());
  IoreqServer& server = free->emplace();
  server.buffering = buffering;
  server.view.id = id;
  std::memset(memory_.page(id, 0), 0, 2 * kPageSize);
  if (buffering != 0)
    server.view.ring = reinterpret_cast<ioreq::BufferedPage*>(memory_.page(id, 0));
  server.view.requests = reinterpret_cast<ioreq::SharedRequest*>(memory_.page(id, 1));
  for (unsigned vcpu = 0; vcpu < vcpus_; ++vcpu) server.view.ports[vcpu] = events_.allocate();
  if (buffering != 0) server.view.ring_port = events_.allocate();
  return 0;
}

int IoreqServers::info(u32 id, bool frames, u32& ring_port) {
  const std::lock_guard lock(mutex_);
  const IoreqServer* server = find(id);
  if (server == nullptr) return ENOENT;
  // Frames of the guest for the pages cannot be had once they are mapped as a resource; the older
  // way, by frames, is not simulated.
  if (frames) return server->pages_mapped ? EPERM : ENOMEM;
  ring_port = server->view.ring_port;
  return 0;
}

int IoreqServers::enable(u32 id, bool on) {
  const std::lock_guard lock(mutex_);
  IoreqServer* server = find(id);
  if (server == nullptr) return ENOENT;
  if (server->enabled == on) return 0;
  server->enabled = on;
  for (unsigned vcpu = 0; on && vcpu < vcpus_; ++vcpu) {
    ioreq::store_shared(server->view.requests[vcpu].port, server->view.ports[vcpu]);
  }
  changed();
  return 0;
}

int IoreqServers::destroy(u32 id) {
  const std::lock_guard lock(mutex_);
  IoreqServer* server = find(id);
  if (server == nullptr) return ENOENT;
  for (unsigned vcpu = 0; vcpu < vcpus_; ++vcpu) events_.free(server->view.ports[vcpu]);
  if (server->view.ring_port != 0) events_.free(server->view.ring_port);
  servers_[id].reset();
  changed();
  return 0;
}

void IoreqServers::destroy_all() {
  for (u32 id = 0; id < kMaxServers; ++id) (void)destroy(id);
}

int IoreqServers::map(u32 id, RangeKind kind, u64 first, u64 last) {
  if (first > last) return EINVAL;
  const std::lock_guard lock(mutex_);
  IoreqServer* server = find(id);
  if (server == nullptr) return ENOENT;
  const int error = server->view.ranges[static_cast<u32>(kind)].add(first, last);
  changed();
  return error;
}

int IoreqServers::unmap(u32 id, RangeKind kind, u64 first, u64 last) {
  if (first > last) return EINVAL;
  const std::lock_guard lock(mutex_);
  IoreqServer* server = find(id);
  if (server == nullptr) return ENOENT;
  const int error = server->view.ranges[static_cast<u32>(kind)].remove(first, last);
  changed();
  return error;
}

int IoreqServers::map_pages(u32 id, u64 first, u64 count) {
  const std::lock_guard lock(mutex_);
  IoreqServer* server = find(id);
  if (server == nullptr) return ENOENT;
  if (refuse_pages_) return ENOMEM;
  if (count == 0 || first + count > 2) return EINVAL;
  if (first == 0 && server->buffering == 0) return ENOENT;
  server->pages_mapped = true;
  return 0;
}

std::vector<ServerView> IoreqServers::views() const {
  const std::lock_guard lock(mutex_);
  std::vector<ServerView> found;
  for (u32 id = kMaxServers; id-- > 0;) {
    if (servers_[id] && servers_[id]->enabled) found.push_back(servers_[id]->view);
  }
  return found;
}

std::optional<ServerView> IoreqServers::view(u32 id) const {
  const std::lock_guard lock(mutex_);
  if (id >= kMaxServers || !servers_[id]) return std::nullopt;
  return servers_[id]->view;
}

bool IoreqServers::exists(u32 id) const {
  return view(id).has_value();
}

}  // namespace xensim
