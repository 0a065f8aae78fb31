// The back end's side of xenbus: walks of front ends that are known, and what toolstacks do.
#include <gtest/gtest.h>

#include "tests/device/xen_pv/fake_xen.h"

namespace {

using xenbus::Nodes;

constexpr char kBack[] = "backend/qdisk/7/768";
constexpr char kFront[] = "/local/domain/7/device/vbd/768";

/// A device that says what is done with it.
struct Script {
  std::string calls;  // one letter each
  bool idle = true;
  bool refuse_create = false;
  bool refuse_offer = false;
  bool refuse_connect = false;
  int devices = 0;  // alive
  int created = 0;
  bool last_left = false;
  xenbus::Host* host = nullptr;
};

class ScriptedDevice final : public xenbus::Device {
 public:
  ScriptedDevice(Script& script, xenbus::Host& host) : script_(script) {
    ++script_.devices;
    ++script_.created;
    script_.host = &host;
  }
  ~ScriptedDevice() override { --script_.devices; }
  core::Result<Nodes> offer() override {
    script_.calls += 'o';
    if (script_.refuse_offer) return core::fail("no such image");
    return Nodes{{"feature", "1"}};
  }
  core::Result<Nodes> connect(const xenbus::Directory& /*front*/, bool left) override {
    script_.calls += 'c';
    script_.last_left = left;
    if (script_.refuse_connect) return core::fail("ring-ref is missing");
    return Nodes{{"sectors", "8"}};
  }
  void stop() override { script_.calls += 's'; }
  bool is_idle() const override { return script_.idle; }
  void disconnect() override { script_.calls += 'd'; }
  void pause() override { script_.calls += 'p'; }
  void resume() override { script_.calls += 'r'; }

 private:
  Script& script_;
};

class ScriptedKind final : public xenbus::Kind {
 public:
  explicit ScriptedKind(Script& script) : script_(script) {}
  std::string_view name() const override { return "qdisk"; }
  core::Result<std::unique_ptr<xenbus::Device>> create(const xenbus::Address& /*address*/,
                                                       const xenbus::Directory& /*back*/,
                                                       xenbus::Host& host) override {
    if (script_.refuse_create) return core::fail("cannot be made");
    return std::make_unique<ScriptedDevice>(script_, host);
  }

 private:
  Script& script_;
};

class Xenbus : public ::testing::Test {
 protected:
  Xenbus() { EXPECT_TRUE(xen_.bus.serve(kind_)); }
  ~Xenbus() override {
    EXPECT_FALSE(xen_.endless);
    xen_.bus.leave();
    EXPECT_EQ(script_.devices, 0);
    EXPECT_TRUE(xen_.store.watches.empty());
  }

  /// As a toolstack makes a device.
  void add(const std::string& state = "1", const std::string& front = "1") {
    xen_.store.put(std::string(kBack) + "/frontend", kFront);
    xen_.store.put(std::string(kBack) + "/online", "1");
    if (!front.empty()) xen_.store.put(std::string(kFront) + "/state", front);
    xen_.store.put(std::string(kBack) + "/state", state);
    xen_.settle();
  }
  /// The front end writes its state; ours after it has been seen.
  std::string front(int state) {
    xen_.store.put(std::string(kFront) + "/state", std::to_string(state));
    xen_.settle();
    return back();
  }
  std::string back() const { return xen_.store.get(std::string(kBack) + "/state"); }
  std::string node(const std::string& name) const {
    return xen_.store.get(std::string(kBack) + "/" + name);
  }
  std::string error_node() const {
    return xen_.store.get("error/" + std::string(kBack) + "/error");
  }

  fake::Xen xen_;
  Script script_;
  ScriptedKind kind_{script_};
};

// --- walks of front ends ---

struct Walk {
  const char* name;
  const char* fronts;  // its states, one after another
  const char* backs;   // ours, after each
};

class Walks : public Xenbus, public ::testing::WithParamInterface<Walk> {};

TEST_P(Walks, AreAnswered) {
  add();
  ASSERT_EQ(back(), "2");
  const Walk& walk = GetParam();
  std::string backs;
  for (const char* at = walk.fronts; *at != '\0'; ++at) backs += front(*at - '0');
  EXPECT_EQ(backs, walk.backs);
  EXPECT_TRUE(xen_.errors.empty());
}

INSTANTIATE_TEST_SUITE_P(FrontEnds, Walks,
                         ::testing::Values(Walk{"Linux", "34", "44"},
                                           Walk{"LinuxWithoutInitialised", "4", "4"},
                                           Walk{"WindowsOfANeverConnectedDevice", "56134", "56244"},
                                           Walk{"KexecOfAConnectedDevice", "34561345", "44562445"},
                                           Walk{"ModuleUnloadedAndLoaded", "345613", "445624"},
                                           Walk{"ResetWithoutClosing", "3413", "4424"},
                                           Walk{"HibernateSaysInitialisedAgain", "343", "444"},
                                           Walk{"Toggling", "36363636", "46464646"},
                                           Walk{"ClosedAndAwayAtOnce", "346134", "446244"},
                                           Walk{"ReconfiguringIsNothing", "3478", "4444"}),
                         [](const auto& walk) { return walk.param.name; });

TEST_F(Xenbus, FeaturesAreThereBeforeTheFrontEndIsAsked) {
  add();
  EXPECT_EQ(node("feature"), "1");
  EXPECT_EQ(node("sectors"), "");
  front(3);
  EXPECT_EQ(node("sectors"), "8");
}

TEST_F(Xenbus, TogglingAThousandTimesLeavesNothing) {
  add();
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(front(3), "4");
    EXPECT_EQ(front(6), "6");
  }
  EXPECT_EQ(script_.devices, 1);
  EXPECT_EQ(script_.created, 1);
}

TEST_F(Xenbus, StatesThatWereWrittenInOneEventAreTheLastOne) {
  add();
  front(3);
  // Seen as 3: what is left of the first connection goes first.
  for (const char* state : {"5", "6", "1", "3"}) {
    xen_.store.put(std::string(kFront) + "/state", state);
  }
  xen_.settle();
  EXPECT_EQ(back(), "4");
  front(5);
  script_.calls.clear();
  for (const char* state : {"6", "1", "3"}) {
    xen_.store.put(std::string(kFront) + "/state", state);
  }
  xen_.settle();
  EXPECT_EQ(back(), "4");
  EXPECT_EQ(script_.calls, "sdc");
}

TEST_F(Xenbus, EventsForNothingChangeNothing) {
  add();
  front(3);
  const int written = xen_.store.writes[std::string(kBack) + "/state"];
  script_.calls.clear();
  for (const auto& [path, token] : xen_.store.watches) {
    for (int i = 0; i < 20; ++i) xen_.store.events.emplace_back(path, token);
  }
  xen_.store.put(std::string(kFront) + "/state", "4");
  xen_.settle();
  EXPECT_EQ(script_.calls, "");
  EXPECT_EQ(xen_.store.writes[std::string(kBack) + "/state"], written);
}

TEST_F(Xenbus, NonsenseAsStateIsNoFrontEnd) {
  add();
  front(3);
  xen_.store.put(std::string(kFront) + "/state", "99999999999999999999999");
  xen_.settle();
  EXPECT_EQ(back(), "6");
}

// --- requests under way ---

TEST_F(Xenbus, ClosingWaitsForWhatIsUnderWay) {
  add();
  front(3);
  script_.idle = false;
  EXPECT_EQ(front(5), "4");
  EXPECT_EQ(script_.calls, "ocs");
  script_.idle = true;
  script_.host->idle();
  xen_.settle();
  EXPECT_EQ(back(), "5");
  EXPECT_EQ(front(6), "6");
}

TEST_F(Xenbus, ClosedComesOnlyAfterTheLastWrite) {
  add();
  front(3);
  script_.idle = false;
  EXPECT_EQ(front(6), "4");
  EXPECT_EQ(script_.calls.find('d'), std::string::npos);
  script_.idle = true;
  script_.host->idle();
  xen_.settle();
  EXPECT_EQ(back(), "6");
}

// --- the toolstack ---

class Detach : public Xenbus, public ::testing::WithParamInterface<int> {
 protected:
  void detach() {
    // One transaction of libxl's.
    xen_.store.put(std::string(kBack) + "/online", "0");
    xen_.store.put(std::string(kBack) + "/state", "5");
    xen_.settle();
  }
};

TEST_P(Detach, EndsInClosedWhateverTheFrontEndIsAt) {
  add();
  const int at = GetParam();
  if (at >= 3) front(3);
  if (at >= 4) front(at);
  detach();
  const bool held = at == 3 || at == 4 || at == 5;
  EXPECT_EQ(back(), held ? "5" : "6");
  EXPECT_EQ(script_.devices, held ? 1 : 0);
  if (held) {
    // It goes on being served until it closes.
    if (at != 5) {
      EXPECT_EQ(script_.calls.find('s'), std::string::npos);
      EXPECT_EQ(front(5), "5");
    }
    EXPECT_EQ(front(6), "6");
  }
  EXPECT_EQ(script_.devices, 0);
  EXPECT_EQ(xen_.bus.size(), 0U);
  // The directories go.
  xen_.store.rm(kFront);
  xen_.store.rm(kBack);
  xen_.settle();
  EXPECT_EQ(back(), "");
}

INSTANTIATE_TEST_SUITE_P(Fronts, Detach, ::testing::Values(1, 3, 4, 5, 6));

TEST_P(Detach, TheSameNumberCanComeBack) {
  add();
  if (GetParam() >= 3) front(3);
  detach();
  front(6);
  xen_.store.rm(kFront);
  xen_.store.rm(kBack);
  add();
  EXPECT_EQ(back(), "2");
  EXPECT_EQ(front(3), "4");
}

TEST_F(Xenbus, ForcedCloseDoesNotWait) {
  add();
  front(3);
  script_.idle = false;
  xen_.store.put(std::string(kBack) + "/online", "0");
  xen_.store.put(std::string(kBack) + "/state", "6");
  xen_.settle();
  EXPECT_EQ(script_.devices, 0);
  EXPECT_EQ(xen_.bus.size(), 0U);
  EXPECT_EQ(back(), "6");
}

TEST_F(Xenbus, DirectoriesThatVanishTakeTheDeviceWithThem) {
  add();
  front(3);
  xen_.store.rm(kBack);
  xen_.settle();
  EXPECT_EQ(script_.devices, 0);
  EXPECT_EQ(xen_.bus.size(), 0U);
  // It is not made anew by writing to it.
  EXPECT_EQ(back(), "");
}

TEST_F(Xenbus, AFrontEndThatVanishesIsTheEndOfTheConnection) {
  add();
  front(3);
  xen_.store.rm(kFront);
  xen_.settle();
  EXPECT_EQ(back(), "6");
  EXPECT_EQ(script_.devices, 0);
}

TEST_F(Xenbus, RemovedAndMadeAnewInOneEventIsANewDevice) {
  add();
  front(3);
  xen_.store.rm(kBack);
  xen_.store.rm(kFront);
  add();
  EXPECT_EQ(back(), "2");
  EXPECT_EQ(script_.created, 2);
  EXPECT_EQ(script_.devices, 1);
}

TEST_F(Xenbus, TheDirectoryMayBeThereBeforeTheFrontEndS) {
  add("1", "");
  EXPECT_EQ(back(), "1");
  EXPECT_EQ(front(1), "2");
}

// --- failures ---

TEST_F(Xenbus, AFailureIsToldOnceAndNotTriedAgain) {
  script_.refuse_offer = true;
  add();
  EXPECT_EQ(back(), "5");
  EXPECT_EQ(error_node(), "no such image");
  ASSERT_EQ(xen_.errors.size(), 1U);
  EXPECT_EQ(xen_.errors[0], "qdisk 768 of domain 7: no such image");
  for (int i = 0; i < 10; ++i) {
    xen_.store.put(std::string(kBack) + "/unrelated", "1");
    xen_.settle();
  }
  EXPECT_EQ(script_.calls, "od");
  // A front end that walks is answered all the same.
  EXPECT_EQ(front(5), "5");
  EXPECT_EQ(front(6), "6");
  // And one that begins anew may have better luck.
  script_.refuse_offer = false;
  EXPECT_EQ(front(1), "2");
}

TEST_F(Xenbus, CreationThatFailsIsNotRetriedInALoop) {
  script_.refuse_create = true;
  add();
  for (int i = 0; i < 10; ++i) {
    xen_.store.put(std::string(kBack) + "/unrelated", "1");
    xen_.settle();
  }
  EXPECT_EQ(xen_.errors.size(), 1U);
  EXPECT_EQ(back(), "5");
}

TEST_F(Xenbus, WhatTheFrontEndPublishedMayBeUnusable) {
  add();
  script_.refuse_connect = true;
  EXPECT_EQ(front(3), "5");
  EXPECT_EQ(error_node(), "ring-ref is missing");
  EXPECT_EQ(front(5), "5");
  EXPECT_EQ(front(6), "6");
  script_.refuse_connect = false;
  EXPECT_EQ(front(1), "2");
  EXPECT_EQ(front(3), "4");
}

TEST_F(Xenbus, ABrokenRingEndsTheConnection) {
  add();
  front(3);
  script_.host->broken("the front end's request index is impossible");
  // From the middle of the device's work: not at once.
  EXPECT_EQ(script_.calls, "oc");
  xen_.settle();
  EXPECT_EQ(back(), "5");
  EXPECT_EQ(error_node(), "the front end's request index is impossible");
  EXPECT_EQ(front(6), "6");
  EXPECT_EQ(front(1), "2");
  EXPECT_EQ(front(3), "4");
}

TEST_F(Xenbus, TransactionsAreTriedAgain) {
  xen_.store.conflicts = 3;
  add();
  EXPECT_EQ(back(), "2");
  EXPECT_EQ(node("feature"), "1");
}

TEST_F(Xenbus, ATransactionThatNeverSucceedsEnds) {
  xen_.store.conflicts = 1'000'000;
  add();
  EXPECT_EQ(back(), "1");
  EXPECT_FALSE(xen_.errors.empty());
}

TEST_F(Xenbus, AXenstoreThatDoesNotAnswerIsNoReasonToGo) {
  add();
  front(3);
  xen_.store.broken = true;
  for (const auto& [path, token] : xen_.store.watches) xen_.store.events.emplace_back(path, token);
  xen_.settle();
  EXPECT_EQ(script_.devices, 1);
  EXPECT_EQ(script_.calls, "oc");
  xen_.store.broken = false;
}

// --- a second process over the same domain ---

TEST_F(Xenbus, ASecondProcessGoesOnWithALiveFrontEnd) {
  xen_.store.put(std::string(kFront) + "/state", "4");
  add("4", "4");
  EXPECT_EQ(back(), "4");
  EXPECT_EQ(script_.calls, "oc");
  EXPECT_TRUE(script_.last_left);
  // The front end saw no other state.
  EXPECT_EQ(xen_.store.writes[std::string(kBack) + "/state"], 1);
}

TEST_F(Xenbus, ASecondProcessThatCannotGoOnCloses) {
  script_.refuse_connect = true;
  add("4", "4");
  EXPECT_EQ(back(), "5");
  script_.refuse_connect = false;
  EXPECT_EQ(front(6), "6");
  EXPECT_EQ(front(1), "2");
  EXPECT_EQ(front(3), "4");
}

TEST_F(Xenbus, AnyStateMayBeFoundAtStart) {
  add("2", "3");
  EXPECT_EQ(back(), "4");
  EXPECT_FALSE(script_.last_left);
}

TEST_F(Xenbus, AClosedDeviceThatIsOnlineIsReopened) {
  add("6", "6");
  EXPECT_EQ(back(), "6");
  EXPECT_EQ(front(1), "2");
}

TEST_F(Xenbus, ADeviceThatHasComeToItsEndIsLeftAlone) {
  xen_.store.put(std::string(kBack) + "/online", "0");
  xen_.store.put(std::string(kBack) + "/frontend", kFront);
  xen_.store.put(std::string(kBack) + "/state", "6");
  xen_.settle();
  EXPECT_EQ(xen_.bus.size(), 0U);
}

TEST_F(Xenbus, LeavingDoesNotTellTheFrontEnd) {
  add();
  front(3);
  xen_.bus.leave();
  xen_.settle();
  EXPECT_EQ(back(), "4");
  EXPECT_EQ(script_.devices, 0);
}

TEST_F(Xenbus, PublishedNodesComeWithTheStateWrittenAgain) {
  add();
  front(3);
  const int written = xen_.store.writes[std::string(kBack) + "/state"];
  script_.host->publish({{"sectors", "16"}});
  xen_.settle();
  EXPECT_EQ(node("sectors"), "16");
  EXPECT_EQ(back(), "4");
  EXPECT_EQ(xen_.store.writes[std::string(kBack) + "/state"], written + 1);
}

TEST_F(Xenbus, ADeviceThatComesWhileTheMachineStandsStillRests) {
  xen_.bus.pause();
  add();
  front(3);
  EXPECT_NE(script_.calls.find('p'), std::string::npos);
  xen_.bus.resume();
  EXPECT_EQ(script_.calls.back(), 'r');
}

}  // namespace
