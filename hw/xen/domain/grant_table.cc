#include "hw/xen/domain/grant_table.h"

#include <fmt/format.h>
#include <sys/mman.h>

extern "C" {
#include <xengnttab.h>
}

#include <cerrno>
#include <cstring>
#include <vector>

namespace xen {

struct GrantTable::Library {
  ~Library() { xengnttab_close(handle); }
  xengnttab_handle* handle = nullptr;
  std::vector<xengnttab_grant_copy_segment_t> segments;  // of copy(), kept
  std::vector<uint32_t> references;                      // of map(), kept
};

GrantTable::GrantTable(std::unique_ptr<Library> library) : library_(std::move(library)) {}
GrantTable::~GrantTable() = default;

core::Result<std::unique_ptr<GrantTable>> GrantTable::open() {
  auto library = std::make_unique<Library>();
  library->handle = xengnttab_open(nullptr, 0);
  if (library->handle == nullptr) {
    return core::fail(fmt::format("cannot open Xen's grant tables: {}; is xen-gntdev loaded?",
                                  std::strerror(errno)));
  }
  return std::unique_ptr<GrantTable>(new GrantTable(std::move(library)));
}

core::u8* GrantTable::map(core::u32 domain, std::span<const core::u32> references) {
  library_->references.assign(references.begin(), references.end());
  return static_cast<core::u8*>(
      xengnttab_map_domain_grant_refs(library_->handle, static_cast<uint32_t>(references.size()),
                                      domain, library_->references.data(), PROT_READ | PROT_WRITE));
}

void GrantTable::unmap(core::u8* at, std::size_t pages) {
  // Fails only for what was not mapped.
  (void)xengnttab_unmap(library_->handle, at, static_cast<uint32_t>(pages));
}

void GrantTable::copy(core::u32 domain, std::span<xenbus::GrantCopy> pieces) {
  auto& segments = library_->segments;
  segments.clear();
  for (const xenbus::GrantCopy& piece : pieces) {
    xengnttab_grant_copy_segment_t segment{};
    auto& foreign = piece.to_guest ? segment.dest.foreign : segment.source.foreign;
    auto& ours = piece.to_guest ? segment.source : segment.dest;
    ours.virt = piece.local;
    foreign.ref = piece.reference;
    foreign.offset = piece.offset;
    foreign.domid = static_cast<domid_t>(domain);
    segment.len = piece.length;
    segment.flags = piece.to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
    segment.status = GNTST_general_error;
    segments.push_back(segment);
  }
  if (segments.empty()) return;
  const int failed = xengnttab_grant_copy(library_->handle, static_cast<uint32_t>(segments.size()),
                                          segments.data());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    pieces[i].done = failed == 0 && segments[i].status == GNTST_okay;
  }
}

}  // namespace xen
