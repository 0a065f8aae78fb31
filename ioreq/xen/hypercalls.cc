// The interfaces of ioreq/ and of the device side, one hypercall or system call each.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "hw/emul/pci/pci_regs.h"
#include "ioreq/xen/handles.h"
#include "ioreq/xen/hypervisor.h"

namespace ioreq {
namespace {

domid_t dom(const ServerIds& ids) {
  return static_cast<domid_t>(ids.domid);
}

/// libraries: 0 or -1 and errno.
int error_of(int result) {
  return result == 0 ? 0 : errno;
}

// nr fields of the interface are 32 bits wide.
constexpr u64 kMaxExtent = 0xffffffff;

}  // namespace

core::Result<void> Hypervisor::map_io_range(bool is_mmio, u64 first, u64 last) {
  if (xendevicemodel_map_io_range_to_ioreq_server(handles_->model, dom(ids_), ids_.server,
                                                  is_mmio ? 1 : 0, first, last) != 0) {
    return failed(
        fmt::format("register {} {:#x}-{:#x}", is_mmio ? "memory" : "ports", first, last));
  }
  return {};
}

core::Result<void> Hypervisor::unmap_io_range(bool is_mmio, u64 first, u64 last) {
  if (xendevicemodel_unmap_io_range_from_ioreq_server(handles_->model, dom(ids_), ids_.server,
                                                      is_mmio ? 1 : 0, first, last) != 0) {
    return failed(
        fmt::format("unregister {} {:#x}-{:#x}", is_mmio ? "memory" : "ports", first, last));
  }
  return {};
}

core::Result<void> Hypervisor::map_pcidev(u8 devfn) {
  const u8 slot = core::low<u8>(pci::slot_of(devfn));
  const u8 function = core::low<u8>(pci::function_of(devfn));
  if (xendevicemodel_map_pcidev_to_ioreq_server(handles_->model, dom(ids_), ids_.server, 0, 0, slot,
                                                function) != 0) {
    return failed(fmt::format("register PCI function {:02x}.{}", slot, function));
  }
  return {};
}

core::Result<void> Hypervisor::unmap_pcidev(u8 devfn) {
  const u8 slot = core::low<u8>(pci::slot_of(devfn));
  const u8 function = core::low<u8>(pci::function_of(devfn));
  if (xendevicemodel_unmap_pcidev_from_ioreq_server(handles_->model, dom(ids_), ids_.server, 0, 0,
                                                    slot, function) != 0) {
    return failed(fmt::format("unregister PCI function {:02x}.{}", slot, function));
  }
  return {};
}

core::Result<Port> Hypervisor::bind(u32 remote_port) {
  const auto port = xenevtchn_bind_interdomain(handles_->events, ids_.domid, remote_port);
  if (port < 0) {
    return tl::unexpected(failed(fmt::format("bind event channel {}", remote_port)).error());
  }
  return static_cast<Port>(port);
}

int Hypervisor::fd() const {
  return xenevtchn_fd(handles_->events);
}

// The library takes and gives back one port a call; the device underneath takes as many as fit
// (include/uapi/xen/evtchn.h).
std::size_t Hypervisor::pending(std::span<Port> ports) {
  static_assert(sizeof(Port) == sizeof(evtchn_port_t));
  const ssize_t got = ::read(fd(), ports.data(), ports.size_bytes());
  return got > 0 ? static_cast<std::size_t>(got) / sizeof(Port) : 0;
}

void Hypervisor::unmask(std::span<const Port> ports) {
  // Nothing to do about a failure: it means that the ports are not ours, and they are.
  if (!ports.empty() && ::write(fd(), ports.data(), ports.size_bytes()) < 0) errno = 0;
}

void Hypervisor::notify(Port port) {
  xenevtchn_notify(handles_->events, port);
}

u8* Hypervisor::map(u64 first_gfn, std::span<int> errors) {
  std::vector<xen_pfn_t>& frames = handles_->frames;
  frames.resize(std::max(frames.size(), errors.size()));
  for (std::size_t i = 0; i < errors.size(); ++i) frames[i] = first_gfn + i;
  std::fill(errors.begin(), errors.end(), 0);
  return static_cast<u8*>(xenforeignmemory_map(handles_->memory, ids_.domid, PROT_READ | PROT_WRITE,
                                               errors.size(), frames.data(), errors.data()));
}

void Hypervisor::unmap(u8* at, u64 pages) {
  xenforeignmemory_unmap(handles_->memory, at, pages);
}

void Hypervisor::modified_memory(u64 first_gfn, u64 count) {
  xendevicemodel_modified_memory(handles_->model, dom(ids_), first_gfn,
                                 static_cast<u32>(std::min(count, kMaxExtent)));
}

int Hypervisor::populate(u64 first_gfn, u64 count) {
  std::vector<xen_pfn_t>& frames = handles_->frames;
  frames.resize(std::max<std::size_t>(frames.size(), count));
  for (u64 i = 0; i < count; ++i) frames[i] = first_gfn + i;
  return error_of(
      xc_domain_populate_physmap_exact(handles_->control, ids_.domid, count, 0, 0, frames.data()));
}

int Hypervisor::relocate(u64 from_gfn, u64 to_gfn, u64 count) {
  return error_of(xendevicemodel_relocate_memory(
      handles_->model, dom(ids_), static_cast<u32>(std::min(count, kMaxExtent)), from_gfn, to_gfn));
}

int Hypervisor::pin_write_back(u64 first_gfn, u64 count) {
  return error_of(xendevicemodel_pin_memory_cacheattr(
      handles_->model, dom(ids_), first_gfn, first_gfn + count - 1, XEN_DMOP_MEM_CACHEATTR_WB));
}

void Hypervisor::unpin_caching(u64 first_gfn, u64 count) {
  xendevicemodel_pin_memory_cacheattr(handles_->model, dom(ids_), first_gfn, first_gfn + count - 1,
                                      XEN_DMOP_DELETE_MEM_CACHEATTR);
}

int Hypervisor::track_dirty(u64 first_gfn, u64 count, std::span<u8> bitmap) {
  if (count > kMaxExtent || bitmap.size() < (count + 7) / 8) return EINVAL;
  // The library copies (count + 7) / 8 bytes, whatever the pointer's type says.
  return error_of(xendevicemodel_track_dirty_vram(handles_->model, dom(ids_), first_gfn,
                                                  static_cast<u32>(count),
                                                  reinterpret_cast<unsigned long*>(bitmap.data())));
}

void Hypervisor::stop_tracking() {
  xendevicemodel_track_dirty_vram(handles_->model, dom(ids_), 0, 0, nullptr);
}

bool Hypervisor::set_read_only(u64 first_gfn, u64 count, bool on) {
  return xendevicemodel_set_mem_type(handles_->model, dom(ids_), on ? HVMMEM_ram_ro : HVMMEM_ram_rw,
                                     first_gfn, static_cast<u32>(std::min(count, kMaxExtent))) == 0;
}

void Hypervisor::set_link_route(unsigned link, u8 irq) {
  if (xendevicemodel_set_pci_link_route(handles_->model, dom(ids_), core::low<u8>(link), irq) != 0)
    ++lost_interrupts_;
}

void Hypervisor::set_irq(unsigned number, bool level) {
  if (xendevicemodel_set_isa_irq_level(handles_->model, dom(ids_), core::low<u8>(number),
                                       level ? 1 : 0) != 0) {
    ++lost_interrupts_;
  }
}

void Hypervisor::send_msi(u64 address, u32 data) {
  if (xendevicemodel_inject_msi(handles_->model, dom(ids_), address, data) != 0) {
    ++lost_interrupts_;
  }
}

void Hypervisor::set_intx(unsigned slot, unsigned pin, bool level) {
  if (xendevicemodel_set_pci_intx_level(handles_->model, dom(ids_), 0, 0, core::low<u8>(slot),
                                        core::low<u8>(pin), level ? 1 : 0) != 0) {
    ++lost_interrupts_;
  }
}

}  // namespace ioreq
