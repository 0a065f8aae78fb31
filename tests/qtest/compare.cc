#include "tests/qtest/compare.h"

#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "tests/qtest/differences.h"

namespace qtest_test {
namespace {

const Difference* explained(std::string_view script, std::string_view command) {
  for (const Difference& one : kDifferences) {
    const bool prefix = one.command.ends_with('*');
    const std::string_view text = one.command.substr(0, one.command.size() - (prefix ? 1 : 0));
    if (one.script == script && (prefix ? command.starts_with(text) : command == text)) return &one;
  }
  return nullptr;
}

std::vector<std::string> with_images(std::vector<std::string> arguments,
                                     const std::string& prefix) {
  for (std::string& one : arguments) {
    for (std::size_t at = one.find('@'); at != std::string::npos; at = one.find('@', at)) {
      one.replace(at, 1, prefix);
    }
  }
  return arguments;
}

}  // namespace

void Compare::add_image(std::string_view name, std::string_view content) {
  for (const char* whose : {"ours-", "stock-"}) {
    std::ofstream(images_ / fmt::format("{}{}", whose, name), std::ios::binary) << content;
  }
}

void Compare::start(std::string name, std::vector<std::string> arguments) {
  script = std::move(name);
  arguments.insert(arguments.end(),
                   {"-machine", "pc", "-rtc", "base=2024-02-29T23:59:58,clock=vm"});
  ours = std::make_unique<Client>(XENOLITH, with_images(arguments, images_ / "ours-"));
  if (::access(kStock, X_OK) != 0) return;
  stock = std::make_unique<Client>(kStock, with_images(arguments, images_ / "stock-"));
}

void Compare::TearDown() {
  EXPECT_TRUE(ours && ours->end(SIGTERM) == 0);
  EXPECT_TRUE(!stock || stock->end(SIGTERM) == 0);
  if (!stock) GTEST_SKIP() << kStock << " is not installed: not compared";
}

std::string Compare::operator()(std::string_view command) {
  return both(command, [command](Client& client) { return client.ask(command); });
}

std::string Compare::both(std::string_view what, const std::function<std::string(Client&)>& ask) {
  const std::string here = ask(*ours);
  EXPECT_EQ(here.find("gone"), std::string::npos) << what;
  if (!stock) return here;
  const std::string there = ask(*stock);
  if (const Difference* one = explained(script, what)) {
    EXPECT_NE(here, there) << what << " is the same by now; listed as: " << one->reason;
  } else {
    EXPECT_EQ(here, there) << script << ": " << what << "\nafter:\n" << history_;
  }
  constexpr std::size_t kHistory = 6000;
  history_ += fmt::format("{} -> {}\n", what, here);
  if (history_.size() > kHistory) history_.erase(0, history_.find('\n', kHistory / 4) + 1);
  return here;
}

}  // namespace qtest_test
