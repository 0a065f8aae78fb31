// The machine's side of VNC: opens the sockets, starts xenolith-vnc when a client knocks, and again
// should it die, feeds it the picture and takes keys and pointer events from it. A while after the
// last client the process ends: most guests have nobody looking, and it is larger than all the
// rest.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "machine/display/console.h"
#include "machine/display/input_router.h"
#include "machine/display/listeners.h"
#include "machine/log/log.h"

namespace screen {

struct VncConfig {
  std::string host;       // empty: every address
  unsigned port = 5900;   // tried first
  unsigned to_port = 0;   // tried last; 0: only `port`
  std::string unix_path;  // instead of host and port
  bool password = false;  // VNC authentication; nobody gets in before set_password()
  vnc::Share share = vnc::Share::kAllowExclusive;
  bool lock_key_sync = true;
  std::string keymap;  // empty: en-us
  std::string title = "Xenolith";
  std::string program;        // empty: find_program()
  bool start_now = false;     // and for good: where it could not be started later
  unsigned rest_ms = 10'000;  // without clients
};

/// Thread: device thread.
class VncServer final : public Viewer {
 public:
  VncServer(loop::Loop& loop, Console& console, InputRouter& input)
      : loop_(loop), console_(console), input_(input) {}
  ~VncServer() override;
  VncServer(const VncServer&) = delete;
  VncServer& operator=(const VncServer&) = delete;

  /// Listens; the process takes clients a moment after the first has come.
  core::Result<void> start(VncConfig config);

  struct Client {
    unsigned id = 0;
    std::string host, service, family;
  };
  struct Info {
    std::string host, service, family;
    std::string auth;  // "none" or "vnc"
    std::vector<Client> clients;
  };
  bool enabled() const { return !listeners_.sockets.empty(); }
  Info info() const;

  static constexpr core::i64 kNever = std::numeric_limits<core::i64>::max();
  /// An empty one locks everybody out. Fails if the server was started without passwords.
  core::Result<void> set_password(const std::string& password);
  /// Seconds since 1970.
  core::Result<void> expire_password(core::i64 when);

  /// Told when a client has come or gone (QMP's VNC_CONNECTED and VNC_DISCONNECTED).
  void on_client(std::function<void(const Client&, bool connected)> told) {
    on_client_ = std::move(told);
  }
  /// Lights of the guest's keyboard: the client's lock keys follow them.
  void leds(InputRouter::Leds leds);

  /// The process, for tests and the log; -1 while there is none.
  pid_t pid() const { return pid_; }

  // Viewer
  void frame_replaced(const FrameBuffer& frame) override;
  void frame_updated(const core::Rect& rect) override;

  /// xenolith-vnc beside this program, in its build directory, or installed; empty if nowhere.
  static std::string find_program();

 private:
  struct Outgoing {
    vnc::Message message;
    vnc::Fd fd;
  };

  core::Result<void> spawn();
  void wait_for_client();
  void ask_to_leave();
  void greet();
  void ready(unsigned events);
  void handle(const vnc::Message& message);
  void joined(const vnc::Client& client);
  void left(unsigned id);
  void send(const vnc::Message& message, vnc::Fd fd = {});
  void flush();
  void send_password();
  void kill_child();
  void child_gone();
  void restart();

  loop::Loop& loop_;
  Console& console_;
  InputRouter& input_;
  VncConfig config_;
  Listeners listeners_;
  vnc::Password password_{};
  InputRouter::Leds leds_;

  pid_t pid_ = -1;
  vnc::Channel channel_;
  loop::WatchPtr watch_;
  std::vector<loop::WatchPtr> door_;  // the sockets, while there is no process
  loop::WatchPtr rest_timer_;
  bool leaving_ = false;  // it was asked to end
  loop::WatchPtr restart_timer_;
  std::vector<core::i64> deaths_;  // host time of the last ones
  std::deque<Outgoing> queue_;     // what the channel had no room for
  bool watching_writable_ = false;
  std::vector<Client> clients_;
  std::function<void(const Client&, bool)> on_client_;
  mlog::Limiter talk_{10, 1000};
};

}  // namespace screen
