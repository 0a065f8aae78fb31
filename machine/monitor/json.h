// The JSON value of the monitor: keeps the order of object members, because some clients match
// the greeting by it. Only machine/monitor sees nlohmann's types; headers that others include
// stay with the forward declaration.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace monitor {

using Json = nlohmann::ordered_json;

/// One line, with the spacing and escapes that QMP clients know; pure ASCII. Bytes that are not
/// UTF-8 come out as U+FFFD. With `pretty`, indented over several lines.
std::string to_text(const Json& value, bool pretty = false);

/// As QEMU's options spell it: "on", a string as it is, anything else as JSON.
std::string option_text(const Json& value);

/// Appends `text` as a quoted JSON string.
void append_quoted(std::string& out, std::string_view text);

/// Next code point of `text` at `at`, which moves past it; -1 for bytes that are not UTF-8.
/// Overlong forms, surrogates and values above U+10FFFF are refused.
long decode_utf8(std::string_view text, std::size_t& at);

/// Appends a valid code point.
void append_utf8(std::string& out, unsigned long code_point);

}  // namespace monitor
