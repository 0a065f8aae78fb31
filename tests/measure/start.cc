// start.*: from exec until the toolstack can go on, and memory.*: what a guest's process costs.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include "hw/emul/core/fd.h"
#include "tests/measure/figure.h"
#include "tests/measure/process_tree.h"
#include "tests/measure/system_calls.h"

namespace measure {
namespace {

using xensim::GuestConfig;
using xensim::Machine;

constexpr double kMs = 1e6;

GuestConfig usual_guest() {
  return {.memory_mb = 128, .vcpus = 2, .serial = {"pty"}};
}

/// Waits for the greeting without sleeping: to wake a CPU that sleeps can take longer than what is
/// measured, above all in a virtual machine.
void watch_for_greeting(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const core::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const double patience = now_ns() + 30e9;
  const auto until = [&](const auto& done) {
    while (!done()) {
      if (now_ns() > patience) throw std::runtime_error("no greeting on " + path);
    }
  };
  until([&] {
    return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  });
  char byte = 0;
  until([&] { return ::recv(socket.get(), &byte, 1, MSG_DONTWAIT) == 1; });
}

void start_times(const Program& program, Readings& readings) {
  Machine machine({.program = program, .config = usual_guest()});
  const double began = now_ns();
  machine.spawn();
  watch_for_greeting(machine.monitor_path());
  readings.add("start.qmp", (now_ns() - began) / kMs);
  while (machine.store.get(machine.state_path()) != "running") {
    if (now_ns() > began + 30e9) throw std::runtime_error("it does not come to run");
  }
  readings.add("start.running", (now_ns() - began) / kMs);
  readings.add("start.cpu", tree_figures(machine.process().pid()).cpu_ms);
}

void start_calls(const Program& program, Readings& readings) {
  Machine* at = nullptr;
  xensim::MachineOptions options{.program = program, .config = usual_guest()};
  const std::string trace = fmt::format("/dev/shm/xenolith-bench-{}.strace", ::getpid());
  options.wrapper = tracing_to(trace);
  {
    Machine machine(options);
    at = &machine;
    machine.spawn();
    if (!machine.wait_running(20'000)) throw std::runtime_error("under strace: " + machine.log());
    // strace writes line by line; what it has written when the toolstack sees `running` counts.
    readings.add("start.syscalls", calls_in(trace));
    at->stop();
  }
  ::unlink(trace.c_str());
}

/// What newer toolstacks start first, to ask for options.
void start_probe(const Program& program, Readings& readings) {
  const std::string socket = fmt::format("/tmp/xenolith-bench-{}.probe", ::getpid());
  ::unlink(socket.c_str());
  Machine machine({.program = program,
                   .arguments = {"-S", "-no-user-config", "-nodefaults", "-nographic", "-machine",
                                 "none,accel=xen", "-chardev",
                                 "socket,id=libxl-cmd,path=" + socket + ",server=on,wait=off",
                                 "-mon", "chardev=libxl-cmd,mode=control"}});
  const double began = now_ns();
  machine.spawn();
  watch_for_greeting(socket);
  readings.add("start.probe", (now_ns() - began) / kMs);
  xensim::Qmp qmp(socket);
  qmp.call("quit");
  machine.process().wait();
  ::unlink(socket.c_str());
}

void run_start(const Program& program, Readings& readings) {
  start_times(program, readings);
  start_probe(program, readings);
  start_calls(program, readings);
}

void run_memory(const Program& program, Readings& readings) {
  const auto read = [&](const GuestConfig& config, const std::string& suffix) {
    Machine machine({.program = program, .config = config});
    machine.start();
    machine.qmp().call("query-status");
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // until it is at rest
    const TreeFigures figures = tree_figures(machine.process().pid());
    readings.add("memory.private" + suffix, figures.private_kib);
    readings.add("memory.rss" + suffix, figures.resident_kib);
    if (suffix.empty()) {
      readings.add("memory.libraries", figures.libraries);
      readings.add("memory.threads", figures.threads);
    }
  };
  read(usual_guest(), "");
  GuestConfig with_vnc = usual_guest();
  with_vnc.vnc = "127.0.0.1:70,to=99";
  read(with_vnc, ".vnc");
}

}  // namespace

Group start_group() {
  return {
      .name = "start",
      .figures = {{"start.qmp", "ms", Better::kLower, "exec to the QMP greeting"},
                  {"start.running", "ms", Better::kLower, "exec to `running` in xenstore"},
                  {"start.cpu", "ms", Better::kLower, "CPU time until then"},
                  {"start.syscalls", "calls", Better::kLower, "system calls until `running`"},
                  {"start.probe", "ms", Better::kLower, "exec to the greeting of -machine none"}},
      .run = run_start};
}

Group memory_group() {
  return {.name = "memory",
          .figures = {{"memory.private", "KiB", Better::kLower, "private memory, guest at rest"},
                      {"memory.rss", "KiB", Better::kLower, "resident memory, guest at rest"},
                      {"memory.private.vnc", "KiB", Better::kLower, "private memory with VNC on"},
                      {"memory.rss.vnc", "KiB", Better::kLower, "resident memory with VNC on"},
                      {"memory.libraries", "files", Better::kLower, "executable files mapped"},
                      {"memory.threads", "threads", Better::kLower, "threads"}},
          .run = run_memory};
}

}  // namespace measure
