// Datagrams: what is written goes out in some, what comes in one is read as bytes. Nobody is told
// when there is nobody on the other side.
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "machine/chardev/open.h"
#include "machine/chardev/socket_address.h"

namespace chardev {
namespace {

constexpr std::size_t kLargestDatagram = 65535;
constexpr std::size_t kSentAtOnce = 1400;  // fits into a frame of Ethernet

class UdpChardev final : public Chardev {
 public:
  UdpChardev(loop::Loop& loop, const Spec& spec, Fd socket)
      : Chardev(spec.id),
        loop_(loop),
        priority_(spec.priority),
        socket_(std::move(socket)),
        datagram_(kLargestDatagram) {}

  std::string description() const override { return "udp"; }
  bool connected() const override { return true; }

  void set_client(core::CharClient* client) override {
    Chardev::set_client(client);
    watch_.reset();
    if (client == nullptr) return;
    client->char_event(core::CharEvent::kOpened);
    deliver();
  }
  void accept_input() override {
    if (client() != nullptr && watch_ == nullptr) deliver();
  }

 private:
  void receive() {
    const ssize_t count = ::recv(socket_.get(), datagram_.data(), datagram_.size(), 0);
    // An error is what an earlier datagram met; the next one may arrive.
    if (count <= 0) return;
    next_ = 0;
    end_ = static_cast<std::size_t>(count);
    deliver();
  }

  /// As much as the client has room for; the rest waits, and so do further datagrams.
  void deliver() {
    while (next_ < end_ && client() != nullptr) {
      const std::size_t count = std::min(client()->can_receive(), end_ - next_);
      if (count == 0) return watch_.reset();
      const core::Bytes part = core::Bytes(datagram_).subspan(next_, count);
      next_ += count;
      client()->receive(part);
    }
    if (client() == nullptr || watch_ != nullptr) return;
    watch_ = loop_.watch_fd(
        socket_.get(), loop::kReadable, [this](unsigned) { receive(); }, priority_);
  }

  std::size_t send(core::Bytes data) override {
    for (core::Bytes rest = data; !rest.empty();) {
      const core::Bytes part = rest.first(std::min(rest.size(), kSentAtOnce));
      // What the network does not take is lost, as datagrams are.
      if (::send(socket_.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0)
        (void)drop(part.size());
      rest = rest.subspan(part.size());
    }
    return data.size();
  }

  loop::Loop& loop_;
  loop::Priority priority_;
  Fd socket_;
  std::vector<core::u8> datagram_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  loop::WatchPtr watch_;
};

}  // namespace

Opened open_udp(loop::Loop& loop, const Spec& spec) {
  Spec remote = spec;
  remote.path.clear();
  remote.server = false;
  if (remote.host.empty()) remote.host = "localhost";
  const auto peers = resolve(remote, SOCK_DGRAM);
  if (!peers) return tl::unexpected(peers.error());
  Spec local = remote;
  local.server = true;
  local.host = spec.local_host;
  local.port = spec.local_port.empty() ? "0" : spec.local_port;
  const auto ours = resolve(local, SOCK_DGRAM);
  if (!ours) return tl::unexpected(ours.error());
  int error = EADDRNOTAVAIL;
  for (const SocketAddress& peer : *peers) {
    for (const SocketAddress& own : *ours) {
      if (own.family() != peer.family()) continue;
      Fd fd(::socket(peer.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const int on = 1;
      if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (fd && ::bind(fd.get(), &own.any, own.length) == 0 &&
          ::connect(fd.get(), &peer.any, peer.length) == 0) {
        return std::make_unique<UdpChardev>(loop, spec, std::move(fd));
      }
      error = errno;
    }
  }
  return core::fail(fmt::format("chardev {}: no way from {}:{} to {}:{}: {}; check both addresses",
                                spec.id, spec.local_host, local.port, remote.host, spec.port,
                                error_text(error)));
}

}  // namespace chardev
