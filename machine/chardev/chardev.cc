#include "machine/chardev/chardev.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <vector>

#include "machine/chardev/open.h"

namespace chardev {
namespace {

/// Takes everything and says nothing.
class NullChardev final : public Chardev {
 public:
  using Chardev::Chardev;
  std::string description() const override { return "null"; }
  bool connected() const override { return true; }

 private:
  std::size_t send(core::Bytes data) override { return data.size(); }
};

/// Keeps the newest bytes.
class RingChardev final : public Chardev {
 public:
  explicit RingChardev(const Spec& spec) : Chardev(spec.id), bytes_(spec.ring_size) {}
  std::string description() const override { return "ringbuf"; }
  bool connected() const override { return true; }
  std::optional<std::string> take_kept(std::size_t most) override {
    std::string kept;
    for (; oldest_ != next_ && kept.size() < most; ++oldest_) {
      kept += static_cast<char>(bytes_[oldest_ % bytes_.size()]);
    }
    return kept;
  }

 private:
  std::size_t send(core::Bytes data) override {
    for (const core::u8 byte : data) bytes_[next_++ % bytes_.size()] = byte;
    if (next_ - oldest_ > bytes_.size()) oldest_ = next_ - bytes_.size();
    return data.size();
  }
  std::vector<core::u8> bytes_;
  std::size_t oldest_ = 0;
  std::size_t next_ = 0;
};

core::Result<std::unique_ptr<Chardev>> open_kind(loop::Loop& loop, const Spec& spec) {
  switch (spec.kind) {
    case Kind::kNull: return std::make_unique<NullChardev>(spec.id);
    case Kind::kSocket: return open_socket(loop, spec);
    case Kind::kUdp: return open_udp(loop, spec);
    case Kind::kFile: return open_file(loop, spec);
    case Kind::kPipe: return open_pipe(loop, spec);
    case Kind::kPty: return open_pty(loop, spec);
    case Kind::kStdio: return open_stdio(loop, spec);
    case Kind::kTty: return open_tty(loop, spec);
    case Kind::kRing:
      if (spec.ring_size == 0 || spec.ring_size > (64u << 20)) {
        return core::fail(fmt::format("chardev {}: a ring of {} bytes: give 1 to 64 MiB", spec.id,
                                      spec.ring_size));
      }
      return std::make_unique<RingChardev>(spec);
  }
  return core::fail(fmt::format("chardev {}: unknown kind", spec.id));
}

}  // namespace

std::size_t Chardev::write(core::Bytes data) {
  const std::size_t taken = send(data);
  // A full disk under the copy must not disturb the original.
  if (log_ && taken > 0) [[maybe_unused]]
    const ssize_t ignored = ::write(log_.get(), data.data(), taken);
  return taken;
}

void Switch::set_client(core::CharClient* client) {
  Chardev::set_client(client);
  now_->set_client(client);
}

void Switch::exchange(std::unique_ptr<Chardev> next) {
  now_->set_client(nullptr);
  now_ = std::move(next);
  core::CharClient* user = client();
  now_->set_client(user);
  if (user == nullptr) return;
  user->char_event(core::CharEvent::kClosed);
  if (now_->connected()) user->char_event(core::CharEvent::kOpened);
}

std::string error_text(int error) {
  return std::strerror(error);
}

core::Result<Fd> open_path(const Spec& spec, const std::string& path, int flags) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666));
  if (fd) return fd;
  const int error = errno;
  const char* cure = "check the path";
  if (error == EACCES || error == EPERM) cure = "check its permissions";
  if (error == ENXIO) cure = "start its reader first";
  return core::fail(
      fmt::format("chardev {}: cannot open {}: {}; {}", spec.id, path, error_text(error), cure));
}

core::Result<std::unique_ptr<Chardev>> open(loop::Loop& loop, const Spec& spec) {
  std::signal(SIGPIPE, SIG_IGN);
  auto result = open_kind(loop, spec);
  if (!result || spec.log_file.empty()) return result;
  auto log =
      open_path(spec, spec.log_file, O_WRONLY | O_CREAT | (spec.log_append ? O_APPEND : O_TRUNC));
  if (!log) return tl::unexpected(log.error());
  (*result)->log_to(std::move(*log));
  return result;
}

}  // namespace chardev
