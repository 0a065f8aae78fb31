// -netdev, -net and -nic: what is at the other end of network cards' cables.
#include "machine/config/netdevs.h"

#include <fmt/format.h>

#include <algorithm>

#include "machine/config/parser.h"

namespace config {
namespace {

constexpr std::string_view kNoNic =
    "only cards of -device with -netdev are built: leave it out, or use type=vif in vif=[...]";
constexpr Refusal kRefusedKinds[] = {
    {"user", "the cable must lead out of the program: use tap, or a socket"},
    {"bridge", "no helper makes taps here: use tap,ifname=,script=,downscript="},
    {"l2tpv3", "not built: use tap"},
    {"vde", "not built: use tap"},
    {"netmap", "not built: use tap"},
    {"hubport", "not built: use one -netdev for each card"},
    {"vhost-user", "only for virtio cards, and there are none: use tap"},
    {"vhost-vdpa", "only for virtio cards, and there are none: use tap"},
    {"vmnet-host", "not of this system: use tap"},
};

Status read_tap(OptionList& list, Netdev& made) {
  made.kind = Netdev::Kind::kTap;
  std::optional<std::string> script, down_script;
  list.take("ifname", made.ifname);
  list.take("script", script);
  list.take("downscript", down_script);
  bool unbuilt = false;
  for (const std::string_view key : {"helper", "vhostfd", "vhostfds"}) {
    if (list.has(key)) return core::fail(fmt::format("{}: {}=: not built", list.where(), key));
  }
  list.take("vhost", unbuilt);
  unsigned queues = 1;
  list.take_number("queues", queues, 1, 1024);
  if (unbuilt || queues != 1) {
    return core::fail(
        fmt::format("{}: vhost= and queues=: only for virtio cards, and there are "
                    "none: leave it out",
                    list.where()));
  }
  std::string many;
  list.take("fds", many);
  if (!many.empty()) {
    if (list.has("fd"))
      return core::fail(fmt::format("{}: fd= and fds=: one of them", list.where()));
    list.set("fd", many);  // one queue, so one descriptor
  }
  list.take_number("fd", made.fd, 0, 0x7fffffff);
  if (made.fd >= 0 && (!made.ifname.empty() || script || down_script || list.has("br"))) {
    return core::fail(fmt::format(
        "{}: ifname=, br=, script= and downscript= are for taps that are made here, not for fd=",
        list.where()));
  }
  if (made.fd < 0) {
    const auto given = [](const std::optional<std::string>& text, std::string_view otherwise) {
      const std::string path = text.value_or(std::string(otherwise));
      return path == "no" ? std::string() : path;
    };
    made.script = given(script, "/etc/qemu-ifup");
    made.down_script = given(down_script, "/etc/qemu-ifdown");
  }
  // The toolstack's script puts it into the bridge.
  list.ignore({"br", "sndbuf", "vnet_hdr", "vhostforce", "poll-us"});
  return {};
}

/// QEMU's older way: one of fd=, connect= and udp=.
Status read_socket(OptionList& list, Netdev& made) {
  made.kind = Netdev::Kind::kSocket;
  for (const std::string_view key : {"listen", "mcast"}) {
    if (!list.has(key)) continue;
    return core::fail(
        fmt::format("{}: {}=: not built: use connect=, udp= or fd=", list.where(), key));
  }
  list.take_number("fd", made.fd, 0, 0x7fffffff);
  list.take("connect", made.connect);
  list.take("udp", made.udp);
  list.take("localaddr", made.local);
  const int ways = (made.fd >= 0) + !made.connect.empty() + !made.udp.empty();
  if (ways != 1 || made.udp.empty() != made.local.empty()) {
    return core::fail(
        fmt::format("{}: give fd=, or connect=HOST:PORT, or udp=HOST:PORT with localaddr=HOST:PORT",
                    list.where()));
  }
  return {};
}

/// An address of the newer way, under `key`.
Status read_address(OptionList& list, std::string_view key, std::string& inet,
                    std::string& unix_path, int& fd) {
  std::string type;
  list.take(fmt::format("{}.type", key), type);
  if (type == "fd") {
    list.take_number(fmt::format("{}.str", key), fd, 0, 0x7fffffff);
    return {};
  }
  if (type == "unix") {
    list.take(fmt::format("{}.path", key), unix_path);
    if (!unix_path.empty()) return {};
    return core::fail(fmt::format("{}: {}.path= is missing", list.where(), key));
  }
  if (type != "inet") {
    return core::fail(
        fmt::format("{}: {}.type={}: there are inet, unix and fd", list.where(), key, type));
  }
  std::string host, port;
  list.take(fmt::format("{}.host", key), host);
  list.take(fmt::format("{}.port", key), port);
  if (host.empty() || port.empty()) {
    return core::fail(fmt::format("{}: {}.host= or {}.port= is missing", list.where(), key, key));
  }
  inet = fmt::format("{}:{}", host, port);
  return {};
}

Status read_stream(OptionList& list, Netdev& made) {
  made.kind = Netdev::Kind::kSocket;
  bool server = true;
  list.take("server", server);
  if (server) {
    return core::fail(
        fmt::format("{}: waiting for a client is not built: server=off", list.where()));
  }
  return read_address(list, "addr", made.connect, made.connect_path, made.fd);
}

Status read_dgram(OptionList& list, Netdev& made) {
  made.kind = Netdev::Kind::kSocket;
  if (auto done = read_address(list, "local", made.local, made.local_path, made.fd); !done) {
    return done;
  }
  if (made.fd >= 0) return {};
  if (auto done = read_address(list, "remote", made.udp, made.remote_path, made.fd); !done) {
    return done;
  }
  if (made.fd < 0 && made.udp.empty() == made.local.empty()) return {};
  return core::fail(fmt::format("{}: local and remote must be of one type", list.where()));
}

}  // namespace

core::Result<Netdev> read_netdev(OptionList& list) {
  Netdev made;
  std::string type;
  list.take("type", type);
  list.take("id", made.id);
  if (made.id.empty()) return core::fail(fmt::format("{}: id= is missing", list.where()));
  made.type = type;
  for (const Refusal& one : kRefusedKinds) {
    if (one.name == type)
      return core::fail(fmt::format("{}: {}: {}", list.where(), type, one.cure));
  }
  Status done;
  if (type == "tap") {
    done = read_tap(list, made);
  } else if (type == "socket") {
    done = read_socket(list, made);
  } else if (type == "stream") {
    done = read_stream(list, made);
  } else if (type == "dgram") {
    done = read_dgram(list, made);
  } else {
    return core::fail(
        fmt::format("{}: type={}: there are tap, socket, stream and dgram", list.where(), type));
  }
  if (!done) return tl::unexpected(done.error());
  if (auto error = list.finish()) return tl::unexpected(*error);
  return made;
}

Status Parser::add_netdev(std::string_view value) {
  if (value == "help" || value == "?") {
    m_.help = "Available netdev backend types:\ndgram\nsocket\nstream\ntap\n";
    return {};
  }
  auto list = value.starts_with('{') ? OptionList::parse_json(where_, value)
                                     : OptionList::parse(where_, value, "type");
  if (!list) return tl::unexpected(list.error());
  auto made = read_netdev(*list);
  if (!made) return tl::unexpected(made.error());
  if (m_.find_netdev(made->id) != nullptr) {
    return core::fail(fmt::format("{}: id={}: in use by another -netdev", where_, made->id));
  }
  m_.netdevs.push_back(std::move(*made));
  return {};
}

Status Parser::add_net(std::string_view value) {
  if (value == "none") return {};
  return core::fail(fmt::format("{} {}: {}", where_, value, kNoNic));
}

/// A card's wire exists, and is its alone.
Status Parser::check_netdev(const Device& card) {
  for (const Property& one : card.properties) {
    if (one.key != "netdev") continue;
    if (m_.find_netdev(one.value) == nullptr) {
      return core::fail(fmt::format("-device {}: netdev={}: there is no -netdev of that id",
                                    card.driver, one.value));
    }
    for (const Device& other : m_.devices) {
      const auto same = [&](const Property& its) { return its == one; };
      if (std::none_of(other.properties.begin(), other.properties.end(), same)) continue;
      return core::fail(
          fmt::format("-device {}: netdev={}: in use by another card", card.driver, one.value));
    }
  }
  return {};
}

}  // namespace config
