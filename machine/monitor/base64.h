// Bytes as text, RFC 4648 section 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace monitor {

std::string to_base64(std::string_view bytes);
/// Nothing if `text` is not base64. Line ends are skipped.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace monitor
