// libxendevicemodel: the calls about an ioreq server, interrupts and the guest's memory.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "tests/xensim/lib/client.h"
#include "tests/xensim/lib/wake.h"

extern "C" {
#include <xendevicemodel.h>
}

using xensim::Call;
using xensim::InterruptKind;
using xensim::InterruptRecord;
using xensim::Shared;
using xensim::u32;
using xensim::u64;

struct xendevicemodel_handle : xensim::Handle {};

namespace {

int call(const xendevicemodel_handle* handle, domid_t domain, Call number,
         const u64 (&arguments)[6], xensim::AnswerHeader* answer = nullptr) {
  return handle->allowed(domain) ? xensim::simple_call(number, domain, arguments, answer) : -1;
}

/// Into the log, in the order of the calls, then one system call, as the hypercall would be.
int interrupt(const xendevicemodel_handle* handle, domid_t domain, InterruptRecord record,
              u32* state) {
  if (!handle->allowed(domain)) return -1;
  Shared* shared = xensim_shared();
  if (state != nullptr)
    record.previous = __atomic_exchange_n(state, record.level, __ATOMIC_SEQ_CST);
  const u64 number = __atomic_fetch_add(&shared->next_record, 1, __ATOMIC_SEQ_CST);
  InterruptRecord& slot = shared->records[number % xensim::kInterruptRecords];
  __atomic_store_n(&slot.stamp, 0, __ATOMIC_SEQ_CST);
  slot.kind = record.kind;
  slot.line = record.line;
  slot.level = record.level;
  slot.previous = record.previous;
  slot.address = record.address;
  __atomic_store_n(&slot.stamp, number + 1, __ATOMIC_RELEASE);
  xensim::count_and_wake(&shared->interrupted);
  return 0;
}

int invalid() {
  errno = EINVAL;
  return -1;
}

}  // namespace

xendevicemodel_handle* xendevicemodel_open(xentoollog_logger*, unsigned) {
  if (xensim_connect() != 0) return nullptr;
  auto* handle = new (std::nothrow) xendevicemodel_handle;
  if (handle == nullptr) return nullptr;
  handle->active.restrict_callback = xensim::restrict_handle<xendevicemodel_handle>;
  xentoolcore__register_active_handle(&handle->active);
  return handle;
}

int xendevicemodel_close(xendevicemodel_handle* handle) {
  if (handle == nullptr) return 0;
  xentoolcore__deregister_active_handle(&handle->active);
  delete handle;
  return 0;
}

int xendevicemodel_restrict(xendevicemodel_handle* handle, domid_t domain) {
  handle->only = domain;
  return 0;
}

int xendevicemodel_create_ioreq_server(xendevicemodel_handle* handle, domid_t domain, int buffered,
                                       ioservid_t* id) {
  xensim::AnswerHeader answer{};
  if (call(handle, domain, Call::kCreateServer, {static_cast<u64>(buffered)}, &answer) != 0)
    return -1;
  *id = static_cast<ioservid_t>(answer.values[0]);
  return 0;
}

int xendevicemodel_get_ioreq_server_info(xendevicemodel_handle* handle, domid_t domain,
                                         ioservid_t id, xen_pfn_t* frame, xen_pfn_t* buffered_frame,
                                         evtchn_port_t* port) {
  xensim::AnswerHeader answer{};
  const bool frames = frame != nullptr || buffered_frame != nullptr;
  if (call(handle, domain, Call::kServerInfo, {id, frames ? 1U : 0U}, &answer) != 0) return -1;
  if (port != nullptr) *port = static_cast<evtchn_port_t>(answer.values[0]);
  return 0;
}

int xendevicemodel_set_ioreq_server_state(xendevicemodel_handle* handle, domid_t domain,
                                          ioservid_t id, int enabled) {
  return call(handle, domain, Call::kSetServerState, {id, enabled != 0 ? 1U : 0U});
}

int xendevicemodel_destroy_ioreq_server(xendevicemodel_handle* handle, domid_t domain,
                                        ioservid_t id) {
  return call(handle, domain, Call::kDestroyServer, {id});
}

int xendevicemodel_map_io_range_to_ioreq_server(xendevicemodel_handle* handle, domid_t domain,
                                                ioservid_t id, int is_mmio, uint64_t start,
                                                uint64_t end) {
  return call(handle, domain, Call::kMapRange, {id, is_mmio != 0 ? 1U : 0U, start, end});
}

int xendevicemodel_unmap_io_range_from_ioreq_server(xendevicemodel_handle* handle, domid_t domain,
                                                    ioservid_t id, int is_mmio, uint64_t start,
                                                    uint64_t end) {
  return call(handle, domain, Call::kUnmapRange, {id, is_mmio != 0 ? 1U : 0U, start, end});
}

namespace {

u64 function_of(uint16_t segment, uint8_t bus, uint8_t device, uint8_t function) {
  return u64{segment} << 16 | u64{bus} << 8 | (device & 0x1fU) << 3 | (function & 7U);
}

}  // namespace

int xendevicemodel_map_pcidev_to_ioreq_server(xendevicemodel_handle* handle, domid_t domain,
                                              ioservid_t id, uint16_t segment, uint8_t bus,
                                              uint8_t device, uint8_t function) {
  if (device > 0x1f || function > 7) return invalid();
  const u64 where = function_of(segment, bus, device, function);
  return call(handle, domain, Call::kMapRange, {id, 2, where, where});
}

int xendevicemodel_unmap_pcidev_from_ioreq_server(xendevicemodel_handle* handle, domid_t domain,
                                                  ioservid_t id, uint16_t segment, uint8_t bus,
                                                  uint8_t device, uint8_t function) {
  if (device > 0x1f || function > 7) return invalid();
  const u64 where = function_of(segment, bus, device, function);
  return call(handle, domain, Call::kUnmapRange, {id, 2, where, where});
}

int xendevicemodel_set_isa_irq_level(xendevicemodel_handle* handle, domid_t domain, uint8_t irq,
                                     unsigned level) {
  if (irq > 15 || level > 1) return invalid();
  return interrupt(handle, domain, {.kind = InterruptKind::kIsa, .line = irq, .level = level},
                   &xensim_shared()->isa[irq]);
}

int xendevicemodel_set_pci_intx_level(xendevicemodel_handle* handle, domid_t domain,
                                      uint16_t segment, uint8_t bus, uint8_t device, uint8_t intx,
                                      unsigned level) {
  if (segment != 0 || bus != 0 || device > 31 || intx > 3 || level > 1) return invalid();
  const u32 line = device * 4U + intx;
  return interrupt(handle, domain, {.kind = InterruptKind::kIntx, .line = line, .level = level},
                   &xensim_shared()->intx[line]);
}

int xendevicemodel_set_pci_link_route(xendevicemodel_handle* handle, domid_t domain, uint8_t link,
                                      uint8_t irq) {
  if (link > 3 || irq > 15) return invalid();
  return interrupt(handle, domain, {.kind = InterruptKind::kLinkRoute, .line = link, .level = irq},
                   &xensim_shared()->routes[link]);
}

int xendevicemodel_inject_msi(xendevicemodel_handle* handle, domid_t domain, uint64_t address,
                              uint32_t data) {
  return interrupt(handle, domain, {.kind = InterruptKind::kMsi, .level = data, .address = address},
                   nullptr);
}

int xendevicemodel_track_dirty_vram(xendevicemodel_handle* handle, domid_t domain, uint64_t first,
                                    uint32_t count, unsigned long* bitmap) {
  if (!handle->allowed(domain)) return -1;
  xensim::CallHeader header{};
  header.call = Call::kTrackDirty;
  header.domain = domain;
  header.arguments[0] = first;
  header.arguments[1] = count;
  xensim::AnswerHeader answer{};
  return xensim_call(&header, nullptr, &answer, bitmap, (count + 7) / 8, nullptr);
}

int xendevicemodel_modified_memory(xendevicemodel_handle* handle, domid_t domain, uint64_t first,
                                   uint32_t count) {
  return call(handle, domain, Call::kModified, {first, count});
}

int xendevicemodel_set_mem_type(xendevicemodel_handle* handle, domid_t domain, hvmmem_type_t type,
                                uint64_t first, uint32_t count) {
  return call(handle, domain, Call::kSetMemoryType, {first, count, type});
}

int xendevicemodel_shutdown(xendevicemodel_handle* handle, domid_t domain, unsigned reason) {
  return call(handle, domain, Call::kShutdown, {reason});
}

int xendevicemodel_relocate_memory(xendevicemodel_handle* handle, domid_t domain, uint32_t size,
                                   uint64_t from, uint64_t to) {
  return call(handle, domain, Call::kRelocate, {size, from, to});
}

int xendevicemodel_pin_memory_cacheattr(xendevicemodel_handle* handle, domid_t domain,
                                        uint64_t start, uint64_t end, uint32_t type) {
  return call(handle, domain, Call::kPinCaching, {start, end, type});
}

int xendevicemodel_nr_vcpus(xendevicemodel_handle* handle, domid_t domain, unsigned* vcpus) {
  xensim::AnswerHeader answer{};
  if (call(handle, domain, Call::kVcpus, {}, &answer) != 0) return -1;
  *vcpus = static_cast<unsigned>(answer.values[0]);
  return 0;
}
