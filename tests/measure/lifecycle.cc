// lifecycle.*: what the toolstack waits for.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/measure/disk_image.h"
#include "tests/measure/figure.h"
#include "tests/measure/ide_driver.h"
#include "tests/measure/system_calls.h"

namespace measure {
namespace {

using xensim::GuestConfig;
using xensim::Machine;

constexpr double kMs = 1e6;

GuestConfig full_board() {
  return {.memory_mb = 128,
          .vcpus = 2,
          .disks = {{.path = memory_image()}, {.index = 2, .cdrom = true}},
          .serial = {"pty"}};
}

std::vector<double> qmp_times(Machine& machine, unsigned count) {
  std::vector<double> times;
  for (unsigned i = 0; i < count; ++i) {
    const double before = now_ns();
    machine.qmp().call("query-status");
    times.push_back((now_ns() - before) / 1000);
  }
  return times;
}

void qmp(Machine& machine, Readings& readings) {
  const std::vector<double> times = qmp_times(machine, 2000);
  readings.add("lifecycle.qmp.p50", percentile(times, 0.50));
  readings.add("lifecycle.qmp.p99", percentile(times, 0.99));
}

/// While the guest reads its disk as fast as it can.
void qmp_under_load(Machine& machine, Readings& readings) {
  std::atomic<bool> done{false};
  std::thread guest([&] {
    IdeDriver disk(machine);
    for (u64 at = 0; !done; at = (at + 128) % (kImageBytes / 512 - 128)) {
      disk.dma(false, at, 128, 0x200000);
    }
  });
  const std::vector<double> times = qmp_times(machine, 2000);
  done = true;
  guest.join();
  readings.add("lifecycle.qmp.p50.disk", percentile(times, 0.50));
  readings.add("lifecycle.qmp.p99.disk", percentile(times, 0.99));
}

void save_state(Machine& machine, const std::string& file) {
  machine.qmp().call("xen-save-devices-state", {{"filename", file}, {"live", false}});
}

void save_and_restore(Machine& machine, Readings& readings) {
  const std::string file = fmt::format("/dev/shm/xenolith-bench-{}.state", ::getpid());
  std::vector<double> saves;
  machine.qmp().call("stop");
  for (unsigned i = 0; i < 50; ++i) {
    const double before = now_ns();
    save_state(machine, file);
    saves.push_back((now_ns() - before) / kMs);
  }
  readings.add("lifecycle.save", percentile(saves, 0.50));
  std::ifstream state(file, std::ios::binary | std::ios::ate);
  readings.add("lifecycle.save.bytes", static_cast<double>(state.tellg()));

  // The first process ends before the second begins, as xl restore has it.
  const double began = now_ns();
  machine.replace(machine.program(), file);
  readings.add("lifecycle.restore", (now_ns() - began) / kMs);
  ::unlink(file.c_str());
}

/// Into a process that runs. Stock may end or fall silent in it: what it cannot give is said.
void load(const Program& program, Readings& readings) {
  Machine machine({.program = program, .config = full_board()});
  machine.start();
  const std::string file = fmt::format("/dev/shm/xenolith-bench-{}.state", ::getpid());
  machine.qmp().call("stop");
  save_state(machine, file);
  try {
    std::vector<double> loads;
    for (unsigned i = 0; i < 50; ++i) {
      const double before = now_ns();
      machine.qmp().call("xen-load-devices-state", {{"filename", file}});
      loads.push_back((now_ns() - before) / kMs);
    }
    readings.add("lifecycle.load", percentile(loads, 0.50));
  } catch (const std::runtime_error& failure) {
    readings.none("lifecycle.load", failure.what());
  }
  ::unlink(file.c_str());
}

void save_calls(const Program& program, Readings& readings) {
  const std::string file = fmt::format("/dev/shm/xenolith-bench-{}.state", ::getpid());
  const std::string trace = file + ".strace";
  xensim::MachineOptions options{.program = program, .config = full_board()};
  options.wrapper = tracing_to(trace);
  {
    Machine machine(options);
    machine.spawn();
    if (!machine.wait_running(20'000)) throw std::runtime_error("under strace: " + machine.log());
    machine.qmp().call("stop");
    const double before = calls_in(trace);
    save_state(machine, file);
    readings.add("lifecycle.save.syscalls", calls_in(trace) - before);
    // strace begins its file anew.
    machine.replace(program, file);
    readings.add("lifecycle.restore.syscalls", calls_in(trace));
    machine.stop();
  }
  ::unlink(trace.c_str());
  ::unlink(file.c_str());
}

void run_lifecycle(const Program& program, Readings& readings) {
  {
    Machine machine({.program = program, .config = full_board()});
    machine.start();
    qmp(machine, readings);
    qmp_under_load(machine, readings);
    save_and_restore(machine, readings);
    const double before = now_ns();
    machine.stop();
    readings.add("lifecycle.end", (now_ns() - before) / kMs);
  }
  load(program, readings);
  save_calls(program, readings);
}

}  // namespace

Group lifecycle_group() {
  return {
      .name = "lifecycle",
      .figures = {{"lifecycle.qmp.p50", "us", Better::kLower, "query-status, one after another",
                   0.5},
                  {"lifecycle.qmp.p99", "us", Better::kLower, "query-status, one after another"},
                  {"lifecycle.qmp.p50.disk", "us", Better::kLower,
                   "the same while the guest reads by DMA", 0.5},
                  {"lifecycle.qmp.p99.disk", "us", Better::kLower,
                   "the same while the guest reads by DMA"},
                  {"lifecycle.save", "ms", Better::kLower, "xen-save-devices-state of a full board",
                   0.5},
                  {"lifecycle.load", "ms", Better::kLower, "xen-load-devices-state into a process"},
                  {"lifecycle.save.bytes", "bytes", Better::kLower, "what it writes"},
                  {"lifecycle.save.syscalls", "calls", Better::kLower, "system calls of a save"},
                  {"lifecycle.restore.syscalls", "calls", Better::kLower,
                   "system calls from exec with -incoming to `running`"},
                  {"lifecycle.restore", "ms", Better::kLower,
                   "exec with -incoming to `running`, the end of the first process in it", 0.4},
                  {"lifecycle.end", "ms", Better::kLower, "SIGHUP to the end of the process"}},
      .run = run_lifecycle};
}

}  // namespace measure
