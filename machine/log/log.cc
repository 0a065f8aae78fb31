#include "machine/log/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>

namespace mlog {
namespace {

struct State {
  std::string prefix = "xenolith";
  Level threshold = Level::kInfo;
  int fd = STDERR_FILENO;
  bool timestamps = false;
};

State& state() {
  static State instance;
  return instance;
}

std::string_view word(Level level) {
  switch (level) {
    case Level::kDebug: return "debug: ";
    case Level::kInfo: return "";
    case Level::kWarning: return "warning: ";
    case Level::kError: return "error: ";
  }
  return "";
}

std::string timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:06}Z ", std::string_view(text, length), now.tv_nsec / 1000);
}

}  // namespace

void set_prefix(std::string_view prefix) {
  state().prefix = prefix;
}

void set_threshold(Level level) {
  state().threshold = level;
}

void set_timestamps(bool on) {
  state().timestamps = on;
}

bool redirect(const char* path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  state().fd = fd;
  return true;
}

void write(Level level, std::string_view message) {
  if (level < state().threshold) return;
  std::string line = fmt::format("{}{}: {}{}", state().timestamps ? timestamp() : "",
                                 state().prefix, word(level), message);
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  line += '\n';
  // A log that cannot be written to (full disk, size limit) is no reason to stop a guest.
  [[maybe_unused]] const auto written = ::write(state().fd, line.data(), line.size());
}

bool Limiter::allow(unsigned long& dropped) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  const long long now =
      duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (last_ms_ == 0) last_ms_ = now;
  const long long earned = (now - last_ms_) / static_cast<long long>(interval_ms_);
  if (earned > 0) {
    tokens_ = static_cast<unsigned>(
        std::min<long long>(static_cast<long long>(burst_), tokens_ + earned));
    last_ms_ += earned * static_cast<long long>(interval_ms_);
  }
  if (tokens_ == 0) {
    ++dropped_;
    return false;
  }
  --tokens_;
  dropped = dropped_;
  dropped_ = 0;
  return true;
}

}  // namespace mlog
