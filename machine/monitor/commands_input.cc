// Keys and pointers from a client.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/keys.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

using Kind = Type::Kind;

// A key: {"type": "qcode", "data": "ctrl"} or {"type": "number", "data": 29}.
constexpr std::string_view kKeyKinds[] = {"number", "qcode"};
constexpr Type kKeyKind{Kind::kEnum, "KeyValueKind", nullptr, {}, kKeyKinds};
constexpr Member kKeyCommon[] = {{"type", &kKeyKind}};

const Type& key_name_type() {
  static const Type type{Kind::kEnum, "QKeyCode", nullptr, {}, key_names()};
  return type;
}

const Type& key_type() {
  static const Member name_data[] = {{"data", &key_name_type()}};
  static const Member number_data[] = {{"data", &kIntType}};
  static const Type by_name{Kind::kObject, "QKeyCodeWrapper", nullptr, name_data};
  static const Type by_number{Kind::kObject, "IntWrapper", nullptr, number_data};
  static const Branch branches[] = {{"number", &by_number}, {"qcode", &by_name}};
  static const Type type{Kind::kUnion, "KeyValue", nullptr, kKeyCommon, {}, branches};
  return type;
}

const Type& keys_type() {
  static const Type type{Kind::kArray, "KeyValues", &key_type()};
  return type;
}

// An event: a key, a button, a relative or an absolute movement.
constexpr std::string_view kButtonNames[] = {"left",     "middle",     "right",
                                             "wheel-up", "wheel-down", "side",
                                             "extra",    "wheel-left", "wheel-right"};
constexpr Type kButton{Kind::kEnum, "InputButton", nullptr, {}, kButtonNames};
constexpr std::string_view kAxisNames[] = {"x", "y"};
constexpr Type kAxis{Kind::kEnum, "InputAxis", nullptr, {}, kAxisNames};
constexpr Member kButtonMembers[] = {{"button", &kButton}, {"down", &kBoolType}};
constexpr Type kButtonEvent{Kind::kObject, "InputBtnEvent", nullptr, kButtonMembers};
constexpr Member kMoveMembers[] = {{"axis", &kAxis}, {"value", &kIntType}};
constexpr Type kMoveEvent{Kind::kObject, "InputMoveEvent", nullptr, kMoveMembers};
constexpr std::string_view kEventKinds[] = {"key", "btn", "rel", "abs"};
constexpr Type kEventKind{Kind::kEnum, "InputEventKind", nullptr, {}, kEventKinds};
constexpr Member kEventCommon[] = {{"type", &kEventKind}};
constexpr Member kButtonData[] = {{"data", &kButtonEvent}};
constexpr Type kButtonBranch{Kind::kObject, "InputBtnEventWrapper", nullptr, kButtonData};
constexpr Member kMoveData[] = {{"data", &kMoveEvent}};
constexpr Type kMoveBranch{Kind::kObject, "InputMoveEventWrapper", nullptr, kMoveData};

const Type& events_type() {
  static const Member key_members[] = {{"key", &key_type()}, {"down", &kBoolType}};
  static const Type key_event{Kind::kObject, "InputKeyEvent", nullptr, key_members};
  static const Member key_data[] = {{"data", &key_event}};
  static const Type key_branch{Kind::kObject, "InputKeyEventWrapper", nullptr, key_data};
  static const Branch branches[] = {
      {"key", &key_branch}, {"btn", &kButtonBranch}, {"rel", &kMoveBranch}, {"abs", &kMoveBranch}};
  static const Type event{Kind::kUnion, "InputEvent", nullptr, kEventCommon, {}, branches};
  static const Type type{Kind::kArray, "InputEvents", &event};
  return type;
}

std::optional<core::KeyCode> key_of(const Json& key) {
  const Json* data = find(key, "data");
  if (data == nullptr) return std::nullopt;
  if (const std::string* name = data->get_ptr<const std::string*>()) return key_by_name(*name);
  return key_by_number(data->get<std::int64_t>());
}

Reply send_key(Context& context, const Json& arguments) {
  const std::int64_t hold_ms = int_of(arguments, "hold-time").value_or(0);
  std::vector<core::KeyCode> keys;
  const Json* list = find(arguments, "keys");
  if (list->size() > 64) return refuse("Parameter 'keys' takes at most 64 keys");
  for (const Json& key : *list) {
    const auto code = key_of(key);
    if (!code) return refuse("Parameter 'keys' has a key number that no keyboard has");
    if (*code != 0) keys.push_back(*code);
  }
  constexpr std::int64_t kDefaultMs = 100;
  constexpr std::int64_t kLongestMs = 60'000;
  const std::int64_t ms = hold_ms > 0 ? std::min(hold_ms, kLongestMs) : kDefaultMs;
  context.keys.press(keys, static_cast<unsigned>(ms));
  return Json::object();
}

/// Numbers beyond any screen or mouse are cut, not wrapped.
core::i32 clamp(std::int64_t value, std::int64_t low, std::int64_t high) {
  return static_cast<core::i32>(std::min(std::max(value, low), high));
}

void send_button(InputControl& input, const Json& data) {
  const std::string name = required_text(data, "button");
  const bool down = bool_of(data, "down").value_or(false);
  // The horizontal wheel comes last in the list; no device of ours has one.
  for (std::size_t i = 0; i <= static_cast<std::size_t>(core::PointerButton::kExtra); ++i) {
    constexpr core::PointerButton kButtons[] = {
        core::PointerButton::kLeft,    core::PointerButton::kMiddle,    core::PointerButton::kRight,
        core::PointerButton::kWheelUp, core::PointerButton::kWheelDown, core::PointerButton::kSide,
        core::PointerButton::kExtra};
    if (kButtonNames[i] == name) input.button(kButtons[i], down);
  }
}

/// Movement comes axis by axis and goes out as one.
class EventSender {
 public:
  explicit EventSender(InputControl& input) : input_(input) {}

  void send(const Json& event) {
    const std::string kind = required_text(event, "type");
    const Json& data = *find(event, "data");
    if (kind == "rel" || kind == "abs") {
      move(data, kind == "abs");
      return;
    }
    flush();
    if (kind == "btn") {
      send_button(input_, data);
      pointer_ = true;
      return;
    }
    const auto code = key_of(*find(data, "key"));
    if (code && *code != 0) input_.key(*code, bool_of(data, "down").value_or(false));
  }
  void finish() {
    flush();
    if (pointer_) input_.sync();
  }

 private:
  void move(const Json& data, bool absolute) {
    const bool horizontal = required_text(data, "axis") == "x";
    const std::int64_t value = required_int(data, "value");
    if (absolute) {
      (horizontal ? x_ : y_) = clamp(value, 0, 32767);
      absolute_ = true;
    } else {
      (horizontal ? dx_ : dy_) = clamp(value, -32768, 32767);
      relative_ = true;
    }
  }
  void flush() {
    if (relative_) input_.move_by(dx_, dy_);
    if (absolute_ && x_ >= 0 && y_ >= 0) {
      input_.move_to(static_cast<u32>(x_), static_cast<u32>(y_));
    }
    pointer_ |= relative_ || absolute_;
    relative_ = absolute_ = false;
    dx_ = dy_ = 0;
  }

  InputControl& input_;
  bool pointer_ = false;
  bool relative_ = false;
  bool absolute_ = false;
  core::i32 dx_ = 0, dy_ = 0;
  core::i32 x_ = 0, y_ = 0;
};

Reply input_send_event(Context& context, const Json& arguments) {
  if (const auto device = text_of(arguments, "device")) return device_not_found(*device);
  EventSender sender(context.ports.input);
  for (const Json& event : *find(arguments, "events")) sender.send(event);
  sender.finish();
  return Json::object();
}

Reply query_mice(Context& context, const Json&) {
  Json list = Json::array();
  for (const Mouse& mouse : context.ports.input.mice()) {
    list.push_back(Json{{"index", mouse.index},
                        {"name", mouse.name},
                        {"current", mouse.current},
                        {"absolute", mouse.absolute}});
  }
  return list;
}

}  // namespace

std::span<const Command> input_commands() {
  static const Member key_arguments[] = {
      {"keys", &keys_type(), false, "pressed in this order, released in the other"},
      {"hold-time", &kIntType, true, "milliseconds between, 100 if not given"},
  };
  static const Member event_arguments[] = {
      {"device", &kStringType, true, "only this one"},
      {"head", &kIntType, true, "of that device"},
      {"events", &events_type()},
  };
  static const Command commands[] = {
      {"send-key", key_arguments, send_key, "Presses keys and releases them."},
      {"input-send-event", event_arguments, input_send_event, "Sends keys and movements."},
      {"query-mice", {}, query_mice, "The pointing devices.", &kMouseInfoList},
  };
  return commands;
}

}  // namespace monitor
