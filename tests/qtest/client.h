// A client of the qtest protocol for tests: starts a program, ours or the stock one, and drives it.
// Waits are for input, with an end far away: none of them is a measurement.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/fd.h"

namespace qtest_test {

inline constexpr const char* kStock = "/usr/libexec/xen-qemu-system-i386";

/// A socket, read by lines.
class LineSocket {
 public:
  void connect(core::Fd fd) { fd_ = std::move(fd); }
  bool send(std::string_view text) const;
  /// The next line without its end; nothing if the other side has gone or says nothing.
  std::optional<std::string> line();
  int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

 private:
  core::Fd fd_;
  std::string in_;
};

class Client {
 public:
  /// Starts `program -accel qtest` with `arguments`, its QMP socket too, and fails the test if it
  /// does not come.
  Client(const std::string& program, std::vector<std::string> arguments);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// One command's reply, with the lines about interrupts that came before it, each ended by "; ".
  std::string ask(std::string_view command);
  /// The number of a reply.
  unsigned long long value(std::string_view command);
  LineSocket& socket() { return qtest_; }

  /// A QMP command; the answer. Events that come before it are kept.
  std::string qmp(std::string_view command);
  /// Waits for an event of that name, or finds it among those kept.
  bool saw_event(std::string_view name);

  /// The exit status after `signal`, or by itself with 0; -1 if a signal killed it.
  int end(int signal);
  bool running() const;

 private:
  std::string directory_;
  int pid_ = -1;
  LineSocket qtest_;
  LineSocket qmp_;
  std::vector<std::string> events_;
};

}  // namespace qtest_test
