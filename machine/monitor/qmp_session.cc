#include "machine/monitor/qmp_session.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/log/log.h"
#include "machine/log/trace.h"

namespace monitor {

namespace {

constexpr std::size_t kReadSize = 4096;

constexpr std::string_view kCapabilityNames[] = {"oob"};
constexpr Type kCapability{Type::Kind::kEnum, "QMPCapability", nullptr, {}, kCapabilityNames};
constexpr Type kCapabilities{Type::Kind::kArray, "QMPCapabilities", &kCapability};
constexpr Member kNegotiationArguments[] = {{"enable", &kCapabilities, true}};

/// What is wrong with the frame of a request, apart from the command's own arguments.
std::optional<std::string> check_request(const Json& request) {
  if (!request.is_object()) return "QMP input must be a JSON object";
  bool named = false;
  for (auto it = request.begin(); it != request.end(); ++it) {
    if (it.key() == "execute") {
      if (!it.value().is_string()) return "QMP input member 'execute' must be a string";
      named = true;
    } else if (it.key() == "arguments") {
      if (!it.value().is_object()) return "QMP input member 'arguments' must be an object";
    } else if (it.key() != "id") {
      return "QMP input member '" + it.key() + "' is unexpected";
    }
  }
  if (!named) return "QMP input lacks member 'execute'";
  return std::nullopt;
}

Json greeting() {
  Json body = Json::object();
  body["version"] = version_info();
  body["capabilities"] = Json::array();
  Json object = Json::object();
  object["QMP"] = std::move(body);
  return object;
}

Json error_object(const QmpError& error) {
  return Json{{"class", std::string(error_class_name(error.kind))}, {"desc", error.text}};
}

}  // namespace

QmpSession::QmpSession(const Context& base, core::CharBackend& backend, ChannelControl* control,
                       SessionOptions options)
    : context_(base), backend_(backend), control_(control), options_(std::move(options)) {
  context_.client = this;
  context_.events.add_listener(this);
  backend_.set_client(this);
}

QmpSession::~QmpSession() {
  backend_.set_client(nullptr);
  context_.events.remove_listener(this);
  if (connected_) close();
}

std::size_t QmpSession::can_receive() {
  if (backlog() > kPauseAt) {
    paused_ = true;
    return 0;
  }
  return kReadSize;
}

void QmpSession::receive(core::Bytes data) {
  if (!connected_) return;
  std::vector<JsonMessage> messages;
  stream_.feed({reinterpret_cast<const char*>(data.data()), data.size()}, messages);
  // An answer may end the connection, and a new one may begin at once.
  const unsigned connection = connection_;
  for (const JsonMessage& message : messages) {
    answer(message);
    if (connection != connection_) return;
  }
}

void QmpSession::char_event(core::CharEvent event) {
  if (event == core::CharEvent::kOpened) open();
  if (event == core::CharEvent::kClosed && connected_) close();
}

void QmpSession::open() {
  if (connected_) close();
  connected_ = true;
  negotiated_ = false;
  context_.fd_sets.monitor_opened();
  send(greeting());
}

void QmpSession::close() {
  connected_ = false;
  negotiated_ = false;
  paused_ = false;
  ++connection_;
  stream_.reset();
  output_ = std::string();
  output_start_ = 0;
  context_.fd_sets.monitor_closed();
}

void QmpSession::answer(const JsonMessage& message) {
  Json object = Json::object();
  if (message.value == nullptr) {
    object["error"] = error_object({ErrorClass::kGeneric, message.error});
    return send(object);
  }
  const Json* id = find(*message.value, "id");
  const unsigned connection = connection_;
  Reply reply = dispatch(*message.value);
  if (connection != connection_) return;
  if (reply) {
    object["return"] = std::move(*reply);
    if (id != nullptr) object["id"] = *id;
  } else {
    if (id != nullptr) object["id"] = *id;
    object["error"] = error_object(reply.error());
  }
  send(object);
}

Reply QmpSession::dispatch(const Json& request) {
  if (auto problem = check_request(request)) return refuse(std::move(*problem));
  const Json* arguments = find(request, "arguments");
  return execute(required_text(request, "execute"),
                 arguments != nullptr ? *arguments : Json::object());
}

Reply QmpSession::execute(const std::string& name, const Json& arguments) {
  if (name == "qmp_capabilities") return negotiate(arguments);
  if (!negotiated_) {
    return refuse("Expecting capabilities negotiation with 'qmp_capabilities'",
                  ErrorClass::kCommandNotFound);
  }
  const Command* command = context_.registry.find(name);
  if (command == nullptr) {
    return refuse("The command " + name + " has not been found", ErrorClass::kCommandNotFound);
  }
  Reply reply = context_.registry.run(*command, context_, arguments);
  if (mlog::traced(mlog::Trace::kMonitorCommand)) {
    // Not the arguments: passwords are among them.
    mlog::info("monitor_command: {}: {}{}{}", options_.label, name, reply ? "" : ": ",
               reply ? "" : reply.error().text);
  }
  return reply;
}

Reply QmpSession::negotiate(const Json& arguments) {
  if (auto problem = check_arguments(arguments, kNegotiationArguments)) {
    return refuse(std::move(*problem));
  }
  if (negotiated_) {
    return refuse("Capabilities negotiation is already complete, command ignored",
                  ErrorClass::kCommandNotFound);
  }
  const Json* enable = find(arguments, "enable");
  if (enable != nullptr && !enable->empty()) {
    return refuse("Capability " + *enable->front().get_ptr<const std::string*>() +
                  " not available");
  }
  negotiated_ = true;
  return Json::object();
}

void QmpSession::event(const Json& event) {
  if (connected_ && negotiated_ && options_.events) send(event);
}

core::Fd QmpSession::take_fd() {
  return control_ != nullptr ? control_->take_fd() : core::Fd();
}

void QmpSession::send(const Json& object) {
  if (!connected_) return;
  std::string text = to_text(object, options_.pretty);
  if (options_.pretty) {
    // Lines end in CRLF on the wire, the inner ones too.
    std::string lines;
    for (const char c : text) lines.append(c == '\n' ? 1 : 0, '\r').push_back(c);
    text = std::move(lines);
  }
  output_ += text;
  output_ += "\r\n";
  flush();
  if (!connected_ || backlog() <= kThrowOutAt) return;
  mlog::warning("monitor {}: the client does not read its answers, disconnecting it",
                options_.label);
  output_ = std::string();
  output_start_ = 0;
  if (control_ != nullptr) control_->disconnect();
}

void QmpSession::flush() {
  const unsigned connection = connection_;
  while (output_start_ < output_.size()) {
    const auto* begin = reinterpret_cast<const core::u8*>(output_.data()) + output_start_;
    const std::size_t taken = backend_.write({begin, output_.size() - output_start_});
    if (connection != connection_) return;
    if (taken == 0) break;
    output_start_ += taken;
  }
  if (output_start_ == output_.size()) {
    output_.clear();
    output_start_ = 0;
    if (output_.capacity() > kPauseAt) output_.shrink_to_fit();
  } else if (output_start_ > kPauseAt) {
    output_.erase(0, output_start_);
    output_start_ = 0;
  }
}

void QmpSession::writable() {
  flush();
  if (paused_ && backlog() <= kPauseAt) {
    paused_ = false;
    backend_.accept_input();
  }
}

}  // namespace monitor
