#include "machine/board/vnc_setup.h"

#include <array>

#include "machine/log/log.h"

namespace board {
namespace {

using Client = screen::VncServer::Client;

/// Whoever has come is ready at once: the process that speaks VNC tells of those only.
void tell(monitor::Events& events, const screen::VncServer& server, const Client& client,
          bool connected) {
  const screen::VncServer::Info info = server.info();
  const monitor::EventData data = {{"server", monitor::EventData{{"auth", info.auth},
                                                                 {"family", info.family},
                                                                 {"service", info.service},
                                                                 {"host", info.host},
                                                                 {"websocket", false}}},
                                   {"client", monitor::EventData{{"family", client.family},
                                                                 {"service", client.service},
                                                                 {"host", client.host},
                                                                 {"websocket", false}}}};
  if (!connected) return events.emit("VNC_DISCONNECTED", data);
  events.emit("VNC_CONNECTED", data);
  events.emit("VNC_INITIALIZED", data);
}

}  // namespace

core::Result<std::unique_ptr<screen::VncServer>> start_vnc(loop::Loop& loop,
                                                           const config::Machine& machine,
                                                           screen::Console& console,
                                                           screen::InputRouter& input,
                                                           monitor::Events& events) {
  if (!machine.vnc) return nullptr;
  const config::Vnc& vnc = *machine.vnc;
  if (vnc.websocket) {
    mlog::warning("-vnc websocket: not built yet, ignored; plain VNC listens as asked");
  }
  constexpr std::array kShares = {vnc::Share::kAllowExclusive, vnc::Share::kForceShared,
                                  vnc::Share::kIgnore};
  auto server = std::make_unique<screen::VncServer>(loop, console, input);
  screen::VncServer* const raw = server.get();
  input.on_leds([raw](screen::InputRouter::Leds leds) { raw->leds(leds); });
  server->on_client([raw, &events](const Client& client, bool connected) {
    tell(events, *raw, client, connected);
  });
  auto started = server->start({.host = vnc.host,
                                .port = vnc.port,
                                .to_port = vnc.to_port,
                                .unix_path = vnc.unix_path,
                                .password = vnc.password,
                                .share = kShares[static_cast<unsigned>(vnc.share)],
                                .lock_key_sync = vnc.lock_key_sync,
                                .keymap = machine.keymap,
                                .title = machine.name.empty() ? "Xenolith" : machine.name,
                                .program = {}});
  if (started) return server;
  input.on_leds({});
  return tl::unexpected(started.error());
}

}  // namespace board
