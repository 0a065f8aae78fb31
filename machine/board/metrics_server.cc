#include "machine/board/metrics_server.h"

#include "machine/monitor/metrics.h"

namespace board {
namespace {

/// How long a client may take to say that it speaks HTTP.
constexpr unsigned kSilenceMs = 100;
constexpr std::size_t kLongestRequest = 16u << 10;

}  // namespace

core::Result<std::unique_ptr<MetricsServer>> MetricsServer::open(
    loop::Loop& loop, const std::string& path, const monitor::MachinePorts& ports) {
  auto socket = chardev::open(loop, {.id = "metrics",
                                     .kind = chardev::Kind::kSocket,
                                     .path = path,
                                     .server = true,
                                     .priority = loop::Priority::kMonitor});
  if (!socket) return tl::unexpected(socket.error());
  return std::unique_ptr<MetricsServer>(new MetricsServer(loop, std::move(*socket), ports));
}

MetricsServer::MetricsServer(loop::Loop& loop, std::unique_ptr<chardev::Chardev> socket,
                             const monitor::MachinePorts& ports)
    : loop_(loop), socket_(std::move(socket)), ports_(ports) {
  socket_->set_client(this);
}

MetricsServer::~MetricsServer() {
  socket_->set_client(nullptr);
}

void MetricsServer::char_event(core::CharEvent event) {
  if (event == core::CharEvent::kBreak) return;
  request_.clear();
  output_.clear();
  answered_ = false;
  silence_.reset();
  if (event == core::CharEvent::kOpened) {
    silence_ = loop_.after(
        kSilenceMs, [this] { answer(); }, loop::Priority::kMonitor);
  }
}

void MetricsServer::receive(core::Bytes data) {
  if (answered_) return;
  request_.append(reinterpret_cast<const char*>(data.data()), data.size());
  const bool whole =
      request_.find("\r\n\r\n") != std::string::npos || request_.find("\n\n") != std::string::npos;
  if (whole || request_.size() > kLongestRequest) answer();
}

void MetricsServer::answer() {
  silence_.reset();
  answered_ = true;
  output_ = monitor::metrics_answer(ports_, request_);
  flush();
}

void MetricsServer::flush() {
  while (!output_.empty()) {
    const auto* begin = reinterpret_cast<const core::u8*>(output_.data());
    const std::size_t taken = socket_->write({begin, output_.size()});
    if (taken == 0) return;
    output_.erase(0, taken);
  }
  // Not from within a callback of the socket.
  if (answered_) silence_ = loop_.after(0, [this] { socket_->disconnect(); });
}

}  // namespace board
