// Which device of the guest hears what.
#include <gtest/gtest.h>

#include "machine/display/input_router.h"

namespace screen {
namespace {

class FakeKeyboard final : public core::KeyboardSink {
 public:
  void key(core::KeyCode code, bool down) override { keys.emplace_back(code, down); }
  std::vector<std::pair<core::KeyCode, bool>> keys;
};

class FakePointer final : public core::PointerSink {
 public:
  explicit FakePointer(bool is_absolute) : absolute_(is_absolute) {}
  bool absolute() const override { return absolute_; }
  void move_by(core::i32 dx, core::i32 dy) override {
    log += "by " + std::to_string(dx) + " " + std::to_string(dy) + ";";
  }
  void move_to(core::u32 x, core::u32 y) override {
    log += "to " + std::to_string(x) + " " + std::to_string(y) + ";";
  }
  void button(core::PointerButton button, bool down) override {
    log += (down ? "+" : "-") + std::to_string(static_cast<int>(button)) + ";";
  }
  void sync() override { log += "."; }
  std::string take() { return std::exchange(log, {}); }
  std::string log;

 private:
  bool absolute_;
};

TEST(InputRouter, KeysGoToTheKeyboardAddedLast) {
  InputRouter router;
  router.key(30, true);  // nobody there
  FakeKeyboard first;
  FakeKeyboard second;
  router.add_keyboard(first);
  router.add_keyboard(second);
  router.key(30, true);
  router.remove_keyboard(second);
  router.key(30, false);
  EXPECT_EQ(second.keys.size(), 1u);
  EXPECT_EQ(first.keys, (std::vector<std::pair<core::KeyCode, bool>>{{30, false}}));
}

TEST(InputRouter, MouseGetsWays) {
  InputRouter router;
  FakePointer mouse(false);
  router.add_pointer(mouse, "mouse");
  router.pointer_at(100, 100, 640, 480, 0);
  EXPECT_EQ(mouse.take(), ".") << "the first place is only a reference";
  router.pointer_at(90, 105, 640, 480, 1);
  EXPECT_EQ(mouse.take(), "by -10 5;+0;.");
  router.pointer_at(90, 105, 640, 480, 4);
  EXPECT_EQ(mouse.take(), "-0;+2;.");
}

TEST(InputRouter, TabletGetsPlacesAndGoesFirst) {
  InputRouter router;
  FakePointer tablet(true);
  FakePointer mouse(false);
  router.add_pointer(tablet, "tablet");
  router.add_pointer(mouse, "mouse");
  EXPECT_TRUE(router.absolute());
  router.pointer_at(0, 479, 640, 480, 8);
  EXPECT_EQ(tablet.take(), "to 0 32767;+3;.");
  router.pointer_at(639, 0, 640, 480, 0);
  EXPECT_EQ(tablet.take(), "to 32767 0;-3;.");
  EXPECT_EQ(mouse.take(), "");
  ASSERT_TRUE(router.select_pointer(3));
  EXPECT_FALSE(router.select_pointer(1));
  EXPECT_FALSE(router.select_pointer(4));
  router.move_by(1, 2);
  router.move_to(5, 5);
  router.sync();
  EXPECT_EQ(mouse.take(), "by 1 2;.");
  const auto list = router.pointers();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_FALSE(list[0].current);
  EXPECT_TRUE(list[1].current);
  router.remove_pointer(mouse);
  EXPECT_TRUE(router.absolute());
}

TEST(InputRouter, PlacesOutsideAreBounded) {
  InputRouter router;
  FakePointer tablet(true);
  router.add_pointer(tablet, "tablet");
  router.pointer_at(5000, 5000, 1, 480, 0);
  EXPECT_EQ(tablet.take(), "to 0 32767;.");
  router.move_to(99999, 1);
  EXPECT_EQ(tablet.take(), "to 32767 1;");
}

TEST(InputRouter, LightsReachTheListener) {
  InputRouter router;
  bool caps = false;
  router.on_leds([&caps](InputRouter::Leds leds) { caps = leds.caps; });
  router.leds(false, false, true);
  EXPECT_TRUE(caps);
  EXPECT_TRUE(router.leds().caps);
}

}  // namespace
}  // namespace screen
