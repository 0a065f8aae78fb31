// libxengnttab: grant references of the guest's table in the shared memory.
#include <sys/mman.h>

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "tests/xensim/lib/client.h"

extern "C" {
#include <xengnttab.h>
}

using xensim::kPageSize;
using xensim::Shared;
using xensim::u32;
using xensim::u64;

struct xengntdev_handle : xensim::Handle {
  // What is mapped, so that unmapping gives back what was granted.
  struct Mapped {
    char* at;
    u32 reference;
  } mapped[xensim::kMaxGrants];
  u32 count = 0;
};

namespace {

/// The page of the memory file that a reference grants, plus one; 0 and errno if it grants none.
u32 page_of(u32 reference, bool write) {
  if (reference < xensim::kMaxGrants) {
    const Shared::Grant& grant = xensim_shared()->grants[reference];
    const u64 frame = __atomic_load_n(&grant.frame, __ATOMIC_ACQUIRE);
    if (frame != 0 && frame <= xensim::kMaxFrames && !(write && grant.read_only != 0)) {
      if (const u32 page = __atomic_load_n(&xensim_frames()[frame - 1], __ATOMIC_ACQUIRE))
        return page;
    }
  }
  errno = EINVAL;
  return 0;
}

bool usable(const xengntdev_handle* handle) {
  if (handle->only == xensim::kAnyDomain) return true;
  errno = ENOTTY;
  return false;
}

}  // namespace

xengnttab_handle* xengnttab_open(xentoollog_logger*, unsigned) {
  if (xensim_connect() != 0) return nullptr;
  auto* handle = new (std::nothrow) xengntdev_handle;
  if (handle == nullptr) return nullptr;
  handle->active.restrict_callback = xensim::restrict_handle<xengntdev_handle>;
  xentoolcore__register_active_handle(&handle->active);
  return handle;
}

int xengnttab_close(xengnttab_handle* handle) {
  if (handle == nullptr) return 0;
  xentoolcore__deregister_active_handle(&handle->active);
  delete handle;
  return 0;
}

int xengnttab_set_max_grants(xengnttab_handle*, uint32_t) {
  return 0;
}

void* xengnttab_map_domain_grant_refs(xengnttab_handle* handle, uint32_t count, uint32_t,
                                      uint32_t* references, int protection) {
  if (!usable(handle)) return nullptr;
  char* base = static_cast<char*>(::mmap(nullptr, count * kPageSize, PROT_NONE,
                                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (base == MAP_FAILED) return nullptr;
  for (u32 i = 0; i < count; ++i) {
    const u32 page = page_of(references[i], (protection & PROT_WRITE) != 0);
    if (page == 0 ||
        ::mmap(base + i * kPageSize, kPageSize, protection, MAP_SHARED | MAP_FIXED,
               xensim_memory_file(), static_cast<off_t>((page - 1) * kPageSize)) == MAP_FAILED) {
      const int error = errno;
      ::munmap(base, count * kPageSize);
      errno = error;
      return nullptr;
    }
  }
  for (u32 i = 0; i < count && handle->count < xensim::kMaxGrants; ++i) {
    handle->mapped[handle->count++] = {base + i * kPageSize, references[i]};
    __atomic_add_fetch(&xensim_shared()->grants[references[i]].mapped, 1, __ATOMIC_RELEASE);
  }
  return base;
}

void* xengnttab_map_grant_refs(xengnttab_handle* handle, uint32_t count, uint32_t*,
                               uint32_t* references, int protection) {
  return xengnttab_map_domain_grant_refs(handle, count, 0, references, protection);
}

void* xengnttab_map_grant_ref(xengnttab_handle* handle, uint32_t domain, uint32_t reference,
                              int protection) {
  return xengnttab_map_domain_grant_refs(handle, 1, domain, &reference, protection);
}

int xengnttab_unmap(xengnttab_handle* handle, void* address, uint32_t count) {
  for (u32 page = 0; page < count; ++page) {
    const char* at = static_cast<char*>(address) + page * kPageSize;
    for (u32 i = 0; i < handle->count; ++i) {
      if (handle->mapped[i].at != at) continue;
      __atomic_sub_fetch(&xensim_shared()->grants[handle->mapped[i].reference].mapped, 1,
                         __ATOMIC_RELEASE);
      handle->mapped[i] = handle->mapped[--handle->count];
      break;
    }
  }
  return ::munmap(address, count * kPageSize);
}

namespace {

/// All of the guest's memory, for the hypervisor's own accesses.
char* all_memory() {
  static char* base = nullptr;
  if (base == nullptr) {
    struct stat status {};
    if (::fstat(xensim_memory_file(), &status) != 0) return nullptr;
    void* at = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE, xensim_memory_file(), 0);
    if (at == MAP_FAILED) return nullptr;
    base = static_cast<char*>(at);
  }
  return base;
}

bool copy(xengnttab_grant_copy_segment_t& segment) {
  const bool from_guest = (segment.flags & GNTCOPY_source_gref) != 0;
  const bool to_guest = (segment.flags & GNTCOPY_dest_gref) != 0;
  if (from_guest == to_guest) return false;
  const auto& foreign = from_guest ? segment.source.foreign : segment.dest.foreign;
  if (u64{foreign.offset} + segment.len > kPageSize) return false;
  const u32 page = page_of(foreign.ref, to_guest);
  if (page == 0) return false;
  char* const memory = all_memory();
  if (memory == nullptr) return false;
  char* at = memory + (page - 1) * kPageSize + foreign.offset;
  if (from_guest) {
    std::memcpy(segment.dest.virt, at, segment.len);
  } else {
    std::memcpy(at, segment.source.virt, segment.len);
  }
  return true;
}

}  // namespace

int xengnttab_grant_copy(xengnttab_handle* handle, uint32_t count,
                         xengnttab_grant_copy_segment_t* segments) {
  if (!usable(handle)) return -1;
  for (u32 i = 0; i < count; ++i) {
    segments[i].status = copy(segments[i]) ? GNTST_okay : GNTST_bad_gntref;
  }
  return 0;
}
