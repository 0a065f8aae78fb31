#include "machine/board/networks.h"

#include <fmt/format.h>

#include <algorithm>

namespace board {
namespace {

constexpr net::MacAddress kFirstMac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

netdev::Spec spec_of(const config::Netdev& netdev) {
  return {.kind = netdev.kind == config::Netdev::Kind::kTap ? netdev::Spec::Kind::kTap
                                                            : netdev::Spec::Kind::kSocket,
          .id = netdev.id,
          .ifname = netdev.ifname,
          .script = netdev.script,
          .down_script = netdev.down_script,
          .fd = netdev.fd,
          .connect = netdev.connect,
          .connect_path = netdev.connect_path,
          .local = netdev.local,
          .local_path = netdev.local_path,
          .remote = netdev.udp,
          .remote_path = netdev.remote_path};
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
  if (!netdev.connect_path.empty()) return fmt::format("unix:{}", netdev.connect_path);
  if (!netdev.udp.empty()) return fmt::format("udp={}", netdev.udp);
  return fmt::format("udp={}:{}", netdev.local_path, netdev.remote_path);
}

/// RFC 903: the frame that asks for one's own address. Nobody needs to answer.
std::vector<core::u8> rarp_request(const net::MacAddress& mac) {
  std::vector<core::u8> frame(6, 0xff);
  const auto add = [&frame](std::span<const core::u8> bytes) {
    frame.insert(frame.end(), bytes.begin(), bytes.end());
  };
  constexpr core::u8 kRequest[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
  constexpr core::u8 kNoAddress[4] = {};
  add(mac);
  add(kRequest);
  add(mac);
  add(kNoAddress);
  add(mac);
  constexpr std::size_t kShortest = 60;
  frame.resize(kShortest);
  return frame;
}

}  // namespace

class Networks::Wire final : public core::NetBackend {
 public:
  Wire(config::Netdev netdev, std::unique_ptr<netdev::Netdev> end)
      : netdev_(std::move(netdev)), end_(std::move(end)) {}

  std::size_t send(std::span<const core::Bytes> frames) override {
    return end_ != nullptr ? end_->send(frames) : frames.size();
  }
  void set_client(core::NetClient* client) override {
    client_ = client;
    if (end_ != nullptr) end_->set_client(client);
  }
  void accept_input() override {
    if (end_ != nullptr) end_->accept_input();
  }

  const config::Netdev& netdev() const { return netdev_; }
  bool in_use() const { return client_ != nullptr; }
  std::optional<core::u8> devfn() const { return in_use() ? std::optional(devfn_) : std::nullopt; }
  void set_devfn(core::u8 devfn) { devfn_ = devfn; }
  bool closed() const { return end_ == nullptr; }
  void close() {
    end_->set_client(nullptr);
    end_.reset();
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

bool Networks::set_link(std::string_view id, bool up) {
  Wire* wire = find(id);
  if (wire != nullptr) wire->set_link(up);
  return wire != nullptr;
}

void Networks::announce(core::u8 devfn, const net::MacAddress& mac) {
  const std::vector<core::u8> frame = rarp_request(mac);
  const auto send = [this, devfn, frame] {
    for (const auto& wire : wires_) {
      const core::Bytes bytes(frame);
      if (!wire->closed() && wire->devfn() == devfn) (void)wire->send({&bytes, 1});
    }
  };
  send();
  for (const unsigned ms : {50U, 200U, 450U, 800U}) {
    announcements_.push_back(loop_.after(ms, send));
  }
}

std::vector<Networks::Info> Networks::list() const {
  std::vector<Info> all;
  for (const auto& wire : wires_) {
    if (wire->closed()) continue;
    all.push_back({.id = wire->netdev().id,
                   .type = wire->netdev().type,
                   .description = describe(wire->netdev()),
                   .devfn = wire->devfn()});
  }
  return all;
}

}  // namespace board
