// What a disk controller needs of storage. Implemented in machine/block.
//
// Thread: submit() on the device thread; done() comes back on the device thread, never from
// within submit().
#pragma once

#include <sys/uio.h>

#include <span>
#include <string>

#include "hw/emul/core/types.h"

namespace core {

struct BlockInfo {
  u64 sectors = 0;  // of 512 bytes
  bool read_only = false;
  bool write_cache = true;  // a write is durable only after a flush
};

enum class BlockOp : u8 { kRead, kWrite, kFlush, kDiscard };

/// What done() says of a request that goes by policy when the machine is to stop for its error: the
/// guest must see nothing of it, and the device makes the request again when the machine goes on
/// (Device::resume), here or where its state was taken to.
inline constexpr int kRetryLater = -1;

/// One transfer. Owned by the device, which keeps it and the memory of `segments` alive until
/// done(). The sector range is the guest's and unchecked: the back end judges it (EIO).
class BlockRequest {
 public:
  virtual ~BlockRequest() = default;
  /// `error` is 0, a positive errno value, or kRetryLater.
  virtual void done(int error) = 0;

  BlockOp op = BlockOp::kRead;
  u64 sector = 0;                     // first 512-byte sector
  u64 sector_count = 0;               // of a discard; reads and writes go by their segments
  std::span<const iovec> segments{};  // whole sectors in total
  /// An error means what the operator chose (rerror=, werror=), and is told to the toolstack. Else
  /// it is an error, and nobody's business but the device's.
  bool by_policy = false;
};

/// Told when the medium changes under the controller.
class BlockListener {
 public:
  virtual ~BlockListener() = default;
  virtual void media_changed(bool present) = 0;
  virtual void eject_requested(bool force) = 0;
  virtual void resized() = 0;
};

class BlockBackend {
 public:
  virtual ~BlockBackend() = default;

  /// False for a removable drive with nothing in it; info() is then all zero.
  virtual bool has_medium() const = 0;
  virtual BlockInfo info() const = 0;
  virtual void submit(BlockRequest& request) = 0;
  /// Waits until every request submitted so far is done (done() has run). Used by reset, unplug,
  /// save and shutdown, never by a register access.
  virtual void drain() = 0;
  virtual void set_listener(BlockListener* listener) = 0;
  /// The guest locked or opened the tray of a removable drive.
  virtual void tray_locked(bool locked) = 0;
  virtual void tray_moved(bool open) = 0;
};

}  // namespace core
