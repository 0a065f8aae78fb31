// libxenforeignmemory: runs of the guest's memory file, as the frame table says.
#include <sys/mman.h>

#include <cerrno>
#include <new>

#include "tests/xensim/lib/client.h"

extern "C" {
#include <xen/memory.h>
#include <xenforeignmemory.h>
}

using xensim::kPageSize;
using xensim::u32;
using xensim::u64;

struct xenforeignmemory_handle : xensim::Handle {};

struct xenforeignmemory_resource_handle {
  void* address;
  std::size_t bytes;
};

xenforeignmemory_handle* xenforeignmemory_open(xentoollog_logger*, unsigned) {
  if (xensim_connect() != 0) return nullptr;
  auto* handle = new (std::nothrow) xenforeignmemory_handle;
  if (handle == nullptr) return nullptr;
  handle->active.restrict_callback = xensim::restrict_handle<xenforeignmemory_handle>;
  xentoolcore__register_active_handle(&handle->active);
  return handle;
}

int xenforeignmemory_close(xenforeignmemory_handle* handle) {
  if (handle == nullptr) return 0;
  xentoolcore__deregister_active_handle(&handle->active);
  delete handle;
  return 0;
}

int xenforeignmemory_restrict(xenforeignmemory_handle* handle, domid_t domain) {
  handle->only = domain;
  return 0;
}

namespace {

/// The page of the memory file at a guest frame, plus one; 0 is a hole.
u32 page_at(xen_pfn_t frame) {
  return frame < xensim::kMaxFrames ? __atomic_load_n(&xensim_frames()[frame], __ATOMIC_ACQUIRE)
                                    : 0;
}

char* map_pages(void* where, int protection, int flags, std::size_t pages, const xen_pfn_t* frames,
                int* errors) {
  char* base =
      static_cast<char*>(::mmap(where, pages * kPageSize, PROT_NONE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0));
  if (base == MAP_FAILED) return nullptr;
  bool all = true;
  for (std::size_t i = 0; i < pages;) {
    const u32 first = page_at(frames[i]);
    std::size_t count = 1;
    if (first == 0) {
      all = false;
      if (errors != nullptr) errors[i] = -EINVAL;
      i += 1;
      continue;
    }
    while (i + count < pages && page_at(frames[i + count]) == first + count) ++count;
    if (::mmap(base + i * kPageSize, count * kPageSize, protection, MAP_SHARED | MAP_FIXED,
               xensim_memory_file(), static_cast<off_t>((first - 1) * kPageSize)) == MAP_FAILED) {
      ::munmap(base, pages * kPageSize);
      return nullptr;
    }
    for (std::size_t k = 0; errors != nullptr && k < count; ++k) errors[i + k] = 0;
    i += count;
  }
  if (all || errors != nullptr) return base;
  ::munmap(base, pages * kPageSize);
  errno = EINVAL;
  return nullptr;
}

}  // namespace

void* xenforeignmemory_map2(xenforeignmemory_handle* handle, uint32_t domain, void* address,
                            int protection, int flags, std::size_t pages, const xen_pfn_t frames[],
                            int errors[]) {
  if (!handle->allowed(domain)) return nullptr;
  if (domain != xensim_domain() || pages == 0) {
    errno = pages == 0 ? EINVAL : ESRCH;
    return nullptr;
  }
  return map_pages(address, protection, flags & MAP_FIXED, pages, frames, errors);
}

void* xenforeignmemory_map(xenforeignmemory_handle* handle, uint32_t domain, int protection,
                           std::size_t pages, const xen_pfn_t frames[], int errors[]) {
  return xenforeignmemory_map2(handle, domain, nullptr, protection, 0, pages, frames, errors);
}

int xenforeignmemory_unmap(xenforeignmemory_handle*, void* address, std::size_t pages) {
  return ::munmap(address, pages * kPageSize);
}

xenforeignmemory_resource_handle* xenforeignmemory_map_resource(xenforeignmemory_handle* handle,
                                                                domid_t domain, unsigned type,
                                                                unsigned id, unsigned long frame,
                                                                unsigned long count, void** address,
                                                                int protection, int) {
  if (!handle->allowed(domain)) return nullptr;
  if (type != XENMEM_resource_ioreq_server) {
    errno = EOPNOTSUPP;
    return nullptr;
  }
  if (xensim::simple_call(xensim::Call::kMapResource, domain, {id, frame, count}) != 0) {
    return nullptr;
  }
  auto* resource = new (std::nothrow) xenforeignmemory_resource_handle;
  if (resource == nullptr) return nullptr;
  resource->bytes = count * kPageSize;
  resource->address = ::mmap(
      *address, resource->bytes, protection, MAP_SHARED | (*address != nullptr ? MAP_FIXED : 0),
      xensim_server_pages_file(), static_cast<off_t>((id * 2 + frame) * kPageSize));
  if (resource->address == MAP_FAILED) {
    delete resource;
    return nullptr;
  }
  *address = resource->address;
  return resource;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle*,
                                    xenforeignmemory_resource_handle* resource) {
  const int result = ::munmap(resource->address, resource->bytes);
  delete resource;
  return result;
}
