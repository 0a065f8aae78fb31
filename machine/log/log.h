// The log: one line an event, to the file the toolstack opened as standard error.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace mlog {

enum class Level { kDebug, kInfo, kWarning, kError };

/// Prefix of every line, e.g. "xenolith[7]" for domain 7. Set once at start.
void set_prefix(std::string_view prefix);
void set_threshold(Level level);
/// Whether each line begins with the time, in UTC (-msg timestamp=on).
void set_timestamps(bool on);
/// Further output to a file of our own (-D); false with errno if it cannot be opened.
bool redirect(const char* path);

/// Writes one line; control characters in `message` are replaced, so that a guest or client
/// cannot forge lines. Any thread.
void write(Level level, std::string_view message);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

/// A token bucket for messages that a guest or a client can cause: `burst` at once, then one
/// every `interval_ms`; what is dropped is counted and told with the next line.
class Limiter {
 public:
  constexpr Limiter(unsigned burst, unsigned interval_ms)
      : burst_(burst), interval_ms_(interval_ms), tokens_(burst) {}
  /// True if a line may be written now; `dropped` gets how many were refused since the last one.
  bool allow(unsigned long& dropped);

 private:
  unsigned burst_;
  unsigned interval_ms_;
  unsigned tokens_;
  long long last_ms_ = 0;
  unsigned long dropped_ = 0;
};

}  // namespace mlog
