#include "tests/xensim/qmp.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace xensim {
namespace {

using Clock = std::chrono::steady_clock;

int left_until(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

}  // namespace

/// The folder tells when the socket appears.
int connect_to(const std::string& path, u64 milliseconds) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("socket path is too long");
  std::strcpy(address.sun_path, path.c_str());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  ::inotify_add_watch(watch, path.substr(0, path.rfind('/')).c_str(), IN_CREATE | IN_ATTRIB);
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  bool connected = false;
  while (!(connected =
               ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) &&
         Clock::now() < end) {
    // Between bind and listen, nothing announces the change.
    const bool there = errno == ECONNREFUSED;
    pollfd polled{watch, POLLIN, 0};
    ::poll(&polled, 1, there ? 1 : std::min(left_until(end), 1000));
    char drained[4096];
    while (::read(watch, drained, sizeof drained) > 0) {
    }
  }
  ::close(watch);
  if (connected) return socket;
  ::close(socket);
  throw std::runtime_error("nobody listens on " + path);
}

Qmp::Qmp(const std::string& path, u64 milliseconds) : socket_(connect_to(path, milliseconds)) {
  const auto hello = receive(milliseconds);
  if (!hello || !hello->contains("QMP")) {
    ::close(socket_);
    throw std::runtime_error("no QMP greeting on " + path);
  }
  greeting_ = *hello;
  call("qmp_capabilities");
}

Qmp::~Qmp() {
  ::close(socket_);
}

void Qmp::send(const std::string& bytes, int file) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (file >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(head), &file, sizeof file);
  }
  if (::sendmsg(socket_, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the monitor's socket is closed");
  }
}

std::optional<Json> Qmp::receive(u64 milliseconds) {
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (true) {
    if (const auto line = input_.find('\n'); line != std::string::npos) {
      Json message = Json::parse(input_.substr(0, line), nullptr, false);
      input_.erase(0, line + 1);
      if (message.is_discarded()) throw std::runtime_error("the monitor says what is not JSON");
      return message;
    }
    pollfd polled{socket_, POLLIN, 0};
    if (::poll(&polled, 1, left_until(end)) <= 0) return std::nullopt;
    char buffer[8192];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) return std::nullopt;
    input_.append(buffer, static_cast<std::size_t>(got));
  }
}

Json Qmp::execute(const std::string& command, const Json& arguments, int file) {
  Json message{{"execute", command}};
  if (!arguments.is_null()) message["arguments"] = arguments;
  send(message.dump() + "\r\n", file);
  while (auto answer = receive()) {
    // Stock greets a client twice that connected before its monitor was ready.
    if (answer->contains("QMP")) continue;
    if (!answer->contains("event")) return *answer;
    events_.push_back(*answer);
  }
  throw std::runtime_error("no answer to " + command);
}

Json Qmp::call(const std::string& command, const Json& arguments, int file) {
  const Json answer = execute(command, arguments, file);
  if (!answer.contains("return")) throw std::runtime_error(command + ": " + answer.dump());
  return answer["return"];
}

std::optional<Json> Qmp::event(const std::string& name, u64 milliseconds) {
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (true) {
    while (!events_.empty()) {
      Json event = events_.front();
      events_.pop_front();
      if (event["event"] == name) return event;
    }
    auto next = receive(static_cast<u64>(left_until(end)));
    if (!next) return std::nullopt;
    if (next->contains("event")) events_.push_back(*next);
  }
}

}  // namespace xensim
