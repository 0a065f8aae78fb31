// Save and restore, in every phase, and with streams that are wrong.
#include "hw/emul/core/state_codec.h"
#include "tests/device/ide/ide_fixture.h"

namespace ide {
namespace {

class StateTest : public IdeTest {
 protected:
  std::vector<u8> save() {
    controller->pause();
    const StateSection section = controller->section();
    std::vector<u8> image;
    encode_state(*section.table, section.state, image);
    controller->resume();
    return image;
  }
  /// As the machine does it: decode into a copy, then commit.
  bool restore(const std::vector<u8>& image) {
    controller->pause();
    const StateSection section = controller->section();
    auto scratch = std::make_unique<State>(*static_cast<State*>(section.state));
    Bytes in = image;
    if (!decode_state(*section.table, scratch.get(), section.table->version, in)) return false;
    *static_cast<State*>(section.state) = *scratch;
    controller->after_restore();
    controller->resume();
    return true;
  }
};

TEST_F(StateTest, SectionHasQemusName) {
  const StateSection section = controller->section();
  EXPECT_EQ(section.id, "ide");
  EXPECT_EQ(section.table->name, "ide");
  EXPECT_EQ(section.table->version, 3);
}

// Without subsections: PCI 4 + 256 + 16, bus master 2 * 19, bus 2 * 2, drives 4 * 28.
TEST_F(StateTest, SizeOfAnIdleController) {
  EXPECT_EQ(save().size(), 276u + 38 + 4 + 4 * 28);
}

TEST_F(StateTest, RoundTripOfAnIdleController) {
  identify(kPrimary, kIdentifyDevice);
  status();
  bench.outb(kBmBase + 2, 0x60);
  task_file_ext(kPrimary, 0x123456789a, 77);
  cd.listener->media_changed(true);
  packet({kPreventAllowRemoval, 0, 0, 0, 1});
  const auto trip = bench::save_disturb_restore(*controller, [this] {
    controller->reset();
    task_file(kPrimary, 999, 9);
    bench.outb(kSecondaryControl, 0x02);
  });
  ASSERT_EQ(trip.before.size(), trip.after.size());
  for (std::size_t i = 0; i < trip.before.size(); ++i) {
    ASSERT_EQ(trip.before[i], trip.after[i]) << "byte " << i;
  }
}

TEST_F(StateTest, PioReadGoesOnAfterRestore) {
  task_file(kPrimary, 20, 5);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  std::vector<u8> data = take(kPrimary, 512 + 100);
  const std::vector<u8> image = save();
  controller->reset();
  ASSERT_TRUE(restore(image));
  EXPECT_EQ(alternate(), 0x58);
  while (data.size() < 5 * 512) {
    const std::vector<u8> more =
        take(kPrimary, std::min<std::size_t>(512 - data.size() % 512, 512));
    data.insert(data.end(), more.begin(), more.end());
    disk.complete_all();
  }
  EXPECT_TRUE(holds(data, 20));
  EXPECT_EQ(status(), 0x50);
}

TEST_F(StateTest, PioWriteGoesOnAfterRestore) {
  task_file(kPrimary, 20, 2);
  command(kPrimary, kWriteSectors);
  give(kPrimary, std::vector<u8>(200, 3));
  const std::vector<u8> image = save();
  controller->reset();
  ASSERT_TRUE(restore(image));
  give(kPrimary, std::vector<u8>(312, 4));
  disk.complete_all();
  give(kPrimary, std::vector<u8>(512, 5));
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(disk.bytes[20 * 512 + 199], 3);
  EXPECT_EQ(disk.bytes[20 * 512 + 200], 4);
  EXPECT_EQ(disk.bytes[21 * 512], 5);
}

TEST_F(StateTest, PhaseNumbersAreQemus) {
  const auto phase = [this] {
    const auto* state = static_cast<State*>(controller->section().state);
    return static_cast<int>(state->primary[0].end);
  };
  EXPECT_EQ(phase(), 5);
  task_file(kPrimary, 0, 1);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  EXPECT_EQ(phase(), 0);
  take(kPrimary, 512);
  EXPECT_EQ(phase(), 2);
  command(kPrimary, kWriteSectors);
  EXPECT_EQ(phase(), 1);
  const auto* state = static_cast<State*>(controller->section().state);
  command(kSecondary, kPacket);
  EXPECT_EQ(static_cast<int>(state->secondary[0].end), 4);
  give(kSecondary, std::vector<u8>{kTestUnitReady, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  packet({kInquiry, 0, 0, 0, 36});
  EXPECT_EQ(static_cast<int>(state->secondary[0].end), 3);
}

TEST_F(StateTest, DmaUnderWayIsFinishedByThePause) {
  prd_table(0x10000, {{0x100000, 512}});
  bm_setup(kPrimary, 0x10000, true);
  task_file(kPrimary, 6, 1);
  command(kPrimary, kReadDma);
  bm_start(kPrimary);
  controller->pause();
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(bm_status(kPrimary) & 7, kBmInterrupt);
  EXPECT_EQ(alternate(), 0x50);
}

TEST_F(StateTest, DmaThatWaitsForItsStartIsIssuedAgain) {
  prd_table(0x10000, {{0x100000, 1024}});
  bm_setup(kPrimary, 0x10000, true);
  task_file(kPrimary, 6, 2);
  command(kPrimary, kReadDma);
  const std::vector<u8> image = save();
  controller->reset();
  ASSERT_TRUE(restore(image));
  EXPECT_EQ(alternate(), 0x58);
  bm_start(kPrimary);
  disk.complete_all();
  std::vector<u8> data(1024);
  ASSERT_TRUE(bench.ram.read(0x100000, data));
  EXPECT_TRUE(holds(data, 6));
  EXPECT_EQ(status(), 0x50);
}

TEST_F(StateTest, DmaThatWaitsGoesOnWhereItWasSaved) {
  prd_table(0x10000, {{0x100000, 512}});
  bm_setup(kPrimary, 0x10000, true);
  task_file(kPrimary, 6, 1);
  command(kPrimary, kReadDma);
  save();
  bm_start(kPrimary);
  disk.complete_all();
  EXPECT_EQ(status(), 0x50);
  EXPECT_EQ(bench.ram.get<u8>(0x100000), pattern(6 * 512));
}

// The stream does not say where a CD read was: the command fails and is repeated by the guest.
TEST_F(StateTest, PacketReadFailsAfterTheOpenBlock) {
  packet({kRead10, 0, 0, 0, 0, 4, 0, 0, 3}, 2048);
  const std::vector<u8> image = save();
  controller->reset();
  ASSERT_TRUE(restore(image));
  EXPECT_TRUE(holds(take(kSecondary, 2048), 16, 77));
  EXPECT_EQ(status(kSecondary), 0x41);
  EXPECT_EQ(sense(), kAbortedCommand << 8);
}

TEST_F(StateTest, BrokenStreams) {
  identify(kPrimary, kIdentifyDevice);
  const std::vector<u8> image = save();
  bench::torture_restore(kIdeTable, image, sizeof(State), 2000);
}

TEST_F(StateTest, BentStreamsNeverHurtTheRunningDevice) {
  task_file(kPrimary, 20, 5);
  command(kPrimary, kReadSectors);
  disk.complete_all();
  packet({kRead10, 0, 0, 0, 0, 4, 0, 0, 3}, 2048);
  const std::vector<u8> image = save();
  u32 seed = 1;
  const auto random = [&seed] { return seed = seed * 1664525 + 1013904223; };
  int accepted = 0;
  for (int i = 0; i < 300; ++i) {
    std::vector<u8> bent = image;
    // The interesting parts: before the first buffer, and the ends of both.
    for (int k = 0; k < 4; ++k) {
      const u32 where = random() % 3;
      const std::size_t at = where == 0   ? 276 + random() % 400
                             : where == 1 ? bent.size() - 1 - random() % 300
                                          : random() % bent.size();
      bent[at] = low<u8>(random() >> 8);
    }
    if (!restore(bent)) continue;
    ++accepted;
    for (const u16 base : {kPrimary, kSecondary}) {
      take(base, 4096);
      give(base, std::vector<u8>(4096));
      disk.complete_all();
      cd.complete_all();
      bench.outb(bm(base), 1);
      disk.complete_all();
      bench.outb(bm(base), 0);
    }
    bench.outb(kPrimaryControl, 0);
    bench.outb(kPrimaryControl, 4);
    disk.complete_all();
    EXPECT_EQ(status() & kStatusBsy, 0);
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace ide
