#include "machine/block/at_once.h"

#include <linux/magic.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

#include "machine/block/node.h"
#include "machine/block/transfer.h"

namespace block {

namespace {

constexpr unsigned kMaxSkip = 63;

}  // namespace

/// Memory's file systems do not know RWF_NOWAIT, and need it least of all. Direct I/O waits for the
/// medium in spite of it.
AtOnce::Where AtOnce::look(const Node& node) {
  if (node.options.direct || node.kind == NodeKind::kNull || node.remote) return Where::kNowhere;
  struct statfs system {};
  if (node.kind == NodeKind::kFile && ::fstatfs(node.fd, &system) == 0 &&
      (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC)) {
    return Where::kMemory;
  }
  return Where::kCache;
}

bool AtOnce::perform(Transfer& transfer) {
  if (transfer.call() != Call::kRead && transfer.call() != Call::kWrite) return false;
  // A part of what was asked for is the end of the file where I/O goes in blocks, and here it is
  // not.
  if (transfer.node().alignment > 1) return false;
  if (where_ == Where::kUnknown) where_ = look(transfer.node());
  // Writes wait for journals and for memory to be written back, whatever one asks for.
  const bool cached = where_ == Where::kCache && transfer.call() == Call::kRead;
  if (where_ != Where::kMemory && !cached) return false;
  u64 bytes = 0;
  for (const iovec& one : transfer.vectors()) bytes += one.iov_len;
  if (bytes > kMostBytes) {
    if (where_ != Where::kMemory) return false;
    // A piece, and the guest's accesses come before the next: to hand it to a thread costs more
    // than the copying.
    transfer.result = transfer.perform_part(kMostBytes);
    return true;
  }
  if (cached && skip_ > 0) {
    --skip_;
    return false;
  }
  const int result = transfer.perform(cached ? RWF_NOWAIT : 0);
  if (!cached || result >= 0) {
    next_skip_ = 0;
    transfer.result = result;
    return true;
  }
  if (result == -EOPNOTSUPP || result == -ENOSYS || result == -EINVAL) where_ = Where::kNowhere;
  skip_ = next_skip_;
  next_skip_ = std::min(next_skip_ * 2 + 1, kMaxSkip);
  return false;  // an error is met once more, by whoever does it now
}

}  // namespace block
