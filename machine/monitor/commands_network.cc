// Network cards' cables.
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/object_store.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

constexpr Member kLinkArguments[] = {
    {"name", &kStringType, false, "of a network card or its back end"},
    {"up", &kBoolType},
};

Reply set_link(Context& context, const Json& arguments) {
  const std::string name = required_text(arguments, "name");
  if (context.ports.device.set_link(name, bool_of(arguments, "up").value_or(false))) {
    return Json::object();
  }
  return device_not_found(name);
}

constexpr Member kAddArguments[] = {
    {"type", &kStringType, false, "tap, user, socket, stream or dgram"},
    {"id", &kStringType, false, "how it is to be called"},
};

/// Values by name, those of objects below it as name.member.
void flatten(const std::string& name, const Json& value, DeviceSpec& spec) {
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      flatten(name + "." + std::to_string(i), value[i], spec);
    }
  } else if (value.is_object()) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      flatten(name + "." + it.key(), it.value(), spec);
    }
  } else {
    spec.properties.emplace_back(name, option_text(value));
  }
}

/// A name of getfd becomes the descriptor, which is the back end's from then on.
void resolve_fd(Context& context, std::string& value) {
  if (context.client == nullptr || value.empty() || (value[0] >= '0' && value[0] <= '9')) return;
  auto& named = context.client->named_fds();
  const auto found = named.find(value);
  if (found == named.end()) return;
  value = std::to_string(found->second.release());
  named.erase(found);
}

Reply netdev_add(Context& context, const Json& arguments) {
  DeviceSpec spec{required_text(arguments, "type"), required_text(arguments, "id"), {}};
  if (!is_identifier(spec.id)) return refuse("Parameter 'id' expects an identifier");
  for (const NetworkEnd& one : context.ports.device.network()) {
    if (one.name == spec.id && one.type != "nic") {
      return refuse("Duplicate ID '" + spec.id + "'");
    }
  }
  for (auto it = arguments.begin(); it != arguments.end(); ++it) {
    if (it.key() != "type" && it.key() != "id") flatten(it.key(), it.value(), spec);
  }
  for (auto& [name, value] : spec.properties) {
    if (name == "fd" || name == "fds" || name.ends_with(".str")) resolve_fd(context, value);
  }
  return from_result(context.ports.device.add_netdev(spec));
}

constexpr Member kDelArguments[] = {{"id", &kStringType}};

Reply netdev_del(Context& context, const Json& arguments) {
  const std::string id = required_text(arguments, "id");
  if (context.ports.device.remove_netdev(id)) return Json::object();
  return device_not_found(id);
}

constexpr Member kFilterArguments[] = {{"name", &kStringType, true, "of a network card"}};

/// As under QEMU, the cards that are built have nothing to tell.
Reply query_rx_filter(Context& context, const Json& arguments) {
  const auto name = text_of(arguments, "name");
  if (!name) return Json::array();
  for (const NetworkEnd& one : context.ports.device.network()) {
    if (one.name != *name) continue;
    if (one.type != "nic") return refuse("net client(" + *name + ") isn't a NIC");
    return refuse("net client(" + *name + ") doesn't support rx-filter querying");
  }
  return refuse("invalid net client name: " + *name);
}

constexpr Type kNames{Type::Kind::kArray, "NicNames", &kStringType};
constexpr Member kAnnounceArguments[] = {
    {"initial", &kIntType, false, "milliseconds before the second round"},
    {"max", &kIntType, false, "the longest pause between rounds"},
    {"rounds", &kIntType, false, "how often"},
    {"step", &kIntType, false, "by how much each pause is longer than the one before"},
    {"interfaces", &kNames, true, "of network cards; all if not given"},
    {"id", &kStringType, true, "replaces what goes on under the same id"},
};

Reply announce_self(Context& context, const Json& arguments) {
  Announcement what{.initial_ms = required_int(arguments, "initial"),
                    .max_ms = required_int(arguments, "max"),
                    .rounds = required_int(arguments, "rounds"),
                    .step_ms = required_int(arguments, "step"),
                    .names = {},
                    .id = text_of(arguments, "id").value_or("")};
  if (const Json* names = find(arguments, "interfaces"); names != nullptr) {
    what.names.emplace();
    for (const Json& name : *names) what.names->push_back(name.get<std::string>());
  }
  context.ports.device.announce(what);
  return Json::object();
}

constexpr Command kCommands[] = {
    {"set_link", kLinkArguments, set_link, "Plugs or pulls a network cable."},
    {"netdev_add", kAddArguments, netdev_add, "Makes the other end of a network cable.", nullptr,
     true},
    {"netdev_del", kDelArguments, netdev_del, "Takes the other end of a network cable away."},
    {"query-rx-filter", kFilterArguments, query_rx_filter, "What network cards receive.",
     &kRxFilterInfoList},
    {"announce-self", kAnnounceArguments, announce_self,
     "Network cards tell the wire where they are now."},
};

}  // namespace

std::span<const Command> network_commands() {
  return kCommands;
}

}  // namespace monitor
