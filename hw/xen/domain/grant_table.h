// Pages that guests granted to this domain, through libxengnttab.
//
// Thread: device thread.
#pragma once

#include <memory>

#include "hw/emul/core/result.h"
#include "hw/xen/xenbus/domain.h"

namespace xen {

class GrantTable final : public xenbus::Grants {
 public:
  static core::Result<std::unique_ptr<GrantTable>> open();
  ~GrantTable() override;
  GrantTable(const GrantTable&) = delete;
  GrantTable& operator=(const GrantTable&) = delete;

  core::u8* map(core::u32 domain, std::span<const core::u32> references) override;
  void unmap(core::u8* at, std::size_t pages) override;
  void copy(core::u32 domain, std::span<xenbus::GrantCopy> pieces) override;

 private:
  struct Library;
  explicit GrantTable(std::unique_ptr<Library> library);
  std::unique_ptr<Library> library_;
};

}  // namespace xen
