#include "tests/measure/net_wire.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace measure {

void enter_own_network() {
  if (::unshare(CLONE_NEWNET) == 0) return;
  throw std::runtime_error(std::string("no network namespace: ") + std::strerror(errno) +
                           ": run it as root");
}

Wire::Wire(const std::string& name)
    : name_(name), socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(kType))) {
  ifreq request{};
  name_.copy(request.ifr_name, sizeof request.ifr_name - 1);
  if (!socket_ || ::ioctl(socket_.get(), SIOCGIFFLAGS, &request) != 0) {
    throw std::runtime_error(name + ": " + std::strerror(errno));
  }
  request.ifr_flags |= IFF_UP;
  ::ioctl(socket_.get(), SIOCSIFFLAGS, &request);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(kType);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(name.c_str()));
  constexpr int kOn = 1;
  ::setsockopt(socket_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &kOn, sizeof kOn);
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(name + ": " + std::strerror(errno));
  }
}

u64 Wire::from_guest() const {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return 0;
  u64 packets = 0;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (name_ != one->ifa_name || one->ifa_data == nullptr || one->ifa_addr == nullptr ||
        one->ifa_addr->sa_family != AF_PACKET) {
      continue;
    }
    packets = static_cast<const rtnl_link_stats*>(one->ifa_data)->rx_packets;
  }
  ::freeifaddrs(list);
  return packets;
}

std::size_t Wire::send(const std::vector<Frame>& frames) {
  constexpr std::size_t kMost = 64;
  const std::size_t count = std::min(frames.size(), kMost);
  std::array<iovec, kMost> parts;
  std::array<mmsghdr, kMost> messages{};
  for (std::size_t i = 0; i < count; ++i) {
    parts[i] = {const_cast<u8*>(frames[i].data()), frames[i].size()};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int sent =
      ::sendmmsg(socket_.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

bool Wire::next(unsigned milliseconds) {
  std::array<u8, 2048> frame;
  for (;;) {
    pollfd one{socket_.get(), POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(milliseconds)) <= 0) return false;
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    const ssize_t count = ::recvfrom(socket_.get(), frame.data(), frame.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &length);
    if (count > 0 && from.sll_pkttype != PACKET_OUTGOING) return true;
  }
}

Frame plain_frame(const u8 (&address)[6], std::size_t bytes) {
  Frame frame(bytes);
  std::copy(std::begin(address), std::end(address), frame.begin());
  frame[6] = 2;
  frame[12] = Wire::kType >> 8;
  frame[13] = Wire::kType & 0xff;
  return frame;
}

}  // namespace measure
