#include "machine/monitor/events.h"

#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "machine/log/log.h"
#include "machine/log/trace.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

Json to_json(const EventData& fields);

Json to_json(const EventValue& value) {
  if (const bool* flag = std::get_if<bool>(&value.value)) return *flag;
  if (const auto* number = std::get_if<std::int64_t>(&value.value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value.value)) return *text;
  return to_json(std::get<EventData>(value.value));
}

Json to_json(const EventData& fields) {
  Json object = Json::object();
  for (const EventField& field : fields) object[field.name] = to_json(field.value);
  return object;
}

Json timestamp() {
  timeval now{};
  gettimeofday(&now, nullptr);
  return Json{{"seconds", static_cast<std::int64_t>(now.tv_sec)},
              {"microseconds", static_cast<std::int64_t>(now.tv_usec)}};
}

unsigned interval_of(std::string_view name) {
  for (const EventKind& kind : event_kinds()) {
    if (kind.name == name) return kind.interval_ms;
  }
  return 0;
}

}  // namespace

EventValue::EventValue(bool flag) : value(flag) {}
EventValue::EventValue(int number) : value(std::int64_t{number}) {}
EventValue::EventValue(std::int64_t number) : value(number) {}
EventValue::EventValue(const char* text) : value(std::string(text)) {}
EventValue::EventValue(std::string text) : value(std::move(text)) {}
EventValue::EventValue(std::vector<EventField> fields) : value(std::move(fields)) {}

/// One that was sent lately: later ones wait here, the newest replacing the older.
struct Events::Limited {
  std::shared_ptr<void> timer;
  std::unique_ptr<Json> waiting;
};

const std::vector<EventKind>& event_kinds() {
  static const std::vector<EventKind> kinds = {
      {"STOP", "The guest does not run any more."},
      {"RESUME", "The guest runs again."},
      {"RESET", "The machine was reset.", &kResetData},
      {"SHUTDOWN", "The guest or the host asked for the end of the machine.", &kShutdownData},
      {"POWERDOWN", "The power button was pressed."},
      {"SUSPEND", "The guest went to sleep (ACPI S3)."},
      {"SUSPEND_DISK", "The guest saved itself to its disk (ACPI S4); SHUTDOWN follows."},
      {"WAKEUP", "The guest woke up from sleep."},
      {"DEVICE_TRAY_MOVED", "The tray of a removable drive opened or closed.",
       &kDeviceTrayMovedData},
      {"DEVICE_DELETED", "A device that was unplugged is gone.", &kDeviceDeletedData},
      {"DUMP_COMPLETED", "A dump of guest memory has ended.", &kDumpCompletedData},
      {"BLOCK_IO_ERROR", "A transfer of a disk failed.", &kBlockIoErrorData},
      {"RTC_CHANGE", "The guest set its clock.", &kRtcChangeData, 1000},
      {"VNC_CONNECTED", "A viewer has connected.", &kVncConnectedData},
      {"VNC_INITIALIZED", "A viewer is ready.", &kVncInitializedData},
      {"VNC_DISCONNECTED", "A viewer has gone.", &kVncDisconnectedData},
      {"XEN_PLATFORM_PV_DRIVER_INFO", "The guest's drivers told their product and build.",
       &kPvDriverData},
  };
  return kinds;
}

Events::Events() = default;
Events::~Events() = default;

void Events::emit(std::string_view name, const EventData& data) {
  if (mlog::traced(mlog::Trace::kRunState)) mlog::info("run_state: {}", name);
  Json event = {{"timestamp", timestamp()}, {"event", std::string(name)}};
  if (!data.empty()) event["data"] = to_json(data);
  const unsigned interval_ms = interval_of(name);
  if (interval_ms == 0 || !delay_) return send(event);

  auto& limited = limited_[std::string(name)];
  if (!limited) limited = std::make_unique<Limited>();
  if (limited->timer) {
    limited->waiting = std::make_unique<Json>(std::move(event));
    return;
  }
  send(event);
  // Each expiry sends what came meanwhile, and keeps the gate shut for another interval after it.
  struct Gate {
    static void shut(Events& events, Limited& gate, unsigned ms) {
      gate.timer = events.delay_(ms, [&events, &gate, ms] {
        const std::shared_ptr<void> self = std::move(gate.timer);
        gate.timer.reset();
        if (!gate.waiting) return;
        const auto waiting = std::move(gate.waiting);
        shut(events, gate, ms);
        events.send(*waiting);
      });
    }
  };
  Gate::shut(*this, *limited, interval_ms);
}

void Events::send(const Json& event) {
  // By value: a listener may go while it is told (its client is thrown out).
  const auto listeners = listeners_;
  for (EventListener* listener : listeners) {
    if (std::find(listeners_.begin(), listeners_.end(), listener) != listeners_.end()) {
      listener->event(event);
    }
  }
}

/// A machine that stops is saved and gone before the interval is over, perhaps.
void Events::send_waiting() {
  for (auto& [name, limited] : limited_) {
    if (const auto waiting = std::move(limited->waiting)) send(*waiting);
  }
}

void Events::stop() {
  send_waiting();
  emit("STOP");
}

void Events::reset(bool guest, std::string_view reason) {
  emit("RESET", {{"guest", guest}, {"reason", std::string(reason)}});
}

void Events::shutdown(bool guest, std::string_view reason) {
  send_waiting();
  emit("SHUTDOWN", {{"guest", guest}, {"reason", std::string(reason)}});
}

void Events::tray_moved(std::string_view device, std::string_view qdev_id, bool open) {
  emit("DEVICE_TRAY_MOVED",
       {{"device", std::string(device)}, {"tray-open", open}, {"id", std::string(qdev_id)}});
}

void Events::block_io_error(const BlockError& what) {
  EventData data{{"device", std::string(what.device)},
                 {"node-name", std::string(what.node)},
                 {"operation", what.read ? "read" : "write"},
                 {"action", std::string(what.action)}};
  if (what.tells_space) data.push_back({"nospace", what.error == ENOSPC});
  data.push_back({"reason", std::strerror(what.error)});
  emit("BLOCK_IO_ERROR", data);
}

void Events::device_deleted(std::string_view id, std::string_view path) {
  if (id.empty()) return emit("DEVICE_DELETED", {{"path", std::string(path)}});
  emit("DEVICE_DELETED", {{"device", std::string(id)}, {"path", std::string(path)}});
}

void Events::rtc_change(std::int64_t offset_s) {
  emit("RTC_CHANGE", {{"offset", offset_s}});
}

void Events::pv_driver_info(unsigned product, unsigned build) {
  emit("XEN_PLATFORM_PV_DRIVER_INFO",
       {{"product-num", std::int64_t{product}}, {"build-num", std::int64_t{build}}});
}

void Events::add_listener(EventListener* listener) {
  listeners_.push_back(listener);
}

void Events::remove_listener(EventListener* listener) {
  std::erase(listeners_, listener);
}

void Events::set_delay(Delay delay) {
  delay_ = std::move(delay);
}

}  // namespace monitor
