// Opens the character devices of a command line, and lends them to the monitor.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "hw/emul/core/result.h"
#include "machine/chardev/chardev.h"
#include "machine/config/machine.h"
#include "machine/loop/loop.h"
#include "machine/monitor/monitor.h"

namespace board {

using ChardevMap = std::vector<std::unique_ptr<chardev::Switch>>;

core::Result<ChardevMap> open_chardevs(loop::Loop& loop, const config::Machine& machine);

/// Null if there is none of that id.
chardev::Switch* find_chardev(const ChardevMap& chardevs, std::string_view id);

/// What the monitor wants of a socket beyond bytes.
class SocketControl final : public monitor::ChannelControl {
 public:
  explicit SocketControl(chardev::Chardev& socket) : socket_(socket) {}
  core::Fd take_fd() override { return core::Fd(socket_.take_fd()); }
  void disconnect() override { socket_.disconnect(); }

 private:
  chardev::Chardev& socket_;
};

/// Puts the monitors of the command line on their character devices.
core::Result<void> attach_monitors(monitor::Monitor& monitor, const config::Machine& machine,
                                   const ChardevMap& chardevs,
                                   std::vector<std::unique_ptr<monitor::ChannelControl>>& channels);

}  // namespace board
