// The stream of JSON values: framing, errors, recovery, bounds, and the writer.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "machine/monitor/json_stream.h"

namespace monitor {
namespace {

/// What a stream makes of `text`: each value written out, or the error in angle brackets.
std::vector<std::string> read(JsonStream& stream, std::string_view text) {
  std::vector<JsonMessage> messages;
  stream.feed(text, messages);
  std::vector<std::string> out;
  for (const JsonMessage& message : messages) {
    out.push_back(message.value ? to_text(*message.value) : "<" + message.error + ">");
  }
  return out;
}
std::vector<std::string> read(std::string_view text) {
  JsonStream stream;
  return read(stream, text);
}
using Lines = std::vector<std::string>;

TEST(JsonStream, NeedsNoNewline) {
  EXPECT_EQ(read(R"({"a":1}{"b":2} {"c":3})"),
            (Lines{R"({"a": 1})", R"({"b": 2})", R"({"c": 3})"}));
}

TEST(JsonStream, TakesValuesByteByByte) {
  JsonStream stream;
  const std::string text = "{'execute': \"x\\u00e9\", 'n': [-1.5e3, 18446744073709551615]}";
  Lines got;
  for (const char c : text) {
    for (auto& line : read(stream, {&c, 1})) got.push_back(line);
  }
  EXPECT_EQ(got, (Lines{R"({"execute": "x\u00E9", "n": [-1500, 18446744073709551615]})"}));
  EXPECT_EQ(stream.held(), 0u);
}

TEST(JsonStream, KeepsTheOrderOfMembers) {
  EXPECT_EQ(read(R"({"z":1,"a":2,"m":3})"), (Lines{R"({"z": 1, "a": 2, "m": 3})"}));
}

TEST(JsonStream, ScalarsAreValuesOfTheirOwn) {
  EXPECT_EQ(read("5 \"x\" null true [] "), (Lines{"5", "\"x\"", "null", "true", "[]"}));
}

TEST(JsonStream, NumbersKeepTheirKind) {
  EXPECT_EQ(read("[9223372036854775807, -9223372036854775808, 99999999999999999999999, 1.5e300]"),
            (Lines{"[9223372036854775807, -9223372036854775808, 9.9999999999999992e+22, "
                   "1.5000000000000001e+300]"}));
}

TEST(JsonStream, SaysWhatIsWrong) {
  const auto error = [](std::string_view text) {
    const Lines lines = read(text);
    return lines.empty() ? std::string("nothing") : lines.front();
  };
  EXPECT_EQ(error(R"({"execute" "x"})"), "<JSON parse error, missing : in object pair>");
  EXPECT_EQ(error(R"({"a":1,})"), "<JSON parse error, expecting value>");
  EXPECT_EQ(error(R"({"a":1)"), "nothing");
  EXPECT_EQ(error(R"({"a":1])"), "<JSON parse error, expected separator in dict>");
  EXPECT_EQ(error(R"({"a":1]})"), "<JSON parse error, expected separator in dict>");
  EXPECT_EQ(error(R"({"a":1]]})"), "<JSON parse error, expected separator in dict>");
  EXPECT_EQ(error(R"([1 2])"), "<JSON parse error, expected separator in list>");
  EXPECT_EQ(error(R"([1,])"), "<JSON parse error, expecting value>");
  EXPECT_EQ(error(R"({5:1})"), "<JSON parse error, key is not a string in object>");
  EXPECT_EQ(error(R"({"a":1,"a":2})"), "<JSON parse error, duplicate key>");
  EXPECT_EQ(error(R"({"a":tru})"), "<JSON parse error, invalid keyword 'tru'>");
  EXPECT_EQ(error(R"(["\x"])"), "<JSON parse error, invalid escape sequence in string>");
  EXPECT_EQ(error(R"(["\ud800"])"),
            R"(<JSON parse error, \ud800 is not a valid Unicode character>)");
  EXPECT_EQ(error("[\"\xc0\x80\"]"), "<JSON parse error, invalid UTF-8 sequence in string>");
  EXPECT_EQ(error("}"), "<JSON parse error, expecting value>");
}

TEST(JsonStream, GoesOnAfterNonsense) {
  EXPECT_EQ(read(R"(garbage {"a":1})"),
            (Lines{"<JSON parse error, invalid keyword 'garbage'>", R"({"a": 1})"}));
  EXPECT_EQ(read(R"({"id":01})"
                 "\n"
                 R"({"a":1})"),
            (Lines{"<JSON parse error, stray '01'>", "<JSON parse error, expecting value>",
                   R"({"a": 1})"}));
  EXPECT_EQ(read("{\"never ends\n{\"a\":1}"),
            (Lines{"<JSON parse error, stray '\"never ends\n'>", R"({"a": 1})"}));
  EXPECT_EQ(read("{\"half\": \xff{\"a\":1}"),
            (Lines{"<JSON parse error, stray '\xff'>", R"({"a": 1})"}));
}

TEST(JsonStream, RefusesDeepNesting) {
  const std::string most(JsonStream::kMaxNesting, '[');
  EXPECT_EQ(read(most + std::string(JsonStream::kMaxNesting, ']')).size(), 1u);
  const Lines lines = read(most + "[" + std::string(100'000, '[') + "\n{\"a\":1}");
  EXPECT_EQ(lines, (Lines{"<JSON nesting depth limit exceeded>", R"({"a": 1})"}));
}

TEST(JsonStream, AGigabyteWithoutANewlineIsOneError) {
  JsonStream stream;
  const std::string piece(1 << 18, 'x');
  Lines got = read(stream, "{\"a\": \"");
  for (int i = 0; i < 40; ++i) {
    for (auto& line : read(stream, piece)) got.push_back(line);
    ASSERT_LE(stream.held(), JsonStream::kMaxBytes + piece.size());
  }
  EXPECT_EQ(got, (Lines{"<JSON token size limit exceeded>"}));
  EXPECT_EQ(read(stream, "\n[1]"), (Lines{"[1]"}));
}

TEST(JsonStream, ManyTokensAreRefused) {
  std::string text = "[";
  for (std::size_t i = 0; i < JsonStream::kMaxTokens; ++i) text += "1,";
  EXPECT_EQ(read(text), (Lines{"<JSON token count limit exceeded>"}));
}

TEST(JsonStream, ManyMembersTakeNoQuadraticTime) {
  std::string text = "{";
  for (int i = 0; i < 60'000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  text += "\"last\":0}";
  EXPECT_EQ(read(text).size(), 1u);
}

TEST(JsonStream, ResetForgetsTheHalfValue) {
  JsonStream stream;
  read(stream, "{\"a\": [1, 2");
  stream.reset();
  EXPECT_EQ(read(stream, "[3]"), (Lines{"[3]"}));
}

TEST(JsonStream, EverySingleByteIsSurvived) {
  for (int byte = 0; byte < 256; ++byte) {
    JsonStream stream;
    const char c = static_cast<char>(byte);
    read(stream, std::string("{\"a\":") + c + "}");
    read(stream, "\n\n");
    stream.reset();
    EXPECT_EQ(read(stream, "[1]"), (Lines{"[1]"})) << byte;
  }
}

TEST(JsonWriter, EscapesLikeThePeerExpects) {
  EXPECT_EQ(to_text(Json("\"\\/\b\f\n\r\t\x01\x7f\xc3\xa9\xf0\x9f\x98\x80")),
            R"("\"\\/\b\f\n\r\t\u0001\u007F\u00E9\uD83D\uDE00")");
}

TEST(JsonWriter, BytesThatAreNoTextBecomeReplacements) {
  EXPECT_EQ(to_text(Json("a\xff\xc0\x80z")), R"("a\uFFFD\uFFFDz")");
}

TEST(JsonWriter, PrettyIndents) {
  EXPECT_EQ(to_text(Json{{"a", Json::array({1, 2})}, {"b", Json::object()}}, true),
            "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"b\": {}\n}");
}

}  // namespace
}  // namespace monitor
