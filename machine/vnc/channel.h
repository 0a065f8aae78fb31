// One end of the socket pair between the machine and its VNC process.
#pragma once

#include <span>
#include <vector>

#include "hw/emul/core/fd.h"
#include "machine/vnc/wire.h"

namespace vnc {

using core::Fd;

enum class Transfer { kDone, kAgain, kGone };

/// SOCK_SEQPACKET: a message arrives whole or not at all.
class Channel {
 public:
  Channel() = default;
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }
  explicit operator bool() const { return static_cast<bool>(socket_); }
  void close() { socket_.reset(); }

  /// With `wait` blocks until there is room.
  Transfer send(const Message& message, std::span<const int> fds, bool wait);
  /// Packets of a wrong size count as the other side being gone. Descriptors that came along are
  /// close-on-exec.
  Transfer receive(Message& message, std::vector<Fd>& fds, bool wait);

 private:
  Fd socket_;
};

/// Both ends of a new channel, close-on-exec; both invalid if the system has none.
struct ChannelPair {
  Channel ours;
  Fd theirs;
};
ChannelPair make_channel();

}  // namespace vnc
