// Descriptors that clients pass along.
#include <nlohmann/json.hpp>

#include "machine/monitor/command.h"
#include "machine/monitor/result_types.h"

namespace monitor {

namespace {

constexpr Member kAddArguments[] = {
    {"fdset-id", &kIntType, true, "the set to put it into; a new one if not given"},
    {"opaque", &kStringType, true, "kept with it and told by query-fdsets"},
};

Reply add_fd(Context& context, const Json& arguments) {
  core::Fd fd = context.client != nullptr ? context.client->take_fd() : core::Fd();
  if (!fd) return refuse("No file descriptor supplied via SCM_RIGHTS");
  const auto added = context.fd_sets.add(std::move(fd), int_of(arguments, "fdset-id"),
                                         text_of(arguments, "opaque"));
  if (!added) return refuse(added.error().message);
  return Json{{"fd", added->fd}, {"fdset-id", added->set}};
}

constexpr Member kRemoveArguments[] = {
    {"fdset-id", &kIntType},
    {"fd", &kIntType, true, "only this one of the set"},
};

Reply remove_fd(Context& context, const Json& arguments) {
  const std::int64_t set = required_int(arguments, "fdset-id");
  const auto fd = int_of(arguments, "fd");
  std::string name = "fdset-id:" + std::to_string(set);
  if (fd) name += ", fd:" + std::to_string(*fd);
  std::optional<int> member;
  const bool possible = !fd || (*fd >= 0 && *fd <= INT32_MAX);
  if (fd && possible) member = static_cast<int>(*fd);
  if (!possible || !context.fd_sets.remove(set, member)) {
    return refuse("File descriptor named '" + name + "' not found");
  }
  return Json::object();
}

Reply query_fdsets(Context& context, const Json&) {
  Json list = Json::array();
  for (const FdSets::SetInfo& set : context.fd_sets.list()) {
    Json members = Json::array();
    for (const FdSets::Member& member : set.members) {
      Json item = {{"fd", member.fd}};
      if (member.opaque) item["opaque"] = *member.opaque;
      members.push_back(std::move(item));
    }
    list.push_back(Json{{"fds", std::move(members)}, {"fdset-id", set.id}});
  }
  return list;
}

constexpr Member kNameArguments[] = {{"fdname", &kStringType}};

Reply getfd(Context& context, const Json& arguments) {
  core::Fd fd = context.client != nullptr ? context.client->take_fd() : core::Fd();
  if (!fd) return refuse("No file descriptor supplied via SCM_RIGHTS");
  const std::string name = required_text(arguments, "fdname");
  if (!name.empty() && name[0] >= '0' && name[0] <= '9') {
    return refuse("Parameter 'fdname' expects a name not starting with a digit");
  }
  constexpr std::size_t kMostNames = 256;
  auto& named = context.client->named_fds();
  if (named.size() >= kMostNames && named.count(name) == 0) {
    return refuse("Too many file descriptors; close some with closefd");
  }
  named[name] = std::move(fd);
  return Json::object();
}

Reply closefd(Context& context, const Json& arguments) {
  const std::string name = required_text(arguments, "fdname");
  if (context.client == nullptr || context.client->named_fds().erase(name) == 0) {
    return refuse("File descriptor named '" + name + "' not found");
  }
  return Json::object();
}

constexpr Command kCommands[] = {
    {"add-fd", kAddArguments, add_fd, "Puts the descriptor that came along into a set.",
     &kAddfdInfo},
    {"remove-fd", kRemoveArguments, remove_fd, "Takes descriptors out of a set."},
    {"query-fdsets", {}, query_fdsets, "The sets and what is in them.", &kFdsetInfoList},
    {"getfd", kNameArguments, getfd, "Keeps the descriptor that came along under a name."},
    {"closefd", kNameArguments, closefd, "Closes a descriptor kept under a name."},
};

}  // namespace

std::span<const Command> fd_commands() {
  return kCommands;
}

}  // namespace monitor
