// The VNC server proper: libvncserver, driven by one poll loop. Runs in a process of its own,
// because it parses what strangers send and blocks on slow readers.
//
// Document: RFC 6143. Not served: TLS, SASL, WebSockets, QEMU's extended key events, pointer type
// changes, clipboard.
#pragma once

#include <rfb/rfb.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "machine/vnc/channel.h"
#include "machine/vnc/key_translator.h"

namespace vnc {

class Server {
 public:
  explicit Server(Channel channel) : channel_(std::move(channel)) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves until the machine goes away; the exit status.
  int run();

 private:
  static constexpr std::size_t kMaxClients = 32;

  /// What hangs on rfbClientRec::clientData.
  struct Guest {
    Server& server;
    std::uint32_t id;
    KeyTranslator keys;
    std::uint32_t buttons = 0;
    std::uint32_t x = 0, y = 0;
  };

  static Guest& guest_of(rfbClientPtr client) { return *static_cast<Guest*>(client->clientData); }
  static enum rfbNewClientAction on_new_client(rfbClientPtr client);
  static void on_gone(rfbClientPtr client);
  static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr client);
  static void on_pointer(int buttons, int x, int y, rfbClientPtr client);
  static rfbBool on_password(rfbClientPtr client, const char* response, int length);

  bool start(const Message& hello, std::vector<Fd> listeners);
  void take_messages();
  void handle(const Message& message, std::vector<Fd>& fds);
  void new_frame(const Frame& frame, std::vector<Fd>& fds);
  void show(char* pixels, int width, int height);
  void drop_frame();
  void accept_from(int listener);
  void admit();
  void check_idle();
  bool password_fits(rfbClientPtr client, const char* response, std::size_t length) const;
  void say(const Message& message);

  Channel channel_;
  bool over_ = false;
  bool leave_ = false;
  rfbScreenInfoPtr screen_ = nullptr;
  std::array<std::uint32_t, 16 * 16> nothing_{};  // shown while there is no frame
  void* mapped_ = nullptr;
  std::size_t mapped_size_ = 0;
  std::vector<Fd> listeners_;
  std::vector<Fd> waiting_;  // accepted, not let in yet
  std::size_t clients_ = 0;
  std::uint32_t next_id_ = 1;
  bool busy_ = false;  // the machine draws for us
  bool lock_sync_ = true;
  Locks locks_;
  Password password_{};
  std::string title_;
};

}  // namespace vnc
