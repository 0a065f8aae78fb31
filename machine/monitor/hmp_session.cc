#include "machine/monitor/hmp_session.h"

#include <fmt/format.h>

#include <algorithm>

#include "machine/monitor/command.h"

namespace monitor {

namespace {

constexpr std::string_view kPrompt = "(qemu) ";
constexpr std::size_t kMostHistory = 100;
constexpr char kBackspace = 8, kDelete = 127, kEscape = 27, kCtrlC = 3, kCtrlU = 21;

}  // namespace

HmpSession::HmpSession(Hmp& hmp, core::CharBackend& backend) : hmp_(hmp), backend_(backend) {
  backend_.set_client(this);
}

HmpSession::~HmpSession() {
  backend_.set_client(nullptr);
}

std::size_t HmpSession::can_receive() {
  paused_ = backlog() > kPauseAt;
  return paused_ ? 0 : 1024;
}

void HmpSession::char_event(core::CharEvent event) {
  if (event == core::CharEvent::kBreak) return;
  line_.clear();
  output_.clear();
  output_start_ = 0;
  if (event != core::CharEvent::kOpened) return;
  send(fmt::format("QEMU {}.{}.{} monitor - type 'help' for more information\r\n", kQemuMajor,
                   kQemuMinor, kQemuMicro));
  prompt();
}

void HmpSession::receive(core::Bytes data) {
  for (const core::u8 byte : data) type(static_cast<char>(byte));
}

void HmpSession::type(char c) {
  if (escape_ > 0) {
    // ESC, '[' or 'O', digits and semicolons, a letter.
    const bool introducer = escape_ == 1 && (c == '[' || c == 'O');
    const bool parameter = escape_ == 2 && ((c >= '0' && c <= '9') || c == ';');
    escape_ = introducer || parameter ? 2 : 0;
    return;
  }
  const bool line_feed_of_crlf = c == '\n' && after_return_;
  after_return_ = c == '\r';
  if (line_feed_of_crlf) return;
  switch (c) {
    case '\r':
    case '\n': return enter();
    case kBackspace:
    case kDelete: return erase();
    case kEscape: escape_ = 1; return;
    case kCtrlU:
      while (!line_.empty()) erase();
      return;
    case kCtrlC:
      line_.clear();
      send("^C\r\n");
      return prompt();
    case '\t': c = ' '; break;
    default: break;
  }
  if (static_cast<unsigned char>(c) < 0x20 || line_.size() >= kLongestLine) return;
  line_ += c;
  send({&c, 1});
}

void HmpSession::erase() {
  if (line_.empty()) return;
  line_.pop_back();
  send("\b \b");
}

void HmpSession::enter() {
  const std::string line = std::move(line_);
  line_.clear();
  send("\r\n");
  if (!line.empty() && (hmp_.history.empty() || hmp_.history.back() != line)) {
    hmp_.history.push_back(line);
    if (hmp_.history.size() > kMostHistory) hmp_.history.erase(hmp_.history.begin());
  }
  send(hmp_.run(line));
  prompt();
}

void HmpSession::prompt() {
  send(kPrompt);
}

void HmpSession::send(std::string_view text) {
  output_ += text;
  flush();
  if (backlog() <= kDropAt) return;
  output_ = "\r\n(output lost: nobody read it)\r\n";
  output_start_ = 0;
}

void HmpSession::flush() {
  while (output_start_ < output_.size()) {
    const auto* begin = reinterpret_cast<const core::u8*>(output_.data()) + output_start_;
    const std::size_t taken = backend_.write({begin, output_.size() - output_start_});
    // A write may end in kClosed, which empties the queue.
    output_start_ = std::min(output_start_ + taken, output_.size());
    if (taken == 0) return;
  }
  output_.clear();
  output_start_ = 0;
}

void HmpSession::writable() {
  flush();
  if (!paused_ || backlog() > kPauseAt) return;
  paused_ = false;
  backend_.accept_input();
}

}  // namespace monitor
