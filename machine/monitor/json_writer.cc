#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "machine/monitor/json.h"

namespace monitor {

namespace {

void append_escaped(std::string& out, unsigned long code_point) {
  switch (code_point) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (code_point >= 0x20 && code_point < 0x7f) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x10000) {
    fmt::format_to(std::back_inserter(out), "\\u{:04X}", code_point);
  } else {
    const unsigned long rest = code_point - 0x10000;
    fmt::format_to(std::back_inserter(out), "\\u{:04X}\\u{:04X}", 0xd800 + (rest >> 10),
                   0xdc00 + (rest & 0x3ff));
  }
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  out += text;
}

class Writer {
 public:
  Writer(std::string& out, bool pretty) : out_(out), pretty_(pretty) {}

  void write(const Json& value) {
    switch (value.type()) {
      case Json::value_t::object: write_object(value); break;
      case Json::value_t::array: write_array(value); break;
      case Json::value_t::string: append_quoted(out_, *value.get_ptr<const std::string*>()); break;
      case Json::value_t::boolean: out_ += value.get<bool>() ? "true" : "false"; break;
      case Json::value_t::number_integer: out_ += std::to_string(value.get<long long>()); break;
      case Json::value_t::number_unsigned:
        out_ += std::to_string(value.get<unsigned long long>());
        break;
      case Json::value_t::number_float: append_number(out_, value.get<double>()); break;
      default: out_ += "null"; break;
    }
  }

 private:
  void line() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(4 * depth_, ' ');
  }
  void separate(bool first) {
    if (!first) out_ += pretty_ ? "," : ", ";
    line();
  }
  void close(char bracket, bool empty) {
    --depth_;
    if (!empty) line();
    out_ += bracket;
  }
  void write_object(const Json& value) {
    out_ += '{';
    ++depth_;
    bool first = true;
    for (auto it = value.begin(); it != value.end(); ++it) {
      separate(first);
      first = false;
      append_quoted(out_, it.key());
      out_ += ": ";
      write(it.value());
    }
    close('}', first);
  }
  void write_array(const Json& value) {
    out_ += '[';
    ++depth_;
    bool first = true;
    for (const Json& item : value) {
      separate(first);
      first = false;
      write(item);
    }
    close(']', first);
  }

  std::string& out_;
  bool pretty_;
  unsigned depth_ = 0;
};

}  // namespace

long decode_utf8(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  if (lead < 0x80) {
    ++at;
    return static_cast<long>(lead);
  }
  unsigned extra = 0;
  unsigned long value = 0;
  unsigned long least = 0;
  if ((lead & 0xe0) == 0xc0) {
    extra = 1, value = lead & 0x1f, least = 0x80;
  } else if ((lead & 0xf0) == 0xe0) {
    extra = 2, value = lead & 0x0f, least = 0x800;
  } else if ((lead & 0xf8) == 0xf0) {
    extra = 3, value = lead & 0x07, least = 0x10000;
  } else {
    ++at;
    return -1;
  }
  std::size_t end = at + 1;
  while (extra > 0 && end < text.size() && (byte(end) & 0xc0) == 0x80) {
    value = value << 6 | (byte(end) & 0x3fu);
    ++end;
    --extra;
  }
  at = end;
  if (extra > 0 || value < least || value > 0x10ffff) return -1;
  if (value >= 0xd800 && value <= 0xdfff) return -1;
  return static_cast<long>(value);
}

void append_utf8(std::string& out, unsigned long code_point) {
  const auto put = [&](unsigned long byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const long code_point = decode_utf8(text, at);
    append_escaped(out, code_point < 0 ? 0xfffdul : static_cast<unsigned long>(code_point));
  }
  out += '"';
}

std::string to_text(const Json& value, bool pretty) {
  std::string out;
  Writer(out, pretty).write(value);
  return out;
}

std::string option_text(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  if (const std::string* text = value.get_ptr<const std::string*>()) return *text;
  return to_text(value);
}

}  // namespace monitor
