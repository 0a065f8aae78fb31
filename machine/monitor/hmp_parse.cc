// The words, expressions and formats of the human monitor's command line.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "machine/monitor/hmp_command.h"

namespace monitor {

namespace {

using Kind = HmpArgument::Kind;

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
}

/// A number, or what is wrong with the expression (then `error` is not empty). Arithmetic wraps.
class Expression {
 public:
  explicit Expression(std::string_view text) : rest_(text) {}

  std::int64_t value() {
    skip_spaces(rest_);
    return sum();
  }
  const std::string& error() const { return error_; }
  std::string_view rest() const { return rest_; }

 private:
  static constexpr unsigned kDeepest = 64;  // of parentheses and signs

  static std::int64_t wrap(u64 value) { return static_cast<std::int64_t>(value); }
  static u64 bits(std::int64_t value) { return static_cast<u64>(value); }

  char peek() const { return error_.empty() && !rest_.empty() ? rest_.front() : '\0'; }
  void next() {
    if (!rest_.empty()) rest_.remove_prefix(1);
    skip_spaces(rest_);
  }
  std::int64_t fail(std::string error) {
    if (error_.empty()) error_ = std::move(error);
    return 0;
  }

  // Sums bind least, then the bitwise operators, then products: as this monitor always had it.
  std::int64_t sum() {
    std::int64_t left = logic();
    for (char op = peek(); op == '+' || op == '-'; op = peek()) {
      next();
      const std::int64_t right = logic();
      left = wrap(op == '+' ? bits(left) + bits(right) : bits(left) - bits(right));
    }
    return left;
  }
  std::int64_t logic() {
    std::int64_t left = product();
    for (char op = peek(); op == '&' || op == '|' || op == '^'; op = peek()) {
      next();
      const std::int64_t right = product();
      left = op == '&' ? left & right : op == '|' ? left | right : left ^ right;
    }
    return left;
  }
  std::int64_t product() {
    std::int64_t left = unary();
    for (char op = peek(); op == '*' || op == '/' || op == '%'; op = peek()) {
      next();
      const std::int64_t right = unary();
      if (op == '*') {
        left = wrap(bits(left) * bits(right));
      } else if (!error_.empty()) {
        return 0;
      } else if (right == 0) {
        return fail("division by zero");
      } else if (right == -1) {
        left = op == '/' ? wrap(0 - bits(left)) : 0;  // the one quotient that overflows
      } else {
        left = op == '/' ? left / right : left % right;
      }
    }
    return left;
  }
  std::int64_t unary() {
    if (++depth_ > kDeepest) return fail("expression too deep");
    const std::int64_t value = unary_inner();
    --depth_;
    return value;
  }
  std::int64_t unary_inner() {
    switch (peek()) {
      case '+': next(); return unary();
      case '-': next(); return wrap(0 - bits(unary()));
      case '~': next(); return ~unary();
      case '(': {
        next();
        const std::int64_t value = sum();
        if (peek() != ')') return fail("')' expected");
        next();
        return value;
      }
      case '\'': return character();
      case '$': return fail("unknown register");
      case '\0': return fail("unexpected end of expression");
      default: return literal();
    }
  }
  std::int64_t character() {
    rest_.remove_prefix(1);
    if (rest_.empty()) return fail("character constant expected");
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (rest_.empty() || rest_.front() != '\'') return fail("missing terminating ' character");
    next();
    return c;
  }
  std::int64_t literal() {
    const std::string text(rest_.substr(0, 128));
    if (std::isdigit(static_cast<unsigned char>(text[0])) == 0) {
      return fail(std::string("invalid char '") + text[0] + "' in expression");
    }
    char* end = nullptr;
    errno = 0;
    const unsigned long long value = std::strtoull(text.c_str(), &end, 0);
    if (errno == ERANGE) return fail("number too large");
    rest_.remove_prefix(static_cast<std::size_t>(end - text.c_str()));
    skip_spaces(rest_);
    return wrap(value);
  }

  std::string_view rest_;
  std::string error_;
  unsigned depth_ = 0;
};

/// A word, or text in double quotes with backslash escapes. False at the end of the line, or if
/// the quotes do not end.
bool take_word(std::string_view& line, std::string& word, std::string& complaint) {
  skip_spaces(line);
  if (line.empty()) return false;
  if (line.front() != '"') {
    while (!line.empty() && !is_space(line.front())) {
      word += line.front();
      line.remove_prefix(1);
    }
    return true;
  }
  line.remove_prefix(1);
  while (!line.empty() && line.front() != '"') {
    char c = line.front();
    line.remove_prefix(1);
    if (c == '\\') {
      if (line.empty()) break;
      c = line.front();
      line.remove_prefix(1);
      if (c == 'n') {
        c = '\n';
      } else if (c == 'r') {
        c = '\r';
      } else if (c != '\\' && c != '\'' && c != '"') {
        complaint = std::string("unsupported escape code: '\\") + c + "'\n";
        return false;
      }
    }
    word += c;
  }
  if (line.empty()) {
    complaint = "unterminated string\n";
    return false;
  }
  line.remove_prefix(1);
  return true;
}

class ArgumentReader {
 public:
  ArgumentReader(const HmpCommand& command, std::string_view line, HmpCall& call)
      : command_(command), line_(line), call_(call) {}

  bool read() {
    for (const HmpArgument& argument : command_.arguments) {
      skip_spaces(line_);
      if (!read_one(argument)) return false;
    }
    skip_spaces(line_);
    if (line_.empty()) return true;
    return complain(named("extraneous characters at the end of line"));
  }

 private:
  bool complain(const std::string& text) {
    call_.out += text;
    call_.out += '\n';
    return false;
  }
  std::string named(std::string_view what) const {
    return std::string(command_.name) + ": " + std::string(what);
  }

  bool read_one(const HmpArgument& argument) {
    switch (argument.kind) {
      case Kind::kFlag:
      case Kind::kFlagText: return flag(argument);
      case Kind::kFormat: return format();
      case Kind::kOnOff: return on_off(argument);
      default: break;
    }
    if (line_.empty() && argument.optional) return true;
    switch (argument.kind) {
      case Kind::kFilename: return word(argument, "filename expected");
      case Kind::kDrive: return word(argument, "block device name expected");
      case Kind::kRest: return rest(argument);
      case Kind::kExpression:
      case Kind::kExpression32: return expression(argument);
      case Kind::kSize: return size(argument);
      default: return word(argument, "string expected");
    }
  }

  bool word(const HmpArgument& argument, std::string_view expected) {
    std::string text;
    if (take_word(line_, text, call_.out)) {
      call_.texts[argument.name] = std::move(text);
      return true;
    }
    return complain(named(expected));
  }

  bool rest(const HmpArgument& argument) {
    if (line_.empty()) return complain(named("string expected"));
    call_.texts[argument.name] = std::string(line_);
    line_ = {};
    return true;
  }

  bool expression(const HmpArgument& argument) {
    Expression parser(line_);
    const std::int64_t value = parser.value();
    if (!parser.error().empty()) return complain(parser.error());
    line_ = parser.rest();
    if (argument.kind == Kind::kExpression32 && (static_cast<u64>(value) >> 32) != 0) {
      return complain("'" + std::string(command_.name) +
                      "' has failed: integer is for 32-bit values");
    }
    call_.numbers[argument.name] = value;
    return true;
  }

  bool size(const HmpArgument& argument) {
    std::string text;
    while (!line_.empty() && !is_space(line_.front())) {
      text += line_.front();
      line_.remove_prefix(1);
    }
    constexpr std::string_view kSuffixes = "BKMGTPE";
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    std::size_t power = 2;
    if (digits < text.size()) {
      const char suffix = text[digits];
      power = kSuffixes.find(suffix >= 'a' ? static_cast<char>(suffix - 'a' + 'A') : suffix);
    }
    char* end = nullptr;
    const double value = std::strtod(text.substr(0, digits).c_str(), &end);
    const double bytes = std::ldexp(value, static_cast<int>(power * 10));
    const bool fine = digits > 0 && *end == '\0' && digits + 1 >= text.size() &&
                      power != std::string_view::npos && bytes < std::ldexp(1.0, 63);
    if (!fine) return complain("invalid size");
    call_.numbers[argument.name] = static_cast<std::int64_t>(bytes);
    return true;
  }

  bool declared(char letter) const {
    for (const HmpArgument& argument : command_.arguments) {
      const bool is_flag = argument.kind == Kind::kFlag || argument.kind == Kind::kFlagText;
      if (is_flag && argument.name.front() == letter) return true;
    }
    return false;
  }

  bool flag(const HmpArgument& argument) {
    if (line_.size() < 2 || line_.front() != '-') return true;
    const char letter = line_[1];
    if (letter != argument.name.front()) {
      if (declared(letter)) return true;
      return complain(named(std::string("unsupported option -") + letter));
    }
    line_.remove_prefix(2);
    if (argument.kind == Kind::kFlag) {
      call_.numbers[argument.name] = 1;
      return true;
    }
    return word(argument, std::string("value expected for -") + letter);
  }

  bool on_off(const HmpArgument& argument) {
    std::string text;
    take_word(line_, text, call_.out);
    if (text != "on" && text != "off") return complain("Expected 'on' or 'off'");
    call_.numbers[argument.name] = text == "on" ? 1 : 0;
    return true;
  }

  bool format() {
    HmpFormat& last = call_.hmp.last_format();
    call_.format = last;
    call_.format.count = 1;
    if (line_.empty() || line_.front() != '/') return true;
    line_.remove_prefix(1);
    constexpr int kMostItems = 65536;
    if (!line_.empty() && std::isdigit(static_cast<unsigned char>(line_.front())) != 0) {
      call_.format.count = 0;
    }
    while (!line_.empty() && std::isdigit(static_cast<unsigned char>(line_.front())) != 0) {
      call_.format.count = std::min(call_.format.count * 10 + (line_.front() - '0'), kMostItems);
      line_.remove_prefix(1);
    }
    while (!line_.empty() && format_letter(line_.front())) line_.remove_prefix(1);
    if (!line_.empty() && !is_space(line_.front())) {
      return complain(std::string("invalid char in format: '") + line_.front() + "'");
    }
    last = call_.format;
    return true;
  }

  bool format_letter(char letter) {
    switch (letter) {
      case 'o':
      case 'd':
      case 'u':
      case 'x':
      case 'i':
      case 'c': call_.format.format = letter; return true;
      case 'b': call_.format.size = 1; return true;
      case 'h': call_.format.size = 2; return true;
      case 'w': call_.format.size = 4; return true;
      case 'g':
      case 'L': call_.format.size = 8; return true;
      default: return false;
    }
  }

  const HmpCommand& command_;
  std::string_view line_;
  HmpCall& call_;
};

}  // namespace

bool parse_arguments(const HmpCommand& command, std::string_view line, HmpCall& call) {
  return ArgumentReader(command, line, call).read();
}

}  // namespace monitor
