// A byte stream to the outside: what a UART or a debug port is connected to.
#pragma once

#include "hw/emul/core/types.h"

namespace core {

enum class CharEvent : u8 { kOpened, kClosed, kBreak };

/// The device's side. Thread: device thread.
class CharClient {
 public:
  virtual ~CharClient() = default;
  /// How many bytes receive() may bring now; the rest waits outside.
  virtual std::size_t can_receive() = 0;
  virtual void receive(Bytes data) = 0;
  virtual void char_event(CharEvent event) = 0;
  /// Room again after a write() that took less than offered.
  virtual void writable() = 0;
};

/// The outside. Thread: device thread; never blocks.
class CharBackend {
 public:
  virtual ~CharBackend() = default;
  /// Takes what it can and says how much; writable() follows if that was less than all.
  /// With nobody connected all bytes are taken and lost, as on a real cable.
  virtual std::size_t write(Bytes data) = 0;
  virtual void set_client(CharClient* client) = 0;
  /// can_receive() grew: look again.
  virtual void accept_input() = 0;
  /// Line parameters, for back ends that care (a real tty); `speed` in bits a second.
  virtual void set_line(u32 speed, char parity, unsigned data_bits, unsigned stop_bits) = 0;
  virtual void send_break() = 0;
};

}  // namespace core
