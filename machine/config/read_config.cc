// -readconfig: options out of a file, in the form that QEMU reads and that its documentation
// ships: [option "id"], then key = "value" a line.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "machine/config/parser.h"

namespace config {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

/// As on a command line: a comma in a value is doubled.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) out.append(c == ',' ? 2 : 1, c);
  return out;
}

/// What a section is called on the command line.
std::string_view option_of(std::string_view section) {
  if (section == "memory") return "m";
  if (section == "smp-opts") return "smp";
  if (section == "boot-opts") return "boot";
  return section;
}

}  // namespace

/// `header` is what stands between the brackets.
Status Parser::config_section(std::string_view where, std::string_view header,
                              const std::vector<Property>& settings) {
  const std::size_t quote = header.find('"');
  const std::string_view name = trimmed(header.substr(0, quote));
  std::string text;
  if (quote != std::string_view::npos) {
    const std::size_t end = header.find('"', quote + 1);
    if (end == std::string_view::npos) {
      return core::fail(fmt::format("{}: [{}]: the quote is not closed", where, header));
    }
    text = fmt::format("id={}", escaped(header.substr(quote + 1, end - quote - 1)));
  }
  for (const Property& setting : settings) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", setting.key, escaped(setting.value));
  }
  for (const Entry& entry : entries()) {
    if (entry.name != option_of(name) || !entry.argument || entry.name == "readconfig") continue;
    where_ = fmt::format("{}: [{}]", where, header);
    m_.arguments.push_back(fmt::format("-{}", entry.name));
    m_.arguments.push_back(text);
    return option(entry, text);
  }
  return core::fail(fmt::format("{}: [{}]: there is no option of that name", where, header));
}

Status Parser::add_readconfig(std::string_view value) {
  const std::string where = fmt::format("-readconfig {}", value);
  std::ifstream file{std::string(value)};
  if (!file) return core::fail(fmt::format("{}: {}", where, std::strerror(errno)));
  std::string header;
  std::vector<Property> settings;
  std::string whole;
  for (unsigned number = 1; std::getline(file, whole); ++number) {
    const std::string_view line = trimmed(whole);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[' && line.back() == ']') {
      if (!header.empty()) {
        if (auto done = config_section(where, header, settings); !done) return done;
      }
      header = line.substr(1, line.size() - 2);
      settings.clear();
      continue;
    }
    const std::size_t equals = line.find('=');
    std::string_view text =
        equals == std::string_view::npos ? std::string_view() : trimmed(line.substr(equals + 1));
    const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    if (!quoted || header.empty()) {
      return core::fail(
          fmt::format("{}: line {}: must be [section] or key = \"value\"", where, number));
    }
    settings.push_back({std::string(trimmed(line.substr(0, equals))),
                        std::string(text.substr(1, text.size() - 2))});
  }
  if (header.empty()) return {};
  return config_section(where, header, settings);
}

}  // namespace config
