#include "machine/config/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

namespace config {
namespace {

constexpr std::size_t kMaxEntries = 256;
constexpr int kMaxDepth = 8;

bool flatten(const nlohmann::json& value, const std::string& key, int depth,
             std::vector<Property>& out) {
  if (depth > kMaxDepth || out.size() > kMaxEntries) return false;
  if (value.is_object()) {
    for (const auto& [name, child] : value.items()) {
      std::string path = key.empty() ? name : key;
      if (!key.empty()) path.append(".").append(name);
      if (!flatten(child, path, depth + 1, out)) return false;
    }
    return true;
  }
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!flatten(value[i], fmt::format("{}.{}", key, i), depth + 1, out)) return false;
    }
    return true;
  }
  if (value.is_boolean()) {
    out.push_back({key, value.get<bool>() ? "on" : "off"});
  } else if (value.is_string()) {
    out.push_back({key, value.get<std::string>()});
  } else if (!value.is_null()) {
    out.push_back({key, value.dump()});
  }
  return true;
}

/// Up to the next single comma, with ",," as a comma; moves `at` past it.
std::string next_element(std::string_view text, std::size_t& at) {
  std::string element;
  while (at < text.size()) {
    const char c = text[at++];
    if (c == ',') {
      if (at >= text.size() || text[at] != ',') return element;
      ++at;
    }
    element.push_back(c);
  }
  return element;
}

}  // namespace

std::optional<bool> to_bool(std::string_view text) {
  if (text == "on" || text == "yes" || text == "true" || text == "y") return true;
  if (text == "off" || text == "no" || text == "false" || text == "n") return false;
  return std::nullopt;
}

std::optional<u64> to_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  u64 value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || error != std::errc{} || rest != end) return std::nullopt;
  return value;
}

std::optional<u64> to_size(std::string_view text, u64 unit) {
  if (text.starts_with("0x")) return to_number(text);
  const std::size_t suffix_at = text.find_first_not_of("0123456789.");
  if (suffix_at != std::string_view::npos) {
    constexpr std::string_view kSuffixes = "bkmgtp";
    if (suffix_at + 1 != text.size()) return std::nullopt;
    const char letter = static_cast<char>(text[suffix_at] | 0x20);
    const std::size_t power = kSuffixes.find(letter);
    if (power == std::string_view::npos) return std::nullopt;
    unit = u64{1} << (10 * power);
    text = text.substr(0, suffix_at);
  }
  u64 whole = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, whole);
  if (error != std::errc{} || whole > std::numeric_limits<u64>::max() / unit) return std::nullopt;
  u64 bytes = whole * unit;
  if (rest == end) return bytes;
  // A fraction, exact to nine digits.
  const std::string_view digits(rest + 1, static_cast<std::size_t>(end - rest - 1));
  u64 fraction = 0;
  if (digits.size() > 9 || digits.empty()) return std::nullopt;
  const auto [tail, bad] = std::from_chars(digits.data(), end, fraction);
  if (bad != std::errc{} || tail != end) return std::nullopt;
  double scaled = static_cast<double>(fraction) * static_cast<double>(unit);
  for (std::size_t i = 0; i < digits.size(); ++i) scaled /= 10;
  return bytes + static_cast<u64>(scaled);
}

core::Result<OptionList> OptionList::parse(std::string_view where, std::string_view text,
                                           std::string_view implied) {
  OptionList list;
  list.where_ = where;
  bool first = true;
  for (std::size_t at = 0; at < text.size(); first = false) {
    const std::string element = next_element(text, at);
    if (element.empty()) continue;
    if (list.entries_.size() >= kMaxEntries) {
      return core::fail(fmt::format("{}: more than {} settings", where, kMaxEntries));
    }
    const std::size_t equals = element.find('=');
    if (equals != std::string::npos) {
      list.set(std::string_view(element).substr(0, equals),
               std::string_view(element).substr(equals + 1));
    } else if (first && !implied.empty()) {
      list.set(implied, element);
    } else if (element.starts_with("no") && element != "non-adaptive" && element.size() > 2 &&
               element != "nodelay") {
      list.set(std::string_view(element).substr(2), "off");
    } else {
      list.set(element, "on");
    }
  }
  return list;
}

core::Result<OptionList> OptionList::parse_json(std::string_view where, std::string_view text) {
  const auto value = nlohmann::json::parse(text, nullptr, false);
  OptionList list;
  list.where_ = where;
  if (!value.is_object() || !flatten(value, "", 0, list.entries_)) {
    return core::fail(fmt::format("{}: not a JSON object: {}", where, text));
  }
  return list;
}

void OptionList::merge(const OptionList& later) {
  if (where_.empty()) where_ = later.where_;
  for (const auto& entry : later.entries_) set(entry.key, entry.value);
}

void OptionList::set(std::string_view key, std::string_view value) {
  for (auto& entry : entries_) {
    if (entry.key == key) {
      entry.value = value;
      return;
    }
  }
  entries_.push_back({std::string(key), std::string(value)});
}

bool OptionList::has(std::string_view key) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Property& entry) { return entry.key == key; });
}

std::optional<std::string> OptionList::take(std::string_view key) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Property& entry) { return entry.key == key; });
  if (found == entries_.end()) return std::nullopt;
  std::string value = std::move(found->value);
  entries_.erase(found);
  return value;
}

void OptionList::take(std::string_view key, std::string& into) {
  if (auto value = take(key)) into = std::move(*value);
}

void OptionList::take(std::string_view key, std::optional<std::string>& into) {
  if (auto value = take(key)) into = std::move(*value);
}

void OptionList::take(std::string_view key, bool& into) {
  const auto text = take(key);
  if (!text) return;
  if (const auto value = to_bool(*text)) {
    into = *value;
  } else {
    reject(key, *text, "on, off");
  }
}

void OptionList::take(std::string_view key, std::optional<bool>& into) {
  if (!has(key)) return;
  bool value = false;
  take(key, value);
  into = value;
}

std::optional<u64> OptionList::take_checked(std::string_view key, u64 minimum, u64 maximum) {
  const auto text = take(key);
  if (!text) return std::nullopt;
  const auto value = to_number(*text);
  if (value && *value >= minimum && *value <= maximum) return value;
  reject(key, *text, fmt::format("a number from {} to {}", minimum, maximum));
  return std::nullopt;
}

void OptionList::take_size(std::string_view key, u64& into, u64 unit) {
  const auto text = take(key);
  if (!text) return;
  if (const auto value = to_size(*text, unit)) {
    into = *value;
  } else {
    reject(key, *text, "a size such as 512M or 4G");
  }
}

void OptionList::ignore(std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) take(key);
}

void OptionList::reject(std::string_view key, std::string_view value, std::string_view wanted) {
  if (!error_) {
    error_ = core::Error{fmt::format("{}: {}={}: must be {}", where_, key, value, wanted)};
  }
}

std::optional<core::Error> OptionList::finish() {
  if (!error_ && !entries_.empty()) {
    error_ = core::Error{fmt::format("{}: there is no setting '{}'", where_, entries_.front().key)};
  }
  return error_;
}

}  // namespace config
