// The kinds of character device that a client may sit at, and the log of -qtest-log. The same on
// both programs.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <regex>

#include "tests/qtest/program.h"

namespace qtest_test {
namespace {

struct Pipe {
  core::Fd in, out;
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    in = core::Fd(fds[0]);
    out = core::Fd(fds[1]);
  }
};

class Line : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (::access(GetParam(), X_OK) != 0) GTEST_SKIP() << GetParam() << " is not installed";
  }
  void start(std::vector<std::string> arguments, const Program::Standard& standard = {}) {
    arguments.insert(arguments.end(),
                     {"-accel", "qtest", "-machine", "pc", "-nodefaults", "-display", "none"});
    program = std::make_unique<Program>(GetParam(), arguments, standard);
  }
  void talk() {
    ASSERT_TRUE(lines.send("endianness\nwritel 0x1000 7\nclock_step 5\n"));
    EXPECT_EQ(lines.line(), "OK little");
    EXPECT_EQ(lines.line(), "OK");
    EXPECT_EQ(lines.line(), "OK 5");
  }

  TemporaryDirectory directory;
  std::unique_ptr<Program> program;
  Lines lines;
};

TEST_P(Line, UnixSocketOfTheClient) {
  const core::Fd listener = listen_at(directory / "q");
  start({"-qtest", "unix:" + (directory / "q"), "-qtest-log", "none"});
  lines.connect(accept_on(listener, *program));
  talk();
  EXPECT_EQ(program->end(SIGTERM), 0);
}

// One client after the other: the board stays as it is.
TEST_P(Line, UnixSocketOfTheProgram) {
  const std::string path = directory / "q";
  start({"-qtest", fmt::format("unix:{},server=on,wait=off", path), "-qtest-log", "none"});
  lines.connect(connect_to(path));
  talk();
  EXPECT_TRUE(lines.send("irq_intercept_in ioapic\nset_irq_in ioapic unnamed-gpio-in 20 1\n"));
  EXPECT_EQ(lines.line(), "OK");
  EXPECT_EQ(lines.line(), "IRQ raise 20");
  EXPECT_EQ(lines.line(), "OK");
  lines.close();
  lines.connect(connect_to(path));
  ASSERT_TRUE(lines.send("readl 0x1000\nset_irq_in ioapic unnamed-gpio-in 20 1\n"));
  EXPECT_EQ(lines.line(), "OK 0x0000000000000007");
  EXPECT_EQ(lines.line(), "IRQ raise 20") << "a new client knows of none";
  EXPECT_EQ(lines.line(), "OK");
  EXPECT_EQ(program->end(SIGTERM), 0);
}

TEST_P(Line, TcpOfTheClient) {
  const core::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  start(
      {"-qtest", fmt::format("tcp:127.0.0.1:{}", ::ntohs(address.sin_port)), "-qtest-log", "none"});
  lines.connect(accept_on(listener, *program));
  talk();
  EXPECT_EQ(program->end(SIGTERM), 0);
}

TEST_P(Line, InheritedSocket) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  ::fcntl(pair[0], F_SETFD, FD_CLOEXEC);
  start({"-chardev", fmt::format("socket,fd={},id=q", pair[1]), "-object",
         "qtest,id=qtest0,chardev=q,log=none"});
  ::close(pair[1]);
  lines.connect(core::Fd(pair[0]));
  talk();
  EXPECT_EQ(program->end(SIGTERM), 0);
}

TEST_P(Line, StandardInputAndOutput) {
  Pipe to, from;
  start({"-qtest", "stdio", "-monitor", "none", "-qtest-log", "none"},
        {.in = to.in.get(), .out = from.out.get()});
  to.in.reset();
  from.out.reset();
  lines.connect(std::move(from.in), std::move(to.out));
  talk();
  EXPECT_EQ(program->end(SIGTERM), 0);
}

// A trace as fuzzers leave it, fed by a shell: all lines run although the input ends at once.
TEST_P(Line, TraceFromAFile) {
  const std::string path = directory / "trace";
  std::ofstream(path) << "outl 0xcf8 0x80000000\ninl 0xcfc\nclock_step 2000000000000\n"
                         "endianness\n";
  const core::Fd trace(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Pipe from;
  start({"-qtest", "stdio", "-monitor", "none", "-qtest-log", "none"},
        {.in = trace.get(), .out = from.out.get()});
  from.out.reset();
  lines.connect(std::move(from.in), core::Fd());
  EXPECT_EQ(lines.line(), "OK");
  EXPECT_EQ(lines.line(), "OK 0x12378086");
  EXPECT_EQ(lines.line(), "OK 2000000000000");
  EXPECT_EQ(lines.line(), "OK little");
  EXPECT_EQ(program->end(SIGTERM), 0);
}

TEST_P(Line, LogOnStandardError) {
  Pipe to, from, error;
  start({"-qtest", "stdio", "-monitor", "none"},
        {.in = to.in.get(), .out = from.out.get(), .error = error.out.get()});
  to.in.reset();
  from.out.reset();
  error.out.reset();
  lines.connect(std::move(from.in), std::move(to.out));
  talk();
  Lines log;
  log.connect(std::move(error.in), core::Fd());
  for (const char* pattern : {R"(\[I 0\.\d{6}\] OPENED)", R"(\[R \+\d+\.\d{6}\] endianness)",
                              R"(\[S \+\d+\.\d{6}\] OK little)",
                              R"(\[R \+\d+\.\d{6}\] writel 0x1000 7)", R"(\[S \+\d+\.\d{6}\] OK)",
                              R"(\[R \+\d+\.\d{6}\] clock_step 5)", R"(\[S \+\d+\.\d{6}\] OK 5)"}) {
    auto line = log.line();
    // The rest of what a program has to say.
    while (line && line->rfind("[", 0) != 0) line = log.line();
    ASSERT_TRUE(line) << pattern;
    EXPECT_TRUE(std::regex_match(*line, std::regex(pattern))) << *line << " is not " << pattern;
  }
  EXPECT_EQ(program->end(SIGTERM), 0);
}

INSTANTIATE_TEST_SUITE_P(Programs, Line, ::testing::Values(XENOLITH, kStock),
                         [](const auto& instance) {
                           return instance.param == std::string_view(kStock) ? "Stock" : "Xenolith";
                         });

}  // namespace
}  // namespace qtest_test
