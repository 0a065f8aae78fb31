#include "tests/qtest/client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

extern char** environ;

namespace qtest_test {
namespace {

constexpr int kPatienceMs = 60'000;

core::Fd listen_at(const std::string& path) {
  core::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), 1), 0);
  return fd;
}

bool readable(int fd) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, kPatienceMs) == 1;
}

core::Fd accept_on(int fd) {
  return core::Fd(readable(fd) ? ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC) : -1);
}

}  // namespace

bool LineSocket::send(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<std::string> LineSocket::line() {
  for (;;) {
    if (const std::size_t end = in_.find('\n'); end != std::string::npos) {
      std::string result = in_.substr(0, end);
      in_.erase(0, end + 1);
      if (!result.empty() && result.back() == '\r') result.pop_back();
      return result;
    }
    if (fd_.get() < 0 || !readable(fd_.get())) return std::nullopt;
    char buffer[65536];
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return std::nullopt;
    in_.append(buffer, static_cast<std::size_t>(got));
  }
}

Client::Client(const std::string& program, std::vector<std::string> arguments) {
  std::string directory = (std::filesystem::temp_directory_path() / "qtest-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) {
    ADD_FAILURE() << "no directory for sockets";
    return;
  }
  directory_ = directory;
  const core::Fd qtest = listen_at(directory_ + "/qtest");
  const core::Fd qmp = listen_at(directory_ + "/qmp");
  std::vector<std::string> argv = {program,
                                   "-qtest",
                                   fmt::format("unix:{}/qtest", directory_),
                                   "-qtest-log",
                                   "/dev/null",
                                   "-chardev",
                                   fmt::format("socket,path={}/qmp,id=char0", directory_),
                                   "-mon",
                                   "chardev=char0,mode=control",
                                   "-display",
                                   "none",
                                   "-accel",
                                   "qtest"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& one : argv) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  if (::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, pointers.data(), environ) != 0) {
    ADD_FAILURE() << program << " does not start";
    pid_ = -1;
    return;
  }
  qtest_.connect(accept_on(qtest.get()));
  qmp_.connect(accept_on(qmp.get()));
  const auto greeting = qmp_.line();
  EXPECT_TRUE(greeting && greeting->find("\"QMP\"") != std::string::npos);
  EXPECT_NE(this->qmp(R"({"execute":"qmp_capabilities"})").find("return"), std::string::npos);
}

Client::~Client() {
  if (pid_ > 0) end(SIGKILL);
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
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

int Client::end(int signal) {
  if (pid_ <= 0) return -1;
  if (signal != 0) ::kill(pid_, signal);
  const core::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!readable(process.get())) ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Client::running() const {
  return pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0;
}

}  // namespace qtest_test
