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

constexpr std::size_t kMostFrames = 128;
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
  if (type == SOCK_STREAM) return std::make_unique<StreamSocket>(loop, spec, std::move(end.fd));
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
  std::size_t used = 0;
  while (frames().size() < kMostFrames && used + core::kMaxNetFrame <= buffer().size()) {
    const core::MutableBytes room = buffer().subspan(used, core::kMaxNetFrame);
    const ssize_t count = ::recv(fd(), room.data(), room.size(), 0);
    if (count < 0) return failed(errno);
    if (count == 0) return Outcome::kLost;
    frames().push_back(room.first(static_cast<std::size_t>(count)));
    used += static_cast<std::size_t>(count);
  }
  return Outcome::kDone;
}

DatagramSocket::Outcome DatagramSocket::write_frame(Bytes frame) {
  if (peer_length_ != 0 && !connected_) {
    // Connected, so that the kernel says when the peer has room.
    if (::connect(fd(), reinterpret_cast<const sockaddr*>(&peer_), peer_length_) != 0) {
      return Outcome::kLost;
    }
    connected_ = true;
  }
  const ssize_t count = ::send(fd(), frame.data(), frame.size(), MSG_NOSIGNAL);
  return count >= 0 ? Outcome::kDone : failed(errno);
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
StreamSocket::Outcome StreamSocket::write_frame(Bytes frame) {
  if (const Outcome outcome = write_rest(); outcome != Outcome::kDone) return outcome;
  std::array<u8, kLength> head{};
  core::store_be<u32>(head.data(), frame.size());
  iovec parts[2] = {{head.data(), kLength}, {const_cast<u8*>(frame.data()), frame.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const ssize_t count = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
  if (count < 0) return outcome_of(errno);
  const auto sent = static_cast<std::size_t>(count);
  if (sent < kLength) keep(Bytes(head).subspan(sent));
  const std::size_t of_frame = sent > kLength ? sent - kLength : 0;
  if (of_frame < frame.size()) keep(frame.subspan(of_frame));
  return Outcome::kDone;
}

StreamSocket::Outcome StreamSocket::write_rest() {
  while (!rest_.empty()) {
    const ssize_t count = ::send(fd(), rest_.data(), rest_.size(), MSG_NOSIGNAL);
    if (count < 0) return outcome_of(errno);
    rest_.erase(rest_.begin(), rest_.begin() + count);
  }
  return Outcome::kDone;
}

}  // namespace netdev
