// libxenevtchn. The handle's file is one end of a stream socket: ports are read from it and written
// back to unmask them, as on /dev/xen/evtchn, so that a program may do either by itself.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "tests/xensim/lib/client.h"
#include "tests/xensim/lib/wake.h"

extern "C" {
#include <xenevtchn.h>
}

using xensim::Call;
using xensim::u32;
using xensim::u64;

struct xenevtchn_handle : xensim::Handle {
  int fd = -1;
  u64 number = 0;
  // The guest's end by our port; a notification does not ask the simulator.
  u32 remote[xensim::kMaxPorts] = {};
};

xenevtchn_handle* xenevtchn_open(xentoollog_logger*, unsigned) {
  auto* handle = new (std::nothrow) xenevtchn_handle;
  if (handle == nullptr) return nullptr;
  xensim::CallHeader header{};
  header.call = Call::kOpenEvents;
  xensim::AnswerHeader answer{};
  if (xensim_call(&header, nullptr, &answer, nullptr, 0, &handle->fd) != 0 || handle->fd < 0) {
    delete handle;
    return nullptr;
  }
  handle->number = answer.values[0];
  handle->active.restrict_callback = xensim::restrict_handle<xenevtchn_handle>;
  xentoolcore__register_active_handle(&handle->active);
  return handle;
}

int xenevtchn_close(xenevtchn_handle* handle) {
  if (handle == nullptr) return 0;
  xentoolcore__deregister_active_handle(&handle->active);
  ::close(handle->fd);
  delete handle;
  return 0;
}

int xenevtchn_restrict(xenevtchn_handle* handle, domid_t domain) {
  handle->only = domain;
  return 0;
}

int xenevtchn_fd(xenevtchn_handle* handle) {
  return handle->fd;
}

int xenevtchn_notify(xenevtchn_handle* handle, evtchn_port_t port) {
  const u32 index = port - xensim::kLocalPorts;
  if (index >= xensim::kMaxPorts || handle->remote[index] == 0) {
    errno = ENOTCONN;
    return -1;
  }
  xensim::count_and_wake(&xensim_shared()->ports[handle->remote[index]].notified);
  return 0;
}

namespace {

xenevtchn_port_or_error_t bind(xenevtchn_handle* handle, Call call, u32 domain, u32 remote) {
  xensim::AnswerHeader answer{};
  if (!handle->allowed(domain) ||
      xensim::simple_call(call, domain, {handle->number, remote}, &answer) != 0) {
    return -1;
  }
  const auto local = static_cast<u32>(answer.values[0]);
  handle->remote[local - xensim::kLocalPorts] = static_cast<u32>(answer.values[1]);
  return static_cast<xenevtchn_port_or_error_t>(local);
}

}  // namespace

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle* handle, uint32_t domain,
                                                     evtchn_port_t remote) {
  return bind(handle, Call::kBindInterdomain, domain, remote);
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle* handle, uint32_t domain) {
  return bind(handle, Call::kBindUnbound, domain, 0);
}

int xenevtchn_unbind(xenevtchn_handle* handle, evtchn_port_t port) {
  const u32 index = port - xensim::kLocalPorts;
  if (index >= xensim::kMaxPorts || handle->remote[index] == 0) {
    errno = ENOTCONN;
    return -1;
  }
  handle->remote[index] = 0;
  return xensim::simple_call(Call::kUnbind, 0, {handle->number, port});
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle* handle) {
  evtchn_port_t port = 0;
  return ::read(handle->fd, &port, sizeof port) == sizeof port
             ? static_cast<xenevtchn_port_or_error_t>(port)
             : -1;
}

int xenevtchn_unmask(xenevtchn_handle* handle, evtchn_port_t port) {
  return ::write(handle->fd, &port, sizeof port) == sizeof port ? 0 : -1;
}
