#include "machine/board/qtest_line.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace board {
namespace {

/// Standard error if the command line says nothing, as with QEMU; null for `none`.
core::Result<std::FILE*> open_log(const config::Qtest& options) {
  if (options.log_file && options.log_file->empty()) return nullptr;
  std::FILE* log = nullptr;
  if (options.log_file) {
    log = std::fopen(options.log_file->c_str(), "we");
  } else if (const int copy = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0); copy >= 0) {
    log = ::fdopen(copy, "w");
  } else {
    return nullptr;  // closed: nobody wants it
  }
  if (log != nullptr) return log;
  return core::fail(fmt::format("-qtest-log {}: {}; give a file that can be written, or none",
                                options.log_file.value_or("to standard error"),
                                std::strerror(errno)));
}

}  // namespace

QtestLine::QtestLine(loop::Loop& loop, core::CharBackend& line, const qtest::Target& target,
                     std::FILE* log)
    : server_(
          target, line,
          [this, &loop](std::function<void()> task) {
            idle_work_ = loop.after(0, std::move(task), loop::Priority::kIdle);
          },
          log) {}

core::Result<std::unique_ptr<QtestLine>> QtestLine::open(loop::Loop& loop,
                                                         const config::Machine& machine,
                                                         const ChardevMap& chardevs,
                                                         const qtest::Target& target) {
  if (!machine.qtest || machine.qtest->chardev.empty()) return nullptr;
  const auto log = open_log(*machine.qtest);
  if (!log) return tl::unexpected(log.error());
  return std::make_unique<QtestLine>(loop, *find_chardev(chardevs, machine.qtest->chardev), target,
                                     *log);
}

}  // namespace board
