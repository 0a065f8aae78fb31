#include "tests/xensim/events.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace xensim {

Events::Events(Shared& shared, std::function<void()> on_held_back)
    : shared_(shared), on_held_back_(std::move(on_held_back)) {}

Events::~Events() {
  for (auto& [number, handle] : handles_) {
    if (handle.file >= 0) ::close(handle.file);
  }
}

u32 Events::allocate() {
  const std::lock_guard lock(mutex_);
  for (u32 port = 1; port < kMaxPorts; ++port) {
    if (channels_[port].allocated) continue;
    channels_[port] = {.allocated = true};
    return port;
  }
  return 0;
}

void Events::free(u32 port) {
  const std::lock_guard lock(mutex_);
  if (channels_[port].pending) --held_back_;
  channels_[port] = {};
}

int Events::open(u64& handle, int& file) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  const std::lock_guard lock(mutex_);
  handle = next_handle_++;
  handles_[handle].file = ends[0];
  file = ends[1];
  return 0;
}

int Events::bind(u64 handle, u32 remote, u32& local) {
  const std::lock_guard lock(mutex_);
  if (failing_binds_ > 0) {
    --failing_binds_;
    return ENOSPC;
  }
  if (!handles_.contains(handle)) return EBADF;
  for (auto& [number, other] : handles_) take_unmasked(number, other);  // sees those that are gone
  if (remote == 0 || remote >= kMaxPorts || !channels_[remote].allocated ||
      channels_[remote].handle != 0) {
    return EINVAL;
  }
  Channel& channel = channels_[remote];
  channel.handle = handle;
  channel.masked = false;
  local = remote + kLocalPorts;
  // As in Xen, a fresh binding is pending: events before it may have been lost.
  give(remote, channel);
  return 0;
}

int Events::unbind(u64 handle, u32 local) {
  const std::lock_guard lock(mutex_);
  const u32 port = local - kLocalPorts;
  if (port >= kMaxPorts || channels_[port].handle != handle) return ENOTCONN;
  Channel& channel = channels_[port];
  if (channel.pending) --held_back_;
  channel = {.allocated = true};
  return 0;
}

/// With the mutex held; the channel is not masked.
void Events::give(u32 port, Channel& channel) {
  const auto found = handles_.find(channel.handle);
  if (found == handles_.end() || found->second.file < 0) return;
  const u32 local = port + kLocalPorts;
  channel.masked = true;
  if (::send(found->second.file, &local, sizeof local, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
      errno != EAGAIN) {
    close(found->first, found->second);
  }
}

/// The other end is closed: the ports of this handle are free to be bound again.
void Events::close(u64 number, Handle& handle) {
  ::close(handle.file);
  handle.file = -1;
  for (Channel& channel : channels_) {
    if (channel.handle != number) continue;
    if (channel.pending) --held_back_;
    channel = {.allocated = true};
  }
}

void Events::take_unmasked(u64 number, Handle& handle) {
  u32 ports[64];
  while (handle.file >= 0) {
    const ssize_t got = ::recv(handle.file, ports, sizeof ports, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return close(number, handle);
    if (got < 0) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(u32); ++i) {
      const u32 port = ports[i] - kLocalPorts;
      if (port >= kMaxPorts || channels_[port].handle != number) continue;
      Channel& channel = channels_[port];
      channel.masked = false;
      if (!channel.pending) continue;
      channel.pending = false;
      --held_back_;
      give(port, channel);
    }
    if (got < static_cast<ssize_t>(sizeof ports)) return;
  }
}

void Events::raise(u32 port) {
  const std::lock_guard lock(mutex_);
  if (port >= kMaxPorts || channels_[port].handle == 0) return;
  Channel& channel = channels_[port];
  if (channel.pending) return;
  if (channel.masked) {
    const auto found = handles_.find(channel.handle);
    if (found != handles_.end()) take_unmasked(found->first, found->second);
    if (channel.handle == 0) return;
  }
  if (!channel.masked) return give(port, channel);
  channel.pending = true;
  if (held_back_++ == 0) on_held_back_();
}

void Events::settle() {
  const std::lock_guard lock(mutex_);
  for (auto& [number, handle] : handles_) take_unmasked(number, handle);
}

std::vector<int> Events::files() const {
  const std::lock_guard lock(mutex_);
  std::vector<int> files;
  for (const auto& [number, handle] : handles_) {
    if (handle.file >= 0) files.push_back(handle.file);
  }
  return files;
}

bool Events::held_back() const {
  const std::lock_guard lock(mutex_);
  return held_back_ > 0;
}

void Events::fail_binds(unsigned count) {
  const std::lock_guard lock(mutex_);
  failing_binds_ = count;
}

void Events::storm(unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    for (u32 port = 1; port < kMaxPorts; ++port) raise(port);
  }
}

bool Events::wait_notified(u32 port, u32 seen, u64 milliseconds) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (notified(port) == seen) {
    if (std::chrono::steady_clock::now() >= end) return false;
    sleep_on(word(port), seen, std::min<u64>(milliseconds, 200));
  }
  return true;
}

u32 Events::notified(u32 port) const {
  return __atomic_load_n(&shared_.ports[port].notified, __ATOMIC_ACQUIRE);
}

}  // namespace xensim
