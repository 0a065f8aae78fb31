// libxenctrl: the few calls that a device model makes. The handle is a libxencall handle in Xen, so
// that restricting the process makes it useless.
#include <cerrno>
#include <cstring>
#include <new>

#include "tests/xensim/lib/client.h"

extern "C" {
#include <xenctrl.h>
}

using xensim::Call;
using xensim::u64;

struct xc_interface_core : xensim::Handle {};

namespace {

int call(xc_interface* handle, uint32_t domain, Call number, const u64 (&arguments)[6],
         xensim::AnswerHeader* answer = nullptr) {
  if (handle->only != xensim::kAnyDomain) {
    errno = ENOTTY;  // its file is /dev/null now
    return -1;
  }
  return xensim::simple_call(number, domain, arguments, answer);
}

}  // namespace

xc_interface* xc_interface_open(xentoollog_logger*, xentoollog_logger*, unsigned) {
  if (xensim_connect() != 0) return nullptr;
  auto* handle = new (std::nothrow) xc_interface_core;
  if (handle == nullptr) return nullptr;
  handle->active.restrict_callback = xensim::restrict_handle<xc_interface_core>;
  xentoolcore__register_active_handle(&handle->active);
  return handle;
}

int xc_interface_close(xc_interface* handle) {
  if (handle == nullptr) return 0;
  xentoolcore__deregister_active_handle(&handle->active);
  delete handle;
  return 0;
}

int xc_domain_getinfo(xc_interface* handle, uint32_t first, unsigned count, xc_dominfo_t* info) {
  if (handle->only != xensim::kAnyDomain) {
    errno = ENOTTY;
    return -1;
  }
  xensim::CallHeader header{};
  header.call = Call::kDomainInfo;
  header.domain = first;
  xensim::AnswerHeader answer{};
  xensim::DomainInfo found{};
  if (count == 0) return 0;
  if (xensim_call(&header, nullptr, &answer, &found, sizeof found, nullptr) != 0) return -1;
  std::memset(info, 0, sizeof *info);
  info->domid = static_cast<uint32_t>(answer.values[0]);
  info->hvm = 1;
  info->hap = 1;
  info->dying = found.dying & 1;
  info->shutdown = found.shutdown & 1;
  info->shutdown_reason = found.reason;
  info->crashed = info->shutdown && found.reason == SHUTDOWN_crash;
  info->running = !info->shutdown;
  info->nr_pages = found.pages;
  info->max_memkb = found.max_kib;
  info->nr_online_vcpus = found.vcpus;
  info->max_vcpu_id = found.vcpus - 1;
  return 1;
}

int xc_hvm_param_set(xc_interface* handle, uint32_t domain, uint32_t parameter, uint64_t value) {
  return call(handle, domain, Call::kSetParam, {parameter, value});
}

int xc_hvm_param_get(xc_interface* handle, uint32_t domain, uint32_t parameter, uint64_t* value) {
  xensim::AnswerHeader answer{};
  if (call(handle, domain, Call::kGetParam, {parameter}, &answer) != 0) return -1;
  *value = answer.values[0];
  return 0;
}

int xc_set_hvm_param(xc_interface* handle, uint32_t domain, int parameter, unsigned long value) {
  return xc_hvm_param_set(handle, domain, static_cast<uint32_t>(parameter), value);
}

int xc_get_hvm_param(xc_interface* handle, uint32_t domain, int parameter, unsigned long* value) {
  uint64_t found = 0;
  if (xc_hvm_param_get(handle, domain, static_cast<uint32_t>(parameter), &found) != 0) return -1;
  *value = found;
  return 0;
}

int xc_domain_populate_physmap_exact(xc_interface* handle, uint32_t domain, unsigned long count,
                                     unsigned order, unsigned, xen_pfn_t* frames) {
  if (handle->only != xensim::kAnyDomain) {
    errno = ENOTTY;
    return -1;
  }
  xensim::CallHeader header{};
  header.call = Call::kPopulate;
  header.domain = domain;
  header.arguments[0] = order;
  header.payload = count * sizeof *frames;
  xensim::AnswerHeader answer{};
  return xensim_call(&header, frames, &answer, nullptr, 0, nullptr);
}

int xc_domain_shutdown(xc_interface* handle, uint32_t domain, int reason) {
  return call(handle, domain, Call::kShutdown, {static_cast<u64>(reason)});
}
