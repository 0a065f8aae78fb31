#include "machine/config/options.h"

#include <gtest/gtest.h>

namespace {

using config::OptionList;
using config::Property;

std::vector<Property> entries(std::string_view text, std::string_view implied = "") {
  auto list = OptionList::parse("-x", text, implied);
  return list ? list->entries() : std::vector<Property>{{"error", list.error().message}};
}

TEST(Options, KeysAndValues) {
  EXPECT_EQ(entries("a=1,b=two"), (std::vector<Property>{{"a", "1"}, {"b", "two"}}));
}

TEST(Options, DoubledCommaIsAComma) {
  EXPECT_EQ(entries("file=/a,,b,format=raw"),
            (std::vector<Property>{{"file", "/a,b"}, {"format", "raw"}}));
}

TEST(Options, DoubledCommaAtTheEnd) {
  EXPECT_EQ(entries("file=/a,,"), (std::vector<Property>{{"file", "/a,"}}));
}

TEST(Options, BareWordsAreOnAndNoWordsAreOff) {
  EXPECT_EQ(entries("server,nowait"), (std::vector<Property>{{"server", "on"}, {"wait", "off"}}));
}

TEST(Options, FirstKeyMayBeImplied) {
  EXPECT_EQ(entries("socket,id=a", "backend"),
            (std::vector<Property>{{"backend", "socket"}, {"id", "a"}}));
}

TEST(Options, ImpliedKeyOnlyForTheFirst) {
  EXPECT_EQ(entries("id=a,socket", "backend"),
            (std::vector<Property>{{"id", "a"}, {"socket", "on"}}));
}

TEST(Options, LaterValueWins) {
  EXPECT_EQ(entries("a=1,a=2"), (std::vector<Property>{{"a", "2"}}));
}

TEST(Options, ValueMayHoldEqualSigns) {
  EXPECT_EQ(entries("append=root=/dev/sda"), (std::vector<Property>{{"append", "root=/dev/sda"}}));
}

TEST(Options, ManyEntriesAreRefused) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "k" + std::to_string(i) + "=1,";
  EXPECT_FALSE(OptionList::parse("-x", text, "").has_value());
}

TEST(Options, JsonIsFlattened) {
  auto list = OptionList::parse_json(
      "-blockdev", R"({"driver":"raw","cache":{"direct":true},"n":5,"file":{"driver":"file"}})");
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(list->take("cache.direct"), "on");
  EXPECT_EQ(list->take("file.driver"), "file");
  EXPECT_EQ(list->take("n"), "5");
}

TEST(Options, BrokenJsonIsAnError) {
  EXPECT_FALSE(OptionList::parse_json("-blockdev", "{\"driver\":").has_value());
  EXPECT_FALSE(OptionList::parse_json("-blockdev", "[1]").has_value());
}

TEST(Options, DeepJsonIsAnError) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += R"({"a":)";
  text += "1" + std::string(100, '}');
  EXPECT_FALSE(OptionList::parse_json("-blockdev", text).has_value());
}

TEST(Options, UntakenKeyIsNamed) {
  auto list = OptionList::parse("-x", "a=1,typo=2", "");
  std::string value;
  list->take("a", value);
  const auto error = list->finish();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->message, "-x: there is no setting 'typo'");
}

TEST(Options, FirstErrorIsKept) {
  auto list = OptionList::parse("-x", "flag=maybe,n=12x", "");
  bool flag = false;
  int number = 3;
  list->take("flag", flag);
  list->take_number("n", number, 0, 100);
  EXPECT_EQ(number, 3);
  EXPECT_EQ(list->finish()->message, "-x: flag=maybe: must be on, off");
}

TEST(Options, NumberOutsideItsBoundsIsAnError) {
  auto list = OptionList::parse("-x", "n=256", "");
  int number = 0;
  list->take_number("n", number, 0, 255);
  EXPECT_EQ(list->finish()->message, "-x: n=256: must be a number from 0 to 255");
}

TEST(Options, Numbers) {
  EXPECT_EQ(config::to_number("0x10"), 16U);
  EXPECT_EQ(config::to_number("18446744073709551615"), ~std::uint64_t{0});
  EXPECT_FALSE(config::to_number("18446744073709551616"));
  EXPECT_FALSE(config::to_number(""));
  EXPECT_FALSE(config::to_number("0x"));
  EXPECT_FALSE(config::to_number("-1"));
  EXPECT_FALSE(config::to_number("1 "));
}

TEST(Options, Sizes) {
  constexpr std::uint64_t kMiB = 1 << 20;
  EXPECT_EQ(config::to_size("512", kMiB), 512 * kMiB);
  EXPECT_EQ(config::to_size("512", 1), 512U);
  EXPECT_EQ(config::to_size("1g", kMiB), 1024 * kMiB);
  EXPECT_EQ(config::to_size("4K", kMiB), 4096U);
  EXPECT_EQ(config::to_size("1.5G", kMiB), 1536 * kMiB);
  EXPECT_FALSE(config::to_size("1x", kMiB));
  EXPECT_FALSE(config::to_size("1GB", kMiB));
  EXPECT_FALSE(config::to_size("99999999999T", kMiB));
  EXPECT_FALSE(config::to_size("G", kMiB));
  EXPECT_FALSE(config::to_size("", kMiB));
  EXPECT_FALSE(config::to_size("1.", kMiB));
}

}  // namespace
