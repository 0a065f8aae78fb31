// Media that come and go, trays, and images that change their size.
#include "tests/unit/block/bench.h"

namespace block::test {
namespace {

/// A CD drive with a guest and a monitor that watch it.
class Removable : public testing::Test {
 protected:
  Removable() : bench(Engine::Method::kBest, true) {
    bench.drive.set_listener(&listener);
    bench.drive.on_tray_moved([this](bool open) { trays += open ? "o" : "c"; });
  }
  ~Removable() override { bench.drive.set_listener(nullptr); }

  TempFile file{8 * 512, 0x31};
  Bench bench;
  Listener listener;
  std::string trays;
};

TEST_F(Removable, EmptyDriveHasAClosedTray) {
  EXPECT_FALSE(bench.drive.has_medium());
  EXPECT_EQ(bench.drive.image(), nullptr);
  EXPECT_FALSE(bench.drive.is_tray_open());
  EXPECT_TRUE(bench.drive.removable());
  EXPECT_TRUE(bench.drive.flush_now().has_value());
  EXPECT_TRUE(bench.drive.resize_check().has_value());
  bench.drive.eject();
  EXPECT_EQ(listener.events, "");
}

TEST_F(Removable, InsertAndEjectAreTold) {
  ASSERT_TRUE(bench.insert(file.path(), {.read_only = true}));
  EXPECT_EQ(listener.events, "+");
  EXPECT_TRUE(bench.drive.has_medium());
  EXPECT_EQ(bench.drive.info().sectors, 8u);
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, 8), 0);
  bench.drive.eject();
  EXPECT_EQ(listener.events, "+-");
  EXPECT_EQ(trays, "o");
  EXPECT_TRUE(bench.drive.is_tray_open());
  EXPECT_FALSE(bench.drive.has_medium());
  EXPECT_EQ(bench.drive.info().sectors, 0u);
  EXPECT_EQ(bench.run(BlockOp::kRead, 0, 1), ENOMEDIUM);
}

TEST_F(Removable, EjectWaitsForRequestsAndClosesTheFile) {
  ASSERT_TRUE(bench.insert(file.path()));
  const int fd = bench.drive.image()->node().fd;
  Request write(BlockOp::kWrite, 0, 8, 0x44);
  bench.drive.submit(write);
  bench.drive.eject();
  EXPECT_EQ(write.error, 0);
  EXPECT_EQ(::lseek(fd, 0, SEEK_CUR), -1);
  EXPECT_EQ(errno, EBADF);
  EXPECT_EQ(file.content(), Buffer(8 * 512, 0x44));
}

TEST_F(Removable, InsertReplacesWhatIsThere) {
  const TempFile second(16 * 512);
  ASSERT_TRUE(bench.insert(file.path()));
  ASSERT_TRUE(bench.insert(second.path()));
  EXPECT_EQ(listener.events, "+-+");
  EXPECT_EQ(trays, "oc");
  EXPECT_EQ(bench.drive.info().sectors, 16u);
  EXPECT_EQ(bench.drive.image()->path(), second.path());
}

TEST_F(Removable, MonitorChangesTheMediumInSteps) {
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_TRUE(bench.drive.move_tray(true));
  EXPECT_TRUE(bench.drive.has_medium());
  bench.drive.eject();
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_FALSE(bench.drive.move_tray(false));
  EXPECT_EQ(listener.events, "+-+");
  EXPECT_EQ(trays, "oc");
}

TEST_F(Removable, TrayMovesWithTheMediumInIt) {
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_TRUE(bench.drive.move_tray(true));
  EXPECT_FALSE(bench.drive.move_tray(true));
  EXPECT_TRUE(bench.drive.is_tray_open());
  EXPECT_TRUE(bench.drive.move_tray(false));
  EXPECT_EQ(listener.events, "+-+");
  EXPECT_EQ(trays, "oc");
}

TEST_F(Removable, GuestMovesTheTray) {
  ASSERT_TRUE(bench.insert(file.path()));
  listener.events.clear();
  bench.drive.tray_moved(true);
  bench.drive.tray_moved(true);
  EXPECT_TRUE(bench.drive.is_tray_open());
  bench.drive.tray_moved(false);
  EXPECT_EQ(trays, "oc");
  // It knows that itself.
  EXPECT_EQ(listener.events, "");
}

TEST_F(Removable, GuestLocksTheTray) {
  EXPECT_FALSE(bench.drive.is_tray_locked());
  bench.drive.tray_locked(true);
  EXPECT_TRUE(bench.drive.is_tray_locked());
  bench.drive.request_eject(false);
  EXPECT_TRUE(bench.drive.is_tray_locked());
  bench.drive.request_eject(true);
  EXPECT_FALSE(bench.drive.is_tray_locked());
  EXPECT_EQ(listener.events, "eE");
}

TEST(Fixed, HasNoTray) {
  const TempFile file(8 * 512);
  Bench bench;
  ASSERT_TRUE(bench.insert(file.path()));
  EXPECT_FALSE(bench.drive.move_tray(true));
  bench.drive.tray_moved(true);
  EXPECT_FALSE(bench.drive.is_tray_open());
  Listener listener;
  bench.drive.set_listener(&listener);
  bench.drive.eject();
  EXPECT_EQ(listener.events, "-");
  EXPECT_FALSE(bench.drive.is_tray_open());
}

TEST(Resize, IsToldOnceAndChangesTheRange) {
  const TempFile file(8 * 512);
  Bench bench;
  Listener listener;
  ASSERT_TRUE(bench.insert(file.path()));
  bench.drive.set_listener(&listener);
  EXPECT_TRUE(bench.drive.resize_check().has_value());
  EXPECT_EQ(listener.events, "");
  ASSERT_EQ(::truncate(file.path().c_str(), 16 * 512), 0);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 8, 1), EIO);
  EXPECT_TRUE(bench.drive.resize_check().has_value());
  EXPECT_EQ(listener.events, "r");
  EXPECT_EQ(bench.drive.info().sectors, 16u);
  EXPECT_EQ(bench.run(BlockOp::kWrite, 8, 1), 0);
  ASSERT_EQ(::truncate(file.path().c_str(), 4 * 512), 0);
  EXPECT_TRUE(bench.drive.resize_check().has_value());
  EXPECT_EQ(bench.run(BlockOp::kRead, 4, 1), EIO);
  EXPECT_EQ(listener.events, "rr");
}

TEST(Resize, ToNothingIsRefused) {
  const TempFile file(8 * 512);
  Bench bench;
  ASSERT_TRUE(bench.insert(file.path()));
  ASSERT_EQ(::truncate(file.path().c_str(), 0), 0);
  EXPECT_FALSE(bench.drive.resize_check().has_value());
  EXPECT_EQ(bench.drive.info().sectors, 8u);
}

}  // namespace
}  // namespace block::test
