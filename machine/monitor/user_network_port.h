// What a DeviceControl may be, too: that of a machine with user networks (-netdev user).
//
// Thread: device thread.
#pragma once

#include <string>

#include "hw/emul/core/result.h"

namespace monitor {

class UserNetworkControl {
 public:
  virtual ~UserNetworkControl() = default;
  /// Tables of their connections.
  virtual std::string user_networks() const = 0;
  /// A port of the host that leads to the guest, written as hostfwd= of -netdev user; of the netdev
  /// of that name, or if that is empty of the first of its kind. Without `add` it goes.
  virtual core::Result<void> forward(const std::string& netdev, const std::string& rule,
                                     bool add) = 0;
};

}  // namespace monitor
