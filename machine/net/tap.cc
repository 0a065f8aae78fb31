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

#include "hw/emul/core/bits.h"
#include "machine/child/child.h"
#include "machine/log/log.h"
#include "machine/net/segments.h"

namespace netdev {
namespace {

constexpr std::size_t kVnetHeader = sizeof(VnetHeader);
constexpr std::size_t kMostFrames = 128;
/// What the segments of one large packet may take: its data, and a header for each.
constexpr std::size_t kCutRoom = 4 * core::kMaxNetFrame;
constexpr std::size_t kTapBuffer = 8 * core::kMaxNetFrame;

/// The header of a frame that is as it should be is zeros.
VnetHeader header_of(const core::NetOffload& todo) {
  VnetHeader header{};
  if (todo.sum_at == 0) return header;
  header.flags = VnetHeader::kNeedsSum;
  header.sum_start = todo.sum_start;
  header.sum_offset = core::low<core::u16>(todo.sum_at - todo.sum_start);
  if (todo.cut == core::NetOffload::Cut::kNone) return header;
  header.kind = todo.cut == core::NetOffload::Cut::kTcp4 ? VnetHeader::kTcp4 : VnetHeader::kTcp6;
  header.segment = todo.segment;
  header.headers = todo.headers;
  return header;
}

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

core::Result<core::Fd> create(const std::string& ifname, bool headers, std::string& made) {
  core::Fd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!fd) return core::fail(fmt::format("/dev/net/tun: {}", std::strerror(errno)));
  ifreq request{};
  unsigned able = 0;
  if (headers && ::ioctl(fd.get(), TUNGETFEATURES, &able) != 0) able = 0;
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (headers && (able & IFF_VNET_HDR) != 0) request.ifr_flags |= IFF_VNET_HDR;
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
    auto made = create(spec.ifname, spec.vnet_header, ifname);
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
    : FrameDevice(loop, spec.id, std::move(fd), kTapBuffer), ifname_(std::move(ifname)) {
  ifreq request{};
  if (::ioctl(this->fd(), TUNGETIFF, &request) != 0) return;
  ifname_ = request.ifr_name;
  if ((request.ifr_flags & IFF_VNET_HDR) == 0) return;
  int length = kVnetHeader;
  ::ioctl(this->fd(), TUNSETVNETHDRSZ, &length);
  // What we finish of what comes from the host. What goes to it may always be unfinished.
  constexpr unsigned long kAble = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (::ioctl(this->fd(), TUNSETOFFLOAD, kAble) != 0) ::ioctl(this->fd(), TUNSETOFFLOAD, 0UL);
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

/// A frame that was read goes to frames(), finished. `used` counts what it, or its segments in the
/// room behind it, take. False: it made no sense.
bool Tap::take(Bytes header, core::MutableBytes frame, core::MutableBytes room, std::size_t& used) {
  VnetHeader todo{};
  std::memcpy(&todo, header.data(), std::min(header.size(), sizeof todo));
  if (todo.kind != 0) {
    const std::size_t taken = cut_segments(frame, todo, room, frames());
    used += taken == 0 ? 0 : frame.size() + taken;
    return taken != 0;
  }
  if ((todo.flags & VnetHeader::kNeedsSum) != 0 && !finish_sum(frame, todo)) return false;
  frames().push_back(frame);
  used += frame.size();
  return true;
}

Tap::Outcome Tap::read_frames() {
  std::size_t used = 0;
  std::array<u8, kVnetHeader> header;
  while (frames().size() < kMostFrames && used + core::kMaxNetFrame + kCutRoom <= kTapBuffer) {
    const core::MutableBytes room = buffer().subspan(used, core::kMaxNetFrame);
    const iovec parts[2] = {{header.data(), header_}, {room.data(), room.size()}};
    const ssize_t count = ::readv(fd(), header_ != 0 ? parts : parts + 1, header_ != 0 ? 2 : 1);
    if (count < 0) return outcome_of(errno);
    if (static_cast<std::size_t>(count) <= header_) return Outcome::kLost;
    const std::size_t length = static_cast<std::size_t>(count) - header_;
    const std::size_t end = used + length;
    if (!take(Bytes(header).first(header_), room.first(length), buffer().subspan(end, kCutRoom),
              used)) {
      mlog::warning("netdev {}: a frame with an offload that makes no sense is dropped", id());
    }
  }
  return Outcome::kDone;
}

std::size_t Tap::write_frames(std::span<const Bytes> frames, Todo todo, Outcome& outcome) {
  constexpr std::size_t kMost = WriteRing::kMost;
  const std::size_t count = std::min(frames.size(), kMost);
  const bool headed = header_ != 0;
  std::array<VnetHeader, kMost> headers;
  std::array<iovec, 2 * kMost> pieces;
  const unsigned parts = headed ? 2 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    headers[i] = todo.empty() ? VnetHeader{} : header_of(todo[i]);
    if (headed) pieces[2 * i] = {&headers[i], header_};
    pieces[parts * i + parts - 1] = {const_cast<u8*>(frames[i].data()), frames[i].size()};
  }
  if (count > 1 && !no_ring_) {
    if (ring_ == nullptr) ring_ = WriteRing::make();
    std::array<int, kMost> results;
    if (ring_ != nullptr && ring_->write(fd(), pieces, parts, std::span(results).first(count))) {
      // One that did not go, in the middle of others that did, is lost as on a wire.
      for (std::size_t i = 0; i < count; ++i) {
        if (results[i] < 0 && outcome_of(-results[i]) == Outcome::kDead) outcome = Outcome::kDead;
      }
      return count;
    }
    ring_.reset();
    no_ring_ = true;
  }
  const ssize_t wrote = ::writev(fd(), pieces.data(), static_cast<int>(parts));
  if (wrote >= 0) return 1;
  outcome = outcome_of(errno);
  return 0;
}

}  // namespace netdev
