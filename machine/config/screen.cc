// -vnc and -display: who may look, and where.
#include <fmt/format.h>

#include "machine/config/parser.h"

namespace config {
namespace {

constexpr u32 kVncBase = 5900;
constexpr u32 kLastPort = 65535;

/// HOST:DISPLAY, with IPv6 hosts in brackets or, as xl passes them, bare.
Status read_address(std::string_view text, Vnc& vnc) {
  if (text.starts_with("unix:")) {
    vnc.unix_path = text.substr(5);
    if (vnc.unix_path.empty()) return core::fail("-vnc unix: the path is missing");
    return {};
  }
  const std::size_t colon = text.rfind(':');
  const std::string_view number =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const auto display = to_number(number);
  if (!display || *display > kLastPort - kVncBase) {
    return core::fail(fmt::format("-vnc {}: must look like HOST:DISPLAY, DISPLAY from 0 to {}",
                                  text, kLastPort - kVncBase));
  }
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  vnc.host = host;
  vnc.port = kVncBase + static_cast<u32>(*display);
  return {};
}

}  // namespace

Status Parser::add_vnc(std::string_view value) {
  if (value == "none") {
    m_.vnc.reset();
    return {};
  }
  auto list = OptionList::parse(where_, value, "vnc");
  if (!list) return tl::unexpected(list.error());
  Vnc vnc;
  std::string address;
  list->take("vnc", address);
  if (auto done = read_address(address, vnc); !done) return done;
  u32 to = 0;
  const bool range = list->has("to");
  list->take_number("to", to, 0, kLastPort - kVncBase);
  if (range) vnc.to_port = kVncBase + to;
  list->take("password", vnc.password);
  list->take("websocket", vnc.websocket);
  if (vnc.websocket && to_bool(*vnc.websocket) == false) vnc.websocket.reset();
  static constexpr OptionList::Choice<Vnc::Share> kShare[] = {
      {"allow-exclusive", Vnc::Share::kAllowExclusive},
      {"force-shared", Vnc::Share::kForceShared},
      {"ignore", Vnc::Share::kIgnore}};
  list->take_choice("share", vnc.share, kShare);
  list->take("lossy", vnc.lossy);
  list->take("non-adaptive", vnc.non_adaptive);
  list->take("lock-key-sync", vnc.lock_key_sync);
  list->take("power-control", vnc.power_control);
  list->take_number("key-delay-ms", vnc.key_delay_ms, 0, 10000);
  list->take("id", vnc.id);
  for (const std::string_view key : {"reverse", "sasl", "acl"}) {
    bool on = false;
    list->take(key, on);
    if (on) return core::fail(fmt::format("-vnc {}=on: not built yet: use password=on", key));
  }
  for (const std::string_view key :
       {"tls-creds", "tls-authz", "sasl-authz", "password-secret", "audiodev"}) {
    if (list->has(key)) {
      return core::fail(fmt::format("-vnc {}=: not built yet: use password=on and a tunnel", key));
    }
  }
  list->ignore({"display", "head"});
  if (auto error = list->finish()) return tl::unexpected(*error);
  m_.vnc = std::move(vnc);
  return {};
}

Status Parser::add_display(std::string_view value) {
  if (value == "help") {
    m_.help = "Available display backend types:\nnone\nvnc\n";
    return {};
  }
  display_.clear();
  if (value.starts_with("vnc=")) return add_vnc(value.substr(4));
  if (value != "none") display_ = value;  // the last one counts: judged at the end
  return {};
}

}  // namespace config
