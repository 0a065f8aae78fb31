// What is logged, and how: -D, -d, -msg, -trace.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "machine/config/parser.h"
#include "machine/log/trace.h"

namespace config {
namespace {

constexpr std::size_t kLongestTraceFile = 1U << 20;

struct Item {
  std::string_view name;
  std::string_view doc;
};
constexpr Item kItems[] = {
    {"guest_errors", "log what the guest does that no device takes"},
    {"trace:PATTERN", "enable trace events"},
};
/// QEMU's items that tell of its translator and its processors; there are none here.
constexpr std::string_view kOfProcessors[] = {
    "out_asm", "in_asm",  "op",     "op_opt",    "op_ind", "int",   "exec",
    "cpu",     "fpu",     "mmu",    "cpu_reset", "pcall",  "unimp", "page",
    "none",    "nochain", "strace", "tid",       "plugin", "all",   "per_thread"};

std::string items_help() {
  std::string text = "Log items (comma separated):\n";
  for (const Item& item : kItems) text += fmt::format("{:<15} {}\n", item.name, item.doc);
  return text + "\nUse \"-d trace:help\" to get a list of trace events.\n\n";
}

std::string trace_help() {
  std::string text;
  for (const mlog::TraceName& one : mlog::kTraceNames) text += fmt::format("{}\n", one.name);
  return text;
}

bool asks_for_help(std::string_view text) {
  return text == "help" || text == "?";
}

}  // namespace

Status Parser::add_msg(std::string_view value) {
  auto list = OptionList::parse(where_, value, "");
  if (!list) return tl::unexpected(list.error());
  list->take("timestamp", m_.message_timestamp);
  list->take("guest-name", m_.message_guest_name);
  if (auto error = list->finish()) return tl::unexpected(*error);
  return {};
}

Status Parser::add_log_file(std::string_view value) {
  m_.log_file = value;
  return {};
}

Status Parser::add_log_items(std::string_view value) {
  while (!value.empty()) {
    const std::string_view item = value.substr(0, value.find(','));
    value.remove_prefix(std::min(item.size() + 1, value.size()));
    constexpr std::string_view kTrace = "trace:";
    if (asks_for_help(item)) {
      m_.help = items_help();
    } else if (item.starts_with(kTrace)) {
      if (auto done = add_trace_pattern(item.substr(kTrace.size())); !done) return done;
    } else if (item == "guest_errors") {
      m_.traces.emplace_back("guest_error");
    } else if (std::find(std::begin(kOfProcessors), std::end(kOfProcessors), item) !=
               std::end(kOfProcessors)) {
      m_.notes.push_back(fmt::format("{} {}: ignored, processors are Xen's", where_, item));
    } else {
      return core::fail(fmt::format("{} {}: no such item: -d help lists them", where_, item));
    }
  }
  return {};
}

/// QEMU's own names have no meaning here; nobody is refused for them. A dash turns events off.
Status Parser::add_trace_pattern(std::string_view pattern) {
  if (asks_for_help(pattern)) {
    m_.help = trace_help();
  } else if (!pattern.empty()) {
    m_.traces.emplace_back(pattern);
  }
  return {};
}

/// A pattern a line, and remarks.
Status Parser::add_trace_events(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.resize(kLongestTraceFile);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
  } else {
    return core::fail(fmt::format("{} events={}: {}", where_, path, std::strerror(errno)));
  }
  for (std::size_t at = 0; at < text.size();) {
    std::string_view line = std::string_view(text).substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
    while (!line.empty() && static_cast<unsigned char>(line.front()) <= ' ') line.remove_prefix(1);
    if (!line.empty() && line.front() != '#') m_.traces.emplace_back(line);
  }
  return {};
}

Status Parser::add_trace(std::string_view value) {
  auto list = OptionList::parse(where_, value, "enable");
  if (!list) return tl::unexpected(list.error());
  std::string pattern, events, file;
  list->take("enable", pattern);
  list->take("events", events);
  list->take("file", file);
  if (auto error = list->finish()) return tl::unexpected(*error);
  if (!file.empty() && m_.log_file.empty()) m_.log_file = file;
  if (!events.empty()) {
    if (auto done = add_trace_events(events); !done) return done;
  }
  return add_trace_pattern(pattern);
}

}  // namespace config
