// QEMU's option syntax: key=value lists with ",," for a comma, bare booleans, an implied first
// key; and JSON objects where QEMU takes them. Values are taken out by type; what nobody asked for
// is an error that names it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/emul/core/result.h"
#include "machine/config/machine.h"

namespace config {

/// "on", "off" and their other spellings.
std::optional<bool> to_bool(std::string_view text);
/// Decimal or 0x hexadecimal, whole text.
std::optional<u64> to_number(std::string_view text);
/// A number with an optional fraction and suffix b, k, m, g, t, p; without one, `unit` bytes.
std::optional<u64> to_size(std::string_view text, u64 unit);

class OptionList {
 public:
  OptionList() = default;
  /// `where` is the option for messages, e.g. "-drive". `implied` is the key of a first element
  /// that has none; empty if there is no such thing.
  static core::Result<OptionList> parse(std::string_view where, std::string_view text,
                                        std::string_view implied);
  static core::Result<OptionList> parse_json(std::string_view where, std::string_view text);

  /// Later values of a key override earlier ones.
  void merge(const OptionList& later);
  void set(std::string_view key, std::string_view value);
  bool has(std::string_view key) const;
  const std::vector<Property>& entries() const { return entries_; }
  const std::string& where() const { return where_; }

  // Each takes the key out and leaves `into` alone if it is not there. The first that cannot be
  // read is kept as the list's error.
  void take(std::string_view key, std::string& into);
  void take(std::string_view key, std::optional<std::string>& into);
  void take(std::string_view key, bool& into);
  void take(std::string_view key, std::optional<bool>& into);
  template <typename T>
  void take_number(std::string_view key, T& into, u64 minimum, u64 maximum) {
    if (const auto value = take_checked(key, minimum, maximum)) into = static_cast<T>(*value);
  }
  void take_size(std::string_view key, u64& into, u64 unit);
  std::optional<std::string> take(std::string_view key);
  template <typename T>
  struct Choice {
    std::string_view text;
    T value;
  };
  template <typename T, std::size_t kCount>
  void take_choice(std::string_view key, T& into, const Choice<T> (&choices)[kCount]) {
    const auto text = take(key);
    if (!text) return;
    std::string known;
    for (const auto& choice : choices) {
      if (choice.text == *text) {
        into = choice.value;
        return;
      }
      known.append(known.empty() ? "" : ", ").append(choice.text);
    }
    reject(key, *text, known);
  }
  /// Takes keys that are understood but change nothing.
  void ignore(std::initializer_list<std::string_view> keys);

  /// The first error, or the first key that nobody took.
  std::optional<core::Error> finish();

 private:
  std::optional<u64> take_checked(std::string_view key, u64 minimum, u64 maximum);
  void reject(std::string_view key, std::string_view value, std::string_view wanted);

  std::string where_;
  std::vector<Property> entries_;
  std::optional<core::Error> error_;
};

}  // namespace config
