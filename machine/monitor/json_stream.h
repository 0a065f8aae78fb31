// A stream of JSON values without separators, as QMP clients send it: some end a request with a
// newline, some with nothing. Single-quoted strings are taken too (an extension that existing
// clients use).
//
// Input is hostile: size, number of tokens and nesting are bounded, and after nonsense the stream
// finds its feet again at the next structural character, control character, 0xfe or 0xff.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "machine/monitor/json.h"

namespace monitor {

struct JsonToken {
  enum class Kind : std::uint8_t {
    kOpenObject,
    kCloseObject,
    kOpenArray,
    kCloseArray,
    kColon,
    kComma,
    kInteger,
    kFloat,
    kKeyword,
    kString
  };
  Kind kind;
  std::uint32_t offset;  // into the text that comes with the tokens
  std::uint32_t length;
};

/// One value of the stream, or what was wrong with it (then `value` is null).
struct JsonMessage {
  std::unique_ptr<Json> value;
  std::string error;

  JsonMessage();
  ~JsonMessage();
  JsonMessage(JsonMessage&&) noexcept;
  JsonMessage& operator=(JsonMessage&&) noexcept;
};

/// Builds the value of one balanced run of tokens.
JsonMessage parse_tokens(const std::vector<JsonToken>& tokens, std::string_view text);

class JsonStream {
 public:
  static constexpr std::size_t kMaxBytes = 8u << 20;
  static constexpr std::size_t kMaxTokens = 256u << 10;
  static constexpr unsigned kMaxNesting = 512;

  /// Appends the values that are complete with `bytes`, in order.
  void feed(std::string_view bytes, std::vector<JsonMessage>& out);
  /// Forgets a half-read value.
  void reset();
  /// Bytes held of a value that is not complete.
  std::size_t held() const { return text_.size(); }

 private:
  enum class State : std::uint8_t {
    kStart,
    kString,
    kEscape,
    kZero,
    kDigits,
    kSign,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
    kKeyword,
    kRecovery,  // after a stray character
    kSkip       // after a limit: also structural characters are skipped
  };
  using Kind = JsonToken::Kind;
  using Messages = std::vector<JsonMessage>;

  void take(char c, Messages& out);
  bool step(char c, Messages& out);  // false: look at `c` again in the new state
  bool start(char c, Messages& out);
  bool number(char c, Messages& out);
  void open_token(char c, State state);
  bool more(char c, State state);
  bool finish(Kind kind, Messages& out);
  bool structural(char c, Kind kind, Messages& out);
  bool stray(char c, Messages& out);
  void token(Kind kind, Messages& out);
  void fail(std::string error, State next, Messages& out);
  void clear();

  State state_ = State::kStart;
  char quote_ = '"';
  std::string text_;
  std::size_t token_start_ = 0;
  std::vector<JsonToken> tokens_;
  int braces_ = 0;
  int brackets_ = 0;
};

}  // namespace monitor
