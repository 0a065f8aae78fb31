#include "machine/monitor/monitor.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "machine/monitor/command.h"
#include "machine/monitor/hmp.h"
#include "machine/monitor/hmp_session.h"
#include "machine/monitor/keys.h"
#include "machine/monitor/object_store.h"
#include "machine/monitor/qmp_session.h"

namespace monitor {

struct Monitor::Impl {
  Impl(const MachinePorts& machine, FdSets& sets, Events& all_events, Delay delay)
      : ports(machine),
        fd_sets(sets),
        events(all_events),
        keys(machine.input, std::move(delay)),
        hmp([this] { return context(); }) {}

  Context context() { return {ports, fd_sets, events, registry, keys, hmp, objects, nullptr}; }

  MachinePorts ports;
  FdSets& fd_sets;
  Events& events;
  Registry registry;
  KeyPresser keys;
  ObjectStore objects;
  Hmp hmp;
  std::vector<std::unique_ptr<core::CharClient>> sessions;
};

Monitor::Monitor(const MachinePorts& ports, FdSets& fd_sets, Events& events, Delay delay)
    : impl_(std::make_unique<Impl>(ports, fd_sets, events, delay)) {
  events.set_delay(std::move(delay));
  fd_sets.set_running_query([&run = ports.run] { return run.run_state() == RunState::kRunning; });
}

Monitor::~Monitor() {
  impl_->sessions.clear();
  impl_->fd_sets.set_running_query({});
  impl_->events.set_delay({});
}

void Monitor::add_qmp(core::CharBackend& backend, ChannelControl* control, QmpOptions options) {
  // libxenstat takes whatever it reads for the answer to its last request.
  const bool events = options.label != "libxenstat-cmd";
  impl_->sessions.push_back(std::make_unique<QmpSession>(
      impl_->context(), backend, control,
      SessionOptions{std::move(options.label), options.pretty, events}));
}

void Monitor::add_hmp(core::CharBackend& backend) {
  impl_->sessions.push_back(std::make_unique<HmpSession>(impl_->hmp, backend));
}

std::string Monitor::run_human(std::string_view line) {
  return impl_->hmp.run(line);
}

}  // namespace monitor
