// xenolith: the device model of one Xen HVM domain.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <span>
#include <string_view>

#include "machine/board/daemon.h"
#include "machine/board/no_machine.h"
#include "machine/board/qtest_machine.h"
#include "machine/board/replay_command.h"
#include "machine/board/signals.h"
#include "machine/board/xen_machine.h"
#include "machine/board/xenpv_machine.h"
#include "machine/config/parse.h"
#include "machine/log/log.h"
#include "machine/log/trace.h"
#include "machine/loop/loop.h"

namespace {

/// One line for whoever started us, and the exit status.
int refuse(const std::string& message) {
  fmt::print(stderr, "xenolith: {}\n", message);
  return 1;
}

core::Result<void> write_pid_file(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const std::string text = fmt::format("{}\n", getpid());
  const bool written =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (written) return {};
  return core::fail(fmt::format("-pidfile {}: {}", path, std::strerror(error)));
}

/// `Machine` is one of board's: all have the same life.
template <typename Machine>
int run_machine(const config::Machine& config) {
  board::Daemon daemon;
  if (config.daemonize) {
    if (auto split = daemon.split(); !split) return refuse(split.error().message);
  }
  loop::Loop loop;
  std::unique_ptr<Machine> machine;
  const board::Signals signals(loop, [&machine, &loop](int signal) {
    if (signal == SIGUSR1) {
      if (machine != nullptr) machine->report();
    } else if (machine != nullptr) {
      machine->terminate(signal);
    } else {
      loop.quit();
    }
  });
  auto created = Machine::create(loop, config);
  if (!created) return refuse(created.error().message);
  machine = std::move(*created);
  if (!config.pid_file.empty()) {
    if (auto result = write_pid_file(config.pid_file); !result) {
      return refuse(result.error().message);
    }
  }
  machine->start();
  daemon.ready();
  loop.run();
  machine->finish();
  machine.reset();
  if (!config.pid_file.empty()) unlink(config.pid_file.c_str());
  return 0;
}

/// Words in the place of the first option, for what is no device model.
struct Subcommand {
  std::string_view name;
  int (*run)(std::span<const char* const> arguments);
};
constexpr Subcommand kSubcommands[] = {{"replay", &board::replay_command}};

int run(std::span<const char* const> argv) {
  for (const Subcommand& one : kSubcommands) {
    if (argv.size() > 1 && one.name == argv[1]) return one.run(argv.subspan(2));
  }
  const auto config = config::parse(argv);
  if (!config) return refuse(config.error().message);
  if (config->help) {
    fmt::print("{}", *config->help);
    return 0;
  }
  if (!config->log_file.empty() && !mlog::redirect(config->log_file.c_str())) {
    return refuse(fmt::format("-D {}: {}", config->log_file, std::strerror(errno)));
  }
  mlog::set_timestamps(config->message_timestamp);
  for (const std::string_view pattern : config->traces) {
    const bool off = pattern.starts_with('-');
    mlog::set_traced(pattern.substr(off ? 1 : 0), !off);
  }
  const std::string name =
      config->message_guest_name && !config->name.empty() ? config->name + " " : "";
  mlog::set_prefix(name + "xenolith");
  if (config->kind == config::Machine::Kind::kNone) {
    return run_machine<board::NoMachine>(*config);
  }
  if (config->qtest) return run_machine<board::QtestMachine>(*config);
  mlog::set_prefix(fmt::format("{}xenolith[{}]", name, config->domid));
  for (const std::string& note : config->notes) mlog::info("{}", note);
  if (config->kind == config::Machine::Kind::kXenpv) {
    return run_machine<board::XenpvMachine>(*config);
  }
  return run_machine<board::XenMachine>(*config);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& error) {
    // Out of memory, in practice: nothing of ours throws.
    return refuse(fmt::format("internal error: {}", error.what()));
  }
}
