#include "machine/monitor/hmp.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "machine/monitor/hmp_command.h"

namespace monitor {

namespace {

constexpr std::size_t kLongestLine = 64u << 10;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

/// Cuts the name off the front of `line`; a format may follow it without a space ("xp/4xw").
std::string_view take_name(std::string_view& line) {
  const std::size_t end = std::min(line.find_first_of(" \t\r\n\v\f/"), line.size());
  const std::string_view name = line.substr(0, end);
  line = trimmed(line.substr(end));
  return name;
}

using Lists = std::initializer_list<std::span<const HmpCommand>>;

std::vector<const HmpCommand*> by_name(Lists lists) {
  std::vector<const HmpCommand*> all;
  for (const auto list : lists) {
    for (const HmpCommand& command : list) all.push_back(&command);
  }
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return all;
}

/// All commands that are not `info` ones, by name.
const std::vector<const HmpCommand*>& commands() {
  static const auto all =
      by_name({hmp_control_commands(), hmp_block_commands(), hmp_memory_commands(),
               hmp_object_commands(), hmp_inspect_commands()});
  return all;
}

const std::vector<const HmpCommand*>& info_commands() {
  static const auto all = by_name({hmp_info_commands(), hmp_tree_commands(), hmp_inspect_info()});
  return all;
}

const HmpCommand* find_command(std::string_view name) {
  for (const HmpCommand* command : commands()) {
    if (matches(*command, name)) return command;
  }
  return nullptr;
}

const HmpCommand* find_info(std::string_view name) {
  for (const HmpCommand* command : info_commands()) {
    if (matches(*command, name)) return command;
  }
  return nullptr;
}

std::string describe(std::string_view prefix, const HmpCommand& command) {
  std::string line(prefix);
  line.append(command.name).append(" ").append(command.parameters);
  return line.append(" -- ").append(command.help).append("\n");
}

std::string unknown(std::string_view name) {
  return "unknown command: '" + std::string(name) + "'\n";
}

std::string info_help() {
  std::string out;
  for (const HmpCommand* command : info_commands()) out += describe("info ", *command);
  return out;
}

std::string help(std::string_view topic) {
  if (topic.empty()) {
    std::string out;
    for (const HmpCommand* command : commands()) out += describe("", *command);
    out += "help|? [cmd] -- list commands, or tell about one\n";
    return out + "info [subcommand] -- show the machine; 'help info' lists what\n";
  }
  std::string_view rest = topic;
  const std::string_view name = take_name(rest);
  if (name == "info") {
    if (rest.empty()) return info_help();
    const HmpCommand* command = find_info(rest);
    return command != nullptr ? describe("info ", *command) : unknown(topic);
  }
  if (name == "help" || name == "?") return "help|? [cmd] -- list commands, or tell about one\n";
  const HmpCommand* command = find_command(name);
  return command != nullptr ? describe("", *command) : unknown(name);
}

std::string with_crlf(const std::string& text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

}  // namespace

bool matches(const HmpCommand& command, std::string_view name) {
  std::string_view names = command.name;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find('|'), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

bool HmpCall::has(std::string_view name) const {
  return texts.count(name) != 0 || numbers.count(name) != 0;
}

std::string HmpCall::text(std::string_view name) const {
  const auto it = texts.find(name);
  return it == texts.end() ? std::string() : it->second;
}

std::int64_t HmpCall::number(std::string_view name, std::int64_t otherwise) const {
  const auto it = numbers.find(name);
  return it == numbers.end() ? otherwise : it->second;
}

std::optional<Json> HmpCall::qmp(std::string_view command, const Json& arguments) {
  const Command* declared = context.registry.find(command);
  Reply reply = declared != nullptr ? context.registry.run(*declared, context, arguments)
                                    : Reply(refuse("no command " + std::string(command)));
  if (reply) return std::move(*reply);
  out += "Error: " + reply.error().text + "\n";
  return std::nullopt;
}

std::string Hmp::run(std::string_view whole, Client* client) {
  if (whole.size() > kLongestLine) return "line too long\r\n";
  std::string_view line = trimmed(whole);
  if (line.empty()) return {};
  std::string full;
  const std::string_view first = take_name(line);
  full = first;
  if (first == "help" || first == "?") return with_crlf(help(line));
  const HmpCommand* command = nullptr;
  if (first == "info") {
    if (line.empty()) return with_crlf(info_help());
    const std::string_view item = take_name(line);
    full.append(" ").append(item);
    command = find_info(item);
  } else {
    command = find_command(first);
  }
  if (command == nullptr) return with_crlf(unknown(full));

  Context context = context_();
  context.client = client;
  HmpCall call{context, *this, {}, {}, {}};
  if (parse_arguments(*command, line, call)) {
    command->run(call);
  } else {
    call.out += "Try \"help " + full + "\" for more information\n";
  }
  return with_crlf(call.out);
}

}  // namespace monitor
