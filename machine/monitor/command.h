// QMP commands: each declared once with its name, arguments, result and purpose. Checking of
// arguments, query-commands and the documentation come from the declaration.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "hw/emul/core/fd.h"
#include "machine/monitor/fd_sets.h"
#include "machine/monitor/machine_port.h"
#include "machine/monitor/schema.h"

namespace monitor {

class Events;
class Registry;
class KeyPresser;
class Hmp;
class ObjectStore;

enum class ErrorClass : u8 { kGeneric, kCommandNotFound, kDeviceNotActive, kDeviceNotFound };
std::string_view error_class_name(ErrorClass error);

struct QmpError {
  ErrorClass kind = ErrorClass::kGeneric;
  std::string text;
};

using Reply = tl::expected<Json, QmpError>;

tl::unexpected<QmpError> refuse(std::string text, ErrorClass kind = ErrorClass::kGeneric);
tl::unexpected<QmpError> device_not_found(std::string_view id);

/// The client that a command came from.
class Client {
 public:
  virtual ~Client() = default;
  /// The descriptor that came last and was not used yet; empty if there is none.
  virtual core::Fd take_fd() = 0;
  /// Descriptors named with getfd.
  virtual std::map<std::string, core::Fd>& named_fds() = 0;
};

/// What handlers work with; the client is null where there is none (HMP on a chardev).
struct Context {
  const MachinePorts& ports;
  FdSets& fd_sets;
  Events& events;
  const Registry& registry;
  KeyPresser& keys;
  Hmp& hmp;
  ObjectStore& objects;
  Client* client = nullptr;
};

struct Command {
  std::string_view name;
  std::span<const Member> arguments{};
  Reply (*run)(Context& context, const Json& arguments) = nullptr;
  std::string_view doc{};
  const Type* returns = nullptr;  // null: an empty object
  bool open = false;              // takes arguments beyond the declared ones
  /// A union, for arguments that depend on the first one; `arguments` are its members then.
  const Type* variants = nullptr;
};

/// Commands that belong together, under one heading of the documentation.
struct Topic {
  std::string_view title;
  std::span<const Command> commands;
};

class Registry {
 public:
  Registry();

  static std::span<const Topic> topics();

  std::span<const Command> commands() const { return commands_; }
  const Command* find(std::string_view name) const;
  /// Checks `arguments` against the declaration and runs the command.
  Reply run(const Command& command, Context& context, const Json& arguments) const;

 private:
  std::vector<Command> commands_;
  std::map<std::string_view, std::size_t> by_name_;
};

// The commands by topic; each list is static.
std::span<const Command> control_commands();
std::span<const Command> query_commands();
std::span<const Command> block_commands();
std::span<const Command> block_query_commands();
std::span<const Command> block_limit_commands();
std::span<const Command> device_commands();
std::span<const Command> network_commands();
std::span<const Command> display_commands();
std::span<const Command> input_commands();
std::span<const Command> fd_commands();
std::span<const Command> state_commands();
std::span<const Command> object_commands();
std::span<const Command> chardev_commands();
std::span<const Command> trace_commands();
std::span<const Command> dump_commands();
std::span<const Command> inspect_commands();

/// What object-add takes.
const Type& object_options();

/// From a port's answer: nothing to return, or its error.
Reply from_result(const Result<void>& result);

// Shared between QMP and HMP.
std::string_view version_package();
inline constexpr int kQemuMajor = 7;
inline constexpr int kQemuMinor = 2;
inline constexpr int kQemuMicro = 22;
Json version_info();
std::string_view pci_class_name(u16 class_code);
/// Opens a file for writing on behalf of a client; the text is the reason alone.
Result<OpenedFile> open_for_writing(Context& context, const std::string& path);

}  // namespace monitor
