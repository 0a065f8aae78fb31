// The mouse behind the controller. IBM PS/2 Hardware Interface Technical Reference, Mouse.
#include "hw/emul/core/state_codec.h"
#include "tests/device/input/keyboard_controller.h"

namespace {

using namespace bench;  // NOLINT(google-build-using-namespace)

class Ps2Mouse : public KeyboardController {
 protected:
  Sent move(i32 dx, i32 dy) {
    kbc_.mouse().move_by(dx, dy);
    kbc_.mouse().sync();
    return read_all();
  }
  void click(PointerButton button, bool down) {
    kbc_.mouse().button(button, down);
    kbc_.mouse().sync();
  }
  void rates(std::initializer_list<u8> values) {
    for (const u8 value : values) EXPECT_EQ(mouse({0xf3, value}), (Sent{0xfa, 0xfa}));
  }
  void enable() { EXPECT_EQ(mouse({0xf4}), Sent{0xfa}); }
};

TEST_F(Ps2Mouse, ResetAndIdentify) {
  EXPECT_EQ(mouse({0xff}), (Sent{0xfa, 0xaa, 0x00}));
  EXPECT_EQ(mouse({0xf2}), (Sent{0xfa, 0x00}));
  EXPECT_EQ(mouse({0xe9}), (Sent{0xfa, 0x00, 0x02, 100}));
}

TEST_F(Ps2Mouse, StatusShowsSettingsAndButtons) {
  mouse({0xe7, 0xe8, 0x03, 0xf3, 40, 0xf4, 0xf0});
  click(PointerButton::kLeft, true);
  EXPECT_EQ(mouse({0xe9}), (Sent{0xfa, 0x74, 0x03, 40}));
  mouse({0xf6});
  EXPECT_EQ(mouse({0xe9}), (Sent{0xfa, 0x04, 0x02, 100}));
}

TEST_F(Ps2Mouse, SendsNothingUntilEnabled) {
  EXPECT_EQ(move(5, 5), Sent{});
  enable();
  EXPECT_EQ(move(5, 0), (Sent{0x08, 5, 0}));
  EXPECT_EQ(mouse({0xf5}), Sent{0xfa});
  EXPECT_EQ(move(5, 5), Sent{});
}

TEST_F(Ps2Mouse, UpIsPositive) {
  enable();
  EXPECT_EQ(move(0, -3), (Sent{0x08, 0, 3}));
  EXPECT_EQ(move(-1, 1), (Sent{0x38, 0xff, 0xff}));
}

TEST_F(Ps2Mouse, InterruptsOnItsOwnLine) {
  enable();
  bench_.irq.take_edges(kMouseIrq);
  bench_.irq.take_edges(kKeyboardIrq);
  EXPECT_EQ(move(1, 1).size(), 3u);
  EXPECT_EQ(bench_.irq.take_edges(kMouseIrq), 3);
  EXPECT_EQ(bench_.irq.take_edges(kKeyboardIrq), 0);
}

TEST_F(Ps2Mouse, FarMotionTakesSeveralPackets) {
  enable();
  i32 x = 0;
  const Sent all = move(300, 0);
  ASSERT_EQ(all.size(), 9u);
  for (std::size_t i = 0; i < 9; i += 3) x += all[i + 1];
  EXPECT_EQ(x, 300);
}

TEST_F(Ps2Mouse, Buttons) {
  enable();
  click(PointerButton::kLeft, true);
  EXPECT_EQ(read_all(), (Sent{0x09, 0, 0}));
  click(PointerButton::kRight, true);
  EXPECT_EQ(read_all(), (Sent{0x0b, 0, 0}));
  click(PointerButton::kMiddle, true);
  EXPECT_EQ(read_all(), (Sent{0x0f, 0, 0}));
  click(PointerButton::kLeft, false);
  EXPECT_EQ(read_all(), (Sent{0x0e, 0, 0}));
}

TEST_F(Ps2Mouse, PlainMouseIgnoresTheWheel) {
  enable();
  click(PointerButton::kWheelUp, true);
  EXPECT_EQ(read_all(), Sent{});
}

TEST_F(Ps2Mouse, WheelAfterTheKnock) {
  rates({200, 100, 80});
  EXPECT_EQ(mouse({0xf2}), (Sent{0xfa, 0x03}));
  enable();
  EXPECT_EQ(move(1, 0), (Sent{0x08, 1, 0, 0}));
  click(PointerButton::kWheelUp, true);
  EXPECT_EQ(read_all(), (Sent{0x08, 0, 0, 0xff}));
  click(PointerButton::kWheelUp, false);
  EXPECT_EQ(read_all(), Sent{});
  click(PointerButton::kWheelDown, true);
  EXPECT_EQ(read_all(), (Sent{0x08, 0, 0, 0x01}));
}

TEST_F(Ps2Mouse, FiveButtonsAfterTheOtherKnock) {
  rates({200, 100, 80});
  rates({200, 200, 80});
  EXPECT_EQ(mouse({0xf2}), (Sent{0xfa, 0x04}));
  enable();
  click(PointerButton::kSide, true);
  EXPECT_EQ(read_all(), (Sent{0x08, 0, 0, 0x10}));
  click(PointerButton::kExtra, true);
  EXPECT_EQ(read_all(), (Sent{0x08, 0, 0, 0x30}));
  click(PointerButton::kWheelUp, true);
  EXPECT_EQ(read_all(), (Sent{0x08, 0, 0, 0x3f}));
  mouse({0xff});
  EXPECT_EQ(mouse({0xf2}), (Sent{0xfa, 0x00})) << "reset makes it plain again";
}

TEST_F(Ps2Mouse, WrongKnockChangesNothing) {
  rates({200, 80, 80});
  rates({100, 200, 60});
  rates({80});
  EXPECT_EQ(mouse({0xf2}), (Sent{0xfa, 0x00}));
}

TEST_F(Ps2Mouse, RemoteModeSendsOnRequest) {
  mouse({0xf4, 0xf0});
  EXPECT_EQ(move(4, 0), Sent{});
  EXPECT_EQ(mouse({0xeb}), (Sent{0xfa, 0x08, 4, 0}));
  EXPECT_EQ(mouse({0xeb}), (Sent{0xfa, 0x08, 0, 0}));
  mouse({0xea});
  EXPECT_EQ(move(4, 0), (Sent{0x08, 4, 0}));
}

TEST_F(Ps2Mouse, WrapModeEchoes) {
  EXPECT_EQ(mouse({0xee}), Sent{0xfa});
  EXPECT_EQ(mouse({0xf2}), Sent{0xf2});
  EXPECT_EQ(mouse({0x55}), Sent{0x55});
  EXPECT_EQ(mouse({0xec}), Sent{0xfa});
  EXPECT_EQ(mouse({0xf2}), (Sent{0xfa, 0x00}));
  mouse({0xee});
  EXPECT_EQ(mouse({0xff}), (Sent{0xfa, 0xaa, 0x00}));
}

TEST_F(Ps2Mouse, ScalingInStreamMode) {
  mouse({0xf4, 0xe7});
  EXPECT_EQ(move(2, 0), (Sent{0x08, 1, 0}));
  EXPECT_EQ(move(-5, 0), (Sent{0x18, 0xf7, 0}));
  EXPECT_EQ(move(20, 0), (Sent{0x08, 40, 0}));
  mouse({0xe6});
  EXPECT_EQ(move(20, 0), (Sent{0x08, 20, 0}));
}

TEST_F(Ps2Mouse, UnknownCommandAsksForResend) {
  EXPECT_EQ(mouse({0xe1}), Sent{0xfe});
}

TEST_F(Ps2Mouse, MotionAddsUpWhileTheGuestIsSlow) {
  enable();
  for (int i = 0; i < 100; ++i) {
    kbc_.mouse().move_by(1, 0);
    kbc_.mouse().sync();
  }
  const Sent all = read_all();
  i32 x = 0;
  for (std::size_t i = 0; i + 2 < all.size(); i += 3) x += all[i + 1];
  EXPECT_EQ(x, 100);
  EXPECT_LT(all.size(), 30u);
}

TEST_F(Ps2Mouse, ClicksSurviveAFullQueue) {
  enable();
  for (int i = 0; i < 20; ++i) {
    kbc_.mouse().move_by(1, 0);
    kbc_.mouse().sync();
  }
  click(PointerButton::kLeft, true);
  click(PointerButton::kLeft, false);
  click(PointerButton::kLeft, true);
  click(PointerButton::kLeft, false);
  const Sent all = read_all();
  int presses = 0;
  i32 x = 0;
  for (std::size_t i = 0; i + 2 < all.size(); i += 3) {
    x += all[i + 1];
    presses += (all[i] & 1) != 0 && (i < 3 || (all[i - 3] & 1) == 0) ? 1 : 0;
  }
  EXPECT_EQ(presses, 2) << "a double click";
  EXPECT_EQ(x, 20);
  EXPECT_EQ(all[all.size() - 3] & 1, 0);
}

TEST_F(Ps2Mouse, LastButtonStateArrivesWhateverHappens) {
  enable();
  for (int i = 0; i < 101; ++i) click(PointerButton::kLeft, i % 2 == 0);
  click(PointerButton::kLeft, false);
  const Sent all = read_all();
  ASSERT_GE(all.size(), 3u);
  EXPECT_EQ(all[all.size() - 3] & 1, 0);
}

TEST_F(Ps2Mouse, ReleaseWhileDisabledIsSeenLater) {
  enable();
  click(PointerButton::kLeft, true);
  read_all();
  mouse({0xf5});
  click(PointerButton::kLeft, false);
  EXPECT_EQ(read_all(), Sent{});
  EXPECT_EQ(mouse({0xf4}), (Sent{0xfa, 0x08, 0, 0}));
}

TEST_F(Ps2Mouse, AnswersWithAFullQueue) {
  enable();
  for (int i = 0; i < 20; ++i) {
    kbc_.mouse().move_by(100, 100);
    kbc_.mouse().sync();
  }
  command(0xd4);
  write(0xf5);
  const Sent all = read_all();
  EXPECT_EQ(all.back(), 0xfa);
}

TEST_F(Ps2Mouse, ExtremeMotionIsBounded) {
  enable();
  for (int i = 0; i < 4; ++i) {
    kbc_.mouse().move_by(INT32_MIN, INT32_MIN);
    kbc_.mouse().sync();
    kbc_.mouse().move_by(INT32_MAX, INT32_MAX);
    kbc_.mouse().sync();
  }
  EXPECT_LE(read_all().size(), 64u);
}

TEST_F(Ps2Mouse, StateSurvivesARoundTrip) {
  rates({200, 100, 80, 200});
  mouse({0xf4, 0xe7});
  kbc_.mouse().move_by(100, 20);
  kbc_.mouse().sync();
  const RoundTrip trip = save_disturb_restore(kbc_.mouse(), [&] { kbc_.mouse().reset(); });
  EXPECT_EQ(trip.before, trip.after);
  EXPECT_EQ(trip.before.size(), 4u * 4 + 256 + 6 + 12 + 1);
  torture_restore(input::Ps2Mouse::kTable, trip.before, sizeof(input::Ps2Mouse::State), 2000);
}

TEST_F(Ps2Mouse, HostileState) {
  auto* state = static_cast<input::Ps2Mouse::State*>(kbc_.mouse().section().state);
  for (const i32 bad : {INT32_MIN, -1, 17, 256, INT32_MAX}) {
    state->port.read_at = state->port.write_at = state->port.count = bad;
    state->port.command = bad;
    state->dx = state->dy = state->dz = bad;
    state->status = state->type = state->knock = state->wrap = 0xff;
    kbc_.mouse().after_restore();
    kbc_.after_restore();
    kbc_.mouse().move_by(bad, bad);
    kbc_.mouse().sync();
    read_all();
    EXPECT_LE(read_all().size(), 64u);
  }
  kbc_.reset();
  EXPECT_EQ(mouse({0xf2}), (Sent{0xfa, 0x00}));
}

}  // namespace
