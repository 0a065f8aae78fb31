// Starting, restarting and ending the VNC process.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "machine/child/child.h"
#include "machine/display/vnc_server.h"

#ifndef XENOLITH_LIBEXECDIR
#define XENOLITH_LIBEXECDIR "/usr/libexec"
#endif

namespace screen {
namespace {

constexpr unsigned kRestartDelayMs = 500;
constexpr std::size_t kMaxDeaths = 5;
constexpr core::i64 kDeathWindowNs = 60 * core::kNsPerSecond;

std::string directory_of_this_program() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return {};
  const std::string whole(path.data(), static_cast<std::size_t>(length));
  return whole.substr(0, whole.rfind('/'));
}

/// 0 or an errno value.
int spawn_program(const std::string& program, int channel, pid_t& pid) {
  child::Plan plan;
  plan.open(0, "/dev/null", O_RDONLY);
  plan.give(channel, vnc::kChannelFd);
  return plan.start(program, {"xenolith-vnc"}, pid);
}

}  // namespace

std::string VncServer::find_program() {
  const std::string here = directory_of_this_program();
  for (const std::string& candidate : {here + "/xenolith-vnc", here + "/machine/vnc/xenolith-vnc",
                                       std::string(XENOLITH_LIBEXECDIR "/xenolith-vnc")}) {
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

core::Result<void> VncServer::start(VncConfig config) {
  config_ = std::move(config);
  if (config_.program.empty()) config_.program = find_program();
  if (config_.program.empty()) {
    return core::fail("-vnc: xenolith-vnc is not installed beside this program: install it");
  }
  if (::access(config_.program.c_str(), X_OK) != 0) {
    return core::fail(fmt::format("-vnc: cannot start {}: {}: reinstall it", config_.program,
                                  std::strerror(errno)));
  }
  if (!config_.keymap.empty() && config_.keymap != "en-us") {
    mlog::warning("-k {}: not built yet: keys are taken as on a US keyboard", config_.keymap);
  }
  auto listeners = config_.unix_path.empty() ? listen_tcp(config_.host, config_.port,
                                                          std::max(config_.port, config_.to_port))
                                             : listen_unix(config_.unix_path);
  if (!listeners) return tl::unexpected(listeners.error());
  listeners_ = std::move(*listeners);
  password_.expires = kNever;
  if (!config_.start_now) {
    wait_for_client();
    return {};
  }
  auto done = spawn();
  if (!done) listeners_ = {};
  return done;
}

/// Who connects waits in the socket's queue, which the process finds.
void VncServer::wait_for_client() {
  door_.clear();
  for (const vnc::Fd& socket : listeners_.sockets) {
    door_.push_back(loop_.watch_fd(socket.get(), loop::kReadable, [this](unsigned) { restart(); }));
  }
}

/// After a while. It says no if a client came meanwhile, by asking for the picture.
void VncServer::ask_to_leave() {
  if (config_.start_now) return;
  rest_timer_ = loop_.after(config_.rest_ms, [this] {
    leaving_ = true;
    send(vnc::make_message(vnc::Kind::kLeave));
  });
}

core::Result<void> VncServer::spawn() {
  vnc::ChannelPair pair = vnc::make_channel();
  if (!pair.ours) {
    return core::fail(fmt::format("-vnc: no socket pair: {}", std::strerror(errno)));
  }
  if (const int error = spawn_program(config_.program, pair.theirs.get(), pid_); error != 0) {
    pid_ = -1;
    return core::fail(fmt::format("-vnc: cannot start {}: {}: reinstall it", config_.program,
                                  std::strerror(error)));
  }
  pair.theirs.reset();
  channel_ = std::move(pair.ours);
  greet();
  watching_writable_ = false;
  watch_ = loop_.watch_fd(channel_.fd(), loop::kReadable, [this](unsigned e) { ready(e); });
  if (config_.password) send_password();
  leds(leds_);
  door_.clear();
  return {};
}

/// Tells the process what to serve. It says so if it cannot; nobody waits for that.
void VncServer::greet() {
  vnc::Message hello = vnc::make_message(vnc::Kind::kHello);
  hello.hello.version = vnc::kWireVersion;
  hello.hello.listeners = static_cast<core::u32>(listeners_.sockets.size());
  hello.hello.password_on = config_.password ? 1 : 0;
  hello.hello.lock_key_sync = config_.lock_key_sync ? 1 : 0;
  hello.hello.share = config_.share;
  vnc::put_text(hello.hello.title, config_.title);
  std::vector<int> sockets;
  for (const vnc::Fd& socket : listeners_.sockets) sockets.push_back(socket.get());
  // If it has ended already, the watch will notice.
  channel_.send(hello, sockets, false);
}

void VncServer::kill_child() {
  watch_.reset();
  channel_.close();
  queue_.clear();
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  (void)child::wait_for(pid_);
  pid_ = -1;
}

void VncServer::child_gone() {
  door_.clear();
  rest_timer_.reset();
  const bool expected = std::exchange(leaving_, false);
  kill_child();
  console_.unwatch(*this);
  while (!clients_.empty()) left(clients_.back().id);
  if (expected) return wait_for_client();
  const core::i64 now = loop::Loop::host_ns();
  std::erase_if(deaths_, [now](core::i64 when) { return now - when > kDeathWindowNs; });
  deaths_.push_back(now);
  if (deaths_.size() > kMaxDeaths) {
    mlog::error("the VNC process ended {} times within a minute: no VNC from here on",
                deaths_.size());
    return;
  }
  mlog::warning("the VNC process ended unexpectedly: starting another");
  restart_timer_ = loop_.after(kRestartDelayMs, [this] {
    if (config_.start_now) return restart();
    wait_for_client();
  });
}

void VncServer::restart() {
  if (auto done = spawn(); !done) {
    mlog::error("{}", done.error().message);
    child_gone();
  }
}

VncServer::~VncServer() {
  kill_child();
  console_.unwatch(*this);
  if (!config_.unix_path.empty() && enabled()) ::unlink(config_.unix_path.c_str());
  ::explicit_bzero(&password_, sizeof password_);
}

}  // namespace screen
