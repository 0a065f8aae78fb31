#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "tests/unit/config/config_test.h"

namespace config_test {
namespace {

using Traces = std::vector<std::string>;

TEST(Logging, TracesByPattern) {
  EXPECT_EQ(machine({"-trace", "guest_*", "-trace", "enable=run_state"}).traces,
            (Traces{"guest_*", "run_state"}));
  EXPECT_EQ(machine({"-d", "guest_errors,trace:run_*"}).traces, (Traces{"guest_error", "run_*"}));
  EXPECT_EQ(machine({"-trace", "run_state,file=/tmp/t"}).log_file, "/tmp/t");
  EXPECT_EQ(machine({"-D", "/l", "-trace", "run_state,file=/tmp/t"}).log_file, "/l");
}

TEST(Logging, TracesOfAFile) {
  std::string path = testing::TempDir() + "tracesXXXXXX";
  const int fd = mkstemp(path.data());
  ASSERT_GE(fd, 0);
  close(fd);
  std::ofstream(path) << "# remarks\n\nguest_access\r\n  run_*  \n-guest_error";
  EXPECT_EQ(machine({"-trace", "events=" + path}).traces,
            (Traces{"guest_access", "run_*", "-guest_error"}));
  std::remove(path.c_str());
  EXPECT_EQ(error({"-trace", "events=" + path}),
            "-trace events=" + path + ": No such file or directory");
}

TEST(Logging, ListsForWhoAsks) {
  const std::vector<Arguments> all = {
      {"-trace", "help"}, {"-trace", "?"}, {"-d", "trace:help"}, {"-d", "trace:?"}};
  for (const Arguments& arguments : all) {
    const auto m = machine(arguments);
    ASSERT_TRUE(m.help.has_value());
    EXPECT_EQ(*m.help, "guest_access\nguest_error\nmonitor_command\nrun_state\nxen_platform_log\n");
  }
  const auto m = machine({"-d", "help"});
  ASSERT_TRUE(m.help.has_value());
  EXPECT_EQ(m.help->rfind("Log items (comma separated):\nguest_errors ", 0), 0U) << *m.help;
}

TEST(Logging, ItemsOfQemusProcessorsAreIgnoredWithAWordAndOthersRefused) {
  const auto m = machine({"-d", "in_asm,guest_errors,int"});
  EXPECT_EQ(m.notes.size(), 2U);
  EXPECT_EQ(m.traces, Traces{"guest_error"});
  EXPECT_EQ(error({"-d", "nonsense"}), "-d nonsense: no such item: -d help lists them");
}

TEST(Logging, Messages) {
  EXPECT_FALSE(machine({}).message_timestamp);
  const auto m = machine({"-msg", "timestamp=on,guest-name=on"});
  EXPECT_TRUE(m.message_timestamp);
  EXPECT_TRUE(m.message_guest_name);
  EXPECT_EQ(error({"-msg", "colour=red"}), "-msg: there is no setting 'colour'");
}

}  // namespace
}  // namespace config_test
