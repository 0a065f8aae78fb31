// Requests out of the declarations, thousands of them, well-formed and flawed: each is answered
// once, with what is declared or with an error, and the next one is understood.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/monitor/fake_machine.h"
#include "tests/unit/monitor/qmp_grammar.h"

namespace monitor_test {
namespace {

TEST(Grammar, EveryRequestIsAnsweredOnce) {
  const monitor::Registry registry;
  const Grammar grammar(registry);
  std::mt19937 random(20261126);
  std::map<std::string, unsigned> good;
  for (unsigned round = 0; round < 200; ++round) {
    MonitorBench bench;
    bench.ready();
    for (unsigned i = 0; i < 25; ++i) {
      std::string bytes;
      for (unsigned k = 0; k < 64; ++k) bytes += static_cast<char>(random());
      Source source(bytes);
      monitor::Json request = grammar.request(source);
      request["id"] = i;
      const std::string name = request["execute"].get<std::string>();
      const std::string output = bench.channel.ask(monitor::to_text(request));
      unsigned answers = 0;
      for (std::size_t at = 0; at < output.size();) {
        const std::size_t end = output.find("\r\n", at);
        ASSERT_NE(end, std::string::npos) << output;
        const auto reply = monitor::Json::parse(output.substr(at, end - at), nullptr, false);
        ASSERT_FALSE(reply.is_discarded()) << output;
        at = end + 2;
        if (reply.contains("event")) continue;
        ++answers;
        EXPECT_EQ(reply["id"], i);
        if (!reply.contains("return")) continue;
        ++good[name];
        const monitor::Command* command = registry.find(name);
        if (command->returns == nullptr) continue;
        const auto problem = monitor::check_value(reply["return"], *command->returns);
        EXPECT_FALSE(problem.has_value()) << name << ": " << problem.value_or("");
      }
      EXPECT_EQ(answers, 1u) << monitor::to_text(request) << "\n" << output;
      if (bench.machine.now == monitor::RunState::kShutdown) break;
    }
  }
  // The grammar gets through: most commands have been answered with success.
  EXPECT_GT(good.size(), 60u);
}

}  // namespace
}  // namespace monitor_test
