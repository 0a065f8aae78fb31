// Many writes to one descriptor by one system call (io_uring), for taps, which have no call for
// many frames.
//
// Thread: the owner's.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>

#include "hw/emul/core/types.h"

namespace netdev {

class WriteRing {
 public:
  static constexpr unsigned kMost = 64;

  /// Null where the kernel has none, or the build.
  static std::unique_ptr<WriteRing> make();
  ~WriteRing();
  WriteRing(const WriteRing&) = delete;
  WriteRing& operator=(const WriteRing&) = delete;

  /// Makes the writes, at most kMost, of `parts` pieces each, in their order, and waits for their
  /// end; the descriptor does not block, so they have none to wait for. What each gave, or an errno
  /// negated, goes to `results`. False: nothing was written, nor will anything be.
  bool write(int fd, std::span<const iovec> pieces, unsigned parts, std::span<int> results);

 private:
  struct Ring;
  explicit WriteRing(std::unique_ptr<Ring> ring);
  std::unique_ptr<Ring> ring_;
};

}  // namespace netdev
