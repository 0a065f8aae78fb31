#include "hw/emul/core/state_codec.h"

#include <gtest/gtest.h>

namespace core {
namespace {

struct Queue {
  i32 read = 0;
  std::array<u8, 4> data{};
};

struct State {
  u8 control = 0;
  u16 divider = 0;
  bool enabled = false;
  i64 deadline = -1;
  Queue queue;
  std::array<u32, 2> words{};
  i32 used = 0;
  std::array<u8, 8> bytes{};
  u32 late = 0;
  u8 cache = 0;
};

bool needs_extra(const void* state) {
  return static_cast<const State*>(state)->late != 0;
}
std::optional<BadValue> odd_control(const void* state) {
  const u8 control = static_cast<const State*>(state)->control;
  if (control % 2 == 0) return {};
  return BadValue{"control", control, "is odd"};
}
u32 used(const void* state) {
  return static_cast<u32>(static_cast<const State*>(state)->used);
}

constexpr auto kExtraFields = std::to_array<Field>({field<&State::late>("late")});
constexpr StateTable kExtra{.name = "probe/extra", .fields = kExtraFields, .needed = needs_extra};
constexpr std::array<const StateTable*, 1> kSubsections{&kExtra};
constexpr auto kFields = std::to_array<Field>({
    field<&State::control>("control"),
    field<&State::divider>("divider", 2),
    field<&State::enabled>("enabled"),
    padding(2, 0xee),
    timer<&State::deadline>("deadline"),
    field<&State::queue, &Queue::read>("queue.read"),
    buffer<&State::queue, &Queue::data>("queue.data"),
    field<&State::words>("words"),
    within(field<&State::used>("used"), 0, 8),
    sized(buffer<&State::bytes>("bytes"), used),
    local<&State::cache>("derived"),
});
constexpr StateTable kTable{.name = "probe",
                            .version = 2,
                            .min_version = 1,
                            .fields = kFields,
                            .subsections = kSubsections,
                            .validate = odd_control};
static_assert(covers<State>(kTable));
// A forgotten member is noticed.
static_assert(!covers<State>(StateTable{.fields = kExtraFields}));

State sample() {
  State state;
  state.control = 0x12;
  state.divider = 0x3456;
  state.enabled = true;
  state.deadline = 0x0102030405060708;
  state.queue = {.read = -2, .data = {1, 2, 3, 4}};
  state.words = {0xaabbccdd, 5};
  state.used = 3;
  state.bytes = {9, 8, 7};
  return state;
}

TEST(StateCodec, WritesQemusLayout) {
  State state = sample();
  std::vector<u8> out;
  encode_state(kTable, &state, out);
  const std::vector<u8> expected = {
      0x12, 0x34, 0x56, 1,    0xee, 0xee, 1,    2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xfe, 1,
      2,    3,    4,    0xaa, 0xbb, 0xcc, 0xdd, 0, 0, 0, 5, 0, 0, 0, 3,    9,    8,    7};
  EXPECT_EQ(out, expected);
}

TEST(StateCodec, SubsectionsTravelWhenNeeded) {
  State state = sample();
  state.late = 7;
  std::vector<u8> out;
  encode_state(kTable, &state, out);
  State back;
  Bytes in = out;
  ASSERT_TRUE(decode_state(kTable, &back, 2, in));
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(back.late, 7u);
  EXPECT_EQ(back.queue.read, -2);
  EXPECT_EQ(back.words[0], 0xaabbccddu);
  EXPECT_EQ(back.bytes[2], 7);
}

TEST(StateCodec, OlderVersionLacksLaterFields) {
  State state = sample();
  std::vector<u8> out;
  encode_state(kTable, &state, out);
  out.erase(out.begin() + 1, out.begin() + 3);
  State back;
  Bytes in = out;
  ASSERT_TRUE(decode_state(kTable, &back, 1, in));
  EXPECT_EQ(back.divider, 0);
  EXPECT_TRUE(back.enabled);
}

TEST(StateCodec, RefusesWhatIsWrongWithAName) {
  State state = sample();
  std::vector<u8> out;
  encode_state(kTable, &state, out);
  State back;
  for (std::size_t length = 0; length < out.size(); ++length) {
    Bytes in = Bytes(out).first(length);
    const auto result = decode_state(kTable, &back, 2, in);
    ASSERT_FALSE(result) << length;
    EXPECT_NE(result.error().message.find("the stream ends within it"), std::string::npos);
  }
  Bytes in = out;
  EXPECT_FALSE(decode_state(kTable, &back, 3, in));
  const auto message = [&](std::size_t at, u8 value) {
    std::vector<u8> bytes = out;
    bytes.resize(60);
    bytes[at] = value;
    Bytes from = bytes;
    const auto result = decode_state(kTable, &back, 2, from);
    return result ? "" : result.error().message;
  };
  EXPECT_EQ(message(33, 9), "field used: 9 is not within 0 to 8");
  EXPECT_EQ(message(30, 0xff), "field used: -16777213 is not within 0 to 8");
  EXPECT_EQ(message(0, 0x13), "field control: 19 is odd");
  in = Bytes(out).first(25);
  EXPECT_EQ(decode_state(kTable, &back, 2, in).error().message,
            "field words[0]: the stream ends within it");
}

TEST(StateCodec, UnknownSubsectionOfOursIsRefusedOthersAreLeft) {
  State state = sample();
  std::vector<u8> out;
  encode_state(kTable, &state, out);
  const auto with = [&](std::string_view name) {
    std::vector<u8> bytes = out;
    bytes.push_back(5);
    bytes.push_back(static_cast<u8>(name.size()));
    bytes.insert(bytes.end(), name.begin(), name.end());
    bytes.insert(bytes.end(), {0, 0, 0, 1});
    return bytes;
  };
  State back;
  std::vector<u8> bytes = with("probe/strange");
  Bytes in = bytes;
  EXPECT_FALSE(decode_state(kTable, &back, 2, in));
  bytes = with("other/strange");
  in = bytes;
  EXPECT_TRUE(decode_state(kTable, &back, 2, in));
  EXPECT_EQ(in.size(), 2 + 13 + 4u);
}

}  // namespace
}  // namespace core
