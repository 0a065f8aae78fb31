// Descriptors that a toolstack hands over, as libxl's save and CD change use them.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/unit/monitor/fake_machine.h"

namespace monitor_test {
namespace {

core::Fd memory_file() {
  return core::Fd(memfd_create("test", MFD_CLOEXEC));
}

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

TEST(FdSets, NumbersFromZeroAndFillsGaps) {
  monitor::FdSets sets;
  EXPECT_EQ(sets.add(memory_file(), {}, {})->set, 0);
  EXPECT_EQ(sets.add(memory_file(), {}, {})->set, 1);
  EXPECT_EQ(sets.add(memory_file(), 5, "raw:/x")->set, 5);
  EXPECT_TRUE(sets.remove(0, {}));
  EXPECT_EQ(sets.add(memory_file(), {}, {})->set, 0);
  EXPECT_EQ(sets.add(memory_file(), {}, {})->set, 2);
  EXPECT_FALSE(sets.add(memory_file(), -1, {}));
  EXPECT_FALSE(sets.remove(99, {}));
  ASSERT_EQ(sets.list().size(), 4u);
  EXPECT_EQ(sets.list().back().members.front().opaque, "raw:/x");
}

TEST(FdSets, GivesADuplicateOfTheModeAskedFor) {
  monitor::FdSets sets;
  const auto added = sets.add(memory_file(), {}, {});
  ASSERT_TRUE(added);
  int error = 0;
  EXPECT_FALSE(sets.open("/dev/fdset/0", O_RDONLY, error));
  EXPECT_EQ(error, EACCES);
  EXPECT_FALSE(sets.open("/dev/fdset/7", O_RDWR, error));
  EXPECT_EQ(error, ENOENT);
  const auto file = sets.open("/dev/fdset/0", O_RDWR, error);
  ASSERT_TRUE(file);
  EXPECT_NE(file->fd.get(), added->fd);
  EXPECT_EQ(::write(file->fd.get(), "abc", 3), 3);
  struct stat st {};
  ASSERT_EQ(fstat(added->fd, &st), 0);
  EXPECT_EQ(st.st_size, 3);
  EXPECT_NE(fcntl(file->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(FdSets, OrdinaryPathsAreOpenedAsTheyAre) {
  monitor::FdSets sets;
  int error = 0;
  EXPECT_TRUE(sets.open("/dev/null", O_RDONLY, error));
  EXPECT_FALSE(sets.open("/dev/fdset/x", O_RDONLY, error));
  EXPECT_EQ(error, ENOENT);
  EXPECT_FALSE(monitor::FdSets::is_set_path("/dev/fdset/"));
  EXPECT_FALSE(monitor::FdSets::is_set_path("/dev/fdset/-1"));
  EXPECT_TRUE(monitor::FdSets::is_set_path("/dev/fdset/12"));
}

TEST(FdSets, SurviveTheClientWhileTheGuestIsStopped) {
  monitor::FdSets sets;
  bool running = false;
  sets.set_running_query([&] { return running; });
  sets.monitor_opened();
  const int fd = sets.add(memory_file(), {}, {})->fd;
  sets.monitor_closed();
  EXPECT_TRUE(is_open(fd));
  running = true;
  sets.monitor_opened();
  sets.monitor_closed();
  EXPECT_TRUE(sets.list().empty());
  EXPECT_FALSE(is_open(fd));
}

TEST(FdSets, StayWhileAFileOutOfThemIsOpen) {
  monitor::FdSets sets;
  sets.monitor_opened();
  const int fd = sets.add(memory_file(), {}, {})->fd;
  int error = 0;
  auto file = sets.open("/dev/fdset/0", O_RDWR, error);
  ASSERT_TRUE(file);
  sets.monitor_closed();
  EXPECT_TRUE(is_open(fd));
  ASSERT_EQ(sets.list().size(), 1u);
  file.reset();
  EXPECT_TRUE(sets.list().empty());
}

TEST(FdCommands, AddQueryRemove) {
  MonitorBench bench;
  bench.ready();
  EXPECT_EQ(bench.ask(R"({"execute":"add-fd"})"),
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"No file descriptor supplied via "
            "SCM_RIGHTS\"}}\r\n");
  bench.channel.fd = memory_file();
  const std::string number = std::to_string(bench.channel.fd.get());
  EXPECT_EQ(bench.ask(R"({"execute":"add-fd","arguments":{"opaque":"raw:/x.iso"}})"),
            "{\"return\": {\"fd\": " + number + ", \"fdset-id\": 0}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"query-fdsets"})"),
            "{\"return\": [{\"fds\": [{\"fd\": " + number +
                ", \"opaque\": \"raw:/x.iso\"}], \"fdset-id\": 0}]}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"remove-fd","arguments":{"fdset-id":0,"fd":-5}})"),
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"File descriptor named "
            "'fdset-id:0, fd:-5' not found\"}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"remove-fd","arguments":{"fdset-id":0}})"),
            "{\"return\": {}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"query-fdsets"})"), "{\"return\": []}\r\n");
}

TEST(FdCommands, NamedDescriptors) {
  MonitorBench bench;
  bench.ready();
  bench.channel.fd = memory_file();
  EXPECT_EQ(bench.ask(R"({"execute":"getfd","arguments":{"fdname":"1x"}})"),
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Parameter 'fdname' expects a "
            "name not starting with a digit\"}}\r\n");
  bench.channel.fd = memory_file();
  EXPECT_EQ(bench.ask(R"({"execute":"getfd","arguments":{"fdname":"x"}})"), "{\"return\": {}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"closefd","arguments":{"fdname":"x"}})"),
            "{\"return\": {}}\r\n");
  EXPECT_EQ(bench.ask(R"({"execute":"closefd","arguments":{"fdname":"x"}})"),
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"File descriptor named 'x' not "
            "found\"}}\r\n");
}

TEST(FdCommands, ScreendumpIntoASet) {
  MonitorBench bench;
  bench.ready();
  core::Fd file = memory_file();
  bench.channel.fd.reset(dup(file.get()));
  bench.ask(R"({"execute":"add-fd"})");
  EXPECT_EQ(bench.ask(R"({"execute":"screendump","arguments":{"filename":"/dev/fdset/0",)"
                      R"("format":"png"}})"),
            "{\"return\": {}}\r\n");
  char magic[4] = {};
  EXPECT_EQ(pread(file.get(), magic, 4, 0), 4);
  EXPECT_EQ(std::string(magic, 4), "\x89PNG");
}

}  // namespace
}  // namespace monitor_test
