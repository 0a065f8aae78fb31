#include "machine/chardev/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "machine/chardev/open.h"

namespace chardev {
namespace {

constexpr std::size_t kMaxFds = 16;      // in one message
constexpr int kBacklog = 16;             // libxl takes a full one for a failure
constexpr int kConnectTimeoutMs = 5000;  // at start, where there is nothing else to do

Fd new_socket(int family) {
  return Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool set_non_blocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
         ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool option_is(int fd, int option, int expected) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 && value == expected;
}

}  // namespace

void SocketChardev::connected_to(Fd connection) {
  connection_ = std::move(connection);
  if (spec_.nodelay) {
    const int on = 1;
    ::setsockopt(connection_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (spec_.telnet) {
    telnet_ = {};
    half_sent_ = false;
    const auto greeting = Telnet::greeting();  // a new connection has room for it
    (void)::send(connection_.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL);
  }
  attach(connection_.get(), connection_.get());
}

void SocketChardev::drop_connection() {
  detach();
  received_.clear();
  connection_.reset();
}

void SocketChardev::disconnect() {
  if (!connection_) return;
  drop_connection();
  look_for_peer();
}

std::string SocketChardev::description() const {
  const char* server = spec_.server ? ",server=on" : "";
  if (!connected()) return "disconnected:" + shown(address_text()) + server;
  const SocketAddress local = local_address(connection_.get());
  if (local.family() == AF_UNIX) return to_text(local) + server;
  // The peer's text without its "tcp:".
  return fmt::format("{}{} <-> {}", shown(to_text(local, true)), server,
                     to_text(peer_address(connection_.get()), true).substr(4));
}

std::string SocketChardev::shown(std::string text) const {
  constexpr std::string_view kTcp = "tcp:";
  if (spec_.telnet && text.starts_with(kTcp)) text.replace(0, kTcp.size(), "telnet:");
  return text;
}

int SocketChardev::take_fd() {
  if (received_.empty()) return -1;
  const int fd = received_.front().release();
  received_.erase(received_.begin());
  return fd;
}

void SocketChardev::keep_fds(msghdr& message) {
  bool first = true;
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    if (std::exchange(first, false)) received_.clear();
    const std::size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(one) + i * sizeof fd, sizeof fd);
      received_.emplace_back(fd);
    }
  }
}

ssize_t SocketChardev::receive(int fd, core::MutableBytes to) {
  iovec bytes{.iov_base = to.data(), .iov_len = to.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t count = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  if (count >= 0 && message.msg_controllen > 0) keep_fds(message);
  return count;
}

ssize_t SocketChardev::read_some(int fd, core::MutableBytes to) {
  if (!spec_.telnet) return receive(fd, to);
  // Commands only are not the end.
  while (true) {
    const ssize_t count = receive(fd, to);
    if (count <= 0) return count;
    const std::size_t data = telnet_.strip(to.first(static_cast<std::size_t>(count)));
    if (telnet_.take_break() && client() != nullptr) {
      client()->char_event(core::CharEvent::kBreak);
    }
    if (data > 0) return static_cast<ssize_t>(data);
  }
}

/// Data that looks like a command is sent twice.
ssize_t SocketChardev::write_telnet(int fd, core::Bytes data) {
  const auto command = std::find(data.begin(), data.end(), Telnet::kIac);
  if (command != data.begin()) {
    return ::send(fd, data.data(), static_cast<std::size_t>(command - data.begin()), MSG_NOSIGNAL);
  }
  static constexpr core::u8 kTwice[] = {Telnet::kIac, Telnet::kIac};
  const std::size_t length = half_sent_ ? 1 : 2;
  const ssize_t count = ::send(fd, kTwice, length, MSG_NOSIGNAL);
  if (count < 0) return count;
  half_sent_ = static_cast<std::size_t>(count) < length;
  if (!half_sent_) return 1;
  errno = EAGAIN;
  return -1;
}

ssize_t SocketChardev::write_some(int fd, core::Bytes data) {
  if (spec_.telnet && !data.empty()) return write_telnet(fd, data);
  return ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
}

namespace {

class ServerSocket final : public SocketChardev {
 public:
  ServerSocket(loop::Loop& loop, const Spec& spec, Fd listener, bool owns_path)
      : SocketChardev(loop, spec),
        listener_(std::move(listener)),
        address_(to_text(local_address(listener_.get()))) {
    struct stat file {};
    if (owns_path && ::stat(spec.path.c_str(), &file) == 0) inode_ = file.st_ino;
    look_for_peer();
  }

  ~ServerSocket() override {
    // Only our own: somebody may have put another one in its place.
    struct stat file {};
    if (inode_ == 0 || ::stat(spec().path.c_str(), &file) != 0) return;
    if (file.st_ino == inode_) ::unlink(spec().path.c_str());
  }

  void wait_for_client() {
    while (!connected()) loop().step(true);
  }

 private:
  void look_for_peer() override {
    if (accept_watch_ != nullptr) return;
    accept_watch_ = loop().watch_fd(
        listener_.get(), loop::kReadable, [this](unsigned) { accept(); }, priority());
  }
  // The next client need not wait for the guest to read what the last one left.
  void left_behind() override { look_for_peer(); }

  void accept() {
    Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) return;
    accept_watch_.reset();
    drop_connection();
    connected_to(std::move(connection));
  }

  std::string address_text() const override { return address_; }

  Fd listener_;
  std::string address_;
  ino_t inode_ = 0;
  loop::WatchPtr accept_watch_;
};

class ClientSocket final : public SocketChardev {
 public:
  ClientSocket(loop::Loop& loop, const Spec& spec, std::vector<SocketAddress> addresses)
      : SocketChardev(loop, spec), addresses_(std::move(addresses)) {}

  void start(Fd connection) { connected_to(std::move(connection)); }
  void look_for_peer() override {
    attempt_.reset();
    attempt_watch_.reset();
    if (spec().reconnect_s == 0 || addresses_.empty()) return;
    retry_ = loop().after(
        spec().reconnect_s * 1000, [this] { try_next(); }, priority());
  }

 private:
  void try_next() {
    retry_.reset();
    const SocketAddress& to = addresses_[next_++ % addresses_.size()];
    attempt_ = new_socket(to.family());
    if (!attempt_) return look_for_peer();
    if (::connect(attempt_.get(), &to.any, to.length) == 0) {
      connected_to(std::move(attempt_));
    } else if (errno == EINPROGRESS) {
      attempt_watch_ = loop().watch_fd(
          attempt_.get(), loop::kWritable, [this](unsigned) { finish(); }, priority());
    } else {
      look_for_peer();
    }
  }

  void finish() {
    attempt_watch_.reset();
    if (!option_is(attempt_.get(), SO_ERROR, 0)) return look_for_peer();
    connected_to(std::move(attempt_));
  }

  std::string address_text() const override {
    if (!spec().path.empty()) {
      return "unix:" + spec().path + (spec().abstract_socket ? ",abstract=on" : "");
    }
    if (addresses_.empty()) return fmt::format("fd:{}", spec().fd);
    return fmt::format("tcp:{}:{}", spec().host, spec().port);
  }

  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  Fd attempt_;
  loop::WatchPtr attempt_watch_;
  loop::WatchPtr retry_;
};

std::string target(const Spec& spec) {
  return spec.path.empty() ? fmt::format("{}:{}", spec.host, spec.port) : spec.path;
}

/// 0 or an errno value.
int bind_and_listen(const Spec& spec, const SocketAddress& address, Fd& listener) {
  listener = new_socket(address.family());
  if (!listener) return errno;
  if (address.family() == AF_UNIX && !spec.abstract_socket) {
    // A socket that an earlier process left; anything else is not ours to remove.
    struct stat file {};
    if (::lstat(spec.path.c_str(), &file) == 0) {
      if (!S_ISSOCK(file.st_mode)) return EEXIST;
      ::unlink(spec.path.c_str());
    }
  } else {
    const int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (::bind(listener.get(), &address.any, address.length) != 0) return errno;
  return ::listen(listener.get(), kBacklog) == 0 ? 0 : errno;
}

Opened inherited(loop::Loop& loop, const Spec& spec) {
  if (!set_non_blocking(spec.fd) || !option_is(spec.fd, SO_TYPE, SOCK_STREAM)) {
    return core::fail(fmt::format(
        "chardev {}: fd={} is not an open stream socket; pass one that is", spec.id, spec.fd));
  }
  Fd fd(spec.fd);
  if (!spec.server) {
    auto client = std::make_unique<ClientSocket>(loop, spec, std::vector<SocketAddress>{});
    client->start(std::move(fd));
    return client;
  }
  if (!option_is(fd.get(), SO_ACCEPTCONN, 1) && ::listen(fd.get(), kBacklog) != 0) {
    return core::fail(fmt::format("chardev {}: cannot listen on fd={}: {}; pass a bound socket",
                                  spec.id, spec.fd, error_text(errno)));
  }
  return std::make_unique<ServerSocket>(loop, spec, std::move(fd), false);
}

Opened listen_on(loop::Loop& loop, const Spec& spec, std::vector<SocketAddress> addresses) {
  int error = EADDRNOTAVAIL;
  const core::u16 first = addresses.empty() ? core::u16{0} : port_of(addresses.front());
  const core::u16 last = spec.path.empty() ? std::max(spec.to.value_or(first), first) : first;
  for (unsigned port = first; port <= last; ++port) {
    for (SocketAddress& address : addresses) {
      set_port(address, static_cast<core::u16>(port));
      Fd listener;
      error = bind_and_listen(spec, address, listener);
      if (error != 0) continue;
      const bool owns_path = address.family() == AF_UNIX && !spec.abstract_socket;
      return std::make_unique<ServerSocket>(loop, spec, std::move(listener), owns_path);
    }
  }
  const char* cure = "check path and permissions";
  if (error == EADDRINUSE) cure = "choose another one or stop its user";
  if (error == EEXIST) cure = "it is not a socket: remove it or choose another path";
  return core::fail(fmt::format("chardev {}: cannot listen on {}: {}; {}", spec.id, target(spec),
                                error_text(error), cure));
}

Opened connect_to(loop::Loop& loop, const Spec& spec, std::vector<SocketAddress> addresses) {
  int error = EADDRNOTAVAIL;
  for (const SocketAddress& address : addresses) {
    Fd fd = new_socket(address.family());
    if (!fd) continue;
    error = ::connect(fd.get(), &address.any, address.length) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd one{.fd = fd.get(), .events = POLLOUT, .revents = 0};
      error = ETIMEDOUT;
      socklen_t length = sizeof error;
      if (::poll(&one, 1, kConnectTimeoutMs) > 0) {
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
      }
    }
    if (error != 0) continue;
    auto client = std::make_unique<ClientSocket>(loop, spec, std::move(addresses));
    client->start(std::move(fd));
    return client;
  }
  if (spec.reconnect_s > 0) {
    auto client = std::make_unique<ClientSocket>(loop, spec, std::move(addresses));
    client->look_for_peer();
    return client;
  }
  return core::fail(fmt::format("chardev {}: cannot connect to {}: {}; start its server first",
                                spec.id, target(spec), error_text(error)));
}

}  // namespace

Opened open_socket(loop::Loop& loop, const Spec& spec) {
  Opened result = core::fail("");
  if (spec.fd >= 0) {
    result = inherited(loop, spec);
  } else {
    auto addresses = resolve(spec);
    if (!addresses) return tl::unexpected(addresses.error());
    result = spec.server ? listen_on(loop, spec, std::move(*addresses))
                         : connect_to(loop, spec, std::move(*addresses));
  }
  if (result && spec.server && spec.wait) {
    static_cast<ServerSocket&>(**result).wait_for_client();
  }
  return result;
}

}  // namespace chardev
