// The human monitor: one line in, text out. Used by human-monitor-command and by terminals.
//
// Scripts read the output, so it keeps the shapes that they know.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "machine/monitor/json.h"

namespace monitor {

struct Context;
struct HmpCommand;
class Client;

/// How `x`, `xp`, `i`, `o` and `print` show numbers: "/4xw" and so on. What is not given is as it
/// was the last time.
struct HmpFormat {
  int count = 1;
  char format = 'x';
  int size = 4;
};

class Hmp {
 public:
  /// `context` is asked for at each command, because it holds a reference to this object.
  explicit Hmp(std::function<Context()> context) : context_(std::move(context)) {}

  /// Runs one line; lines of the output end in CRLF. `client` may be null.
  std::string run(std::string_view line, Client* client = nullptr);

  // For commands.
  int last_size() const { return last_.size; }
  HmpFormat& last_format() { return last_; }
  unsigned mouse_buttons = 0;
  unsigned current_cpu = 0;
  std::vector<std::string> history;  // of the terminal, oldest first

 private:
  std::function<Context()> context_;
  HmpFormat last_;
};

}  // namespace monitor
