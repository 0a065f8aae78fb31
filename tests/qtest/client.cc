#include "tests/qtest/client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace qtest_test {

Client::Client(const std::string& program, const std::vector<std::string>& arguments) {
  const core::Fd qtest = listen_at(directory_ / "qtest");
  const core::Fd qmp = listen_at(directory_ / "qmp");
  std::vector<std::string> all = {
      "-qtest",     fmt::format("unix:{}", directory_ / "qtest"),
      "-qtest-log", "/dev/null",
      "-chardev",   fmt::format("socket,path={},id=char0", directory_ / "qmp"),
      "-mon",       "chardev=char0,mode=control",
      "-display",   "none",
      "-accel",     "qtest"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  program_ = std::make_unique<Program>(program, all);
  qtest_.connect(accept_on(qtest, *program_));
  qmp_.connect(accept_on(qmp, *program_));
  const auto greeting = qmp_.line();
  EXPECT_TRUE(greeting && greeting->find("\"QMP\"") != std::string::npos);
  EXPECT_NE(this->qmp(R"({"execute":"qmp_capabilities"})").find("return"), std::string::npos);
}

std::string Client::ask(std::string_view command) {
  std::string all;
  if (!qtest_.send(fmt::format("{}\n", command))) return "gone";
  for (;;) {
    const auto line = qtest_.line();
    if (!line) return all + "gone";
    all += *line;
    if (line->rfind("IRQ ", 0) != 0) return all;
    all += "; ";
  }
}

unsigned long long Client::value(std::string_view command) {
  const std::string reply = ask(command);
  const std::size_t at = reply.rfind("OK ");
  if (at == std::string::npos) {
    ADD_FAILURE() << command << ": " << reply;
    return 0;
  }
  return std::strtoull(reply.c_str() + at + 3, nullptr, 0);
}

std::string Client::qmp(std::string_view command) {
  if (!qmp_.send(fmt::format("{}\n", command))) return "gone";
  for (;;) {
    const auto line = qmp_.line();
    if (!line) return "gone";
    if (line->find("\"event\"") == std::string::npos) return *line;
    events_.push_back(*line);
  }
}

bool Client::saw_event(std::string_view name) {
  const std::string wanted = fmt::format("\"{}\"", name);
  for (std::size_t at = 0;; ++at) {
    while (at >= events_.size()) {
      const auto line = qmp_.line();
      if (!line) return false;
      events_.push_back(*line);
    }
    if (events_[at].find(wanted) == std::string::npos) continue;
    events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    return true;
  }
}

}  // namespace qtest_test
