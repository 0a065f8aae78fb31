// The screen and who looks at it.
#include <cstring>
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

Json describe(const VncClient& client) {
  return Json{{"host", client.host},
              {"family", client.family},
              {"service", client.service},
              {"websocket", client.websocket}};
}

Json clients_of(const VncInfo& info) {
  Json clients = Json::array();
  for (const VncClient& client : info.clients) clients.push_back(describe(client));
  return clients;
}

Reply query_vnc(Context& context, const Json&) {
  const VncInfo info = context.ports.vnc.vnc();
  if (!info.enabled) return Json{{"enabled", false}};
  return Json{{"enabled", true},         {"auth", info.auth},
              {"family", info.family},   {"clients", clients_of(info)},
              {"service", info.service}, {"host", info.host}};
}

Reply query_vnc_servers(Context& context, const Json&) {
  const VncInfo info = context.ports.vnc.vnc();
  Json servers = Json::array();
  if (info.enabled) {
    servers.push_back(Json{{"auth", info.auth},
                           {"family", info.family},
                           {"service", info.service},
                           {"host", info.host},
                           {"websocket", false}});
  }
  return Json::array({Json{{"auth", info.auth},
                           {"clients", clients_of(info)},
                           {"server", std::move(servers)},
                           {"id", "default"}}});
}

constexpr Member kVncPasswordArguments[] = {{"password", &kStringType}};

Reply change_vnc_password(Context& context, const Json& arguments) {
  const auto result = context.ports.vnc.set_vnc_password(required_text(arguments, "password"));
  if (!result) return refuse("Could not set password");
  return Json::object();
}

constexpr std::string_view kProtocolNames[] = {"vnc", "spice"};
constexpr Type kProtocol{Type::Kind::kEnum, "DisplayProtocol", nullptr, {}, kProtocolNames};
constexpr std::string_view kConnectedNames[] = {"keep", "fail", "disconnect"};
constexpr Type kConnected{Type::Kind::kEnum, "SetPasswordAction", nullptr, {}, kConnectedNames};

constexpr Member kSetPasswordArguments[] = {
    {"protocol", &kProtocol},
    {"password", &kStringType},
    {"connected", &kConnected, true, "what becomes of those who look now; only 'keep' with VNC"},
    {"display", &kStringType, true},
};

Reply set_password(Context& context, const Json& arguments) {
  if (required_text(arguments, "protocol") != "vnc") {
    return refuse("SPICE is not in use", ErrorClass::kDeviceNotActive);
  }
  if (text_of(arguments, "connected").value_or("keep") != "keep") {
    return refuse("Invalid parameter 'connected'");
  }
  return change_vnc_password(context, arguments);
}

constexpr Member kExpireArguments[] = {
    {"protocol", &kProtocol},
    {"time", &kStringType, false, "now, never, +SECONDS, or seconds since 1970"},
    {"display", &kStringType, true},
};

Reply expire_password(Context& context, const Json& arguments) {
  if (required_text(arguments, "protocol") != "vnc") {
    return refuse("SPICE is not in use", ErrorClass::kDeviceNotActive);
  }
  const auto result = context.ports.vnc.expire_vnc_password(required_text(arguments, "time"));
  if (!result) return refuse("Could not set password expire time");
  return Json::object();
}

constexpr std::string_view kFormatNames[] = {"ppm", "png"};
constexpr Type kFormat{Type::Kind::kEnum, "ImageFormat", nullptr, {}, kFormatNames};
constexpr Member kScreendumpArguments[] = {
    {"filename", &kStringType, false, "where to, or /dev/fdset/N"},
    {"device", &kStringType, true, "the graphics device, by id"},
    {"head", &kIntType, true, "of that device"},
    {"format", &kFormat, true},
};

Reply screendump(Context& context, const Json& arguments) {
  ScreenControl& screen = context.ports.screen;
  const auto device = text_of(arguments, "device");
  const auto head = int_of(arguments, "head");
  if (device) {
    bool found = false;
    for (const std::string& id : screen.screens()) found |= id == *device;
    if (!found) return device_not_found(*device);
    if (head.value_or(0) != 0) {
      return refuse("There is no console " + std::to_string(*head) + " on device '" + *device +
                    "'");
    }
  } else if (head) {
    return refuse("'head' must be specified together with 'device'");
  } else if (screen.screens().empty()) {
    return refuse("There is no console to take a screendump from");
  }
  const std::string filename = required_text(arguments, "filename");
  const auto file = open_for_writing(context, filename);
  if (!file) return refuse("failed to open file '" + filename + "': " + file.error().message);
  const bool png = text_of(arguments, "format").value_or("ppm") == "png";
  return from_result(screen.screendump(file->fd.get(), png ? ImageFormat::kPng : ImageFormat::kPpm,
                                       device.value_or(std::string())));
}

constexpr Command kCommands[] = {
    {"query-vnc", {}, query_vnc, "Where VNC listens, and who is connected.", &kVncInfo},
    {"query-vnc-servers", {}, query_vnc_servers, "The same, as a list.", &kVncInfo2List},
    {"change-vnc-password", kVncPasswordArguments, change_vnc_password,
     "Sets the password of VNC."},
    {"set_password", kSetPasswordArguments, set_password, "Sets the password of a display."},
    {"expire_password", kExpireArguments, expire_password,
     "Sets when the password of a display ceases to be good."},
    {"screendump", kScreendumpArguments, screendump, "Writes the guest's screen to a file."},
};

}  // namespace

std::span<const Command> display_commands() {
  return kCommands;
}

}  // namespace monitor
