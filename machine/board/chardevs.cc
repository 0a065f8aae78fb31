#include "machine/board/chardevs.h"

#include <fmt/format.h>

#include <algorithm>

namespace board {
namespace {

core::Result<chardev::Kind> kind_of(const config::Chardev& one) {
  using From = config::Chardev::Kind;
  switch (one.kind) {
    case From::kNull: return chardev::Kind::kNull;
    case From::kSocket: return chardev::Kind::kSocket;
    case From::kFile: return chardev::Kind::kFile;
    case From::kPipe: return chardev::Kind::kPipe;
    case From::kPty: return chardev::Kind::kPty;
    case From::kStdio: return chardev::Kind::kStdio;
    case From::kTty: return chardev::Kind::kTty;
    case From::kRingbuf: return chardev::Kind::kRing;
    case From::kUdp: return chardev::Kind::kUdp;
    case From::kParport: break;
  }
  return core::fail(fmt::format(
      "-chardev {}: a port of the host's printer is not built: use file or socket", one.id));
}

}  // namespace

core::Result<ChardevMap> open_chardevs(loop::Loop& loop, const config::Machine& machine) {
  ChardevMap result;
  for (const config::Chardev& one : machine.chardevs) {
    const auto kind = kind_of(one);
    if (!kind) return tl::unexpected(kind.error());
    const bool for_monitor =
        std::any_of(machine.monitors.begin(), machine.monitors.end(),
                    [&](const config::Monitor& monitor) { return monitor.chardev == one.id; });
    const chardev::Spec spec{
        .id = one.id,
        .kind = *kind,
        .path = one.path,
        .input_path = one.input_path,
        .append = one.append,
        .abstract_socket = one.abstract_socket,
        .tight = one.tight,
        .host = one.host,
        .port = one.port,
        .to = one.to,
        .ipv4 = one.ipv4,
        .ipv6 = one.ipv6,
        .local_host = one.local_host,
        .local_port = one.local_port,
        .fd = one.fd,
        .server = one.server,
        .wait = one.wait,
        .telnet = one.telnet,
        .nodelay = one.nodelay,
        .reconnect_s = one.reconnect_s,
        .signal = one.signal,
        .ring_size = one.ring_size,
        .log_file = one.log_file,
        .log_append = one.log_append,
        .priority = for_monitor ? loop::Priority::kMonitor : loop::Priority::kHost,
    };
    auto opened = chardev::open(loop, spec);
    if (!opened) return tl::unexpected(opened.error());
    result.push_back(std::make_unique<chardev::Switch>(std::move(*opened)));
  }
  return result;
}

chardev::Switch* find_chardev(const ChardevMap& chardevs, std::string_view id) {
  const auto at = std::find_if(chardevs.begin(), chardevs.end(),
                               [id](const auto& one) { return one->id() == id; });
  return at != chardevs.end() ? at->get() : nullptr;
}

core::Result<void> attach_monitors(
    monitor::Monitor& monitor, const config::Machine& machine, const ChardevMap& chardevs,
    std::vector<std::unique_ptr<monitor::ChannelControl>>& channels) {
  for (const config::Monitor& one : machine.monitors) {
    chardev::Chardev* backend = find_chardev(chardevs, one.chardev);
    if (backend == nullptr) return core::fail(fmt::format("-mon: no chardev {}", one.chardev));
    backend->pin();  // what was negotiated belongs to the connection
    if (!one.control) {
      monitor.add_hmp(*backend);
      continue;
    }
    channels.push_back(std::make_unique<SocketControl>(*backend));
    monitor.add_qmp(*backend, channels.back().get(), {.label = one.chardev, .pretty = one.pretty});
  }
  return {};
}

}  // namespace board
