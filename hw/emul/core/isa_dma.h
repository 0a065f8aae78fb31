// ISA DMA as a device sees it: a request line, and memory reached through the controller's
// channel. The device moves the data; the controller knows where and how much.
//
// Thread: device thread.
#pragma once

#include "hw/emul/core/types.h"

namespace core {

/// The device's side of a channel.
class DmaClient {
 public:
  virtual ~DmaClient() = default;

  /// The channel is unmasked and requested: move what can be moved now through
  /// DmaChannel::read_memory()/write_memory(). `size` bytes are programmed, `position` of them
  /// are done already. Returns the new position; `size` is terminal count. Anything less leaves
  /// the request standing: hold_request() again when there is more.
  virtual u32 dma_transfer(u32 position, u32 size) = 0;
};

class DmaChannel {
 public:
  virtual ~DmaChannel() = default;

  virtual void set_client(DmaClient* client) = 0;

  /// Raises DREQ. Calls dma_transfer() before it returns if the guest has unmasked the channel,
  /// otherwise as soon as it does. May be repeated while held.
  virtual void hold_request() = 0;
  virtual void release_request() = 0;

  /// The guest programmed auto-initialisation: the count starts over after terminal count.
  virtual bool auto_initialize() const = 0;

  /// Copies between the device and the programmed buffer, from byte `position` on. Does nothing
  /// (reads give zeros) in verify mode; bytes that are not RAM read all ones and are not written.
  virtual void read_memory(u32 position, MutableBytes to) = 0;
  virtual void write_memory(u32 position, Bytes from) = 0;
};

}  // namespace core
