#include "machine/net/user.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

#include "machine/log/log.h"

namespace netdev {
namespace {

constexpr std::size_t kMostWaiting = 512 << 10;  // bytes
constexpr std::size_t kMostFrames = 64;          // in one call

core::Result<void> failed(const std::string& what, std::string_view why) {
  return core::fail(fmt::format("{}: {}", what, why));
}

core::Result<void> take(const std::string& text, in_addr& into) {
  if (text.empty() || ::inet_pton(AF_INET, text.c_str(), &into) == 1) return {};
  return failed(text, "no IPv4 address");
}
core::Result<void> take(const std::string& text, in6_addr& into) {
  if (text.empty() || ::inet_pton(AF_INET6, text.c_str(), &into) == 1) return {};
  return failed(text, "no IPv6 address");
}

bool number_of(std::string_view text, unsigned& into, unsigned most) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size() && into <= most;
}

/// "ADDRESS[/BITS or /MASK]"
core::Result<void> take_network(const std::string& text, in_addr& network, in_addr& mask) {
  if (text.empty()) return {};
  const std::size_t slash = text.find('/');
  if (auto done = take(text.substr(0, slash), network); !done) return done;
  unsigned bits = 24;
  if (slash != std::string::npos) {
    const std::string rest = text.substr(slash + 1);
    if (::inet_pton(AF_INET, rest.c_str(), &mask) == 1) {
      network.s_addr &= mask.s_addr;
      return {};
    }
    if (!number_of(rest, bits, 30) || bits < 8)
      return failed(text, "the mask is no number of bits");
  }
  mask.s_addr = htonl(~u32{0} << (32 - bits));
  network.s_addr &= mask.s_addr;
  return {};
}

in_addr number(in_addr network, in_addr mask, u32 host) {
  return {network.s_addr | (htonl(host) & ~mask.s_addr)};
}

struct Forward {
  bool udp = false;
  in_addr host{INADDR_ANY};
  unsigned host_port = 0;
  in_addr guest{INADDR_ANY};  // the first that DHCP gives
  unsigned guest_port = 0;
};

/// "[ADDRESS]:PORT"
bool take_place(std::string_view text, in_addr& address, unsigned& port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !number_of(text.substr(colon + 1), port, 65535)) {
    return false;
  }
  return take(std::string(text.substr(0, colon)), address).has_value();
}

core::Result<Forward> read_forward(const std::string& rule, bool whole) {
  const auto wrong = [&] {
    return core::fail(fmt::format("hostfwd={}: must be [tcp|udp]:[HOST]:PORT{}", rule,
                                  whole ? "-[GUEST]:PORT" : ""));
  };
  Forward made;
  const std::size_t colon = rule.find(':');
  if (colon == std::string::npos) return wrong();
  const std::string protocol = rule.substr(0, colon);
  made.udp = protocol == "udp";
  if (!made.udp && protocol != "tcp" && !protocol.empty()) return wrong();
  const std::size_t dash = whole ? rule.find('-', colon) : rule.size();
  if (dash == std::string::npos) return wrong();
  const std::string_view rest(rule);
  if (!take_place(rest.substr(colon + 1, dash - colon - 1), made.host, made.host_port)) {
    return wrong();
  }
  if (!whole) return made;
  if (!take_place(rest.substr(dash + 1), made.guest, made.guest_port) || made.guest_port == 0) {
    return wrong();
  }
  return made;
}

}  // namespace

struct UserNetdev::Timer {
  SlirpTimerCb call = nullptr;
  void* argument = nullptr;
  loop::WatchPtr watch;
};

// --- what the library calls; nothing of it reaches the card from within a call of the card's ---

const SlirpCb& UserNetdev::callbacks() {
  static const SlirpCb table = [] {
    SlirpCb made{};
    made.send_packet = [](const void* bytes, std::size_t length, void* self) -> ssize_t {
      static_cast<UserNetdev*>(self)->to_guest({static_cast<const u8*>(bytes), length});
      return static_cast<ssize_t>(length);
    };
    made.guest_error = [](const char* /*message*/, void* /*self*/) {};
    made.clock_get_ns = [](void* /*self*/) -> std::int64_t { return loop::Loop::host_ns(); };
    made.timer_new = [](SlirpTimerCb call, void* argument, void* /*self*/) -> void* {
      return new Timer{call, argument, nullptr};
    };
    made.timer_free = [](void* timer, void* /*self*/) { delete static_cast<Timer*>(timer); };
    made.timer_mod = [](void* which, std::int64_t at_ms, void* self) {
      auto* const timer = static_cast<Timer*>(which);
      auto* const me = static_cast<UserNetdev*>(self);
      const std::int64_t now = loop::Loop::host_ns() / 1'000'000;
      const auto delay = static_cast<unsigned>(std::clamp<std::int64_t>(at_ms - now, 0, 3'600'000));
      timer->watch = me->loop_.after(delay, [timer, me] {
        timer->call(timer->argument);
        me->turn_->ask();
      });
    };
    made.register_poll_fd = [](int /*fd*/, void* /*self*/) {};
    made.unregister_poll_fd = [](int /*fd*/, void* /*self*/) {};
    made.notify = [](void* self) { static_cast<UserNetdev*>(self)->turn_->ask(); };
    return made;
  }();
  return table;
}

core::Result<std::unique_ptr<Netdev>> UserNetdev::open(loop::Loop& loop, const Spec& spec) {
  core::Error error;
  const Slirplib* const library = Slirplib::load(error);
  if (library == nullptr) {
    return core::fail(fmt::format("netdev {}: {}", spec.id, error.message));
  }
  std::unique_ptr<UserNetdev> made(new UserNetdev(loop, spec, *library));
  static const UserSpec usual;
  if (auto done = made->start(spec.user != nullptr ? *spec.user : usual); !done) {
    return core::fail(fmt::format("netdev {}: {}", spec.id, done.error().message));
  }
  return made;
}

core::Result<void> UserNetdev::start(const UserSpec& spec) {
  SlirpConfig config{};
  config.version = 1;
  config.restricted = spec.restricted ? 1 : 0;
  config.in_enabled = spec.ipv4;
  config.in6_enabled = spec.ipv6;
  ::inet_pton(AF_INET, "10.0.2.0", &config.vnetwork);
  ::inet_pton(AF_INET, "255.255.255.0", &config.vnetmask);
  if (auto done = take_network(spec.network, config.vnetwork, config.vnetmask); !done) return done;
  config.vhost = number(config.vnetwork, config.vnetmask, 2);
  config.vnameserver = number(config.vnetwork, config.vnetmask, 3);
  config.vdhcp_start = number(config.vnetwork, config.vnetmask, 15);
  ::inet_pton(AF_INET6, "fec0::", &config.vprefix_addr6);
  config.vprefix_len = 64;
  if (!spec.network6.empty()) {
    const std::size_t slash = spec.network6.find('/');
    unsigned bits = 64;
    if (slash != std::string::npos && !number_of(spec.network6.substr(slash + 1), bits, 126)) {
      return failed(spec.network6, "the prefix is no number of bits");
    }
    if (auto done = take(spec.network6.substr(0, slash), config.vprefix_addr6); !done) return done;
    config.vprefix_len = static_cast<u8>(bits);
  }
  config.vhost6 = config.vnameserver6 = config.vprefix_addr6;
  config.vhost6.s6_addr[15] |= 2;
  config.vnameserver6.s6_addr[15] |= 3;
  for (const auto& done : {take(spec.host, config.vhost), take(spec.dns, config.vnameserver),
                           take(spec.dhcp_start, config.vdhcp_start),
                           take(spec.host6, config.vhost6), take(spec.dns6, config.vnameserver6)}) {
    if (!done) return done;
  }
  for (const in_addr* one : {&config.vhost, &config.vnameserver, &config.vdhcp_start}) {
    if ((one->s_addr & config.vnetmask.s_addr) == config.vnetwork.s_addr) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, one, text.data(), text.size());
    return failed(text.data(), "not in the network");
  }
  const auto text_of = [](const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
  };
  config.vhostname = text_of(spec.hostname);
  config.tftp_server_name = text_of(spec.tftp_server);
  config.tftp_path = text_of(spec.tftp);
  config.bootfile = text_of(spec.bootfile);
  config.vdomainname = text_of(spec.domain);
  std::vector<const char*> search;
  for (const std::string& one : spec.dns_search) search.push_back(one.c_str());
  search.push_back(nullptr);
  if (search.size() > 1) config.vdnssearch = search.data();

  std::array<char, INET_ADDRSTRLEN> network{};
  ::inet_ntop(AF_INET, &config.vnetwork, network.data(), network.size());
  description_ = fmt::format("net={},restrict={}", network.data(), spec.restricted ? "on" : "off");
  turn_ = loop_.make_task([this] { turn(); });
  deliver_ = loop_.make_task([this] { deliver(); });
  slirp_ = library_.slirp_new(&config, &callbacks(), this);
  if (slirp_ == nullptr) return core::fail("libslirp refuses these addresses");
  for (const std::string& rule : spec.host_forwards) {
    if (auto done = add_forward(rule); !done) return done;
  }
  for (const std::string& rule : spec.guest_forwards) {
    if (auto done = add_guest_forward(rule); !done) return done;
  }
  turn_->ask();
  return {};
}

UserNetdev::~UserNetdev() {
  watched_.clear();
  if (slirp_ != nullptr) library_.slirp_cleanup(slirp_);
}

// --- frames ---

std::size_t UserNetdev::send(std::span<const Bytes> frames) {
  for (const Bytes frame : frames) {
    library_.slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
  }
  turn_->ask();
  return frames.size();
}

void UserNetdev::set_client(core::NetClient* client) {
  client_ = client;
  waiting_.clear();
  waiting_bytes_ = 0;
}

/// A peer that floods fills this much and no more.
void UserNetdev::to_guest(Bytes frame) {
  if (client_ == nullptr || waiting_bytes_ + frame.size() > kMostWaiting) return;
  waiting_.emplace_back(frame.begin(), frame.end());
  waiting_bytes_ += frame.size();
  deliver_->ask();
}

void UserNetdev::deliver() {
  while (client_ != nullptr && !waiting_.empty()) {
    std::array<Bytes, kMostFrames> batch;
    const std::size_t count = std::min(batch.size(), waiting_.size());
    for (std::size_t i = 0; i < count; ++i) batch[i] = waiting_[i];
    const std::size_t taken = client_->receive(std::span(batch).first(count));
    if (taken == 0) return;
    for (std::size_t i = 0; i < taken && !waiting_.empty(); ++i) {
      waiting_bytes_ -= waiting_.front().size();
      waiting_.pop_front();
    }
  }
}

void UserNetdev::accept_input() {
  if (!waiting_.empty()) deliver_->ask();
}

// --- the library's sockets, in our loop ---

/// After anything that may have changed something.
void UserNetdev::turn() {
  look();
  arrange();
}

/// Tells the library what its sockets can do now. It also sends what waited for an address.
void UserNetdev::look() {
  for (pollfd& one : polled_) one.revents = 0;
  const bool failed = ::poll(polled_.data(), polled_.size(), 0) < 0;
  library_.slirp_pollfds_poll(
      slirp_, failed ? 1 : 0,
      [](int index, void* self) {
        const auto& polled = static_cast<UserNetdev*>(self)->polled_;
        if (index < 0 || static_cast<std::size_t>(index) >= polled.size()) return 0;
        const short got = polled[static_cast<std::size_t>(index)].revents;
        return ((got & POLLIN) != 0 ? SLIRP_POLL_IN : 0) |
               ((got & POLLOUT) != 0 ? SLIRP_POLL_OUT : 0) |
               ((got & POLLPRI) != 0 ? SLIRP_POLL_PRI : 0) |
               ((got & POLLERR) != 0 ? SLIRP_POLL_ERR : 0) |
               ((got & POLLHUP) != 0 ? SLIRP_POLL_HUP : 0);
      },
      this);
}

/// Watches what the library wants to know of now.
void UserNetdev::arrange() {
  polled_.clear();
  u32 timeout = ~u32{0};
  library_.slirp_pollfds_fill(
      slirp_, &timeout,
      [](int fd, int wanted, void* self) {
        auto& polled = static_cast<UserNetdev*>(self)->polled_;
        short events = 0;
        if ((wanted & SLIRP_POLL_IN) != 0) events |= POLLIN;
        if ((wanted & SLIRP_POLL_OUT) != 0) events |= POLLOUT;
        if ((wanted & SLIRP_POLL_PRI) != 0) events |= POLLPRI;
        polled.push_back({fd, events, 0});
        return static_cast<int>(polled.size() - 1);
      },
      this);
  std::map<int, Watched> before = std::move(watched_);
  watched_.clear();
  for (const pollfd& one : polled_) {
    Watched& now = watched_[one.fd];
    now.events = static_cast<short>(now.events | one.events);
  }
  for (auto& [fd, now] : watched_) {
    const auto old = before.find(fd);
    if (old != before.end() && old->second.events == now.events) {
      now.watch = std::move(old->second.watch);
      continue;
    }
    if (old != before.end()) old->second.watch.reset();
    const unsigned events = ((now.events & (POLLIN | POLLPRI)) != 0 ? loop::kReadable : 0u) |
                            ((now.events & POLLOUT) != 0 ? loop::kWritable : 0u);
    now.watch = loop_.watch_fd(fd, events, [this](unsigned) { turn_->ask(); });
  }
  timeout_.reset();
  if (timeout != ~u32{0}) timeout_ = loop_.after(timeout, [this] { turn_->ask(); });
}

// --- forwarding ---

core::Result<void> UserNetdev::add_forward(const std::string& rule) {
  const auto read = read_forward(rule, true);
  if (!read) return tl::unexpected(read.error());
  if (library_.slirp_add_hostfwd(slirp_, read->udp ? 1 : 0, read->host,
                                 static_cast<int>(read->host_port), read->guest,
                                 static_cast<int>(read->guest_port)) != 0) {
    return failed("hostfwd=" + rule, "the port of the host cannot be had");
  }
  turn_->ask();
  return {};
}

core::Result<void> UserNetdev::remove_forward(const std::string& rule) {
  const auto read = read_forward(rule, false);
  if (!read) return tl::unexpected(read.error());
  if (library_.slirp_remove_hostfwd(slirp_, read->udp ? 1 : 0, read->host,
                                    static_cast<int>(read->host_port)) != 0) {
    return failed("hostfwd=" + rule, "there is none");
  }
  turn_->ask();
  return {};
}

/// "tcp:ADDRESS:PORT-cmd:PROGRAM": who connects to it talks to the program.
core::Result<void> UserNetdev::add_guest_forward(const std::string& rule) {
  constexpr std::string_view kProtocol = "tcp:", kProgram = "cmd:";
  in_addr address{};
  unsigned port = 0;
  const std::size_t dash = rule.find('-');
  const bool good =
      dash != std::string::npos && rule.starts_with(kProtocol) &&
      rule.substr(dash + 1).starts_with(kProgram) &&
      take_place(std::string_view(rule).substr(kProtocol.size(), dash - kProtocol.size()), address,
                 port);
  if (!good) return failed("guestfwd=" + rule, "must be tcp:ADDRESS:PORT-cmd:PROGRAM");
  const std::string program = rule.substr(dash + 1 + kProgram.size());
  if (library_.slirp_add_exec(slirp_, program.c_str(), &address, static_cast<int>(port)) != 0) {
    return failed("guestfwd=" + rule, "the address must be a free one of the guest's network");
  }
  return {};
}

std::string UserNetdev::connections() const {
  char* const text = library_.slirp_connection_info(slirp_);
  if (text == nullptr) return {};
  std::string copy = text;
  ::free(text);  // glib's allocator is malloc's
  return copy;
}

}  // namespace netdev
