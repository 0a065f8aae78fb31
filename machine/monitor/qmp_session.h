// One QMP client at a time on one character device: greeting, negotiation, requests, answers,
// events.
//
// Output that the client does not take is queued; a client that lets too much pile up is not read
// from any more, and then thrown out. Nothing here waits.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hw/emul/core/chardev.h"
#include "machine/monitor/command.h"
#include "machine/monitor/events.h"
#include "machine/monitor/json_stream.h"
#include "machine/monitor/monitor.h"

namespace monitor {

struct SessionOptions {
  std::string label;    // of the character device
  bool pretty = false;  // answers over several lines
  bool events = true;   // false for clients that cannot tell an event from an answer
};

class QmpSession final : public core::CharClient, public EventListener, public Client {
 public:
  static constexpr std::size_t kPauseAt = 256u << 10;    // stop reading requests
  static constexpr std::size_t kThrowOutAt = 16u << 20;  // give the client up

  /// `base` is copied, with this session as the client. `backend` and `control` (may be null)
  /// outlive the session.
  QmpSession(const Context& base, core::CharBackend& backend, ChannelControl* control,
             SessionOptions options);
  ~QmpSession() override;
  QmpSession(const QmpSession&) = delete;
  QmpSession& operator=(const QmpSession&) = delete;

  // core::CharClient
  std::size_t can_receive() override;
  void receive(core::Bytes data) override;
  void char_event(core::CharEvent event) override;
  void writable() override;

  // EventListener
  void event(const Json& event) override;

  // Client
  core::Fd take_fd() override;
  std::map<std::string, core::Fd>& named_fds() override { return named_fds_; }

  bool connected() const { return connected_; }
  bool negotiated() const { return negotiated_; }
  /// Bytes that the client has not taken yet.
  std::size_t backlog() const { return output_.size() - output_start_; }
  const std::string& label() const { return options_.label; }

 private:
  void open();
  void close();
  void answer(const JsonMessage& message);
  Reply dispatch(const Json& request);
  Reply execute(const std::string& name, const Json& arguments);
  Reply negotiate(const Json& arguments);
  void send(const Json& object);
  void flush();

  Context context_;
  core::CharBackend& backend_;
  ChannelControl* control_;
  SessionOptions options_;
  JsonStream stream_;
  bool connected_ = false;
  bool negotiated_ = false;
  unsigned connection_ = 0;  // counts clients: what was begun for an earlier one is dropped
  bool paused_ = false;
  std::string output_;
  std::size_t output_start_ = 0;
  std::map<std::string, core::Fd> named_fds_;
};

}  // namespace monitor
