// The io_uring that all transfers share.
//
// Thread: device thread.
#pragma once

#include <memory>

#include "machine/block/transfer.h"

namespace block {

class Ring {
 public:
  /// Null where the kernel has no io_uring good enough, or refuses it.
  static std::unique_ptr<Ring> open(unsigned depth);
  virtual ~Ring() = default;

  /// Readable when a call has ended.
  virtual int fd() const = 0;
  /// Notes a call for the next submit(); no more than `depth` may be under way.
  virtual void queue(Transfer& transfer) = 0;
  /// Hands the noted calls to the kernel; false if it has to be tried again.
  virtual bool submit() = 0;
  /// Whether collect() would find something; looks at memory only.
  virtual bool has_ended() const = 0;
  /// Moves the transfers whose call has ended to `ended`.
  virtual void collect(TransferList& ended) = 0;
  /// True if the kernel takes no more calls; take_back() then has those it did not take.
  virtual bool broken() const = 0;
  virtual void take_back(TransferList& unstarted) = 0;
};

}  // namespace block
