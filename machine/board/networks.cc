#include "machine/board/networks.h"

#include <fmt/format.h>

#include <algorithm>

#include "hw/emul/core/net_offload.h"
#include "machine/config/netdevs.h"
#include "machine/log/log.h"
#include "machine/net/user.h"

namespace board {
namespace {

constexpr net::MacAddress kFirstMac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

std::shared_ptr<const netdev::UserSpec> user_spec(const config::UserNetwork& user) {
  auto made = std::make_shared<netdev::UserSpec>();
  *made = {.ipv4 = user.ipv4,
           .ipv6 = user.ipv6,
           .restricted = user.restricted,
           .network = user.network,
           .host = user.host,
           .dns = user.dns,
           .dhcp_start = user.dhcp_start,
           .network6 = user.network6,
           .host6 = user.host6,
           .dns6 = user.dns6,
           .hostname = user.hostname,
           .domain = user.domain,
           .dns_search = user.dns_search,
           .tftp = user.tftp,
           .tftp_server = user.tftp_server,
           .bootfile = user.bootfile,
           .host_forwards = user.host_forwards,
           .guest_forwards = user.guest_forwards};
  return made;
}

netdev::Spec::Kind kind_of(const config::Netdev& netdev) {
  switch (netdev.kind) {
    case config::Netdev::Kind::kTap: return netdev::Spec::Kind::kTap;
    case config::Netdev::Kind::kSocket: return netdev::Spec::Kind::kSocket;
    case config::Netdev::Kind::kUser: break;
  }
  return netdev::Spec::Kind::kUser;
}

netdev::Spec spec_of(const config::Netdev& netdev) {
  return {.kind = kind_of(netdev),
          .id = netdev.id,
          .ifname = netdev.ifname,
          .script = netdev.script,
          .down_script = netdev.down_script,
          .vnet_header = netdev.vnet_header,
          .fd = netdev.fd,
          .connect = netdev.connect,
          .connect_path = netdev.connect_path,
          .listen = netdev.listen,
          .listen_path = netdev.listen_path,
          .local = netdev.local,
          .local_path = netdev.local_path,
          .remote = netdev.udp,
          .remote_path = netdev.remote_path,
          .multicast = netdev.multicast,
          .user = netdev.user != nullptr ? user_spec(*netdev.user) : nullptr};
}

/// As QEMU's `info network` has it.
std::string describe(const config::Netdev& netdev) {
  if (netdev.fd >= 0) return fmt::format("fd={}", netdev.fd);
  const auto script = [](const std::string& path) { return path.empty() ? "no" : path; };
  if (netdev.kind == config::Netdev::Kind::kTap) {
    return fmt::format("ifname={},script={},downscript={}", netdev.ifname, script(netdev.script),
                       script(netdev.down_script));
  }
  if (!netdev.connect.empty()) return fmt::format("socket: connect to {}", netdev.connect);
  if (!netdev.listen.empty()) return fmt::format("socket: wait from {}", netdev.listen);
  if (!netdev.listen_path.empty()) return fmt::format("unix:{}", netdev.listen_path);
  if (!netdev.multicast.empty()) return fmt::format("socket: mcast={}", netdev.multicast);
  if (!netdev.connect_path.empty()) return fmt::format("unix:{}", netdev.connect_path);
  if (!netdev.udp.empty()) return fmt::format("udp={}", netdev.udp);
  return fmt::format("udp={}:{}", netdev.local_path, netdev.remote_path);
}

}  // namespace

namespace {

/// The end of a cable that lies about.
class Nowhere final : public netdev::Netdev {
 public:
  using Netdev::Netdev;
  std::size_t send(std::span<const core::Bytes> frames) override { return frames.size(); }
  void set_client(core::NetClient* /*client*/) override {}
  void accept_input() override {}
  std::string describe() const override { return "nowhere"; }
};

}  // namespace

class Networks::Wire final : public core::NetBackend, public core::OffloadingBackend {
 public:
  Wire(config::Netdev netdev, std::unique_ptr<netdev::Netdev> end)
      : netdev_(std::move(netdev)),
        end_(std::move(end)),
        offloading_(dynamic_cast<core::OffloadingBackend*>(end_.get())) {}

  std::size_t send(std::span<const core::Bytes> frames) override {
    return end_ != nullptr ? end_->send(frames) : frames.size();
  }
  bool offloads() const override { return offloading_ != nullptr && offloading_->offloads(); }
  std::size_t send_offloading(std::span<const core::Bytes> frames,
                              std::span<const core::NetOffload> todo) override {
    return offloading_ != nullptr ? offloading_->send_offloading(frames, todo) : frames.size();
  }
  void set_client(core::NetClient* client) override {
    client_ = client;
    if (end_ != nullptr) end_->set_client(client);
  }
  void accept_input() override {
    if (end_ != nullptr) end_->accept_input();
  }

  const config::Netdev& netdev() const { return netdev_; }
  netdev::UserNetdev* user() const { return dynamic_cast<netdev::UserNetdev*>(end_.get()); }
  bool in_use() const { return client_ != nullptr; }
  std::optional<core::u8> devfn() const { return in_use() ? std::optional(devfn_) : std::nullopt; }
  void set_devfn(core::u8 devfn) { devfn_ = devfn; }
  bool closed() const { return end_ == nullptr; }
  void close() {
    end_->set_client(nullptr);
    end_.reset();
    offloading_ = nullptr;
    if (client_ == nullptr) return;
    client_->link_changed(false);
    client_->writable();  // what it kept for this end goes nowhere
  }
  void set_link(bool up) {
    if (client_ != nullptr) client_->link_changed(up);
  }

 private:
  const config::Netdev netdev_;
  std::unique_ptr<netdev::Netdev> end_;
  core::OffloadingBackend* offloading_;  // the same, or null
  core::NetClient* client_ = nullptr;
  core::u8 devfn_ = 0;  // of the client
};

Networks::Networks(loop::Loop& loop)
    : loop_(loop), nowhere_(std::make_unique<Wire>(config::Netdev{}, nullptr)) {}
Networks::~Networks() = default;

core::Result<void> Networks::open(const config::Machine& machine) {
  for (const config::Netdev& netdev : machine.netdevs) {
    if (auto done = add(netdev); !done) return done;
  }
  return {};
}

Networks::Wire* Networks::find(std::string_view id) const {
  for (const auto& wire : wires_) {
    if (!wire->closed() && wire->netdev().id == id) return wire.get();
  }
  return nullptr;
}

void Networks::forget_unused() {
  std::erase_if(wires_, [](const auto& wire) { return wire->closed() && !wire->in_use(); });
}

core::Result<core::NetBackend*> Networks::connect(std::string_view id, core::u8 devfn) {
  Wire* wire = find(id);
  if (wire == nullptr) return core::fail(fmt::format("can't find value '{}'", id));
  if (wire->in_use()) return core::fail(fmt::format("can't take value '{}', it's in use", id));
  wire->set_devfn(devfn);
  return wire;
}

core::NetBackend& Networks::nowhere() {
  return *nowhere_;
}

net::MacAddress Networks::next_mac() {
  net::MacAddress mac = kFirstMac;
  while (mac.back() != 0xff && macs_.count(mac.back()) != 0) ++mac.back();
  note_mac(mac);
  return mac;
}

void Networks::note_mac(const net::MacAddress& mac) {
  if (std::equal(mac.begin(), mac.end() - 1, kFirstMac.begin())) macs_.insert(mac.back());
}

core::Result<void> Networks::add(const config::Netdev& netdev) {
  forget_unused();
  if (find(netdev.id) != nullptr) {
    return core::fail(fmt::format("Duplicate ID '{}'", netdev.id));
  }
  auto end = netdev::open(loop_, spec_of(netdev));
  if (!end) return tl::unexpected(end.error());
  wires_.push_back(std::make_unique<Wire>(netdev, std::move(*end)));
  return {};
}

bool Networks::remove(std::string_view id) {
  Wire* wire = find(id);
  if (wire == nullptr) return false;
  wire->close();
  forget_unused();
  return true;
}

void Networks::unplug(const std::vector<Info>& used) {
  for (const Info& one : used) {
    const Wire* wire = one.devfn ? find(one.id) : nullptr;
    if (wire == nullptr) continue;
    unplugged_.push_back(wire->netdev());
    (void)remove(one.id);
  }
}

void Networks::restore_unplugged() {
  for (config::Netdev& netdev : std::exchange(unplugged_, {})) {
    if (find(netdev.id) != nullptr) continue;  // a client made another of that name
    std::string why = "an inherited descriptor cannot be had twice";
    if (netdev.fd < 0) {
      const auto added = add(netdev);
      if (added) continue;
      why = added.error().message;
    }
    mlog::warning("netdev {}: after the reset it leads nowhere: {}", netdev.id, why);
    auto end = std::make_unique<Nowhere>(netdev.id);
    wires_.push_back(std::make_unique<Wire>(std::move(netdev), std::move(end)));
  }
}

bool Networks::set_link(std::string_view id, bool up) {
  Wire* wire = find(id);
  if (wire != nullptr) wire->set_link(up);
  return wire != nullptr;
}

std::string Networks::user_networks() const {
  std::string text;
  for (const auto& wire : wires_) {
    if (wire->user() == nullptr) continue;
    text += fmt::format("Hub -1 ({}):\n{}", wire->netdev().id, wire->user()->connections());
  }
  return text;
}

core::Result<void> Networks::forward(const std::string& id, const std::string& rule, bool add) {
  netdev::UserNetdev* found = nullptr;
  for (const auto& wire : wires_) {
    if (wire->user() != nullptr && (id.empty() ? found == nullptr : wire->netdev().id == id)) {
      found = wire->user();
    }
  }
  if (found == nullptr) {
    return core::fail(id.empty() ? "no user network is there"
                                 : fmt::format("{}: no user network has this name", id));
  }
  return add ? found->add_forward(rule) : found->remove_forward(rule);
}

std::vector<Networks::Info> Networks::list() const {
  std::vector<Info> all;
  for (const auto& wire : wires_) {
    if (wire->closed()) continue;
    const netdev::UserNetdev* user = wire->user();
    all.push_back({.id = wire->netdev().id,
                   .type = wire->netdev().type,
                   .description = user != nullptr ? user->describe() : describe(wire->netdev()),
                   .devfn = wire->devfn()});
  }
  return all;
}

}  // namespace board
