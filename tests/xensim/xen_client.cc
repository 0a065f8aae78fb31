// A program that uses Xen's libraries as a device model does, and prints what they say: one line a
// call. It is linked with Debian's libraries and runs with those of the simulator.
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
#include <xenctrl.h>
// After it: it says for whom the interface is.
#include <xen/memory.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xentoolcore.h>
}

namespace {

constexpr domid_t kDomain = 7;
constexpr domid_t kOther = 8;

void say(const char* what, bool worked) {
  std::printf("%s: %s\n", what, worked ? "ok" : std::strerror(errno));
}

struct Xen {
  xc_interface* control = xc_interface_open(nullptr, nullptr, 0);
  xendevicemodel_handle* model = xendevicemodel_open(nullptr, 0);
  xenforeignmemory_handle* memory = xenforeignmemory_open(nullptr, 0);
  xenevtchn_handle* events = xenevtchn_open(nullptr, 0);
  xengnttab_handle* grants = xengnttab_open(nullptr, 0);
  xs_handle* store = xs_open(0);
};

bool map_frame(Xen& xen, domid_t domain, xen_pfn_t frame) {
  void* at = xenforeignmemory_map(xen.memory, domain, PROT_READ, 1, &frame, nullptr);
  return at != nullptr && xenforeignmemory_unmap(xen.memory, at, 1) == 0;
}

void errors(Xen& xen) {
  ioservid_t id = 0;
  unsigned vcpus = 0;
  say("another domain", xendevicemodel_nr_vcpus(xen.model, kOther, &vcpus) == 0);
  say("its memory", map_frame(xen, kOther, 1));
  say("buffering 3", xendevicemodel_create_ioreq_server(xen.model, kDomain, 3, &id) == 0);
  say("server", xendevicemodel_create_ioreq_server(xen.model, kDomain, 2, &id) == 0);
  const auto range = [&](uint64_t first, uint64_t last) {
    return xendevicemodel_map_io_range_to_ioreq_server(xen.model, kDomain, id, 0, first, last) == 0;
  };
  say("range", range(0x100, 0x107));
  say("overlap", range(0x107, 0x108));
  say("backwards", range(0x201, 0x200));
  say("slot 32",
      xendevicemodel_map_pcidev_to_ioreq_server(xen.model, kDomain, id, 0, 0, 32, 0) == 0);
  say("interrupt 16", xendevicemodel_set_isa_irq_level(xen.model, kDomain, 16, 1) == 0);
  say("bus 1", xendevicemodel_set_pci_intx_level(xen.model, kDomain, 0, 1, 2, 0, 1) == 0);
  void* at = nullptr;
  auto* pages = xenforeignmemory_map_resource(xen.memory, kDomain, XENMEM_resource_ioreq_server, id,
                                              0, 2, &at, PROT_READ | PROT_WRITE, 0);
  say("pages", pages != nullptr);
  say("three pages",
      xenforeignmemory_map_resource(xen.memory, kDomain, XENMEM_resource_ioreq_server, id, 0, 3,
                                    &at, PROT_READ, 0) != nullptr);
  xen_pfn_t frame = 0;
  evtchn_port_t port = 0;
  say("frames after pages",
      xendevicemodel_get_ioreq_server_info(xen.model, kDomain, id, &frame, nullptr, &port) == 0);
  say("hole", map_frame(xen, kDomain, 0xb0));
  uint64_t value = 0;
  say("parameter 26", xc_hvm_param_get(xen.control, kDomain, 26, &value) == 0);
  say("unbound port", xenevtchn_notify(xen.events, 99) == 0);
  xen_pfn_t frames[1024];
  for (xen_pfn_t i = 0; i < 1024; ++i) frames[i] = 0x100000 + i;
  // The builder leaves one MiB, and the 32 pages behind the VGA's memory.
  say("what is left",
      xc_domain_populate_physmap_exact(xen.control, kDomain, 256 + 32, 0, 0, frames) == 0);
  say("a page more",
      xc_domain_populate_physmap_exact(xen.control, kDomain, 1, 0, 0, frames + 256 + 32) == 0);
  say("pause", xc_domain_pause(xen.control, kDomain) == 0);
}

void restricted(Xen& xen) {
  say("restrict", xentoolcore_restrict_all(kDomain) == 0);
  unsigned vcpus = 0;
  say("device model", xendevicemodel_nr_vcpus(xen.model, kDomain, &vcpus) == 0);
  say("device model of another", xendevicemodel_nr_vcpus(xen.model, kOther, &vcpus) == 0);
  say("memory", map_frame(xen, kDomain, 1));
  say("memory of another", map_frame(xen, kOther, 1));
  say("event of another", xenevtchn_bind_interdomain(xen.events, kOther, 1) >= 0);
  say("parameter", xc_hvm_param_set(xen.control, kDomain, 14, 3) == 0);
  xen_pfn_t frame = 0x100000;
  say("populate", xc_domain_populate_physmap_exact(xen.control, kDomain, 1, 0, 0, &frame) == 0);
  uint32_t reference = 8;
  say("grant", xengnttab_map_grant_ref(xen.grants, kDomain, reference, PROT_READ) != nullptr);
  say("xenstore", xs_write(xen.store, XBT_NULL, "x", "1", 1));
}

void grants(Xen& xen) {
  uint32_t references[] = {8, 9};
  auto* two = static_cast<char*>(
      xengnttab_map_domain_grant_refs(xen.grants, 2, kDomain, references, PROT_READ));
  say("map", two != nullptr);
  if (two != nullptr) std::printf("%s %s\n", two, two + 4096);
  say("write to what may be read",
      xengnttab_map_grant_ref(xen.grants, kDomain, 9, PROT_READ | PROT_WRITE) != nullptr);
  say("not granted", xengnttab_map_grant_ref(xen.grants, kDomain, 10, PROT_READ) != nullptr);
  char text[] = "copied";
  xengnttab_grant_copy_segment_t segments[2] = {};
  for (auto& segment : segments) {
    segment.source.virt = text;
    segment.dest.foreign = {.ref = 8, .offset = 100, .domid = kDomain};
    segment.len = sizeof text;
    segment.flags = GNTCOPY_dest_gref;
  }
  segments[1].dest.foreign.ref = 9;
  say("copy", xengnttab_grant_copy(xen.grants, 2, segments) == 0);
  std::printf("%d %d\n", segments[0].status, segments[1].status);
}

}  // namespace

int main(int count, char** arguments) {
  Xen xen;
  const char* what = count > 1 ? arguments[1] : "";
  if (std::strcmp(what, "errors") == 0) errors(xen);
  if (std::strcmp(what, "restricted") == 0) restricted(xen);
  if (std::strcmp(what, "grants") == 0) grants(xen);
  return 0;
}
