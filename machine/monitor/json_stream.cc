#include "machine/monitor/json_stream.h"

#include <nlohmann/json.hpp>

namespace monitor {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
unsigned char code(char c) {
  return static_cast<unsigned char>(c);
}

/// Where reading may start again: control characters, and bytes that no UTF-8 text has.
bool is_reset(char c) {
  return (code(c) < 0x20 && c != '\t') || code(c) >= 0xfe;
}
bool is_structural(char c) {
  return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ',';
}

}  // namespace

JsonMessage::JsonMessage() = default;
JsonMessage::~JsonMessage() = default;
JsonMessage::JsonMessage(JsonMessage&&) noexcept = default;
JsonMessage& JsonMessage::operator=(JsonMessage&&) noexcept = default;

void JsonStream::feed(std::string_view bytes, Messages& out) {
  for (const char c : bytes) take(c, out);
}

void JsonStream::reset() {
  clear();
  state_ = State::kStart;
}

void JsonStream::clear() {
  // A client that once sent megabytes does not keep them.
  if (text_.capacity() > (64u << 10)) text_ = std::string();
  if (tokens_.capacity() > 4096) tokens_ = std::vector<JsonToken>();
  text_.clear();
  tokens_.clear();
  braces_ = brackets_ = 0;
  token_start_ = 0;
}

void JsonStream::take(char c, Messages& out) {
  while (!step(c, out)) {
  }
  if (text_.size() > kMaxBytes) fail("JSON token size limit exceeded", State::kSkip, out);
}

bool JsonStream::step(char c, Messages& out) {
  switch (state_) {
    case State::kStart: return start(c, out);
    case State::kString:
      if (is_reset(c) || c == '\t') return stray(c, out);
      if (c == '\\') return more(c, State::kEscape);
      if (c != quote_) return more(c, State::kString);
      text_ += c;
      token(Kind::kString, out);
      return true;
    case State::kEscape:
      if (is_reset(c) || c == '\t') return stray(c, out);
      return more(c, State::kString);
    case State::kKeyword:
      if (is_lower(c)) return more(c, State::kKeyword);
      return finish(Kind::kKeyword, out);
    case State::kRecovery:
      if (!is_reset(c) && !is_structural(c)) return true;
      state_ = State::kStart;
      return false;
    case State::kSkip:
      if (is_reset(c)) state_ = State::kStart;
      return true;
    default: return number(c, out);
  }
}

bool JsonStream::start(char c, Messages& out) {
  switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n': return true;
    case '{': return structural(c, Kind::kOpenObject, out);
    case '}': return structural(c, Kind::kCloseObject, out);
    case '[': return structural(c, Kind::kOpenArray, out);
    case ']': return structural(c, Kind::kCloseArray, out);
    case ':': return structural(c, Kind::kColon, out);
    case ',': return structural(c, Kind::kComma, out);
    case '"':
    case '\'':
      quote_ = c;
      open_token(c, State::kString);
      return true;
    case '0': open_token(c, State::kZero); return true;
    case '-': open_token(c, State::kSign); return true;
    default: break;
  }
  if (is_digit(c)) {
    open_token(c, State::kDigits);
  } else if (is_lower(c)) {
    open_token(c, State::kKeyword);
  } else {
    token_start_ = text_.size();
    return stray(c, out);
  }
  return true;
}

bool JsonStream::number(char c, Messages& out) {
  const bool digit = is_digit(c);
  const bool exponent = c == 'e' || c == 'E';
  switch (state_) {
    case State::kZero:
      if (digit) return stray(c, out);
      if (c == '.') return more(c, State::kPoint);
      return finish(Kind::kInteger, out);
    case State::kDigits:
      if (digit) return more(c, State::kDigits);
      if (exponent) return more(c, State::kExponent);
      if (c == '.') return more(c, State::kPoint);
      return finish(Kind::kInteger, out);
    case State::kSign:
      if (!digit) return stray(c, out);
      return more(c, c == '0' ? State::kZero : State::kDigits);
    case State::kPoint: return digit ? more(c, State::kFraction) : stray(c, out);
    case State::kFraction:
      if (digit) return more(c, State::kFraction);
      if (exponent) return more(c, State::kExponent);
      return finish(Kind::kFloat, out);
    case State::kExponent:
      if (c == '+' || c == '-') return more(c, State::kExponentSign);
      return digit ? more(c, State::kExponentDigits) : stray(c, out);
    case State::kExponentSign: return digit ? more(c, State::kExponentDigits) : stray(c, out);
    default:
      if (digit) return more(c, State::kExponentDigits);
      return finish(Kind::kFloat, out);
  }
}

void JsonStream::open_token(char c, State state) {
  token_start_ = text_.size();
  text_ += c;
  state_ = state;
}

bool JsonStream::more(char c, State state) {
  text_ += c;
  state_ = state;
  return true;
}

/// Ends a token that only its successor ends; that one is looked at again.
bool JsonStream::finish(Kind kind, Messages& out) {
  token(kind, out);
  return false;
}

bool JsonStream::structural(char c, Kind kind, Messages& out) {
  open_token(c, State::kStart);
  token(kind, out);
  return true;
}

bool JsonStream::stray(char c, Messages& out) {
  text_ += c;
  // A long string with a control character in it need not be quoted whole.
  const std::string what = text_.substr(token_start_, 256);
  fail("JSON parse error, stray '" + what + "'", State::kRecovery, out);
  return true;
}

void JsonStream::fail(std::string error, State next, Messages& out) {
  JsonMessage message;
  message.error = std::move(error);
  out.push_back(std::move(message));
  clear();
  state_ = next;
}

void JsonStream::token(Kind kind, Messages& out) {
  state_ = State::kStart;
  if (tokens_.size() >= kMaxTokens) {
    return fail("JSON token count limit exceeded", State::kSkip, out);
  }
  tokens_.push_back({kind, static_cast<std::uint32_t>(token_start_),
                     static_cast<std::uint32_t>(text_.size() - token_start_)});
  if (kind == Kind::kOpenObject) ++braces_;
  if (kind == Kind::kCloseObject) --braces_;
  if (kind == Kind::kOpenArray) ++brackets_;
  if (kind == Kind::kCloseArray) --brackets_;
  if (braces_ + brackets_ > static_cast<int>(kMaxNesting)) {
    return fail("JSON nesting depth limit exceeded", State::kSkip, out);
  }
  const bool open = (braces_ > 0 || brackets_ > 0) && braces_ >= 0 && brackets_ >= 0;
  if (open) return;
  out.push_back(parse_tokens(tokens_, text_));
  clear();
}

}  // namespace monitor
