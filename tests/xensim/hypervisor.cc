#include "tests/xensim/hypervisor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace xensim {
namespace {

bool receive_all(int socket, void* to, std::size_t size) {
  u8* at = static_cast<u8*>(to);
  while (size > 0) {
    const ssize_t got = ::recv(socket, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool send_all(int socket, const void* from, std::size_t size) {
  const u8* at = static_cast<const u8*>(from);
  while (size > 0) {
    const ssize_t sent = ::send(socket, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool send_answer(int socket, const AnswerHeader& answer, const std::vector<int>& files) {
  if (files.empty()) return send_all(socket, &answer, sizeof answer);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kSharedFiles)] = {};
  iovec piece{const_cast<AnswerHeader*>(&answer), sizeof answer};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * files.size());
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int) * files.size());
  std::memcpy(CMSG_DATA(head), files.data(), sizeof(int) * files.size());
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof answer);
}

int listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("socket path is too long");
  std::strcpy(address.sun_path, path.c_str());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0 || ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket, 16) != 0) {
    throw std::runtime_error("cannot listen on " + path);
  }
  return socket;
}

}  // namespace

Hypervisor::Hypervisor(const HypervisorOptions& options, const std::string& socket)
    : memory(options.max_pages),
      events(shared.shared(), [this] { wake(); }),
      servers(shared, events, options.vcpus),
      interrupts(shared.shared()),
      options_(options),
      path_(socket),
      listener_(listen_on(socket)),
      waker_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread([this] { serve(); });
}

Hypervisor::~Hypervisor() {
  stop();
}

void Hypervisor::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
  for (const int connection : connections_) ::close(connection);
  ::close(listener_);
  ::close(waker_);
  ::unlink(path_.c_str());
}

void Hypervisor::wake() {
  const u64 one = 1;
  if (::write(waker_, &one, sizeof one) < 0 && errno != EAGAIN) std::abort();
}

/// The thread: calls, and events that wait for their port.
void Hypervisor::serve() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.assign({{listener_, POLLIN, 0}, {waker_, POLLIN, 0}});
    for (const int connection : connections_) polled.push_back({connection, POLLIN, 0});
    const std::size_t calls = polled.size();
    if (events.held_back()) {
      for (const int file : events.files()) polled.push_back({file, POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[1].revents != 0) {
      u64 count = 0;
      if (::read(waker_, &count, sizeof count) < 0) continue;
    }
    for (std::size_t i = calls; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      events.settle();
      break;
    }
    for (std::size_t i = 2; i < calls; ++i) {
      if (polled[i].revents == 0 || serve_one(polled[i].fd)) continue;
      ::close(polled[i].fd);
      std::erase(connections_, polled[i].fd);
    }
    if (polled[0].revents != 0) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection >= 0) connections_.push_back(connection);
    }
  }
}

bool Hypervisor::serve_one(int socket) {
  CallHeader call;
  if (!receive_all(socket, &call, sizeof call) || call.payload > kMaxPayload) return false;
  std::vector<u8> payload(call.payload);
  if (!receive_all(socket, payload.data(), payload.size())) return false;
  AnswerHeader answer{};
  std::vector<u8> reply;
  std::vector<int> files;
  answer.result = run(call, payload, answer, reply, files);
  if (answer.result != 0) reply.clear();
  answer.files = static_cast<u32>(files.size());
  answer.payload = reply.size();
  const bool sent =
      send_answer(socket, answer, files) && send_all(socket, reply.data(), reply.size());
  if (call.call == Call::kOpenEvents) {
    for (const int file : files) ::close(file);
  }
  return sent;
}

void Hypervisor::shut_down(Shutdown reason, std::string why) {
  const std::lock_guard lock(mutex_);
  if (shutdown_) return;
  shutdown_ = reason;
  why_ = std::move(why);
  changed_.notify_all();
}

void Hypervisor::soft_reset() {
  servers.destroy_all();
  const std::lock_guard lock(mutex_);
  shutdown_.reset();
  why_.clear();
  parameters_.clear();
}

std::optional<Shutdown> Hypervisor::shutdown() const {
  const std::lock_guard lock(mutex_);
  return shutdown_;
}

std::string Hypervisor::shutdown_why() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

bool Hypervisor::wait_shutdown(u64 milliseconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                           [this] { return shutdown_.has_value(); });
}

std::optional<u64> Hypervisor::parameter(u32 number) const {
  const std::lock_guard lock(mutex_);
  const auto found = parameters_.find(number);
  return found != parameters_.end() ? std::optional(found->second) : std::nullopt;
}

void Hypervisor::set_parameter(u32 number, u64 value) {
  const std::lock_guard lock(mutex_);
  parameters_[number] = value;
}

std::vector<Extent> Hypervisor::modified() const {
  const std::lock_guard lock(mutex_);
  return modified_;
}

std::vector<Extent> Hypervisor::memory_types() const {
  const std::lock_guard lock(mutex_);
  return types_;
}

std::vector<Extent> Hypervisor::pinned() const {
  const std::lock_guard lock(mutex_);
  return pinned_;
}

}  // namespace xensim
