#include "machine/net/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "machine/child/child.h"
#include "machine/log/log.h"

namespace netdev {
namespace {

constexpr std::size_t kVnetHeader = 10;  // struct virtio_net_hdr without its last field
constexpr std::size_t kMostFrames = 128;

core::Result<void> run_script(const std::string& script, const std::string& ifname) {
  if (script.empty()) return {};
  pid_t pid = 0;
  const int error = child::Plan().start(script, {script, ifname}, pid);
  if (error != 0) return core::fail(fmt::format("{}: {}", script, std::strerror(error)));
  const int status = child::wait_for(pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return core::fail(fmt::format("network script {} failed with status {}", script,
                                WIFEXITED(status) ? WEXITSTATUS(status) : status));
}

core::Result<core::Fd> create(const std::string& ifname, std::string& made) {
  core::Fd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!fd) return core::fail(fmt::format("/dev/net/tun: {}", std::strerror(errno)));
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  const std::string wanted = ifname.empty() ? "tap%d" : ifname;
  if (wanted.size() >= sizeof request.ifr_name) {
    return core::fail(
        fmt::format("ifname={}: longer than {} characters", ifname, sizeof request.ifr_name - 1));
  }
  std::memcpy(request.ifr_name, wanted.c_str(), wanted.size() + 1);
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) {
    return core::fail(
        fmt::format("could not create the interface {}: {}", wanted, std::strerror(errno)));
  }
  made = request.ifr_name;
  return fd;
}

}  // namespace

core::Result<std::unique_ptr<Netdev>> Tap::open(loop::Loop& loop, const Spec& spec) {
  std::string ifname;
  core::Fd fd(spec.fd);
  if (spec.fd < 0) {
    auto made = create(spec.ifname, ifname);
    if (!made) return core::fail(fmt::format("netdev {}: {}", spec.id, made.error().message));
    fd = std::move(*made);
  }
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0 || ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return core::fail(fmt::format("netdev {}: fd={}: {}", spec.id, spec.fd, std::strerror(errno)));
  }
  std::unique_ptr<Tap> tap(new Tap(loop, spec, std::move(fd), std::move(ifname)));
  if (auto result = run_script(spec.script, tap->ifname_); !result) {
    return core::fail(fmt::format("netdev {}: {}", spec.id, result.error().message));
  }
  tap->down_script_ = spec.down_script;
  return tap;
}

Tap::Tap(loop::Loop& loop, const Spec& spec, core::Fd fd, std::string ifname)
    : FrameDevice(loop, spec.id, std::move(fd)), ifname_(std::move(ifname)) {
  ifreq request{};
  if (::ioctl(this->fd(), TUNGETIFF, &request) != 0) return;
  ifname_ = request.ifr_name;
  if ((request.ifr_flags & IFF_VNET_HDR) == 0) return;
  // Whoever made it wants offloads; we do not, and say so.
  int length = kVnetHeader;
  ::ioctl(this->fd(), TUNSETVNETHDRSZ, &length);
  ::ioctl(this->fd(), TUNSETOFFLOAD, 0UL);
  header_ = kVnetHeader;
}

Tap::~Tap() {
  if (auto result = run_script(down_script_, ifname_); !result) {
    mlog::warning("netdev {}: {}", id(), result.error().message);
  }
}

std::string Tap::describe() const {
  return fmt::format("tap,ifname={}", ifname_);
}

Tap::Outcome Tap::read_frames() {
  std::size_t used = 0;
  std::array<u8, kVnetHeader> header;
  while (frames().size() < kMostFrames && used + core::kMaxNetFrame <= buffer().size()) {
    const core::MutableBytes room = buffer().subspan(used, core::kMaxNetFrame);
    const iovec parts[2] = {{header.data(), header_}, {room.data(), room.size()}};
    const ssize_t count = ::readv(fd(), header_ != 0 ? parts : parts + 1, header_ != 0 ? 2 : 1);
    if (count < 0) return outcome_of(errno);
    if (static_cast<std::size_t>(count) <= header_) return Outcome::kLost;
    frames().push_back(room.first(static_cast<std::size_t>(count) - header_));
    used += static_cast<std::size_t>(count) - header_;
  }
  return Outcome::kDone;
}

Tap::Outcome Tap::write_frame(Bytes frame) {
  std::array<u8, kVnetHeader> header{};
  const iovec parts[2] = {{header.data(), header_}, {const_cast<u8*>(frame.data()), frame.size()}};
  const ssize_t count = ::writev(fd(), header_ != 0 ? parts : parts + 1, header_ != 0 ? 2 : 1);
  return count >= 0 ? Outcome::kDone : outcome_of(errno);
}

}  // namespace netdev
