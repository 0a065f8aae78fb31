#include "tests/qtest/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

extern char** environ;

namespace qtest_test {
namespace {

constexpr int kPatienceMs = 60'000;
constexpr int kPollMs = 10;

bool readable(int fd, int wait_ms) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, wait_ms) == 1;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

void Lines::connect(core::Fd both) {
  const int copy = ::fcntl(both.get(), F_DUPFD_CLOEXEC, 0);
  connect(core::Fd(copy), std::move(both));
}

void Lines::connect(core::Fd in, core::Fd out) {
  in_ = std::move(in);
  out_ = std::move(out);
}

bool Lines::send(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t sent = ::write(out_.get(), text.data(), text.size());
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::size_t Lines::send_some(std::string_view text) const {
  const ssize_t sent = ::send(out_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

std::optional<std::string> Lines::line() {
  for (;;) {
    if (const std::size_t end = read_.find('\n'); end != std::string::npos) {
      std::string result = read_.substr(0, end);
      read_.erase(0, end + 1);
      if (!result.empty() && result.back() == '\r') result.pop_back();
      return result;
    }
    if (in_.get() < 0 || !readable(in_.get(), kPatienceMs)) return std::nullopt;
    char buffer[65536];
    const ssize_t got = ::read(in_.get(), buffer, sizeof buffer);
    if (got <= 0) return std::nullopt;
    read_.append(buffer, static_cast<std::size_t>(got));
  }
}

void Lines::close_sending() {
  ::shutdown(out_.get(), SHUT_WR);
  out_.reset();
}

void Lines::close() {
  in_.reset();
  out_.reset();
}

Program::Program(const std::string& path, std::vector<std::string> arguments,
                 const Standard& standard) {
  ::signal(SIGPIPE, SIG_IGN);
  arguments.insert(arguments.begin(), path);
  std::vector<char*> argv;
  for (std::string& one : arguments) argv.push_back(one.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const int fds[] = {standard.in, standard.out, standard.error};
  for (int i = 0; i < 3; ++i) {
    if (fds[i] >= 0) ::posix_spawn_file_actions_adddup2(&actions, fds[i], i);
  }
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t defaults;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  if (::posix_spawn(&pid_, path.c_str(), &actions, &attributes, argv.data(), environ) != 0) {
    ADD_FAILURE() << path << " does not start";
    pid_ = -1;
  }
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
}

Program::~Program() {
  if (pid_ > 0) end(SIGKILL);
}

int Program::end(int signal) {
  if (pid_ <= 0) return -1;
  if (signal != 0) ::kill(pid_, signal);
  if (!readable(end_of_it().get(), kPatienceMs)) {
    ADD_FAILURE() << "it does not end";
    ::kill(pid_, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Program::running() const {
  return pid_ > 0 && !readable(end_of_it().get(), 0);
}

core::Fd Program::end_of_it() const {
  return core::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

std::string Program::proc(const char* file) const {
  std::ifstream in(fmt::format("/proc/{}/{}", pid_, file));
  return {std::istreambuf_iterator<char>(in), {}};
}

bool Program::falls_asleep() const {
  const core::Fd process = end_of_it();
  for (int waited = 0; waited < kPatienceMs; waited += kPollMs) {
    const std::string stat = proc("stat");
    const std::size_t name_end = stat.rfind(')');
    if (name_end != std::string::npos && stat.compare(name_end, 4, ") S ") == 0) return true;
    if (readable(process.get(), kPollMs)) return false;  // it has ended
  }
  return false;
}

std::size_t Program::private_memory() const {
  const std::string rollup = proc("smaps_rollup");
  const std::size_t at = rollup.find("Private_Dirty:");
  if (at == std::string::npos) return 0;
  return std::strtoull(rollup.c_str() + at + 14, nullptr, 10) * 1024;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "qtest-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    ADD_FAILURE() << "no directory for sockets";
    return;
  }
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::operator/(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

core::Fd listen_at(const std::string& path) {
  core::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), 1), 0);
  return fd;
}

core::Fd accept_on(const core::Fd& listener, const Program& program) {
  const core::Fd end = program.end_of_it();
  std::array<pollfd, 2> wait = {{{listener.get(), POLLIN, 0}, {end.get(), POLLIN, 0}}};
  ::poll(wait.data(), wait.size(), kPatienceMs);
  if ((wait[0].revents & POLLIN) == 0) {
    ADD_FAILURE() << "the program does not connect";
    return core::Fd(-1);
  }
  return core::Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

core::Fd connect_to(const std::string& path) {
  core::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  for (int waited = 0; waited < kPatienceMs; waited += kPollMs) {
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return fd;
    }
    ::poll(nullptr, 0, kPollMs);
  }
  return core::Fd(-1);
}

}  // namespace qtest_test
