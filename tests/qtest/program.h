// A program under test as a process, and lines to and from it. Waits are for input or for an end,
// with a limit far away: none of them is a measurement.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/fd.h"

namespace qtest_test {

inline constexpr const char* kStock = "/usr/libexec/xen-qemu-system-i386";

/// Lines over a socket or a pair of pipes.
class Lines {
 public:
  void connect(core::Fd both);
  void connect(core::Fd in, core::Fd out);
  bool send(std::string_view text) const;
  /// As much as goes without waiting.
  std::size_t send_some(std::string_view text) const;
  /// The next line without its end; nothing if the other side has gone or says nothing.
  std::optional<std::string> line();
  /// Ends sending only.
  void close_sending();
  void close();

 private:
  core::Fd in_;
  core::Fd out_;
  std::string read_;
};

class Program {
 public:
  /// What becomes of its standard descriptors: -1 for ours.
  struct Standard {
    int in = -1;
    int out = -1;
    int error = -1;
  };
  Program(const std::string& path, std::vector<std::string> arguments, const Standard& standard);
  Program(const std::string& path, std::vector<std::string> arguments)
      : Program(path, std::move(arguments), Standard{}) {}
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// The exit status after `signal`, or by itself with 0; -1 if a signal killed it.
  int end(int signal);
  bool running() const;
  /// Waits until it has nothing to do. What spins never has.
  bool falls_asleep() const;
  /// Bytes of memory that are its own.
  std::size_t private_memory() const;

 private:
  /// Readable once it has ended.
  core::Fd end_of_it() const;
  friend core::Fd accept_on(const core::Fd& listener, const Program& program);
  std::string proc(const char* file) const;
  int pid_ = -1;
};

/// A directory for sockets that goes with its owner.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string operator/(std::string_view name) const;

 private:
  std::string path_;
};

core::Fd listen_at(const std::string& path);
/// Waits for the program to connect, or to end.
core::Fd accept_on(const core::Fd& listener, const Program& program);
/// Waits for the server.
core::Fd connect_to(const std::string& path);

}  // namespace qtest_test
