// The host's side of a tap, in a network namespace of the calling thread: what the guest sent is
// counted by Linux, and frames go to it from a packet socket. Needs the right to make namespaces.
#pragma once

#include <string>
#include <vector>

#include "hw/emul/core/fd.h"
#include "hw/emul/core/types.h"

namespace measure {

using core::u64;
using core::u8;
using Frame = std::vector<u8>;

/// This thread, and what it starts, gets a network of its own. Throws if it may not.
void enter_own_network();

class Wire {
 public:
  /// Of a tap that a device model has made; brings it up.
  explicit Wire(const std::string& name);
  /// Frames that came from the guest so far.
  u64 from_guest() const;
  /// As many as the tap's queue takes of these; one system call.
  std::size_t send(const std::vector<Frame>& frames);
  /// Waits for a frame of the guest's own type (kType).
  bool next(unsigned milliseconds);

  static constexpr core::u16 kType = 0x88b5;  // for experiments

 private:
  const std::string name_;
  core::Fd socket_;
};

/// To `address`, of kType.
Frame plain_frame(const u8 (&address)[6], std::size_t bytes);

}  // namespace measure
