// The human monitor on a terminal: a prompt, a line, its output. Line editing is what a plain
// terminal gives: backspace, ^U, ^C for an empty line.
#pragma once

#include <string>

#include "hw/emul/core/chardev.h"
#include "machine/monitor/hmp.h"

namespace monitor {

class HmpSession final : public core::CharClient {
 public:
  static constexpr std::size_t kPauseAt = 256u << 10;  // stop reading
  static constexpr std::size_t kDropAt = 4u << 20;     // forget output that nobody takes
  static constexpr std::size_t kLongestLine = 4095;

  /// Both outlive the session.
  HmpSession(Hmp& hmp, core::CharBackend& backend);
  ~HmpSession() override;
  HmpSession(const HmpSession&) = delete;
  HmpSession& operator=(const HmpSession&) = delete;

  std::size_t can_receive() override;
  void receive(core::Bytes data) override;
  void char_event(core::CharEvent event) override;
  void writable() override;

 private:
  void type(char c);
  void enter();
  void erase();
  void prompt();
  void send(std::string_view text);
  void flush();
  std::size_t backlog() const { return output_.size() - output_start_; }

  Hmp& hmp_;
  core::CharBackend& backend_;
  std::string line_;
  bool after_return_ = false;  // of CR LF, the second is no line of its own
  unsigned escape_ = 0;        // within the escape sequence of a cursor key
  bool paused_ = false;
  std::string output_;
  std::size_t output_start_ = 0;
};

}  // namespace monitor
