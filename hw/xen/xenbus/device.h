// What a kind of PV device is to the state machine, and the state machine to it.
//
// Thread: device thread.
#pragma once

#include <memory>
#include <string>

#include "hw/emul/core/result.h"
#include "hw/xen/xenbus/store.h"

namespace xenbus {

struct Address {
  u32 domain = 0;       // of the front end
  std::string kind{};   // "qdisk"
  std::string id{};     // "51712"
  std::string path{};   // of our directory, without / at its end
  std::string front{};  // of the front end's
};

/// The state machine, as a device sees it.
class Host {
 public:
  virtual ~Host() = default;
  /// After stop(): the last request is answered.
  virtual void idle() = 0;
  /// The front end did what ends the connection. One line.
  virtual void broken(const std::string& why) = 0;
  /// Writes nodes while connected, in a way that the front end looks at them.
  virtual void publish(const Nodes& nodes) = 0;
};

/// One device of one guest. Every call may come in any order and again.
class Device {
 public:
  virtual ~Device() = default;

  /// What a front end may read before it connects.
  virtual core::Result<Nodes> offer() = 0;
  /// Maps and binds what the front end published; the nodes are what it reads when it finds us
  /// connected. `left` is true where an earlier process of ours was connected to the same rings.
  virtual core::Result<Nodes> connect(const Directory& front, bool left) = 0;
  /// Takes no new requests from now on; those taken are answered, and Host::idle() comes.
  virtual void stop() = 0;
  virtual bool is_idle() const = 0;
  /// Lets go of everything of the guest's now: nothing of it is read or written after this.
  virtual void disconnect() = 0;

  /// Rests while the machine stands still: what was taken has been answered by then.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

class Kind {
 public:
  virtual ~Kind() = default;
  virtual std::string_view name() const = 0;
  virtual core::Result<std::unique_ptr<Device>> create(const Address& address,
                                                       const Directory& back, Host& host) = 0;
};

}  // namespace xenbus
