// PV keyboard and pointer, as Linux' kbdfront reads them.
#include <gtest/gtest.h>

#include "hw/emul/core/bits.h"
#include "hw/xen/kbdif/vkbd.h"
#include "tests/device/xen_pv/fake_xen.h"

namespace {

using core::i32;
using core::load_le;
using core::store_le;
using core::u32;
using core::u8;

constexpr char kBack[] = "backend/vkbd/7/0";
constexpr char kFront[] = "/local/domain/7/device/vkbd/0";
constexpr u32 kPage = 5;
constexpr u32 kPort = 6;

struct People final : kbdif::InputSource {
  void attach(core::KeyboardSink& k, core::PointerSink& p, bool is_raw) override {
    keys = &k;
    pointer = &p;
    raw = is_raw;
  }
  void detach(core::KeyboardSink& /*k*/, core::PointerSink& /*p*/) override {
    keys = nullptr;
    pointer = nullptr;
  }
  u32 width() const override { return 800; }
  u32 height() const override { return 600; }
  core::KeyboardSink* keys = nullptr;
  core::PointerSink* pointer = nullptr;
  bool raw = false;
};

struct Event {
  u8 type = 0;
  u8 pressed = 0;
  i32 x = 0, y = 0, z = 0;
  bool operator==(const Event&) const = default;
};

void PrintTo(const Event& event, std::ostream* out) {
  *out << int{event.type} << "/" << int{event.pressed} << " " << event.x << "," << event.y << ","
       << event.z;
}

class Vkbd : public ::testing::Test {
 protected:
  Vkbd() { EXPECT_TRUE(xen_.bus.serve(kind_)); }
  ~Vkbd() override {
    xen_.bus.leave();
    EXPECT_EQ(people_.keys, nullptr);
    EXPECT_EQ(xen_.grants.mappings, 0);
    EXPECT_TRUE(xen_.events.bound.empty());
  }
  void front(const std::string& name, const std::string& value) {
    xen_.store.put(std::string(kFront) + "/" + name, value);
    xen_.settle();
  }
  std::string back(const std::string& name) {
    return xen_.store.get(std::string(kBack) + "/" + name);
  }
  void add() {
    xen_.store.put(std::string(kBack) + "/frontend", kFront);
    xen_.store.put(std::string(kBack) + "/online", "1");
    xen_.store.put(std::string(kFront) + "/state", "1");
    xen_.store.put(std::string(kBack) + "/state", "1");
    xen_.settle();
  }
  void connect(bool absolute = true, bool raw = true) {
    add();
    ASSERT_EQ(back("state"), "2");
    xen_.grants.grant(kPage);
    front("page-gref", std::to_string(kPage));
    front("page-ref", "12345");
    front("event-channel", std::to_string(kPort));
    if (absolute) front("request-abs-pointer", "1");
    if (raw) front("request-raw-pointer", "1");
    front("state", "3");
    ASSERT_EQ(back("state"), "4");
  }
  u8* page() { return xen_.grants.page(kPage); }
  /// What the guest reads, and says that it has.
  std::vector<Event> read() {
    std::vector<Event> events;
    const u32 end = load_le<u32>(page() + kbdif::kInProd);
    for (; consumed_ != end; ++consumed_) {
      const u8* at = page() + 1024 + consumed_ % 51 * 40;
      Event event{.type = at[0], .pressed = at[1]};
      event.x = static_cast<i32>(load_le<u32>(at + 4));
      event.y = static_cast<i32>(load_le<u32>(at + 8));
      event.z = static_cast<i32>(load_le<u32>(at + 12));
      events.push_back(event);
    }
    store_le<u32>(page() + kbdif::kInCons, consumed_);
    xen_.events.ring(kPort);
    return events;
  }

  fake::Xen xen_;
  People people_;
  kbdif::VkbdKind kind_{{.source = people_, .grants = xen_.grants, .events = xen_.events}};
  u32 consumed_ = 0;
};

TEST_F(Vkbd, OffersPlacesBeforeTheFrontEndIsAsked) {
  add();
  EXPECT_EQ(back("feature-abs-pointer"), "1");
  EXPECT_EQ(back("feature-raw-pointer"), "1");
}

TEST_F(Vkbd, KeysAreLinuxKeys) {
  connect();
  EXPECT_TRUE(people_.raw);
  people_.keys->key(30, true);
  people_.keys->key(30, false);
  EXPECT_EQ(read(), (std::vector<Event>{{3, 1, 30}, {3, 0, 30}}));
  EXPECT_EQ(xen_.events.rung[kPort], 2);
}

TEST_F(Vkbd, RawPlacesAreAsTheyCome) {
  connect();
  EXPECT_TRUE(people_.pointer->absolute());
  people_.pointer->move_to(32767, 100);
  people_.pointer->button(core::PointerButton::kLeft, true);
  people_.pointer->button(core::PointerButton::kWheelUp, true);
  people_.pointer->sync();
  people_.pointer->button(core::PointerButton::kRight, false);
  people_.pointer->sync();
  EXPECT_EQ(read(), (std::vector<Event>{{3, 1, 0x110}, {4, 0, 32767, 100, -1}, {3, 0, 0x111}}));
}

TEST_F(Vkbd, PlacesAreOfThePictureWithoutThat) {
  connect(true, false);
  EXPECT_FALSE(people_.raw);
  people_.pointer->move_to(32767, 0);
  people_.pointer->sync();
  EXPECT_EQ(read(), (std::vector<Event>{{4, 0, 799, 0}}));
}

TEST_F(Vkbd, AMouseMoves) {
  connect(false, false);
  EXPECT_FALSE(people_.pointer->absolute());
  people_.pointer->move_by(3, -4);
  people_.pointer->sync();
  people_.pointer->move_by(1, 1);
  people_.pointer->sync();
  EXPECT_EQ(read(), (std::vector<Event>{{1, 0, 3, -4}, {1, 0, 1, 1}}));
}

TEST_F(Vkbd, WhenTheGuestDoesNotReadMovesBecomeOneAndKeysWait) {
  connect(false, false);
  for (int i = 0; i < 100; ++i) {
    people_.pointer->move_by(1, 0);
    people_.pointer->sync();
  }
  people_.keys->key(30, true);
  people_.keys->key(30, false);
  auto events = read();
  EXPECT_EQ(events.size(), 51U);
  const auto more = read();
  events.insert(events.end(), more.begin(), more.end());
  i32 moved = 0;
  for (const Event& event : events) moved += event.type == 1 ? event.x : 0;
  EXPECT_EQ(moved, 100);
  EXPECT_EQ(events.back(), (Event{3, 0, 30}));
}

TEST_F(Vkbd, ReleasesOutliveAGuestThatNeverReads) {
  connect();
  for (int i = 0; i < 5000; ++i) people_.keys->key(30, true);
  people_.keys->key(31, false);
  Event last;
  for (auto events = read(); !events.empty(); events = read()) last = events.back();
  EXPECT_EQ(last, (Event{3, 0, 31}));
}

TEST_F(Vkbd, IndicesOfTheGuestAreNotBelieved) {
  connect();
  store_le<u32>(page() + kbdif::kInCons, 0x80000000);
  people_.keys->key(30, true);
  EXPECT_EQ(load_le<u32>(page() + kbdif::kInProd), 0U);
  store_le<u32>(page() + kbdif::kInProd, 77);
  store_le<u32>(page() + kbdif::kInCons, 0);
  xen_.events.ring(kPort);
  EXPECT_EQ(load_le<u32>(page() + kbdif::kInProd), 1U);
  EXPECT_EQ(page()[1024], 3);
}

TEST_F(Vkbd, WhatIsMissingIsNamed) {
  add();
  front("event-channel", "6");
  front("state", "3");
  EXPECT_EQ(back("state"), "5");
  EXPECT_NE(xen_.store.get("error/" + std::string(kBack) + "/error").find("page-gref"),
            std::string::npos);
}

TEST_F(Vkbd, ClosingGivesTheKeysBack) {
  connect();
  front("state", "5");
  EXPECT_NE(people_.keys, nullptr);
  front("state", "6");
  EXPECT_EQ(people_.keys, nullptr);
  EXPECT_EQ(back("state"), "6");
}

}  // namespace
