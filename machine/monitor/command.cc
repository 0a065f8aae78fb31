#include "machine/monitor/command.h"

#include <fcntl.h>

#include <cstring>
#include <nlohmann/json.hpp>

namespace monitor {

std::string_view error_class_name(ErrorClass error) {
  switch (error) {
    case ErrorClass::kGeneric: break;
    case ErrorClass::kCommandNotFound: return "CommandNotFound";
    case ErrorClass::kDeviceNotActive: return "DeviceNotActive";
    case ErrorClass::kDeviceNotFound: return "DeviceNotFound";
  }
  return "GenericError";
}

tl::unexpected<QmpError> refuse(std::string text, ErrorClass kind) {
  return tl::unexpected<QmpError>(QmpError{kind, std::move(text)});
}

tl::unexpected<QmpError> device_not_found(std::string_view id) {
  return refuse("Device '" + std::string(id) + "' not found", ErrorClass::kDeviceNotFound);
}

std::string_view run_state_name(RunState state) {
  switch (state) {
    case RunState::kPrelaunch: return "prelaunch";
    case RunState::kInmigrate: return "inmigrate";
    case RunState::kRunning: return "running";
    case RunState::kPaused: return "paused";
    case RunState::kSuspended: return "suspended";
    case RunState::kShutdown: return "shutdown";
    case RunState::kSaveVm: return "save-vm";
    case RunState::kRestoreVm: return "restore-vm";
    case RunState::kPostmigrate: return "postmigrate";
    case RunState::kInternalError: return "internal-error";
    case RunState::kIoError: return "io-error";
  }
  return "internal-error";
}

std::span<const Topic> Registry::topics() {
  static const Topic all[] = {
      {"The monitor and the run state", control_commands()},
      {"What the machine is", query_commands()},
      {"Disks and media", block_commands()},
      {"Disks as they are", block_query_commands()},
      {"Disks in use", block_limit_commands()},
      {"Processors and devices", device_commands()},
      {"Network", network_commands()},
      {"Objects and kinds of devices", object_commands()},
      {"Character devices", chardev_commands()},
      {"The screen", display_commands()},
      {"Keys and pointers", input_commands()},
      {"Descriptors that clients pass", fd_commands()},
      {"State and memory", state_commands()},
      {"Dumps of guest memory", dump_commands()},
      {"What is logged", trace_commands()},
      {"Looking for a fault", inspect_commands()},
  };
  return all;
}

Registry::Registry() {
  for (const Topic& topic : topics()) {
    for (const Command& command : topic.commands) {
      by_name_.emplace(command.name, commands_.size());
      commands_.push_back(command);
    }
  }
}

const Command* Registry::find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &commands_[it->second];
}

Reply Registry::run(const Command& command, Context& context, const Json& arguments) const {
  auto problem = command.variants != nullptr
                     ? check_arguments(arguments, *command.variants)
                     : check_arguments(arguments, command.arguments, command.open);
  if (problem) return refuse(std::move(*problem));
  return command.run(context, arguments);
}

Reply from_result(const Result<void>& result) {
  if (!result) return refuse(result.error().message);
  return Json::object();
}

Result<OpenedFile> open_for_writing(Context& context, const std::string& path) {
  // A set's member is write-only or read-write as the toolstack chose.
  int error = 0;
  int flags = O_WRONLY | O_CREAT | O_TRUNC;
  auto file = context.fd_sets.open(path, flags, error);
  if (!file && error == EACCES && FdSets::is_set_path(path)) {
    file = context.fd_sets.open(path, O_RDWR | O_TRUNC, error);
  }
  if (!file) return core::fail(std::strerror(error));
  return std::move(*file);
}

}  // namespace monitor
