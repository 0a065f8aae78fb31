#include "hw/xen/domain/event_ports.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

extern "C" {
#include <xenevtchn.h>
}

#include <array>
#include <cerrno>
#include <cstring>

namespace xen {

core::Result<std::unique_ptr<EventPorts>> EventPorts::open() {
  xenevtchn_handle* handle = xenevtchn_open(nullptr, 0);
  if (handle == nullptr) {
    return core::fail(fmt::format("cannot open Xen's event channels: {}; is xen-evtchn loaded?",
                                  std::strerror(errno)));
  }
  // An event that is gone by the time it is read must not stop the thread.
  const int fd = xenevtchn_fd(handle);
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) (void)::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  return std::unique_ptr<EventPorts>(new EventPorts(handle));
}

EventPorts::~EventPorts() {
  xenevtchn_close(handle_);
}

core::u32 EventPorts::bind(core::u32 domain, core::u32 remote, xenbus::EventHandler& handler) {
  const auto port = xenevtchn_bind_interdomain(handle_, domain, remote);
  if (port <= 0) return 0;
  handlers_[static_cast<core::u32>(port)] = &handler;
  return static_cast<core::u32>(port);
}

void EventPorts::unbind(core::u32 port) {
  handlers_.erase(port);
  (void)xenevtchn_unbind(handle_, port);
}

void EventPorts::notify(core::u32 port) {
  // It fails where the guest has closed its end, and nobody listens then.
  (void)xenevtchn_notify(handle_, port);
}

int EventPorts::fd() const {
  return xenevtchn_fd(handle_);
}

void EventPorts::ready() {
  std::array<evtchn_port_t, 64> ports{};
  const ssize_t got = ::read(fd(), ports.data(), sizeof ports);
  if (got <= 0) return;
  const std::size_t count = static_cast<std::size_t>(got) / sizeof ports[0];
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = handlers_.find(ports[i]);
    if (found == handlers_.end()) continue;
    found->second->event();
    // The handler may have unbound it.
    if (handlers_.contains(ports[i])) (void)xenevtchn_unmask(handle_, ports[i]);
  }
}

}  // namespace xen
