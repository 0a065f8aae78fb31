// Whole conversations of toolstacks, as files: what each sends, byte for byte, and what it must be
// answered. And their command lines, each of which is taken, or refused in one line.
//
// A transcript's lines: "> request" (a line end is added), ">> bytes" (none is), "< answer" ("*" is
// anything; keys and their order count), "< any", "fd" (a descriptor comes with the next bytes),
// "reconnect", "state NAME", "label NAME", "event NAME".
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "machine/config/parse.h"
#include "tests/unit/monitor/fake_machine.h"

namespace {

using monitor_test::MonitorBench;
using nlohmann::ordered_json;

std::vector<std::string> files_of(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(HERE) + "/" + folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> lines_of(const std::string& folder, const std::string& name) {
  std::ifstream file(std::string(HERE) + "/" + folder + "/" + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

bool matches(const ordered_json& wanted, const ordered_json& got) {
  if (wanted == "*") return true;
  if (wanted.is_object() && got.is_object()) {
    if (wanted.size() != got.size()) return false;
    auto other = got.begin();
    for (auto it = wanted.begin(); it != wanted.end(); ++it, ++other) {
      if (it.key() != other.key() || !matches(it.value(), other.value())) return false;
    }
    return true;
  }
  if (wanted.is_array() && got.is_array()) {
    if (wanted.size() != got.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!matches(wanted[i], got[i])) return false;
    }
    return true;
  }
  return wanted.type() == got.type() ? wanted == got
                                     : wanted.is_number() && got.is_number() && wanted == got;
}

class Player {
 public:
  explicit Player(const std::string& label) : bench_(label) {}

  void play(const std::string& line) {
    const std::string rest = line.size() > 2 ? line.substr(2) : std::string();
    if (line.rfind(">> ", 0) == 0) {
      give(line.substr(3).empty() ? " " : line.substr(3));
    } else if (line.rfind("> ", 0) == 0) {
      give(rest + "\r\n");
    } else if (line.rfind("< ", 0) == 0) {
      expect(rest);
    } else if (line == "fd") {
      bench_.channel.fd = core::Fd(open("/dev/null", O_RDWR | O_CLOEXEC));
    } else if (line == "reconnect") {
      bench_.channel.close();
      bench_.channel.open();
    } else if (line.rfind("state ", 0) == 0) {
      ASSERT_EQ(line, "state prelaunch");
      bench_.machine.now = monitor::RunState::kPrelaunch;
    } else if (line.rfind("event ", 0) == 0) {
      emit(line.substr(6));
    } else {
      FAIL() << "not a line of a transcript: " << line;
    }
  }
  void finish() { EXPECT_EQ(bench_.channel.output, "") << "more than the client expects"; }

 private:
  void give(const std::string& bytes) { bench_.channel.give(bytes); }

  void emit(const std::string& name) {
    if (name == "STOP") bench_.events.stop();
    if (name == "RTC_CHANGE") bench_.events.rtc_change(3600);
    if (name == "XEN_PLATFORM_PV_DRIVER_INFO") bench_.events.pv_driver_info(3, 7);
  }

  void expect(const std::string& wanted) {
    std::string& output = bench_.channel.output;
    const std::size_t end = output.find("\r\n");
    ASSERT_NE(end, std::string::npos) << "no answer; expected " << wanted;
    const std::string line = output.substr(0, end);
    output.erase(0, end + 2);
    EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
    const auto got = ordered_json::parse(line, nullptr, false);
    ASSERT_FALSE(got.is_discarded()) << line;
    if (wanted == "any") return;
    const auto pattern = ordered_json::parse(wanted, nullptr, false);
    ASSERT_FALSE(pattern.is_discarded()) << wanted;
    EXPECT_TRUE(matches(pattern, got)) << "wanted " << wanted << "\n   got " << line;
  }

  MonitorBench bench_;
};

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

class Transcript : public testing::TestWithParam<std::string> {};

TEST_P(Transcript, IsAnsweredAsTheToolstackExpects) {
  const auto lines = lines_of("transcripts", GetParam());
  ASSERT_FALSE(lines.empty());
  std::string label = "libxl-cmd";
  for (const std::string& line : lines) {
    if (line.rfind("label ", 0) == 0) label = line.substr(6);
  }
  Player player(label);
  for (const std::string& line : lines) {
    if (line.empty() || line[0] == '#' || line.rfind("label ", 0) == 0) continue;
    player.play(line);
    if (HasFatalFailure()) return;
  }
  player.finish();
}

INSTANTIATE_TEST_SUITE_P(Toolstacks, Transcript, testing::ValuesIn(files_of("transcripts")),
                         test_name);

class CommandLine : public testing::TestWithParam<std::string> {};

TEST_P(CommandLine, IsTakenOrRefusedInOneLine) {
  std::string may_refuse;
  std::vector<std::string> arguments = {"xenolith"};
  constexpr std::string_view kMayRefuse = "# may-refuse: ";
  for (const std::string& line : lines_of("arguments", GetParam())) {
    if (line.rfind(kMayRefuse, 0) == 0) may_refuse = line.substr(kMayRefuse.size());
    if (!line.empty() && line[0] != '#') arguments.push_back(line);
  }
  ASSERT_GT(arguments.size(), 5u);
  std::vector<const char*> argv;
  for (const std::string& one : arguments) argv.push_back(one.c_str());
  const auto machine = config::parse(argv);
  if (machine) {
    EXPECT_FALSE(machine->monitors.empty());
    return;
  }
  const std::string& message = machine.error().message;
  EXPECT_FALSE(may_refuse.empty()) << message;
  EXPECT_NE(message.find(may_refuse), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Toolstacks, CommandLine, testing::ValuesIn(files_of("arguments")),
                         test_name);

}  // namespace
