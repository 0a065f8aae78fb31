// Save and restore, in every phase, and with streams that are wrong.
#include "hw/emul/core/state_codec.h"
#include "tests/device/ahci/ahci_fixture.h"

namespace ahci {
namespace {

class AhciStateTest : public AhciTest {
 protected:
  State& state() { return *static_cast<State*>(controller->section().state); }
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

TEST_F(AhciStateTest, SectionHasQemusNameAndSize) {
  const StateSection section = controller->section();
  EXPECT_EQ(section.id, "ich9_ahci");
  EXPECT_EQ(section.table->version, 1);
  // PCI 4 + 256 + 16; a port: bus 2, drive 28, registers 16 * 4, 1 + 4 + 1, queue 32 * 17; 7 * 4.
  EXPECT_EQ(save().size(), 276u + kPorts * (2 + 28 + 64 + 6 + 32 * 17) + 28);
}

TEST_F(AhciStateTest, RoundTrip) {
  start_port(0);
  start_port(1);
  ASSERT_TRUE(command(register_frame(0xec, 0, 0), {{kData, 512}}));
  bench.outl(kIndexPort + 0x10, 0x11c);
  const auto trip = bench::save_disturb_restore(*controller, [this] {
    controller->reset();
    place();
    set_port(2, kPxClb, 0x1000);
  });
  EXPECT_EQ(trip.before, trip.after);
}

TEST_F(AhciStateTest, PendingInterruptAndRegistersComeBack) {
  start_port(0);
  ASSERT_TRUE(command(register_frame(0xec, 0, 0), {{kData, 512}}));
  const std::vector<u8> image = save();
  controller->reset();
  EXPECT_FALSE(intx());
  ASSERT_TRUE(restore(image));
  EXPECT_TRUE(intx());
  EXPECT_EQ(port(0, kPxCmd), 0xc017u);
  ASSERT_TRUE(command(register_frame(0x25, 30, 1), {{kData, 512}}));
  expect_disk(kData, 30, 512);
}

TEST_F(AhciStateTest, QueueUnderWayIsFinishedByThePause) {
  start_port(0);
  for (unsigned tag = 0; tag < 32; ++tag) {
    prepare(0, tag, queued_frame(false, tag, tag, 1), {{kData + tag * 512, 512}});
  }
  set_port(0, kPxSact, ~0u);
  set_port(0, kPxCi, ~0u);
  controller->pause();
  EXPECT_TRUE(disk.pending.empty());
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 0, 32 * 512);
  for (const QueuedState& one : state().ports[0].queued) EXPECT_FALSE(one.used);
}

// What the other side had still to take from the list.
TEST_F(AhciStateTest, IssuedCommandsAreTakenAfterARestore) {
  start_port(0);
  prepare(0, 3, register_frame(0x25, 44, 1), {{kData, 512}});
  controller->pause();
  state().ports[0].ci = 1u << 3;
  const std::vector<u8> image = save();
  state().ports[0].ci = 0;
  ASSERT_TRUE(restore(image));
  disk.complete_all();
  EXPECT_EQ(port(0, kPxCi), 0u);
  expect_disk(kData, 44, 512);
}

TEST_F(AhciStateTest, FailedCommandIsNotRepeatedByARestore) {
  start_port(0);
  EXPECT_FALSE(command(register_frame(0x25, kDiskSectors, 1), {{kData, 512}}));
  set_port(0, kPxIs, ~0u);
  ASSERT_TRUE(restore(save()));
  EXPECT_EQ(port(0, kPxIs), 0u);
  EXPECT_EQ(port(0, kPxCi), 1u);
}

// Stopped by an error of the host's disk (werror=stop) on the other side.
TEST_F(AhciStateTest, HaltedQueueGoesOn) {
  start_port(0);
  prepare(0, 5, queued_frame(false, 5, 60, 2), {{kData, 1024}});
  set_port(0, kPxSact, 1u << 5);
  state().ports[0].queued[5] = {
      .sector_count = 2, .lba = 60, .tag = 5, .cmd = 0x60, .slot = 5, .used = true, .halt = true};
  const std::vector<u8> image = save();
  ASSERT_TRUE(restore(image));
  disk.complete_all();
  EXPECT_EQ(port(0, kPxSact), 0u);
  expect_disk(kData, 60, 1024);
}

TEST_F(AhciStateTest, HaltedDmaGoesOn) {
  start_port(0);
  prepare(0, 2, register_frame(0x25, 70, 2), {{kData, 1024}});
  PortState& s = state().ports[0];
  s.ci = 1u << 2;
  s.busy_slot = 2;
  s.drive.select = 0x40;
  s.drive.lba48 = 1;
  s.drive.status = 0xd0;
  s.drive.error = 0;
  s.bus.error_status = ide::kRetryDma | ide::kRetryRead;
  s.bus.retry_unit = 0;
  s.bus.retry_sector_num = 70;
  s.bus.retry_nsector = 2;
  const std::vector<u8> image = save();
  ASSERT_TRUE(restore(image));
  disk.complete_all();
  EXPECT_EQ(port(0, kPxCi), 0u);
  expect_disk(kData, 70, 1024);
  EXPECT_EQ(port(0, kPxTfd), 0x50u);
}

TEST_F(AhciStateTest, ImpossibleStreamsAreRefused) {
  start_port(0);
  const std::vector<u8> good = save();
  const auto refused = [&](auto change) {
    const State kept = state();
    change(state().ports[0]);
    std::vector<u8> image;
    encode_state(kAhciTable, controller->section().state, image);
    state() = kept;
    return !restore(image);
  };
  EXPECT_TRUE(refused([](PortState& s) { s.cmd = kCmdListRunning; }));
  EXPECT_TRUE(refused([](PortState& s) { s.cmd = kCmdFisRunning; }));
  EXPECT_TRUE(refused([](PortState& s) { s.queued[0].used = true; }));
  EXPECT_TRUE(refused([](PortState& s) {
    s.queued[3] = {.cmd = 0x60, .used = true, .halt = true};
    s.queued[3].slot = 1;
  }));
  EXPECT_TRUE(
      refused([](PortState& s) { s.queued[0] = {.cmd = 0x25, .used = true, .halt = true}; }));
  EXPECT_TRUE(refused([](PortState& s) { s.queued[0].tag = 32; }));
  EXPECT_TRUE(refused([](PortState& s) { s.busy_slot = 32; }));
  EXPECT_TRUE(refused([](PortState& s) { s.port_state = 2; }));
  EXPECT_TRUE(restore(good));
}

TEST_F(AhciStateTest, BrokenStreams) {
  start_port(0);
  bench::torture_restore(kAhciTable, save(), sizeof(State), 500);
}

TEST_F(AhciStateTest, BentStreamsNeverHurtTheRunningDevice) {
  start_port(0);
  start_port(1);
  for (unsigned slot = 0; slot < 32; ++slot) {
    prepare(0, slot, queued_frame(false, slot, slot, 1), {{kData + slot * 512, 512}});
    prepare(1, slot, register_frame(0xa1, 0, 0), {{kData, 512}});
  }
  const std::vector<u8> image = save();
  u32 seed = 1;
  const auto random = [&seed] { return (seed = seed * 1664525 + 1013904223) >> 8; };
  int accepted = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<u8> bent = image;
    for (int k = 0; k < 3; ++k) bent[276 + random() % (bent.size() - 276)] = low<u8>(random());
    if (!restore(bent)) continue;
    ++accepted;
    for (const unsigned number : {0u, 1u}) {
      set_port(number, kPxCi, random());
      disk.complete_all();
      cd.complete_all();
    }
    set_host(kGhc, kGhcReset);
    disk.complete_all();
    cd.complete_all();
  }
  EXPECT_GT(accepted, 50);
  EXPECT_EQ(bench.ram.pins, 0);
}

}  // namespace
}  // namespace ahci
