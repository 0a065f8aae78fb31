// X keysyms as clients send them, and the keys a guest with a US keyboard gets.
#include "machine/vnc/key_translator.h"

#include <gtest/gtest.h>
#include <linux/input-event-codes.h>

#include <vector>

namespace vnc {
namespace {

using Events = std::vector<std::pair<int, bool>>;

class Translation : public testing::Test {
 protected:
  Events take() { return std::exchange(events, {}); }

  Locks locks;
  Events events;
  KeyTranslator keys{locks, true,
                     [this](std::uint16_t code, bool down) { events.emplace_back(code, down); }};
};

TEST_F(Translation, EveryAsciiCharacterHasAKey) {
  for (std::uint32_t c = 0x20; c < 0x7f; ++c) {
    EXPECT_NE(place_of(c).code, 0) << static_cast<char>(c);
    EXPECT_EQ(place_of(0x01000000 + c).code, place_of(c).code);
  }
  EXPECT_EQ(place_of('a').code, KEY_A);
  EXPECT_EQ(place_of('A').code, KEY_A);
  EXPECT_EQ(place_of('=').code, KEY_EQUAL);
  EXPECT_EQ(place_of('|').code, KEY_BACKSLASH);
  EXPECT_EQ(place_of('`').code, KEY_GRAVE);
  EXPECT_EQ(place_of('?').code, KEY_SLASH);
}

TEST_F(Translation, NamedKeys) {
  EXPECT_EQ(place_of(0xff0d).code, KEY_ENTER);
  EXPECT_EQ(place_of(0xffff).code, KEY_DELETE);
  EXPECT_EQ(place_of(0xffbe).code, KEY_F1);
  EXPECT_EQ(place_of(0xffc7).code, KEY_F10);
  EXPECT_EQ(place_of(0xffc8).code, KEY_F11);
  EXPECT_EQ(place_of(0xffc9).code, KEY_F12);
  EXPECT_EQ(place_of(0xffd5).code, KEY_F24);
  EXPECT_EQ(place_of(0xfe03).code, KEY_RIGHTALT);
  EXPECT_EQ(place_of(0x1008ff33).code, KEY_COMPUTER);
  EXPECT_EQ(place_of(0).code, 0);
  EXPECT_EQ(place_of(0xffffffff).code, 0);
}

TEST_F(Translation, PlainTyping) {
  keys.key('a', true);
  keys.key('a', false);
  EXPECT_EQ(take(), (Events{{KEY_A, true}, {KEY_A, false}}));
  keys.key(0xffe1, true);
  keys.key('A', true);
  keys.key('A', false);
  keys.key('!', true);
  keys.key(0xffe1, false);
  keys.key('1', false);  // Shift was let go first
  EXPECT_EQ(take(), (Events{{KEY_LEFTSHIFT, true},
                            {KEY_A, true},
                            {KEY_A, false},
                            {KEY_1, true},
                            {KEY_LEFTSHIFT, false},
                            {KEY_1, false}}));
}

TEST_F(Translation, ForeignLayoutGetsTheShiftItNeeds) {
  keys.key('!', true);  // a key of its own in France
  keys.key('!', false);
  EXPECT_EQ(take(),
            (Events{{KEY_LEFTSHIFT, true}, {KEY_1, true}, {KEY_LEFTSHIFT, false}, {KEY_1, false}}));
  keys.key(0xffe2, true);
  keys.key('1', true);  // Shift and & in France
  EXPECT_EQ(
      take(),
      (Events{
          {KEY_RIGHTSHIFT, true}, {KEY_RIGHTSHIFT, false}, {KEY_1, true}, {KEY_RIGHTSHIFT, true}}));
}

TEST_F(Translation, ShortcutsAreLeftAlone) {
  keys.key(0xffe3, true);
  keys.key('!', true);
  keys.key('C', true);
  EXPECT_EQ(take(), (Events{{KEY_LEFTCTRL, true}, {KEY_1, true}, {KEY_C, true}}));
}

TEST_F(Translation, CapsLockFollowsTheClient) {
  keys.key('A', true);  // without Shift: the client has Caps Lock
  EXPECT_EQ(take(), (Events{{KEY_CAPSLOCK, true}, {KEY_CAPSLOCK, false}, {KEY_A, true}}));
  keys.key('B', true);
  EXPECT_EQ(take(), (Events{{KEY_B, true}}));
  locks.caps = false;  // the guest's light says otherwise
  keys.key('c', true);
  EXPECT_EQ(take(), (Events{{KEY_C, true}}));
}

TEST_F(Translation, NumLockFollowsTheClient) {
  keys.key(0xffb7, true);
  EXPECT_EQ(take(), (Events{{KEY_NUMLOCK, true}, {KEY_NUMLOCK, false}, {KEY_KP7, true}}));
  keys.key(0xff95, true);
  EXPECT_EQ(take(), (Events{{KEY_NUMLOCK, true}, {KEY_NUMLOCK, false}, {KEY_KP7, true}}));
}

TEST_F(Translation, ReleaseAllAndStrayReleases) {
  keys.key('z', false);
  EXPECT_TRUE(take().empty());
  keys.key('q', true);
  keys.key(0xffe9, true);
  take();
  keys.release_all();
  EXPECT_EQ(take(), (Events{{KEY_Q, false}, {KEY_LEFTALT, false}}));
  keys.release_all();
  EXPECT_TRUE(take().empty());
}

}  // namespace
}  // namespace vnc
