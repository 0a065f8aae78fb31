#include "machine/qtest/server.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

namespace qtest {
namespace {

constexpr std::size_t kReadAtOnce = 64 << 10;
constexpr unsigned kTimersASlice = 4096;

core::i64 host_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t blank = line.find(' ');
    words.push_back(line.substr(0, blank));
    if (blank == std::string_view::npos) return words;
    line.remove_prefix(blank + 1);
  }
}

}  // namespace

Server::Server(const Target& target, core::CharBackend& line,
               std::function<void(std::function<void()>)> when_idle, std::FILE* log_file)
    : target_(target),
      line_(line),
      when_idle_(std::move(when_idle)),
      log_(log_file),
      started_(host_us()) {
  line_.set_client(this);
}

Server::~Server() {
  if (target_.interrupts != nullptr) target_.interrupts->report_to({});
  line_.set_client(nullptr);
  if (log_ != nullptr) std::fclose(log_);
}

std::size_t Server::can_receive() {
  if (!out_.empty()) return 0;
  // During a step, too: a client that hung up is noticed by reading only.
  return !step_ || in_.size() < kLineMax ? kReadAtOnce : 0;
}

void Server::receive(core::Bytes data) {
  in_.append(reinterpret_cast<const char*>(data.data()), data.size());
  process();
}

/// A client that comes back begins a new line, and knows of no interrupt.
void Server::char_event(core::CharEvent event) {
  if (event == core::CharEvent::kBreak) return;
  if (event == core::CharEvent::kOpened) {
    if (target_.interrupts != nullptr) target_.interrupts->forget_reported();
    started_ = host_us();
    log("I ", "OPENED");
  } else {
    log("I +", "CLOSED");
  }
  in_.clear();
  out_.clear();
  scanned_ = 0;
  skipping_ = false;
  step_.reset();
}

void Server::writable() {
  flush();
  go_on();
  process();
}

/// Line after line, as long as the replies go out.
void Server::process() {
  if (processing_) return;
  processing_ = true;
  std::size_t done = 0;
  while (out_.empty() && !step_) {
    const std::size_t end = in_.find('\n', std::max(done, scanned_));
    if (end == std::string::npos) {
      scanned_ = in_.size();
      break;
    }
    if (skipping_) {
      skipping_ = false;
    } else {
      const std::string line = in_.substr(done, end - done);
      execute(line);
    }
    if (in_.empty()) {  // the client hung up meanwhile
      done = 0;
      break;
    }
    scanned_ = done = end + 1;
  }
  in_.erase(0, done);
  scanned_ -= std::min(scanned_, done);
  if (in_.size() > kLineMax) {
    if (!skipping_) fail("Line too long");
    skipping_ = true;
    in_.clear();
    scanned_ = 0;
  }
  processing_ = false;
  if (can_receive() != 0) line_.accept_input();
}

void Server::execute(std::string_view line) {
  log("R +", line);
  const std::vector<std::string_view> words = split(line);
  const auto all = commands();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Command& one) { return one.name == words[0]; });
  if (found == all.end()) {
    fail(fmt::format("Unknown command '{}'", words[0].substr(0, 64)));
    return;
  }
  if (words.size() <= found->arguments) {
    fail(fmt::format("{} takes {} arguments", found->name, found->arguments));
    return;
  }
  if (found->needs_memory && target_.memory == nullptr) {
    fail("This machine has no memory");
    return;
  }
  (this->*found->run)(words);
  // What a command made due happens before the next one, as with a device model whose loop turns
  // in between: a client may arm a timer in the past.
  if (!step_) target_.clock.advance(target_.clock.now_ns(), kTimersASlice);
}

void Server::reply(std::string_view text) {
  send(text);
}

void Server::send(std::string_view text) {
  log("S +", text);
  out_.append(text);
  out_.push_back('\n');
  flush();
}

void Server::flush() {
  if (out_.empty()) return;
  const std::size_t sent =
      line_.write({reinterpret_cast<const core::u8*>(out_.data()), out_.size()});
  out_.erase(0, sent);
}

void Server::log(std::string_view what, std::string_view text) {
  if (log_ == nullptr) return;
  const core::i64 us = host_us() - started_;
  fmt::print(log_, "[{}{}.{:06}] {}\n", what, us / 1'000'000, us % 1'000'000, text);
  std::fflush(log_);
}

/// As strtoull does with base 0, the whole word. A minus wraps around.
std::optional<u64> Server::number(std::string_view text) {
  const std::string_view given = text;
  const auto bad = [&] {
    fail(fmt::format("Bad number '{}'", given.substr(0, 64)));
    return std::nullopt;
  };
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  unsigned base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  if (text.empty()) return bad();
  u64 value = 0;
  for (const char c : text) {
    unsigned digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A') + 10;
    if (digit >= base || value > (std::numeric_limits<u64>::max() - digit) / base) return bad();
    value = value * base + digit;
  }
  return negative ? ~value + 1 : value;
}

std::optional<Server::Range> Server::range(Words words, u64 most) {
  const auto address = number(words[1]);
  if (!address) return std::nullopt;
  const auto length = number(words[2]);
  if (!length) return std::nullopt;
  if (*length > most || *address + *length < *address) {
    fail(fmt::format("{} bytes at {:#x}: too many", *length, *address));
    return std::nullopt;
  }
  return Range{*address, *length};
}

void Server::step_to(core::i64 target) {
  step_ = target;
  go_on();
}

/// With replies still unread the way goes on when they are gone: interrupts add to them.
void Server::go_on() {
  if (!step_ || !out_.empty()) return;
  if (target_.clock.advance(*step_, kTimersASlice)) {
    step_.reset();
    send(fmt::format("OK {}", target_.clock.now_ns()));
    process();
    return;
  }
  when_idle_([this] { go_on(); });
}

}  // namespace qtest
