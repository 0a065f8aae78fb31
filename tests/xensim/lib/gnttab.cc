// libxengnttab: grant references of the guest's table in the shared memory.
#include <sys/mman.h>

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

struct xengntdev_handle : xensim::Handle {};

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

int xengnttab_unmap(xengnttab_handle*, void* address, uint32_t count) {
  return ::munmap(address, count * kPageSize);
}

namespace {

bool copy(xengnttab_grant_copy_segment_t& segment) {
  const bool from_guest = (segment.flags & GNTCOPY_source_gref) != 0;
  const bool to_guest = (segment.flags & GNTCOPY_dest_gref) != 0;
  if (from_guest == to_guest) return false;
  const auto& foreign = from_guest ? segment.source.foreign : segment.dest.foreign;
  if (u64{foreign.offset} + segment.len > kPageSize) return false;
  const u32 page = page_of(foreign.ref, to_guest);
  if (page == 0) return false;
  void* mapped = ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED,
                        xensim_memory_file(), static_cast<off_t>((page - 1) * kPageSize));
  if (mapped == MAP_FAILED) return false;
  char* at = static_cast<char*>(mapped) + foreign.offset;
  if (from_guest) {
    std::memcpy(segment.dest.virt, at, segment.len);
  } else {
    std::memcpy(at, segment.source.virt, segment.len);
  }
  ::munmap(mapped, kPageSize);
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
