// What happens to the machine, told to every QMP client that has negotiated. The machine emits,
// the monitor's sessions listen; events that nobody listens to are gone.
//
// Thread: device thread. Outlives the monitor and everybody who emits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "machine/monitor/json.h"

namespace monitor {

struct EventField;
struct Type;

/// The data of an event without any JSON type in it: what emitters write.
struct EventValue {
  // One constructor for each kind of value; implicit, so that field lists read well.
  EventValue(bool flag);                       // NOLINT
  EventValue(int number);                      // NOLINT
  EventValue(std::int64_t number);             // NOLINT
  EventValue(const char* text);                // NOLINT
  EventValue(std::string text);                // NOLINT
  EventValue(std::vector<EventField> fields);  // NOLINT

  std::variant<bool, std::int64_t, std::string, std::vector<EventField>> value;
};

struct EventField {
  std::string name;
  EventValue value;
};
using EventData = std::vector<EventField>;

/// What one kind of event is; `query-events` and the limits come from the list of these.
struct EventKind {
  std::string_view name;
  std::string_view doc;
  const Type* data = nullptr;  // null: it carries none
  unsigned interval_ms = 0;    // at most one in this time; the last one is never lost
};
const std::vector<EventKind>& event_kinds();

class EventListener {
 public:
  virtual ~EventListener() = default;
  /// `event` is the whole object to send.
  virtual void event(const Json& event) = 0;
};

/// Calls back once after a delay unless the returned handle is gone before. Host time.
using Delay = std::function<std::shared_ptr<void>(unsigned ms, std::function<void()>)>;

class Events {
 public:
  Events();
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  void emit(std::string_view name, const EventData& data = {});

  // The machine's own, with their data in the form that clients know.
  void stop();
  void resume() { emit("RESUME"); }
  void reset(bool guest, std::string_view reason);
  void shutdown(bool guest, std::string_view reason);
  void powerdown() { emit("POWERDOWN"); }
  void suspend() { emit("SUSPEND"); }
  void suspend_disk() { emit("SUSPEND_DISK"); }
  void wakeup() { emit("WAKEUP"); }
  void tray_moved(std::string_view device, std::string_view qdev_id, bool open);
  /// `id` may be empty; `path` is where it was in the tree of objects.
  struct BlockError {
    std::string_view device, node;
    bool read = false;
    std::string_view action;  // "report", "ignore" or "stop"
    int error = 0;            // errno value
    bool tells_space = true;  // whether the disk was not full
  };
  void block_io_error(const BlockError& what);
  void device_deleted(std::string_view id, std::string_view path);
  void rtc_change(std::int64_t offset_s);
  void pv_driver_info(unsigned product, unsigned build);

  void add_listener(EventListener* listener);
  void remove_listener(EventListener* listener);
  /// Without it, limited events are sent at once, each.
  void set_delay(Delay delay);

 private:
  struct Limited;
  void send(const Json& event);
  void send_waiting();

  std::vector<EventListener*> listeners_;
  Delay delay_;
  std::map<std::string, std::unique_ptr<Limited>, std::less<>> limited_;
};

}  // namespace monitor
