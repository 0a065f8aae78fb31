// Opening, the ioreq server, and what concerns the domain as a whole.
#include "ioreq/xen/hypervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "ioreq/xen/handles.h"

extern "C" {
// Its `struct ioreq` would collide with our namespace.
#define ioreq xen_ioreq
#include <xen/hvm/ioreq.h>
#undef ioreq
#include <xen/hvm/params.h>
#include <xen/memory.h>
}

namespace ioreq {
namespace {

// Our layout of the shared pages is Xen's.
static_assert(sizeof(struct xen_ioreq) == sizeof(SharedRequest));
static_assert(offsetof(struct xen_ioreq, addr) == offsetof(SharedRequest, address));
static_assert(offsetof(struct xen_ioreq, data) == offsetof(SharedRequest, data));
static_assert(offsetof(struct xen_ioreq, count) == offsetof(SharedRequest, count));
static_assert(offsetof(struct xen_ioreq, size) == offsetof(SharedRequest, size));
static_assert(offsetof(struct xen_ioreq, vp_eport) == offsetof(SharedRequest, port));
static_assert(offsetof(struct xen_ioreq, type) == offsetof(SharedRequest, type));
static_assert(sizeof(struct buf_ioreq) == sizeof(u64));
static_assert(IOREQ_BUFFER_SLOT_NUM == kRingSlots);
static_assert(offsetof(struct buffered_iopage, buf_ioreq) == offsetof(BufferedPage, slots));
static_assert(offsetof(struct buffered_iopage, write_pointer) == offsetof(RingPointers, write));
static_assert(IOREQ_TYPE_PIO == static_cast<int>(RequestType::kPio));
static_assert(IOREQ_TYPE_COPY == static_cast<int>(RequestType::kCopy));
static_assert(IOREQ_TYPE_PCI_CONFIG == static_cast<int>(RequestType::kPciConfig));
static_assert(IOREQ_TYPE_TIMEOFFSET == static_cast<int>(RequestType::kTimeOffset));
static_assert(IOREQ_TYPE_INVALIDATE == static_cast<int>(RequestType::kInvalidate));
static_assert(STATE_IOREQ_READY == static_cast<int>(RequestState::kReady));
static_assert(STATE_IOREQ_INPROCESS == static_cast<int>(RequestState::kInProcess));
static_assert(STATE_IORESP_READY == static_cast<int>(RequestState::kResponseReady));
static_assert(XENMEM_resource_ioreq_server_frame_bufioreq == 0);
static_assert(XENMEM_resource_ioreq_server_frame_ioreq(0) == 1);

// The logger is the only thing whose address the libraries give back.
void keep_message(xentoollog_logger* logger, xentoollog_level level, int error,
                  const char* /*context*/, const char* format, va_list arguments) {
  if (level < XTL_WARN) return;
  auto& last = reinterpret_cast<QuietLogger*>(logger)->last;
  const int used = std::vsnprintf(last.data(), last.size(), format, arguments);
  if (used < 0 || error <= 0 || static_cast<std::size_t>(used) >= last.size()) return;
  const auto at = static_cast<std::size_t>(used);
  std::snprintf(&last[at], last.size() - at, ": %s", std::strerror(error));
}

void ignore_destroy(xentoollog_logger* /*logger*/) {}

const char kNode[] = "/dev/xen/privcmd";

/// Why the first of the interfaces does not open, if the reason is the machine.
core::Result<void> node_usable() {
  if (::access(kNode, R_OK | W_OK) != 0) {
    if (errno == EACCES || errno == EPERM) {
      return core::fail(fmt::format("no permission on {}: run as root", kNode));
    }
    return core::fail(fmt::format(
        "not running on Xen: {} is missing; start this in the control domain of a Xen host, with "
        "the xen-privcmd module loaded",
        kNode));
  }
  return {};
}

}  // namespace

static_assert(offsetof(QuietLogger, base) == 0);

QuietLogger::QuietLogger() {
  base.vmessage = keep_message;
  base.destroy = ignore_destroy;
}

std::string QuietLogger::take() {
  std::string text = last.data();
  last[0] = '\0';
  return text;
}

Hypervisor::Handles::~Handles() {
  if (pages != nullptr) xenforeignmemory_unmap_resource(memory, pages);
  if (events != nullptr) xenevtchn_close(events);
  if (memory != nullptr) xenforeignmemory_close(memory);
  if (model != nullptr) xendevicemodel_close(model);
  if (control != nullptr) xc_interface_close(control);
}

Hypervisor::Hypervisor(u32 domid) : handles_(std::make_unique<Handles>()), ids_{.domid = domid} {}

Hypervisor::~Hypervisor() {
  if (have_server_) {
    xendevicemodel_destroy_ioreq_server(handles_->model, static_cast<domid_t>(ids_.domid),
                                        ids_.server);
  }
}

/// An error line from errno: "cannot <what> for domain 7: reason".
core::Result<void> Hypervisor::failed(std::string what) const {
  const int error = errno;
  if (error == ESRCH) {
    return core::fail(fmt::format("cannot {}: domain {} is gone", what, ids_.domid));
  }
  if (error == EPERM || error == EACCES) {
    return core::fail(
        fmt::format("cannot {} for domain {}: no permission; run as root in the control domain",
                    what, ids_.domid));
  }
  return core::fail(
      fmt::format("cannot {} for domain {}: {}", what, ids_.domid, std::strerror(error)));
}

core::Result<std::unique_ptr<Hypervisor>> Hypervisor::open(u32 domid) {
  std::unique_ptr<Hypervisor> self(new Hypervisor(domid));
  if (auto opened = self->open_handles(); !opened) return tl::unexpected(opened.error());
  if (auto found = self->find_domain(); !found) return tl::unexpected(found.error());
  return self;
}

core::Result<void> Hypervisor::open_handles() {
  Handles& h = *handles_;
  const auto refused = [&h](const char* what) {
    const std::string why = h.logger.take();
    return core::fail(fmt::format("cannot open the hypervisor's {} interface: {}", what,
                                  why.empty() ? std::strerror(errno) : why));
  };
  h.control = xc_interface_open(h.logger.get(), h.logger.get(), 0);
  if (h.control == nullptr) {
    if (auto usable = node_usable(); !usable) return usable;
    return refused("control");
  }
  h.memory = xenforeignmemory_open(h.logger.get(), 0);
  if (h.memory == nullptr) return refused("foreign memory");
  h.model = xendevicemodel_open(h.logger.get(), 0);
  if (h.model == nullptr) return refused("device model");
  h.events = xenevtchn_open(h.logger.get(), 0);
  if (h.events == nullptr) return refused("event channel (/dev/xen/evtchn)");
  // Several ports are taken by one read; one that finds none must not wait.
  const int fd = xenevtchn_fd(h.events);
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return refused("event channel");
  return {};
}

core::Result<void> Hypervisor::find_domain() {
  if (ids_.domid == 0 || ids_.domid >= DOMID_FIRST_RESERVED) {
    return core::fail(fmt::format("domain {} cannot have a device model", ids_.domid));
  }
  xc_dominfo_t info{};
  const int count = xc_domain_getinfo(handles_->control, ids_.domid, 1, &info);
  if (count < 0 && errno != ESRCH) return failed("look up the guest");
  if (count != 1 || info.domid != ids_.domid) {
    return core::fail(fmt::format("domain {} does not exist: see `xl list`", ids_.domid));
  }
  if (info.dying) return core::fail(fmt::format("domain {} is being destroyed", ids_.domid));
  if (!info.hvm) return core::fail(fmt::format("domain {} is not an HVM guest", ids_.domid));
  return {};
}

core::Result<void> Hypervisor::create_server() {
  const auto domid = static_cast<domid_t>(ids_.domid);
  ioservid_t id = 0;
  if (xendevicemodel_create_ioreq_server(handles_->model, domid, HVM_IOREQSRV_BUFIOREQ_ATOMIC,
                                         &id) != 0) {
    return failed("create an ioreq server");
  }
  ids_.server = id;
  have_server_ = true;
  if (auto mapped = map_pages(); !mapped) return mapped;
  if (xendevicemodel_nr_vcpus(handles_->model, domid, &ids_.vcpus) != 0) {
    return failed("count the vCPUs");
  }
  if (ids_.vcpus > kMaxVcpus) {
    return core::fail(fmt::format("domain {} has {} vCPUs, more than the {} an HVM guest can have",
                                  ids_.domid, ids_.vcpus, kMaxVcpus));
  }
  return enable_server(true);
}

core::Result<void> Hypervisor::map_pages() {
  void* at = nullptr;
  handles_->pages = xenforeignmemory_map_resource(
      handles_->memory, static_cast<domid_t>(ids_.domid), XENMEM_resource_ioreq_server, ids_.server,
      0, 2, &at, PROT_READ | PROT_WRITE, 0);
  if (handles_->pages == nullptr) {
    if (errno == EOPNOTSUPP) {
      return core::fail("this kernel cannot map ioreq pages: Linux 4.18 or later is needed");
    }
    return failed("map the ioreq pages");
  }
  pages_.buffered = static_cast<BufferedPage*>(at);
  pages_.requests = reinterpret_cast<SharedRequest*>(static_cast<u8*>(at) + kPageSize);
  // Asking for frame numbers as well would undo the resource mapping's way of allocating them.
  if (xendevicemodel_get_ioreq_server_info(handles_->model, static_cast<domid_t>(ids_.domid),
                                           ids_.server, nullptr, nullptr,
                                           &ids_.buffered_port) != 0) {
    return failed("find the event channel of the buffered ring");
  }
  return {};
}

core::Result<void> Hypervisor::enable_server(bool on) {
  if (xendevicemodel_set_ioreq_server_state(handles_->model, static_cast<domid_t>(ids_.domid),
                                            ids_.server, on ? 1 : 0) != 0) {
    return failed(on ? "enable the ioreq server" : "disable the ioreq server");
  }
  return {};
}

core::Result<void> Hypervisor::restrict() {
  if (xentoolcore_restrict_all(static_cast<domid_t>(ids_.domid)) != 0) {
    return failed("restrict this process");
  }
  restricted_ = true;
  return {};
}

DomainState Hypervisor::domain_state() {
  unsigned vcpus = 0;
  if (xendevicemodel_nr_vcpus(handles_->model, static_cast<domid_t>(ids_.domid), &vcpus) != 0 &&
      errno == ESRCH) {
    return DomainState::kGone;
  }
  if (restricted_) return DomainState::kAlive;
  xc_dominfo_t info{};
  const int count = xc_domain_getinfo(handles_->control, ids_.domid, 1, &info);
  if (count == 1 && info.domid == ids_.domid && info.dying) return DomainState::kDying;
  return DomainState::kAlive;
}

void Hypervisor::shutdown(ShutdownReason reason) {
  const auto code = static_cast<unsigned>(reason);
  if (xendevicemodel_shutdown(handles_->model, static_cast<domid_t>(ids_.domid), code) != 0 &&
      !restricted_) {
    xc_domain_shutdown(handles_->control, ids_.domid, static_cast<int>(code));
  }
}

core::Result<void> Hypervisor::set_acpi_sleep_state(unsigned state) {
  if (xc_hvm_param_set(handles_->control, ids_.domid, HVM_PARAM_ACPI_S_STATE, state) != 0) {
    return failed("set the ACPI sleep state");
  }
  return {};
}

}  // namespace ioreq
