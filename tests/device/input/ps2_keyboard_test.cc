// The keyboard behind the controller. IBM PS/2 Hardware Interface Technical Reference, Keyboards.
#include <linux/input-event-codes.h>

#include "hw/emul/core/state_codec.h"
#include "tests/device/input/keyboard_controller.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)

class Ps2Keyboard : public KeyboardController {
 protected:
  void translate(bool on) { set_mode(on ? 0x43 : 0x03); }
  void use_set(u8 set) { EXPECT_EQ(keyboard({0xf0, set}), (Sent{0xfa, 0xfa})); }
};

TEST_F(Ps2Keyboard, ResetAndIdentify) {
  EXPECT_EQ(keyboard({0xff}), (Sent{0xfa, 0xaa}));
  EXPECT_EQ(keyboard({0xf2}), (Sent{0xfa, 0xab, 0x83}));
  translate(true);
  EXPECT_EQ(keyboard({0xf2}), (Sent{0xfa, 0xab, 0x41}));
  EXPECT_EQ(keyboard({0xee}), Sent{0xee});
}

TEST_F(Ps2Keyboard, CommandsAreAcknowledged) {
  for (const u8 one : std::to_array<u8>({0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa})) {
    EXPECT_EQ(keyboard({one}), Sent{0xfa}) << int{one};
  }
  EXPECT_EQ(keyboard({0xf3, 0x2b}), (Sent{0xfa, 0xfa})) << "typematic rate";
  EXPECT_EQ(keyboard({0xfc, 0x1c}), (Sent{0xfa, 0xfa}));
  EXPECT_EQ(keyboard({0x05}), Sent{0xfe}) << "unknown: resend";
}

TEST_F(Ps2Keyboard, Leds) {
  EXPECT_EQ(keyboard({0xed, 0x06}), (Sent{0xfa, 0xfa}));
  EXPECT_EQ(leds_.lit, 6);
  keyboard({0xff});
  EXPECT_EQ(leds_.lit, 0);
}

TEST_F(Ps2Keyboard, ScanCodeSetIsReported) {
  EXPECT_EQ(keyboard({0xf0, 0x00}), (Sent{0xfa, 0xfa, 0x02}));
  use_set(3);
  EXPECT_EQ(keyboard({0xf0, 0x00}), (Sent{0xfa, 0xfa, 0x03}));
  EXPECT_EQ(keyboard({0xf0, 0x04}), (Sent{0xfa, 0xfe}));
  use_set(2);
  translate(true);
  EXPECT_EQ(keyboard({0xf0, 0x00}), (Sent{0xfa, 0xfa, 0x41})) << "translated like everything";
}

TEST_F(Ps2Keyboard, PlainKeyInAllSets) {
  EXPECT_EQ(key(KEY_A, true), Sent{0x1c});
  EXPECT_EQ(key(KEY_A, false), (Sent{0xf0, 0x1c}));
  use_set(1);
  EXPECT_EQ(key(KEY_A, true), Sent{0x1e});
  EXPECT_EQ(key(KEY_A, false), Sent{0x9e});
  use_set(3);
  EXPECT_EQ(key(KEY_A, true), Sent{0x1c});
  EXPECT_EQ(key(KEY_A, false), (Sent{0xf0, 0x1c}));
  use_set(2);
  translate(true);
  EXPECT_EQ(key(KEY_A, true), Sent{0x1e});
  EXPECT_EQ(key(KEY_A, false), Sent{0x9e});
}

TEST_F(Ps2Keyboard, ExtendedKeys) {
  EXPECT_EQ(key(KEY_DELETE, true), (Sent{0xe0, 0x71}));
  EXPECT_EQ(key(KEY_DELETE, false), (Sent{0xe0, 0xf0, 0x71}));
  translate(true);
  EXPECT_EQ(key(KEY_DELETE, true), (Sent{0xe0, 0x53}));
  EXPECT_EQ(key(KEY_DELETE, false), (Sent{0xe0, 0xd3}));
  EXPECT_EQ(key(KEY_RIGHTALT, true), (Sent{0xe0, 0x38}));
  EXPECT_EQ(key(KEY_VOLUMEUP, true), (Sent{0xe0, 0x30}));
}

// Linux' own numbers for the main block are those of set 1: 59 keys checked at once.
TEST_F(Ps2Keyboard, MainBlockMatchesSet1) {
  translate(true);
  for (KeyCode code = KEY_ESC; code <= KEY_KPDOT; ++code) {
    EXPECT_EQ(key(code, true), Sent{code}) << code;
    EXPECT_EQ(key(code, false), Sent{code | 0x80}) << code;
  }
  EXPECT_EQ(key(KEY_102ND, true), Sent{0x56});
  EXPECT_EQ(key(KEY_F11, true), Sent{0x57});
  EXPECT_EQ(key(KEY_F12, true), Sent{0x58});
}

TEST_F(Ps2Keyboard, PauseHasNoRelease) {
  EXPECT_EQ(key(KEY_PAUSE, true), (Sent{0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77}));
  EXPECT_EQ(key(KEY_PAUSE, false), Sent{});
  translate(true);
  EXPECT_EQ(key(KEY_PAUSE, true), (Sent{0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5}));
  key(KEY_LEFTCTRL, true);
  EXPECT_EQ(key(KEY_PAUSE, true), (Sent{0xe0, 0x46, 0xe0, 0xc6})) << "Break";
}

TEST_F(Ps2Keyboard, PrintScreenAndSysRq) {
  EXPECT_EQ(key(KEY_SYSRQ, true), (Sent{0xe0, 0x12, 0xe0, 0x7c}));
  EXPECT_EQ(key(KEY_SYSRQ, false), (Sent{0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12}));
  translate(true);
  EXPECT_EQ(key(KEY_SYSRQ, true), (Sent{0xe0, 0x2a, 0xe0, 0x37}));
  EXPECT_EQ(key(KEY_SYSRQ, false), (Sent{0xe0, 0xb7, 0xe0, 0xaa}));
  key(KEY_LEFTSHIFT, true);
  EXPECT_EQ(key(KEY_SYSRQ, true), (Sent{0xe0, 0x37}));
  key(KEY_LEFTSHIFT, false);
  key(KEY_LEFTALT, true);
  EXPECT_EQ(key(KEY_SYSRQ, true), (Sent{0xb8, 0x38, 0x54}));
  EXPECT_EQ(key(KEY_SYSRQ, false), (Sent{0xd4, 0xb8, 0x38}));
  key(KEY_LEFTALT, false);
  key(KEY_RIGHTALT, true);
  EXPECT_EQ(key(KEY_SYSRQ, true), (Sent{0xe0, 0xb8, 0xe0, 0x38, 0x54}));
}

TEST_F(Ps2Keyboard, Set3HasOneByteForEveryKey) {
  use_set(3);
  EXPECT_EQ(key(KEY_HOME, true), Sent{0x6e});
  EXPECT_EQ(key(KEY_PAUSE, true), Sent{0x62});
  EXPECT_EQ(key(KEY_SYSRQ, false), (Sent{0xf0, 0x57}));
}

TEST_F(Ps2Keyboard, UnknownKeysSendNothing) {
  EXPECT_EQ(key(0, true), Sent{});
  EXPECT_EQ(key(KEY_BLUETOOTH, true), Sent{});
  EXPECT_EQ(key(0x2ff, true), Sent{});
  EXPECT_EQ(key(0xffff, false), Sent{});
}

TEST_F(Ps2Keyboard, DisabledScanningSendsNothing) {
  keyboard({0xf5});
  EXPECT_EQ(key(KEY_A, true), Sent{});
  keyboard({0xf4});
  EXPECT_EQ(key(KEY_A, false), (Sent{0xf0, 0x1c}));
}

TEST_F(Ps2Keyboard, RepliesOvertakeKeys) {
  kbc_.keyboard().key(KEY_A, true);
  kbc_.keyboard().key(KEY_B, true);
  EXPECT_EQ(data(), 0x1c);
  EXPECT_EQ(keyboard({0xf4}), (Sent{0xfa, 0x32}));
}

TEST_F(Ps2Keyboard, RepliesAreThereWithAFullQueue) {
  for (int i = 0; i < 40; ++i) kbc_.keyboard().key(KEY_A, true);
  const Sent answer = keyboard({0xf2});
  ASSERT_GE(answer.size(), 4u);
  EXPECT_EQ((Sent{answer.begin(), answer.begin() + 3}), (Sent{0xfa, 0xab, 0x83}));
  EXPECT_EQ(answer.size(), 3u + 16u);
}

TEST_F(Ps2Keyboard, NewCommandForgetsUnreadReplies) {
  command(0xad);
  write(0xf2);
  write(0xee);
  EXPECT_EQ(read_all(), (Sent{0xee}));
}

TEST_F(Ps2Keyboard, OverflowNeverSplitsASequence) {
  for (int i = 0; i < 5; ++i) kbc_.keyboard().key(KEY_A, true);
  for (int i = 0; i < 12; ++i) kbc_.keyboard().key(KEY_HOME, true);
  const Sent all = read_all();
  EXPECT_EQ(all.size(), 15u) << "five bytes and five pairs; half a pair was not put in";
  for (std::size_t i = 5; i < all.size(); i += 2) EXPECT_EQ(all[i], 0xe0);
}

TEST_F(Ps2Keyboard, ReleaseSurvivesAFullQueue) {
  key(KEY_LEFTSHIFT, true);
  for (int i = 0; i < 16; ++i) kbc_.keyboard().key(KEY_A, true);
  kbc_.keyboard().key(KEY_LEFTSHIFT, false);
  kbc_.keyboard().key(KEY_A, false);
  const Sent all = read_all();
  ASSERT_EQ(all.size(), 20u);
  EXPECT_EQ((Sent{all.end() - 4, all.end()}), (Sent{0xf0, 0x12, 0xf0, 0x1c}));
}

TEST_F(Ps2Keyboard, PressThatWasLostHasNoRelease) {
  for (int i = 0; i < 16; ++i) kbc_.keyboard().key(KEY_A, true);
  kbc_.keyboard().key(KEY_B, true);
  read_all();
  EXPECT_EQ(key(KEY_B, false), Sent{});
  EXPECT_EQ(key(KEY_B, true), Sent{0x32});
  EXPECT_EQ(key(KEY_B, false), (Sent{0xf0, 0x32}));
}

TEST_F(Ps2Keyboard, PressAgainBeforeALateReleaseCancelsIt) {
  for (int i = 0; i < 16; ++i) kbc_.keyboard().key(KEY_A, true);
  kbc_.keyboard().key(KEY_A, false);
  kbc_.keyboard().key(KEY_A, true);
  EXPECT_EQ(read_all().size(), 16u);
  EXPECT_EQ(key(KEY_A, false), (Sent{0xf0, 0x1c}));
}

TEST_F(Ps2Keyboard, StateSurvivesARoundTrip) {
  use_set(3);
  keyboard({0xed, 0x02});
  kbc_.keyboard().key(KEY_A, true);
  command(0xad);
  write(0xf2);
  data();
  const RoundTrip trip = save_disturb_restore(kbc_.keyboard(), [&] { kbc_.keyboard().reset(); });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(leds_.lit, 2);
  torture_restore(input::Ps2Keyboard::kTable, trip.before, sizeof(input::Ps2Keyboard::State), 2000);
}

TEST_F(Ps2Keyboard, HostileQueueIndexes) {
  auto* state = static_cast<input::Ps2Keyboard::State*>(kbc_.keyboard().section().state);
  for (const i32 bad : {INT32_MIN, -1, 0, 17, 255, 256, 100000, INT32_MAX}) {
    state->port.read_at = state->port.write_at = state->port.count = bad;
    state->port.replies_end = bad;
    state->port.command = bad;
    state->set = bad;
    kbc_.keyboard().after_restore();
    kbc_.after_restore();
    EXPECT_LE(read_all().size(), 24u) << bad;
    keyboard({0xf4});
    key(KEY_A, true);
  }
  // As far apart as can be: their difference is no number.
  state->port.read_at = INT32_MIN;
  state->port.count = state->port.replies_end = INT32_MAX;
  kbc_.keyboard().after_restore();
  kbc_.after_restore();
  EXPECT_LE(read_all().size(), 24u);
  kbc_.reset();
  EXPECT_EQ(key(KEY_A, true), Sent{0x1c});
}

TEST_F(Ps2Keyboard, OldStreamMeansSetTwo) {
  use_set(3);
  std::vector<u8> image;
  encode_state(input::Ps2Keyboard::kTable, kbc_.keyboard().section().state, image);
  image.resize(image.size() - 4);
  Bytes in = image;
  ASSERT_TRUE(decode_state(input::Ps2Keyboard::kTable, kbc_.keyboard().section().state, 2, in));
  kbc_.keyboard().after_restore();
  EXPECT_EQ(keyboard({0xf0, 0x00}), (Sent{0xfa, 0xfa, 0x02}));
}

}  // namespace
