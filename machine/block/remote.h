// An image that a server keeps: how the engine and a node see it.
//
// Thread: device thread.
#pragma once

#include <span>

#include "hw/emul/core/result.h"
#include "machine/block/transfer.h"

namespace block {

/// Where transfers go whose call has ended.
class Completions {
 public:
  virtual ~Completions() = default;
  /// Only takes note; the transfer's `result` is set.
  virtual void ended(Transfer& transfer) = 0;
};

class Remote {
 public:
  virtual ~Remote() = default;

  /// Does the transfer's call. It ends in any case, if need be with an error.
  virtual void queue(Transfer& transfer, Completions& completions) = 0;
  /// Until something has happened, outside the loop: for drains.
  virtual void wait() = 0;
  /// A flush, outside the loop. 0 or an errno value.
  virtual int sync_now() = 0;
  /// See Image.
  virtual void release() = 0;
  virtual core::Result<void> activate() = 0;
  /// A read, outside the loop. 0 or an errno value.
  virtual int read_now(u64 offset, std::span<u8> memory) = 0;

  /// In bytes.
  virtual u64 size() const = 0;
  /// What the image takes of its disk, in bytes; 0 where nobody can tell.
  virtual u64 allocated() const = 0;
};

}  // namespace block
