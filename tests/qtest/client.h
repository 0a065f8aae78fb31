// A client of the qtest protocol for tests: starts a program, ours or the stock one, as libqtest
// does, and drives it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/qtest/program.h"

namespace qtest_test {

class Client {
 public:
  /// Starts `program -accel qtest` with `arguments`, its QMP socket too, and fails the test if it
  /// does not come.
  Client(const std::string& program, const std::vector<std::string>& arguments);

  /// One command's reply, with the lines about interrupts that came before it, each ended by "; ".
  std::string ask(std::string_view command);
  /// The number of a reply.
  unsigned long long value(std::string_view command);
  Lines& lines() { return qtest_; }

  /// A QMP command; the answer. Events that come before it are kept.
  std::string qmp(std::string_view command);
  /// Waits for an event of that name, or finds it among those kept.
  bool saw_event(std::string_view name);

  Program& program() { return *program_; }
  int end(int signal) { return program_->end(signal); }
  std::string file(std::string_view name) const { return directory_ / name; }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<Program> program_;
  Lines qtest_;
  Lines qmp_;
  std::vector<std::string> events_;
};

}  // namespace qtest_test
