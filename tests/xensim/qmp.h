// A QMP client as libxl is one: a socket, lines that end in CR LF, and files passed along.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "hw/emul/core/types.h"

namespace xensim {

using core::u64;
using Json = nlohmann::json;

/// Connects to a unix socket as soon as somebody listens there; throws if nobody does in time.
int connect_to(const std::string& path, u64 milliseconds = 30'000);

class Qmp {
 public:
  /// Waits until the socket takes connections; throws if it does not in time.
  explicit Qmp(const std::string& path, u64 milliseconds = 60'000);
  ~Qmp();
  Qmp(const Qmp&) = delete;
  Qmp& operator=(const Qmp&) = delete;

  const Json& greeting() const { return greeting_; }
  /// The whole answer: {"return": ...} or {"error": ...}. Events on the way are kept.
  Json execute(const std::string& command, const Json& arguments = {}, int file = -1);
  /// The value of "return"; throws on an error.
  Json call(const std::string& command, const Json& arguments = {}, int file = -1);
  /// The next event of that name, kept or coming; nothing if none comes in time.
  std::optional<Json> event(const std::string& name, u64 milliseconds = 30'000);
  /// Bytes as they are, and the next message of any kind.
  void send(const std::string& bytes, int file = -1);
  std::optional<Json> receive(u64 milliseconds = 30'000);

 private:
  int socket_ = -1;
  std::string input_;
  std::deque<Json> events_;
  Json greeting_;
};

}  // namespace xensim
