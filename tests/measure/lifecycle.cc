// lifecycle.*: what the toolstack waits for.
#include "tests/measure/figure.h"

namespace measure {
namespace {

using xensim::Machine;

void run_lifecycle(const Program& program, Readings& readings) {
  Machine machine({.program = program, .config = {.memory_mb = 128}});
  machine.start();
  std::vector<double> times;
  for (unsigned i = 0; i < 2000; ++i) {
    const double before = now_ns();
    machine.qmp().call("query-status");
    times.push_back((now_ns() - before) / 1000);
  }
  readings.add("lifecycle.qmp.p50", percentile(times, 0.50));
  readings.add("lifecycle.qmp.p99", percentile(times, 0.99));
  const double before = now_ns();
  machine.stop();
  readings.add("lifecycle.end", (now_ns() - before) / 1e6);
}

}  // namespace

Group lifecycle_group() {
  return {
      .name = "lifecycle",
      .figures = {{"lifecycle.qmp.p50", "us", Better::kLower, "query-status, one after another"},
                  {"lifecycle.qmp.p99", "us", Better::kLower, "query-status, one after another"},
                  {"lifecycle.end", "ms", Better::kLower, "SIGHUP to the end of the process"}},
      .run = run_lifecycle};
}

}  // namespace measure
