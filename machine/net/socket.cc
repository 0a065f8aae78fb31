#include "machine/net/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

#include "hw/emul/core/bits.h"

namespace netdev {
namespace {

constexpr std::size_t kLength = sizeof(u32);

}  // namespace

core::Result<std::unique_ptr<Netdev>> open_socket(loop::Loop& loop, const Spec& spec) {
  Endpoint end;
  if (spec.fd >= 0) {
    end.fd.reset(spec.fd);
  } else {
    auto made = make_socket(spec);
    if (!made) return tl::unexpected(made.error());
    end = std::move(*made);
  }
  const core::Fd& fd = end.fd;
  const auto failed = [&] {
    return core::fail(fmt::format("netdev {}: fd={}: {}", spec.id, spec.fd, std::strerror(errno)));
  };
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &length) != 0) return failed();
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return failed();
  }
  if (end.listens) return std::make_unique<StreamServer>(loop, spec.id, std::move(end.fd));
  if (type == SOCK_STREAM) return std::make_unique<StreamSocket>(loop, spec.id, std::move(end.fd));
  return std::make_unique<DatagramSocket>(loop, spec, std::move(end));
}

// --- datagrams ---

/// One with an address of its own waits for the next peer there.
DatagramSocket::Outcome DatagramSocket::failed(int error) {
  const Outcome outcome = outcome_of(error);
  if (peer_length_ == 0 || outcome == Outcome::kFull) return outcome;
  if (error == ECONNREFUSED || error == ECONNRESET || error == ENOTCONN || error == EPIPE) {
    connected_ = false;
  }
  return Outcome::kLost;
}

DatagramSocket::Outcome DatagramSocket::read_frames() {
  static_assert(kSlot >= core::kMaxNetFrame);
  std::array<iovec, kSlots> parts;
  std::array<mmsghdr, kSlots> messages{};
  for (std::size_t i = 0; i < kSlots; ++i) {
    parts[i] = {buffer().data() + i * kSlot, core::kMaxNetFrame};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int count = ::recvmmsg(fd(), messages.data(), kSlots, MSG_DONTWAIT, nullptr);
  if (count < 0) return failed(errno);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::size_t length = messages[i].msg_len;
    if (length != 0) frames().push_back(buffer().subspan(i * kSlot, length));
  }
  return Outcome::kDone;
}

std::size_t DatagramSocket::write_frames(std::span<const Bytes> frames, Todo /*todo*/,
                                         Outcome& outcome) {
  if (peer_length_ != 0 && !connected_ && !many_) {
    // Connected, so that the kernel says when the peer has room.
    if (::connect(fd(), reinterpret_cast<const sockaddr*>(&peer_), peer_length_) != 0) {
      outcome = Outcome::kLost;
      return 0;
    }
    connected_ = true;
  }
  const std::size_t count = std::min(frames.size(), kSlots);
  std::array<iovec, kSlots> parts;
  std::array<mmsghdr, kSlots> messages{};
  for (std::size_t i = 0; i < count; ++i) {
    parts[i] = {const_cast<u8*>(frames[i].data()), frames[i].size()};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (std::size_t i = 0; i < count && many_; ++i) {
    messages[i].msg_hdr.msg_name = const_cast<sockaddr_storage*>(&peer_);
    messages[i].msg_hdr.msg_namelen = peer_length_;
  }
  const int sent = ::sendmmsg(fd(), messages.data(), static_cast<unsigned>(count), MSG_NOSIGNAL);
  if (sent > 0) return static_cast<std::size_t>(sent);
  outcome = failed(errno);
  return 0;
}

// --- a stream ---

StreamSocket::Outcome StreamSocket::read_frames() {
  const core::MutableBytes all = buffer();
  std::size_t used = incomplete_.size();
  std::copy(incomplete_.begin(), incomplete_.end(), all.begin());
  const ssize_t count = ::recv(fd(), all.data() + used, all.size() - used, 0);
  if (count < 0) return outcome_of(errno);
  if (count == 0) return Outcome::kDead;
  used += static_cast<std::size_t>(count);
  std::size_t at = 0;
  while (used - at >= kLength) {
    const std::size_t length = core::load_be<u32>(&all[at]);
    // Whoever says so has lost its place in the stream.
    if (length == 0 || length > core::kMaxNetFrame) return Outcome::kDead;
    if (used - at - kLength < length) break;
    frames().push_back(all.subspan(at + kLength, length));
    at += kLength + length;
  }
  incomplete_.assign(all.begin() + static_cast<std::ptrdiff_t>(at),
                     all.begin() + static_cast<std::ptrdiff_t>(used));
  return Outcome::kDone;
}

void StreamSocket::keep(Bytes unsent) {
  rest_.insert(rest_.end(), unsent.begin(), unsent.end());
}

/// A frame that was begun counts as sent: its rest is ours.
std::size_t StreamSocket::write_frames(std::span<const Bytes> frames, Todo /*todo*/,
                                       Outcome& outcome) {
  outcome = write_rest();
  if (outcome != Outcome::kDone) return 0;
  constexpr std::size_t kMost = 64;
  const std::size_t count = std::min(frames.size(), kMost);
  std::array<std::array<u8, kLength>, kMost> heads;
  std::array<iovec, 2 * kMost> parts;
  for (std::size_t i = 0; i < count; ++i) {
    core::store_be<u32>(heads[i].data(), frames[i].size());
    parts[2 * i] = {heads[i].data(), kLength};
    parts[2 * i + 1] = {const_cast<u8*>(frames[i].data()), frames[i].size()};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = 2 * count;
  const ssize_t wrote = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
  if (wrote < 0) {
    outcome = outcome_of(errno);
    return 0;
  }
  auto sent = static_cast<std::size_t>(wrote);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t whole = kLength + frames[i].size();
    if (sent < whole) {
      if (sent == 0) return i;
      if (sent < kLength) keep(Bytes(heads[i]).subspan(sent));
      keep(frames[i].subspan(sent > kLength ? sent - kLength : 0));
      return i + 1;
    }
    sent -= whole;
  }
  return count;
}

StreamSocket::Outcome StreamSocket::write_rest() {
  while (!rest_.empty()) {
    const ssize_t count = ::send(fd(), rest_.data(), rest_.size(), MSG_NOSIGNAL);
    if (count < 0) return outcome_of(errno);
    rest_.erase(rest_.begin(), rest_.begin() + count);
  }
  return Outcome::kDone;
}

// --- a stream's server ---

StreamServer::StreamServer(loop::Loop& loop, std::string id, core::Fd fd)
    : Netdev(std::move(id)), loop_(loop), fd_(std::move(fd)) {
  leave_ = loop_.make_task([this] {
    peer_.reset();
    if (client_ != nullptr) client_->writable();  // what it kept for the one who left
    listen();
  });
  listen();
}

void StreamServer::listen() {
  watch_ = loop_.watch_fd(fd_.get(), loop::kReadable, [this](unsigned) { come(); });
}

/// The next waits in the queue of the socket until this one has gone.
void StreamServer::come() {
  core::Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;
  watch_.reset();
  peer_ = std::make_unique<StreamSocket>(loop_, id(), std::move(fd), [this] { leave_->ask(); });
  peer_->set_client(client_);
}

std::size_t StreamServer::send(std::span<const Bytes> frames) {
  return peer_ != nullptr ? peer_->send(frames) : frames.size();
}

void StreamServer::set_client(core::NetClient* client) {
  client_ = client;
  if (peer_ != nullptr) peer_->set_client(client);
}

void StreamServer::accept_input() {
  if (peer_ != nullptr) peer_->accept_input();
}

}  // namespace netdev
