// From the tokens of one message to its value. The texts of the errors are those that clients of
// this protocol know.
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "machine/monitor/json_stream.h"

namespace monitor {

namespace {

using Kind = JsonToken::Kind;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Four hexadecimal digits at `at`, or -1.
long hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  long value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// Depth of recursion is bounded by the stream's nesting limit.
class Parser {
 public:
  Parser(const std::vector<JsonToken>& tokens, std::string_view text)
      : tokens_(tokens), text_(text) {}

  bool value(Json& to) {
    const JsonToken* token = peek();
    if (token == nullptr) return fail("premature EOI");
    switch (token->kind) {
      case Kind::kOpenObject: return object(to);
      case Kind::kOpenArray: return array(to);
      case Kind::kInteger: to = integer(body(*next())); return true;
      case Kind::kFloat: to = std::strtod(std::string(body(*next())).c_str(), nullptr); return true;
      case Kind::kKeyword: return keyword(body(*next()), to);
      case Kind::kString: {
        std::string text;
        if (!string(body(*next()), text)) return false;
        to = std::move(text);
        return true;
      }
      default: return fail("expecting value");
    }
  }
  std::string error() && { return std::move(error_); }

 private:
  const JsonToken* peek() const { return at_ < tokens_.size() ? &tokens_[at_] : nullptr; }
  const JsonToken* next() { return at_ < tokens_.size() ? &tokens_[at_++] : nullptr; }
  std::string_view body(const JsonToken& token) const {
    return text_.substr(token.offset, token.length);
  }
  /// The first error stands: what follows from it is not told.
  bool fail(std::string_view what) {
    if (error_.empty()) error_.append("JSON parse error, ").append(what);
    return false;
  }

  bool object(Json& to) {
    next();
    to = Json::object();
    auto& members = *to.get_ptr<Json::object_t*>();
    std::unordered_set<std::string> keys;
    const JsonToken* token = peek();
    if (token == nullptr) return fail("premature EOI");
    if (token->kind == Kind::kCloseObject) return next() != nullptr;
    for (;;) {
      if (!member(members, keys)) return false;
      token = next();
      if (token == nullptr) return fail("premature EOI");
      if (token->kind == Kind::kCloseObject) return true;
      if (token->kind != Kind::kComma) return fail("expected separator in dict");
    }
  }

  bool member(Json::object_t& members, std::unordered_set<std::string>& keys) {
    Json key;
    if (!value(key)) return fail("key is not a string in object");
    const std::string* name = key.get_ptr<const std::string*>();
    if (name == nullptr) return fail("key is not a string in object");
    const JsonToken* colon = next();
    if (colon == nullptr) return fail("premature EOI");
    if (colon->kind != Kind::kColon) return fail("missing : in object pair");
    Json content;
    if (!value(content)) return fail("Missing value in dict");
    if (!keys.insert(*name).second) return fail("duplicate key");
    members.emplace_back(*name, std::move(content));
    return true;
  }

  bool array(Json& to) {
    next();
    to = Json::array();
    auto& items = *to.get_ptr<Json::array_t*>();
    const JsonToken* token = peek();
    if (token == nullptr) return fail("premature EOI");
    if (token->kind == Kind::kCloseArray) return next() != nullptr;
    for (;;) {
      Json item;
      if (!value(item)) return fail("expecting value");
      items.push_back(std::move(item));
      token = next();
      if (token == nullptr) return fail("premature EOI");
      if (token->kind == Kind::kCloseArray) return true;
      if (token->kind != Kind::kComma) return fail("expected separator in list");
    }
  }

  /// A signed number if it fits, else an unsigned one, else a float.
  static Json integer(std::string_view digits) {
    const std::string text(digits);
    errno = 0;
    const long long value = std::strtoll(text.c_str(), nullptr, 10);
    if (errno == 0) return Json(value);
    errno = 0;
    const unsigned long long large = std::strtoull(text.c_str(), nullptr, 10);
    if (errno == 0 && text[0] != '-') return Json(large);
    return Json(std::strtod(text.c_str(), nullptr));
  }

  bool keyword(std::string_view word, Json& to) {
    if (word == "true") {
      to = true;
    } else if (word == "false") {
      to = false;
    } else if (word == "null") {
      to = nullptr;
    } else {
      return fail("invalid keyword '" + std::string(word.substr(0, 256)) + "'");
    }
    return true;
  }

  bool string(std::string_view quoted, std::string& to) {
    const std::string_view text = quoted.substr(1, quoted.size() - 2);
    to.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] == '\\') {
        if (!escape(text, at, to)) return false;
        continue;
      }
      const long code_point = decode_utf8(text, at);
      if (code_point < 0) return fail("invalid UTF-8 sequence in string");
      append_utf8(to, static_cast<unsigned long>(code_point));
    }
    return true;
  }

  bool escape(std::string_view text, std::size_t& at, std::string& to) {
    const std::size_t begin = at;
    const char c = text[at + 1];  // the stream never ends a string behind a backslash
    at += 2;
    switch (c) {
      case '"':
      case '\'':
      case '\\':
      case '/': to += c; return true;
      case 'b': to += '\b'; return true;
      case 'f': to += '\f'; return true;
      case 'n': to += '\n'; return true;
      case 'r': to += '\r'; return true;
      case 't': to += '\t'; return true;
      case 'u': break;
      default: return fail("invalid escape sequence in string");
    }
    long code_point = hex4(text, at);
    at = std::min(at + 4, text.size());
    if (code_point >= 0xd800 && code_point <= 0xdbff && text.substr(at, 2) == "\\u") {
      const long low = hex4(text, at + 2);
      if (low >= 0xdc00 && low <= 0xdfff) {
        code_point = 0x10000 + ((code_point & 0x3ff) << 10 | (low & 0x3ff));
        at += 6;
      }
    }
    // U+0000 would cut the string short for whoever handles it as C text.
    if (code_point <= 0 || (code_point >= 0xd800 && code_point <= 0xdfff)) {
      return fail(std::string(text.substr(begin, at - begin)) +
                  " is not a valid Unicode character");
    }
    append_utf8(to, static_cast<unsigned long>(code_point));
    return true;
  }

  const std::vector<JsonToken>& tokens_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
};

}  // namespace

JsonMessage parse_tokens(const std::vector<JsonToken>& tokens, std::string_view text) {
  JsonMessage message;
  Parser parser(tokens, text);
  auto value = std::make_unique<Json>();
  if (parser.value(*value)) {
    message.value = std::move(value);
  } else {
    message.error = std::move(parser).error();
  }
  return message;
}

}  // namespace monitor
