// -netdev, -net and -nic: what is at the other end of network cards' cables.
#include "machine/config/netdevs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "machine/config/parser.h"

namespace config {
namespace {

constexpr Refusal kRefusedKinds[] = {
    {"bridge", "no helper makes taps here: use tap,ifname=,script=,downscript="},
    {"l2tpv3", "not built: use tap"},
    {"vde", "not built: use tap"},
    {"netmap", "not built: use tap"},
    {"hubport", "not built: use one -netdev for each card, or a bridge of Linux and taps"},
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
  list.take("vnet_hdr", made.vnet_header);
  // The toolstack's script puts it into the bridge.
  list.ignore({"br", "sndbuf", "vhostforce", "poll-us"});
  return {};
}

/// QEMU's older way: one of fd=, listen=, connect=, mcast= and udp=.
Status read_socket(OptionList& list, Netdev& made) {
  made.kind = Netdev::Kind::kSocket;
  list.take_number("fd", made.fd, 0, 0x7fffffff);
  list.take("listen", made.listen);
  list.take("connect", made.connect);
  list.take("mcast", made.multicast);
  list.take("udp", made.udp);
  list.take("localaddr", made.local);
  const int ways = (made.fd >= 0) + !made.listen.empty() + !made.connect.empty() +
                   !made.multicast.empty() + !made.udp.empty();
  const bool local_fits =
      made.local.empty() ? made.udp.empty() : !made.udp.empty() || !made.multicast.empty();
  if (ways == 1 && local_fits) return {};
  return core::fail(
      fmt::format("{}: give one of fd=, listen=[HOST]:PORT, connect=HOST:PORT, "
                  "mcast=ADDRESS:PORT, or udp=HOST:PORT with localaddr=HOST:PORT",
                  list.where()));
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
  if (!server) return read_address(list, "addr", made.connect, made.connect_path, made.fd);
  int fd = -1;
  auto done = read_address(list, "addr", made.listen, made.listen_path, fd);
  if (done && fd >= 0) {
    return core::fail(
        fmt::format("{}: addr.type=fd: a connected socket is no server: server=off", list.where()));
  }
  return done;
}

/// All values of a key that was numbered (number_repeated, or QMP's arrays), in their order.
std::vector<std::string> take_all(OptionList& list, std::string_view key) {
  std::vector<std::string> all;
  if (auto value = list.take(key)) all.push_back(std::move(*value));
  for (unsigned i = 0;; ++i) {
    auto value = list.take(fmt::format("{}.{}", key, i));
    if (!value) value = list.take(fmt::format("{}.{}.str", key, i));
    if (!value) return all;
    all.push_back(std::move(*value));
  }
}

Status read_user(OptionList& list, Netdev& made) {
  made.kind = Netdev::Kind::kUser;
  auto user = std::make_shared<UserNetwork>();
  std::optional<bool> four, six;
  list.take("ipv4", four);
  list.take("ipv6", six);
  // Asking for one alone means not the other.
  user->ipv4 = four.value_or(!six.value_or(false));
  user->ipv6 = six.value_or(!four.value_or(false));
  if (!user->ipv4 && !user->ipv6) {
    return core::fail(fmt::format("{}: ipv4=off,ipv6=off: one of them is needed", list.where()));
  }
  list.take("restrict", user->restricted);
  list.take("ip", user->network);
  list.take("net", user->network);
  list.take("host", user->host);
  list.take("dns", user->dns);
  list.take("dhcpstart", user->dhcp_start);
  std::string prefix = "fec0::", length = "64";
  const bool six_given = list.has("ipv6-prefix") || list.has("ipv6-prefixlen");
  list.take("ipv6-prefix", prefix);
  list.take("ipv6-prefixlen", length);
  list.take("ipv6-net", user->network6);
  if (six_given) user->network6 = fmt::format("{}/{}", prefix, length);
  list.take("ipv6-host", user->host6);
  list.take("ipv6-dns", user->dns6);
  list.take("hostname", user->hostname);
  list.take("domainname", user->domain);
  list.take("tftp", user->tftp);
  list.take("tftp-server-name", user->tftp_server);
  list.take("bootfile", user->bootfile);
  user->dns_search = take_all(list, "dnssearch");
  user->host_forwards = take_all(list, "hostfwd");
  user->guest_forwards = take_all(list, "guestfwd");
  for (const std::string_view key : {"smb", "smbserver"}) {
    if (!list.has(key)) continue;
    return core::fail(
        fmt::format("{}: {}=: no SMB server is built: use hostfwd=, or a tap", list.where(), key));
  }
  made.user = std::move(user);
  return {};
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
  } else if (type == "user") {
    done = read_user(list, made);
  } else if (type == "stream") {
    done = read_stream(list, made);
  } else if (type == "dgram") {
    done = read_dgram(list, made);
  } else {
    return core::fail(fmt::format("{}: type={}: there are tap, user, socket, stream and dgram",
                                  list.where(), type));
  }
  if (!done) return tl::unexpected(done.error());
  if (auto error = list.finish()) return tl::unexpected(*error);
  return made;
}

Status Parser::add_netdev(std::string_view value) {
  if (value == "help" || value == "?") {
    m_.help = "Available netdev backend types:\ndgram\nsocket\nstream\ntap\nuser\n";
    return {};
  }
  auto list = value.starts_with('{') ? OptionList::parse_json(where_, value)
                                     : OptionList::parse(where_, number_repeated(value), "type");
  if (!list) return tl::unexpected(list.error());
  return keep_netdev(*list);
}

Status Parser::keep_netdev(OptionList& list) {
  auto made = read_netdev(list);
  if (!made) return tl::unexpected(made.error());
  if (m_.find_netdev(made->id) != nullptr) {
    return core::fail(fmt::format("{}: id={}: in use by another -netdev", where_, made->id));
  }
  m_.netdevs.push_back(std::move(*made));
  return {};
}

/// A card of these settings, which is built with those of -device.
void Parser::keep_card(OptionList& from, const std::string& netdev) {
  auto card = OptionList::parse("-device", "", "");
  card->set("driver", from.take("model").value_or("e1000"));
  if (auto id = from.take("id")) card->set("id", *id);
  for (const std::string_view key : {"mac", "macaddr"}) {
    if (auto mac = from.take(key)) card->set("mac", *mac);
  }
  if (auto place = from.take("addr")) card->set("addr", *place);
  if (!netdev.empty()) card->set("netdev", netdev);
  from.ignore({"vectors"});
  devices_.push_back(std::move(*card));
}

/// A card and its wire in one.
Status Parser::add_nic(std::string_view value) {
  if (value == "none") return {};
  auto list = value.starts_with('{') ? OptionList::parse_json(where_, value)
                                     : OptionList::parse(where_, number_repeated(value), "type");
  if (!list) return tl::unexpected(list.error());
  const std::string wire = fmt::format("#nic{}", m_.netdevs.size());
  keep_card(*list, wire);
  list->set("id", wire);
  return keep_netdev(*list);
}

/// The oldest way: cards and what they are connected to, each with an option of its own.
Status Parser::add_net(std::string_view value) {
  if (value == "none") return {};
  auto list = OptionList::parse(where_, number_repeated(value), "type");
  if (!list) return tl::unexpected(list.error());
  const std::string type = list->take("type").value_or("");
  if (type != "nic") {
    list->set("type", type);
    if (auto name = list->take("name")) list->set("id", *name);
    if (!list->has("id")) list->set("id", fmt::format("#net{}", m_.netdevs.size()));
    if (auto done = keep_netdev(*list); !done) return done;
    hub_ends_.push_back(m_.netdevs.back().id);
    return {};
  }
  if (auto name = list->take("name"); name && !list->has("id")) list->set("id", *name);
  const std::string wire = list->take("netdev").value_or("");
  keep_card(*list, wire);
  if (wire.empty()) hub_cards_.push_back(devices_.size() - 1);
  if (auto error = list->finish()) return tl::unexpected(*error);
  return {};
}

/// -net connects everything to one hub; a cable does where there is one at each end.
Status Parser::finish_nets() {
  if (hub_cards_.empty() || hub_ends_.empty()) return {};
  if (hub_cards_.size() == 1 && hub_ends_.size() == 1) {
    devices_[hub_cards_[0]].set("netdev", hub_ends_[0]);
    return {};
  }
  return core::fail(
      "-net: more than a card and what it is connected to: no hub is built: use -nic for each "
      "card");
}

std::string number_repeated(std::string_view text) {
  std::string result;
  std::map<std::string_view, unsigned> seen;
  bool begins = true;
  for (std::size_t at = 0; at < text.size();) {
    bool replaced = false;
    for (const std::string_view key : {"hostfwd", "guestfwd", "dnssearch"}) {
      if (!begins || !text.substr(at).starts_with(key) ||
          !text.substr(at + key.size()).starts_with('=')) {
        continue;
      }
      result += fmt::format("{}.{}", key, seen[key]++);
      at += key.size();
      replaced = true;
    }
    if (replaced) {
      begins = false;
      continue;
    }
    // Two commas are one that belongs to the value.
    const bool doubled = text[at] == ',' && text.substr(at + 1).starts_with(',');
    result += text.substr(at, doubled ? 2 : 1);
    begins = text[at] == ',' && !doubled;
    at += doubled ? 2 : 1;
  }
  return result;
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
