#include "machine/display/vnc_server.h"

#include <algorithm>
#include <csignal>
#include <span>

namespace screen {
namespace {

// The child may be in a stranger's hands: what it says is bounded here.
constexpr core::u32 kLastKey = 0x2ff;  // KEY_MAX
constexpr std::size_t kMaxClients = 64;
constexpr int kMessagesAtOnce = 64;
constexpr std::size_t kMaxQueue = 256;

vnc::WireRect join(const vnc::WireRect& a, const vnc::WireRect& b) {
  const core::u32 x = std::min(a.x, b.x);
  const core::u32 y = std::min(a.y, b.y);
  return {x, y, std::max(a.x + a.width, b.x + b.width) - x,
          std::max(a.y + a.height, b.y + b.height) - y};
}

}  // namespace

VncServer::Info VncServer::info() const {
  return {.host = listeners_.host,
          .service = listeners_.service,
          .family = listeners_.family,
          .auth = config_.password ? "vnc" : "none",
          .clients = clients_};
}

core::Result<void> VncServer::set_password(const std::string& password) {
  if (!enabled() || !config_.password) {
    return core::fail("VNC has no passwords: start with -vnc ...,password=on");
  }
  password_.set = password.empty() ? 0 : 1;
  vnc::put_text(password_.text, password);
  send_password();
  return {};
}

core::Result<void> VncServer::expire_password(core::i64 when) {
  if (!enabled() || !config_.password) {
    return core::fail("VNC has no passwords: start with -vnc ...,password=on");
  }
  password_.expires = when;
  send_password();
  return {};
}

void VncServer::send_password() {
  vnc::Message message = vnc::make_message(vnc::Kind::kPassword);
  message.password = password_;
  send(message);
}

void VncServer::leds(InputRouter::Leds leds) {
  leds_ = leds;
  vnc::Message message = vnc::make_message(vnc::Kind::kLeds);
  message.leds = {leds.num ? 1u : 0u, leds.caps ? 1u : 0u};
  send(message);
}

void VncServer::frame_replaced(const FrameBuffer& frame) {
  vnc::Message message = vnc::make_message(vnc::Kind::kFrame);
  message.frame = {frame.surface().width, frame.surface().height};
  // Rectangles of the picture before mean nothing now.
  std::erase_if(queue_, [](const Outgoing& one) {
    return one.message.kind == vnc::Kind::kDirty || one.message.kind == vnc::Kind::kFrame;
  });
  send(message, frame.read_only());
}

void VncServer::frame_updated(const core::Rect& rect) {
  const vnc::WireRect wire{rect.x, rect.y, rect.width, rect.height};
  if (!queue_.empty() && queue_.back().message.kind == vnc::Kind::kDirty) {
    vnc::WireRect& last = queue_.back().message.rect;
    last = join(last, wire);
    return;
  }
  vnc::Message message = vnc::make_message(vnc::Kind::kDirty);
  message.rect = wire;
  send(message);
}

void VncServer::send(const vnc::Message& message, vnc::Fd fd) {
  if (!channel_) return;
  if (queue_.size() >= kMaxQueue) {
    // It does not read what it is told; the watch sees it end.
    ::kill(pid_, SIGKILL);
    return;
  }
  queue_.push_back({message, std::move(fd)});
  if (queue_.size() == 1) flush();
}

void VncServer::flush() {
  while (!queue_.empty()) {
    const Outgoing& next = queue_.front();
    const int fd = next.fd.get();
    const auto fds = fd >= 0 ? std::span<const int>(&fd, 1) : std::span<const int>();
    if (channel_.send(next.message, fds, false) == vnc::Transfer::kAgain) break;
    queue_.pop_front();  // sent, or to a process that is gone: the watch tells
  }
  if (watching_writable_ == !queue_.empty()) return;
  watching_writable_ = !queue_.empty();
  const unsigned events = loop::kReadable | (watching_writable_ ? loop::kWritable : 0u);
  watch_ = loop_.watch_fd(channel_.fd(), events, [this](unsigned e) { ready(e); });
}

void VncServer::ready(unsigned events) {
  vnc::Message message;
  std::vector<vnc::Fd> fds;
  for (int i = 0; i < kMessagesAtOnce; ++i) {
    const vnc::Transfer got = channel_.receive(message, fds, false);
    if (got == vnc::Transfer::kGone) {
      child_gone();
      return;
    }
    if (got == vnc::Transfer::kAgain) break;
    handle(message);
  }
  if ((events & loop::kWritable) != 0) flush();
}

void VncServer::handle(const vnc::Message& message) {
  switch (message.kind) {
    case vnc::Kind::kFailed:
      mlog::error("-vnc: {}: {}", config_.program, vnc::get_text(message.text));
      break;
    case vnc::Kind::kReady: ask_to_leave(); break;  // the client may be gone already
    case vnc::Kind::kWantFrame:
      rest_timer_.reset();
      leaving_ = false;
      console_.watch(*this);
      send(vnc::make_message(vnc::Kind::kAdmit));
      break;
    case vnc::Kind::kIdle:
      console_.unwatch(*this);
      send(vnc::make_message(vnc::Kind::kDropFrame));
      ask_to_leave();
      break;
    case vnc::Kind::kJoined: joined(message.client); break;
    case vnc::Kind::kLeft: left(message.client.id); break;
    case vnc::Kind::kKey:
      if (message.key.code <= kLastKey) {
        input_.key(static_cast<core::KeyCode>(message.key.code), message.key.down != 0);
        console_.wake();
      }
      break;
    case vnc::Kind::kPointer: {
      const vnc::Pointer& p = message.pointer;
      if (p.width == 0 || p.height == 0 || p.width > vnc::kMaxSide || p.height > vnc::kMaxSide ||
          p.x >= p.width || p.y >= p.height) {
        break;
      }
      input_.pointer_at(p.x, p.y, p.width, p.height, p.buttons);
      console_.wake();
      break;
    }
    default: break;
  }
}

void VncServer::joined(const vnc::Client& client) {
  if (clients_.size() >= kMaxClients) return;
  const char* families[] = {"ipv4", "ipv6", "unix"};
  clients_.push_back({.id = client.id,
                      .host = std::string(vnc::get_text(client.host)),
                      .service = std::string(vnc::get_text(client.service)),
                      .family = families[std::min<core::u32>(client.ipv6, 2)]});
  unsigned long dropped = 0;
  if (talk_.allow(dropped)) mlog::info("VNC client {} connected", clients_.back().host);
  if (on_client_) on_client_(clients_.back(), true);
}

void VncServer::left(unsigned id) {
  const auto found = std::find_if(clients_.begin(), clients_.end(),
                                  [id](const Client& client) { return client.id == id; });
  if (found == clients_.end()) return;
  const Client client = *found;
  clients_.erase(found);
  unsigned long dropped = 0;
  if (talk_.allow(dropped)) mlog::info("VNC client {} gone", client.host);
  if (on_client_) on_client_(client, false);
}

}  // namespace screen
