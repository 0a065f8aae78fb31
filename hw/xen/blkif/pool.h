// Memory for the data under way of all PV disks of one guest: reserved once, used from its low end,
// so that what a quiet guest keeps warm is small.
//
// Thread: device thread.
#pragma once

#include <sys/uio.h>

#include <vector>

#include "hw/xen/blkif/blkif_regs.h"

namespace blkif {

class Pool {
 public:
  /// `pages` bounds what one guest can have under way. Nothing is touched before it is needed.
  explicit Pool(u32 pages);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  u32 pages() const { return pages_; }
  u32 available() const { return available_; }
  bool works() const { return base_ != nullptr; }

  /// So many pages in as few pieces as there are; false, and none, if there are not enough.
  bool take(u32 pages, std::vector<iovec>& pieces);
  /// Gives them back; `pieces` is empty then.
  void give(std::vector<iovec>& pieces);
  /// Gives the host what is not in use.
  void trim();

 private:
  u32 run_from(u32 page, u32 most) const;
  void mark(u32 first, u32 count, bool used);

  u32 pages_;
  u32 available_;
  u8* base_ = nullptr;
  std::vector<u64> used_;  // a bit a page
  u32 low_ = 0;            // no free page lies below
};

}  // namespace blkif
