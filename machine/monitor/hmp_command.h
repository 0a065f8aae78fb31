// How commands of the human monitor are declared, and what they get. Private to this folder.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "machine/monitor/command.h"
#include "machine/monitor/hmp.h"

namespace monitor {

struct HmpArgument {
  enum class Kind : u8 {
    kFlag,        // -f; `name` is the letter
    kFlagText,    // -f text
    kText,        // a word, or "quoted text"
    kFilename,    // the same, with its own complaint
    kDrive,       // likewise
    kRest,        // the rest of the line
    kExpression,  // 64 bits
    kExpression32,
    kSize,    // mebibytes, or with a suffix: 1.5G; in bytes
    kFormat,  // /4xw
    kOnOff
  };
  std::string_view name;
  Kind kind = Kind::kText;
  bool optional = false;
};

/// One run of a command: its arguments, and where its output goes.
struct HmpCall {
  Context& context;
  Hmp& hmp;
  std::string out;
  std::map<std::string_view, std::string> texts;
  std::map<std::string_view, std::int64_t> numbers;
  HmpFormat format{};

  bool has(std::string_view name) const;
  std::string text(std::string_view name) const;
  std::int64_t number(std::string_view name, std::int64_t otherwise = 0) const;
  void print(std::string_view line) { out += line; }
  /// Runs a QMP command; a failure is printed. Null then.
  std::optional<Json> qmp(std::string_view command, const Json& arguments);
};

struct HmpCommand {
  std::string_view name;  // "quit|q": alternatives
  std::span<const HmpArgument> arguments{};
  std::string_view parameters{};
  std::string_view help{};
  void (*run)(HmpCall& call) = nullptr;
};

bool matches(const HmpCommand& command, std::string_view name);

/// Reads the arguments of `command` from `line`. What is wrong goes to call.out.
bool parse_arguments(const HmpCommand& command, std::string_view line, HmpCall& call);

std::span<const HmpCommand> hmp_control_commands();
std::span<const HmpCommand> hmp_block_commands();
std::span<const HmpCommand> hmp_memory_commands();
std::span<const HmpCommand> hmp_object_commands();
std::span<const HmpCommand> hmp_inspect_commands();
// Of `info`.
std::span<const HmpCommand> hmp_info_commands();
std::span<const HmpCommand> hmp_tree_commands();
std::span<const HmpCommand> hmp_inspect_info();

}  // namespace monitor
